"""Strict YAML in which every value knows its file and line.

Made for files that people write by hand and for files that nobody should trust: only plain data
comes out (text, numbers, yes/no, nothing, mappings, lists), and whatever is ambiguous is refused
in one line that names the place. This is YAML 1.1 (https://yaml.org/spec/1.1/) without its
traps: dates and ``22:22`` stay text, and keys are always text.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from wirework.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_BYTES = 10_000_000
"""The largest file that is read."""
MAX_VALUES = 1_000_000
"""How many values a document may hold once its aliases are written out."""
MAX_DEPTH = 100
"""How deep mappings and lists may stand inside each other."""

_LONGEST = 200
# libyaml where PyYAML was built with it (ten times quicker), else the same in Python.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_UNPRINTABLE = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INT = re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)")
_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
    r"|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)"
)
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **{form: True for word in ("yes", "true", "on") for form in (word, word.title(), word.upper())},
    **{
        form: False
        for word in ("no", "false", "off")
        for form in (word, word.title(), word.upper())
    },
}
_TAG = "tag:yaml.org,2002:"
_TYPES: dict[str, type] = {
    "null": type(None),
    "bool": bool,
    "int": int,
    "float": float,
}


class Map(dict[str, Any]):
    """A mapping, in the file's order, that knows where it and each of its keys stand."""

    __slots__ = ("line", "lines", "source")

    def __init__(self, source: str, line: int) -> None:
        super().__init__()
        self.source = source
        self.line = line
        self.lines: dict[str, int] = {}

    def where(self, key: str | None = None) -> str:
        """Return the ``file:line`` of a key, or of the mapping itself."""
        line = self.line if key is None else self.lines.get(key, self.line)
        return f"{self.source}:{line}"


class Seq(list[Any]):
    """A list that knows where it and each of its items stand."""

    __slots__ = ("line", "lines", "source")

    def __init__(self, source: str, line: int) -> None:
        super().__init__()
        self.source = source
        self.line = line
        self.lines: list[int] = []

    def where(self, index: int | None = None) -> str:
        """Return the ``file:line`` of the item at ``index``, or of the list itself."""
        return f"{self.source}:{self.line if index is None else self.lines[index]}"


@dataclass(frozen=True)
class Document:
    """What one file holds: ``value`` is None for an empty one, ``source`` the file's name."""

    value: Any
    source: str


def read(path: Path) -> Document:
    """Read the one YAML document of a file.

    Raises DocumentError, its ``where`` a ``file:line`` or, when nothing could be read, the file.
    """
    source = str(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise DocumentError("this is a folder, not a file", where=source)
        if not stat.S_ISREG(status.st_mode):
            # A pipe might keep us waiting for ever, a device might never end.
            raise DocumentError("this is not a regular file", where=source)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise DocumentError("there is no such file", where=source) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DocumentError(f"cannot read this file: {reason}", where=source) from error
    except ValueError:
        raise DocumentError("this is not a usable file name", where=repr(source)) from None
    if len(data) > MAX_BYTES:
        raise _too_large(source)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DocumentError(
            "this is not UTF-8 text", where=f"{source}:{line}", hint="save the file as UTF-8"
        ) from None
    return parse(text, source)


def parse(text: str, name: str) -> Document:
    """Read the one YAML document of ``text``; ``name`` is what its errors call it.

    Raises DocumentError, its ``where`` a ``name:line``.
    """
    if len(text) > MAX_BYTES:
        raise _too_large(name)
    if odd := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, odd.start()) + 1
        raise DocumentError(
            f"there is a character here that YAML does not allow (U+{ord(odd.group()):04X})",
            where=f"{name}:{line}",
        )
    try:
        return Document(_Builder(text, name).document(), name)
    except yaml.MarkedYAMLError as error:
        raise _plainly(error, text, name) from None
    except yaml.YAMLError as error:
        raise DocumentError(f"this is not YAML: {error}", where=name) from None


class _Builder:
    """Turns the parser's events into values, with a bound on depth and on aliases."""

    def __init__(self, text: str, source: str) -> None:
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        self._source = source
        # By anchor: the value and how many values it stands for; None while it is being read.
        self._anchors: dict[str, tuple[Any, int] | None] = {}

    def document(self) -> Any:
        next(self._events)  # the start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        value, _ = self._value(next(self._events), 0)
        next(self._events)  # the end of the document
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._error(after, "a second document starts here", "one file holds one document")
        return value

    def _value(self, event: Any, depth: int) -> tuple[Any, int]:
        """Return the value that starts with ``event``, and how many values it stands for."""
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        built: tuple[Any, int]
        if isinstance(event, yaml.ScalarEvent):
            built = self._scalar(event), 1
        elif depth >= MAX_DEPTH:
            raise self._error(event, f"this is nested deeper than {MAX_DEPTH} levels")
        elif isinstance(event, yaml.MappingStartEvent):
            built = self._map(event, depth)
        else:
            built = self._seq(event, depth)
        if built[1] > MAX_VALUES:
            raise self._error(event, f"this is more than {MAX_VALUES:,} values with its aliases")
        if event.anchor is not None:
            self._anchors[event.anchor] = built
        return built

    def _alias(self, event: Any) -> tuple[Any, int]:
        if event.anchor not in self._anchors:
            raise self._error(
                event, f"the alias *{event.anchor} has no anchor &{event.anchor} above it"
            )
        known = self._anchors[event.anchor]
        if known is None:
            raise self._error(event, f"the alias *{event.anchor} stands inside what it names")
        return known

    def _map(self, start: Any, depth: int) -> tuple[Map, int]:
        self._check_tag(start, "map")
        own = self._new_map(start)
        merged: list[Map] = []
        size = 1
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, start)
            line = event.start_mark.line + 1
            if key in own.lines:
                raise self._error(
                    event, f"the key {key!r} is given twice; line {own.lines[key]} has it"
                )
            own.lines[key] = line
            value, grown = self._value(next(self._events), depth + 1)
            size += grown
            if key == "<<" and event.implicit[0]:
                merged = self._merged(event, value)
            else:
                own[key] = value
        if not merged:
            return own, size
        # What the mapping says itself wins over what it merges, and of those the first.
        whole = self._new_map(start)
        del own.lines["<<"]
        for part in [*reversed(merged), own]:
            whole.update(part)
            whole.lines.update(part.lines)
        return whole, size

    def _merged(self, event: Any, value: Any) -> list[Map]:
        parts = value if isinstance(value, Seq) else [value]
        if not all(isinstance(part, Map) for part in parts):
            raise self._error(event, "'<<' merges a mapping or a list of mappings")
        return list(parts)

    def _seq(self, start: Any, depth: int) -> tuple[Seq, int]:
        self._check_tag(start, "seq")
        items = Seq(self._source, start.start_mark.line + 1)
        size = 1
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            value, grown = self._value(event, depth + 1)
            size += grown
            items.append(value)
            items.lines.append(event.start_mark.line + 1)
        return items, size

    def _key(self, event: Any, start: Any) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            if event.start_mark.index == start.start_mark.index + 1:  # "{{", as templates have it
                raise self._error(
                    event, "a value that starts with {{ needs quotes", 'write "{{ … }}"'
                )
            raise self._error(event, "a key must be plain text")
        value, _ = self._value(event, 0)
        if isinstance(value, str):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(event.value)
        if value is None:
            raise self._error(event, "a key is missing here")
        raise self._error(
            event, f"the key {event.value} is not read as text", f'write "{event.value}":'
        )

    def _scalar(self, event: Any) -> Any:
        text = str(event.value)
        if event.implicit[0]:
            return _plain(text)
        tag = event.tag
        if tag in (None, f"{_TAG}str"):
            return text
        kind = _TYPES.get(str(tag).removeprefix(_TAG))
        if kind is None:
            raise self._tag_error(event)
        value = _plain(text)
        if kind is float and type(value) is int:
            return float(value)
        if type(value) is not kind:
            raise self._error(event, f"{text!r} is not of the type that {_short(tag)} says")
        return value

    def _new_map(self, start: Any) -> Map:
        return Map(self._source, start.start_mark.line + 1)

    def _check_tag(self, event: Any, kind: str) -> None:
        if event.tag not in (None, _TAG + kind):
            raise self._tag_error(event)

    def _tag_error(self, event: Any) -> DocumentError:
        return self._error(
            event, f"the tag {_short(event.tag)} is not allowed", "write plain YAML without tags"
        )

    def _error(self, event: Any, message: str, hint: str = "") -> DocumentError:
        line = event.start_mark.line + 1
        if len(message) > _LONGEST:  # a name out of the file may be as long as the file
            message = f"{message[:_LONGEST]}…"
        return DocumentError(message, where=f"{self._source}:{line}", hint=hint)


def _plain(text: str) -> Any:
    """Return what an unquoted scalar means in YAML 1.1, dates and sexagesimals left as text."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    digits = text.replace("_", "")
    try:
        if _INT.fullmatch(text):
            body = digits.lstrip("+-")
            bases = {"0b": 2, "0x": 16}
            octal = 8 if len(body) > 1 and body[0] == "0" else 10
            return int(digits, bases.get(body[:2], octal))
        if _FLOAT.fullmatch(text):
            return float(digits.lower().replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        pass  # "0x_", or more digits than Python reads as one number: text, then
    return text


def _short(tag: str) -> str:
    """Return a tag as people write it."""
    return f"!!{tag.removeprefix(_TAG)}" if tag.startswith(_TAG) else tag


def _too_large(source: str) -> DocumentError:
    return DocumentError(f"this is larger than {MAX_BYTES // 1_000_000} MB", where=source)


_AT_START = {
    "end of stream": ("a quote is opened here and never closed", ""),
    "',' or ']'": ("the '[' opened here is not closed where it should be", ""),
    "',' or '}'": ("the '{' opened here is not closed where it should be", ""),
}
_AT_PROBLEM = {
    "mapping values are not allowed": (
        "there is a ':' where no key can stand",
        "check the indentation, and quote a value that holds ': '",
    ),
    "unexpected ':'": ("there is a ':' with no space after it", ""),
    "expected key": ("this line does not fit those above it", "check the indentation"),
    "<block end>": ("this line does not fit those above it", "check the indentation"),
    "'-' indicator": ("a '- ' item or the end of the list is expected", "check the indentation"),
    "could not find expected ':'": ("this key has no ':' after it", ""),
    "entries are not allowed": ("a '- ' item cannot start here", "put it on a line of its own"),
    "node content": ("a value is expected here", ""),
    "unknown escape": (
        "there is an unknown \\ escape in this double-quoted text",
        "use single quotes, or \\\\ for a backslash",
    ),
    "cannot start any token": ("a value cannot start with this character", "quote the value"),
}


def _plainly(error: yaml.MarkedYAMLError, text: str, name: str) -> DocumentError:
    """Say a syntax error in plain words; PyYAML's two parsers word theirs differently."""
    problem = str(error.problem)
    lines = text.splitlines() or [""]
    mark = error.problem_mark or error.context_mark
    at = min(mark.line, len(lines) - 1) if mark else 0
    start = error.context_mark.line if error.context_mark else at
    indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
    if "\t" in indent:
        return DocumentError(
            "a tab is used for indentation", where=f"{name}:{at + 1}", hint="use spaces"
        )
    for table, line in ((_AT_START, start), (_AT_PROBLEM, at)):
        for words, (message, hint) in table.items():
            if words in problem:
                return DocumentError(message, where=f"{name}:{line + 1}", hint=hint)
    return DocumentError(problem, where=f"{name}:{at + 1}")

"""From YAML's events to values, with a bound on depth, on aliases and on mistakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import yaml

from wirework.documents.scalars import plain
from wirework.documents.values import Map, Seq
from wirework.errors import BadInput, DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_VALUES = 1_000_000
"""How many values a document may hold once its aliases are written out."""
MAX_DEPTH = 100
"""How deep mappings and lists may stand inside each other."""
MAX_MISTAKES = 1_000
"""How many mistakes are collected before the next one ends the reading."""

Tags = Mapping[str, Callable[[str, str], Any]]
"""What a tag before a scalar means: called with the scalar's text and its ``file:line``."""

_LONGEST = 200
# libyaml where PyYAML was built with it (ten times quicker), else the same in Python.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_TAG = "tag:yaml.org,2002:"
_TYPES: dict[str, type] = {
    "null": type(None),
    "bool": bool,
    "int": int,
    "float": float,
}


class Builder:
    """Turns the parser's events into the value of the one document that ``text`` holds."""

    def __init__(
        self, text: str, source: str, tags: Tags, mistakes: list[DocumentError] | None
    ) -> None:
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        self._source = source
        self._tags = tags
        self._mistakes = mistakes
        # By anchor: the value and how many values it stands for; None while it is being read.
        self._anchors: dict[str, tuple[Any, int] | None] = {}

    def document(self) -> Any:
        """Return the value; None for an empty document."""
        next(self._events)  # the start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        value, _ = self._value(next(self._events), 0)
        next(self._events)  # the end of the document
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            self._mistake(after, "a second document starts here", "one file holds one document")
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
        known = self._anchors.get(event.anchor)
        if known is not None:
            return known
        if event.anchor in self._anchors:
            self._mistake(event, f"the alias *{event.anchor} stands inside what it names")
        else:
            self._mistake(
                event, f"the alias *{event.anchor} has no anchor &{event.anchor} above it"
            )
        return None, 1

    def _map(self, start: Any, depth: int) -> tuple[Map, int]:
        self._check_tag(start, "map")
        own = self._new_map(start)
        merged: list[Map] = []
        size = 1
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, start, depth)
            if key is not None and key in own.lines:
                self._mistake(
                    event, f"the key {key!r} is given twice; line {own.lines[key]} has it"
                )
                key = None
            if key is not None:
                own.lines[key] = event.start_mark.line + 1
            value, grown = self._value(next(self._events), depth + 1)
            size += grown
            if key == "<<" and event.implicit[0]:
                merged = self._merged(event, value)
            elif key is not None:
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
            self._mistake(event, "'<<' merges a mapping or a list of mappings")
            return []
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

    def _key(self, event: Any, start: Any, depth: int) -> str | None:
        """Return a key; None, and its mistake is told, for one under which nothing can stand."""
        if not isinstance(event, yaml.ScalarEvent):
            if event.start_mark.index == start.start_mark.index + 1:  # "{{", as templates have it
                self._mistake(event, "a value that starts with {{ needs quotes", 'write "{{ … }}"')
            else:
                self._mistake(event, "a key must be plain text")
            self._value(event, depth + 1)
            return None
        value = self._value(event, 0)[0]
        if isinstance(value, str):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(event.value)
        if value is None:
            self._mistake(event, "a key is missing here")
            return None
        self._mistake(
            event, f"the key {event.value} is not read as text", f'write "{event.value}":'
        )
        return str(event.value)

    def _scalar(self, event: Any) -> Any:
        text = str(event.value)
        if event.implicit[0]:
            return plain(text)
        tag = event.tag
        if tag in (None, f"{_TAG}str"):
            return text
        if tag in self._tags:
            return self._meant(event, text)
        kind = _TYPES.get(str(tag).removeprefix(_TAG))
        if kind is None:
            self._refuse_tag(event)
            return text
        value: Any = plain(text)
        if kind is float and type(value) is int:
            return float(value)
        if type(value) is not kind:
            self._mistake(event, f"{text!r} is not of the type that {_short(tag)} says")
            return text
        return value

    def _meant(self, event: Any, text: str) -> Any:
        """Return what the caller makes of a scalar with a tag of its own."""
        where = f"{self._source}:{event.start_mark.line + 1}"
        try:
            return self._tags[event.tag](text, where)
        except BadInput as error:
            mistake = DocumentError(error.message, where=error.where or where, hint=error.hint)
        self._keep(mistake)
        return text

    def _new_map(self, start: Any) -> Map:
        return Map(self._source, start.start_mark.line + 1)

    def _check_tag(self, event: Any, kind: str) -> None:
        if event.tag not in (None, _TAG + kind):
            self._refuse_tag(event)

    def _refuse_tag(self, event: Any) -> None:
        tag = _short(event.tag)
        if event.tag in self._tags:
            self._mistake(event, f"the tag {tag} stands before text only")
        else:
            self._mistake(event, f"the tag {tag} is not allowed", "write plain YAML without tags")

    def _mistake(self, event: Any, message: str, hint: str = "") -> None:
        self._keep(self._error(event, message, hint))

    def _keep(self, mistake: DocumentError) -> None:
        """Collect a mistake after which reading can go on; raise it when nobody collects them."""
        if self._mistakes is None or len(self._mistakes) >= MAX_MISTAKES:
            raise mistake
        self._mistakes.append(mistake)

    def _error(self, event: Any, message: str, hint: str = "") -> DocumentError:
        line = event.start_mark.line + 1
        if len(message) > _LONGEST:  # a name out of the file may be as long as the file
            message = f"{message[:_LONGEST]}…"
        return DocumentError(message, where=f"{self._source}:{line}", hint=hint)


def _short(tag: str) -> str:
    """Return a tag as people write it."""
    return f"!!{tag.removeprefix(_TAG)}" if tag.startswith(_TAG) else tag

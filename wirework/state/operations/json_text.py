"""A JSON file's text: one value is set or taken away, all other characters stay (RFC 8259)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wirework.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()
INDENT = "  "


@dataclass(frozen=True)
class _Member:
    """A member of an object or a list, by its places in the text; a list's key is its number."""

    key: str
    first: int
    start: int
    end: int


@dataclass(frozen=True)
class JsonText:
    """The text of a file that holds one JSON value."""

    text: str

    @classmethod
    def read(cls, content: bytes) -> JsonText:
        """Take a file; Refused when it is no JSON. An empty one is an empty object."""
        try:
            text = content.decode("utf-8")
            if not text.strip():
                return cls("{}\n")
            json.loads(text)
        except UnicodeDecodeError as error:
            raise Refused("the file is no JSON: it is not UTF-8") from error
        except json.JSONDecodeError as error:
            raise Refused(f"the file is no JSON: line {error.lineno}: {error.msg}") from error
        except RecursionError as error:
            raise Refused("the file's JSON is nested too deeply") from error
        return cls(text)

    def set(self, key: Sequence[str], value: object) -> JsonText:
        """Return the text with the value at the key; missing objects on the way are made."""
        at = self._skip(0)
        for depth, word in enumerate(key):
            member = self._find(at, word, key[:depth])
            if member is None:
                for missing in reversed(key[depth + 1 :]):
                    value = {missing: value}
                return self._inserted(at, word, value, ".".join(key[:depth]))
            at = member.start
        old, end = _DECODER.raw_decode(self.text, at)
        if _same(old, value):
            return self
        return self._spliced(at, end, self._dumped(value, self._base(at)))

    def remove(self, key: Sequence[str]) -> JsonText:
        """Return the text without what is at the key."""
        at = self._skip(0)
        for depth, word in enumerate(key):
            member = self._find(at, word, key[:depth])
            if member is None:
                return self
            if depth == len(key) - 1:
                return self._without(at, member)
            at = member.start
        return self

    def _find(self, at: int, word: str, above: Sequence[str]) -> _Member | None:
        if self.text[at] not in "{[":
            raise Refused(f"{'.'.join(above) or 'the whole'} is neither an object nor a list")
        # Of a key that stands twice, readers take the last.
        return next((m for m in reversed(self._members(at)[0]) if m.key == word), None)

    def _members(self, at: int) -> tuple[list[_Member], int]:
        """Return the members of the object or list at a place, and where its bracket closes."""
        found: list[_Member] = []
        is_object = self.text[at] == "{"
        at = self._skip(at + 1)
        while self.text[at] not in "}]":
            first = at
            key = str(len(found))
            if is_object:
                key, at = _DECODER.raw_decode(self.text, at)
                at = self._skip(self._skip(at) + 1)
            _, end = _DECODER.raw_decode(self.text, at)
            found.append(_Member(key, first, at, end))
            at = self._skip(end)
            if self.text[at] == ",":
                at = self._skip(at + 1)
        return found, at

    def _without(self, at: int, member: _Member) -> JsonText:
        members, end = self._members(at)
        index = members.index(member)
        if len(members) == 1:
            return self._spliced(at + 1, end, "")
        if index + 1 < len(members):
            return self._spliced(member.first, members[index + 1].first, "")
        return self._spliced(members[index - 1].end, member.end, "")

    def _inserted(self, at: int, key: str, value: object, above: str) -> JsonText:
        members, end = self._members(at)
        if self.text[at] == "[":
            hint = f"its members are 0 to {len(members) - 1}" if members else "it is empty"
            raise Refused(f"{above or 'the whole'} is a list without a member {key!r}", hint=hint)
        name = json.dumps(key, ensure_ascii=self._is_ascii) + self._colon
        if members:
            last = members[-1]
            # Whatever stands before the last member stands before the new one: a line of its own.
            gap = self.text[self._before(last.first) : last.first]
            if len(members) == 1 and "\n" not in gap:
                gap = "" if self._is_tight else " "
            added = f",{gap}{name}{self._dumped(value, self._base(last.first))}"
            return self._spliced(last.end, last.end, added)
        base = self._base(at)
        if self._indent is None:
            return self._spliced(at + 1, end, name + self._dumped(value, base))
        inner = base + self._indent
        body = f"\n{inner}{name}{self._dumped(value, inner)}\n{base}"
        return self._spliced(at + 1, end, body)

    def _spliced(self, start: int, end: int, new: str) -> JsonText:
        return JsonText(self.text[:start] + new + self.text[end:])

    def _dumped(self, value: object, base: str) -> str:
        text = json.dumps(
            value,
            ensure_ascii=self._is_ascii,
            indent=self._indent,
            separators=("," if self._indent is not None or self._is_tight else ", ", self._colon),
        )
        return text.replace("\n", f"\n{base}")

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self.text, at)
        return found.end() if found else at

    def _before(self, at: int) -> int:
        """Return where the white space in front of a place begins."""
        while self.text[at - 1] in " \t\n\r":
            at -= 1
        return at

    def _base(self, at: int) -> str:
        """Return what the line of a place is indented by."""
        line = self.text[self.text.rfind("\n", 0, at) + 1 : at]
        return line[: len(line) - len(line.lstrip(" \t"))]

    @property
    def _indent(self) -> str | None:
        """What one level is indented by; None when everything stands in one line."""
        found = re.match(r"\s*[\[{][ \t]*\r?\n([ \t]+)", self.text)
        if found:
            return found[1]
        return INDENT if not re.match(r"\s*[\[{]\s*[^\s\]}]", self.text) else None

    @property
    def _colon(self) -> str:
        found = re.search(r'[{,]\s*"(?:[^"\\]|\\.)*"\s*(:\s*)', self.text)
        return found[1] if found and "\n" not in found[1] else ": "

    @property
    def _is_tight(self) -> bool:
        return self._colon == ":"

    @property
    def _is_ascii(self) -> bool:
        """Whether other letters are written as escapes here."""
        return "\\u" in self.text


def _same(one: Any, other: Any) -> bool:
    """Compare as JSON does: true is not 1, and 1.0 is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)

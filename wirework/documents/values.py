"""Mappings and lists in which every value knows its file and line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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

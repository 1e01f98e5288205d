"""Reading mappings of a playbook or role: known keys, right kinds, file and line in each error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from wirework.documents import Map, Seq
from wirework.errors import BadInput, PlaybookError
from wirework.state.operation import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")


class Shape:
    """A mapping that is taken apart key by key; what is left over at the end is a mistake."""

    def __init__(
        self,
        value: Any,
        *,
        what: str,
        where: str,
        mistakes: list[BadInput] | None = None,
    ) -> None:
        if not isinstance(value, Map):
            raise PlaybookError(f"{what} has to be a mapping of names to values", where=where)
        self.map = value
        self.what = what
        self._asked: dict[str, None] = {}
        self._mistakes = mistakes

    def where(self, key: str | None = None) -> str:
        """Return the file and line of a key, or of the whole."""
        return self.map.where(key if key in self.map else None)

    def text(self, key: str, default: str = "") -> str:
        """Take a text; a number is taken as it is written."""
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self.error(key, "has to be text")
        return str(value)

    def anything(self, key: str) -> Any:
        """Take a value of any kind, None when it is not given."""
        return self._take(key, None)

    def flag(self, key: str) -> bool | None:
        """Take true or false, None when it is not given."""
        value = self._take(key, None)
        if value is not None and not isinstance(value, bool):
            raise self.error(key, "has to be true or false")
        return value

    def whole(self, key: str, default: int) -> int:
        """Take a whole number that is not negative."""
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.error(key, "has to be a whole number, 0 or more")
        return value

    def number(self, key: str, default: float) -> float:
        """Take a number that is not negative."""
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise self.error(key, "has to be a number, 0 or more")
        return float(value)

    def mapping(self, key: str) -> Map:
        """Take a mapping; an empty one when it is not given."""
        value = self._take(key, None)
        if value is None:
            return Map(self.map.source, self.map.line)
        if not isinstance(value, Map):
            raise self.error(key, "has to be a mapping of names to values")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Take one text or a list of them."""
        value = self._take(key, None)
        items = value if isinstance(value, Seq) else [] if value is None else [value]
        for item in items:
            if isinstance(item, bool) or not isinstance(item, str | int):
                raise self.error(key, "has to be a text or a list of texts")
        return tuple(str(item) for item in items)

    def each(self, key: str, read: Callable[[Any, str], T]) -> tuple[T, ...]:
        """Take a list and read each item; an empty one when it is not given.

        Where mistakes are collected, an item that holds one is left out.
        """
        value = self._take(key, None)
        if value is None:
            return ()
        if not isinstance(value, Seq):
            raise self.error(key, "has to be a list, each item on a line that begins with -")
        items: list[T] = []
        for index, item in enumerate(value):
            try:
                items.append(read(item, value.where(index)))
            except BadInput as error:
                if self._mistakes is None:
                    raise
                self._mistakes.append(error)
        return tuple(items)

    def rest(self) -> Iterator[str]:
        """Return the keys that nobody has asked for so far."""
        return (key for key in self.map if key not in self._asked)

    def end(self) -> None:
        """Refuse a key that nobody has asked for."""
        for key in self.rest():
            hint = nearest(key, self._asked)
            raise PlaybookError(f"{self.what} has no {key!r}", where=self.where(key), hint=hint)

    def error(self, key: str, complaint: str) -> PlaybookError:
        """Return an error about one key."""
        return PlaybookError(f"{key!r} {complaint}", where=self.where(key))

    def _take(self, key: str, default: Any) -> Any:
        self._asked[key] = None
        return self.map.get(key, default)


def lines_of(mapping: Map) -> dict[str, str]:
    """Return the file and line of each key."""
    return {key: mapping.where(key) for key in mapping}

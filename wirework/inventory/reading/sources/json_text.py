"""JSON in the shape of documents, where a place is the way to a value: ``web.hosts``."""

from __future__ import annotations

import json
from typing import Any

from wirework.documents import MAX_DEPTH, Map, Seq
from wirework.errors import DocumentError


class Keyed(Map):
    """A mapping of JSON, which has no lines worth naming: places are keys."""

    __slots__ = ("way",)

    def __init__(self, source: str, way: tuple[str, ...]) -> None:
        super().__init__(source, 1)
        self.way = way

    def where(self, key: str | None = None) -> str:
        """Return the source and the keys that lead to a key, or to the mapping itself."""
        return _place(self.source, self.way if key is None else (*self.way, key))


def parse(text: str, name: str) -> Any:
    """Read a JSON text (RFC 8259); raises DocumentError with the line of what is wrong."""
    try:
        return _shaped(json.loads(text), name, ())
    except json.JSONDecodeError as error:
        raise DocumentError(
            f"this is not JSON: {error.msg.lower()}", where=f"{name}:{error.lineno}"
        ) from None
    except (RecursionError, ValueError):  # a number of more digits than Python reads
        raise DocumentError("this is no JSON that can be read", where=name) from None


def _shaped(value: Any, source: str, way: tuple[str, ...]) -> Any:
    if len(way) > MAX_DEPTH:
        place = _place(source, way[:3])
        raise DocumentError(f"this is nested deeper than {MAX_DEPTH} levels", where=place)
    if isinstance(value, dict):
        shaped = Keyed(source, way)
        for key, item in value.items():
            shaped[key] = _shaped(item, source, (*way, key))
        return shaped
    if isinstance(value, list):
        items = Seq(source, 1)
        items += [_shaped(item, source, (*way, str(n))) for n, item in enumerate(value)]
        items.lines = [1] * len(value)
        return items
    return value


def _place(source: str, way: tuple[str, ...]) -> str:
    return f"{source} ({'.'.join(way)})" if way else source

"""Small text files of the host, by their lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wirework.state.facts import Content, Fact, PathState
from wirework.state.operations.writing import FileWish, have, questions, readable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wirework.state.operation import Steps


def asking(path: str) -> tuple[Fact[Any], ...]:
    """Return all that reading and then writing a file asks, so that both cost no round more."""
    return *questions(path), Content(path)


def lines_of(path: str, known: Mapping[Fact[Any], Any]) -> list[str]:
    """Return a file's lines, none when it is not there; bytes that are no UTF-8 stay.

    Raises Refused for a link, for a file too large to edit and for one that cannot be read.
    """
    content = readable(path, known[PathState(path)], known[Content(path)]) or b""
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    return lines if lines[-1] else lines[:-1]


def write(
    path: str,
    lines: Sequence[str],
    *,
    mode: int | None = None,
    owner: str = "",
    group: str = "",
    validate: tuple[str, ...] = (),
) -> Steps:
    """Yield what makes a file of these lines; nothing when it is one already."""
    text = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
    yield from have(
        FileWish.of_bytes(path, text, mode=mode, owner=owner, group=group, validate=validate)
    )

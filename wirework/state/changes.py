"""What an operation decides to do to a host, and what will be true once it is done."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from wirework.state.facts import Fact

DIFF_LIMIT = 64 * 1024
"""Bytes of a file beyond which a diff only tells the sizes."""

Verb = Literal["create", "change", "remove", "run"]


@dataclass(frozen=True)
class Payload:
    """Bytes that travel to the host on the standard input of one change."""

    size: int
    chunks: Callable[[], Iterable[bytes]]

    @classmethod
    def of_bytes(cls, content: bytes) -> Payload:
        """Send content that is already in memory."""
        return cls(len(content), lambda: (content,))


@dataclass(frozen=True)
class Change:
    """One command that brings a host nearer to the wish.

    ``argv`` runs on the host without a shell in between; ``payload`` is its standard input.
    ``says`` and ``verb`` tell a person what it does, ``diff`` shows it line by line.
    ``predicts`` maps facts to the values they will have afterwards: the host is asked for
    them once the change is done, and a difference is a failure. ``spoils`` names paths of
    which, and beneath which, nothing is known any more. An ``opaque`` change (somebody's own
    command) leaves no fact known but those it predicts. ``ok_codes`` are the exit statuses that
    are no failure; ``counts`` tells from status and output whether anything was changed at all.
    Of a ``sensitive`` change nothing may be written down but its words.
    """

    argv: tuple[str, ...]
    says: str
    verb: Verb = "change"
    diff: str = ""
    predicts: Mapping[Fact[Any], Any] = field(default_factory=lambda: MappingProxyType({}))
    spoils: tuple[str, ...] = ()
    opaque: bool = False
    payload: Payload | None = None
    ok_codes: tuple[int, ...] = (0,)
    counts: Callable[[int, bytes], bool] | None = None
    sensitive: bool = False


def text_diff(path: str, old: bytes | None, new: bytes | None) -> str:
    """Return a unified diff of two file contents; None stands for no file."""
    before, after = old or b"", new or b""
    if max(len(before), len(after)) > DIFF_LIMIT or b"\0" in before or b"\0" in after:
        return f"{path}: {len(before)} -> {len(after)} bytes, not shown as text\n"
    lines = difflib.unified_diff(
        _lines(before),
        _lines(after),
        "/dev/null" if old is None else path,
        "/dev/null" if new is None else path,
    )
    return "".join(lines)


def _lines(content: bytes) -> list[str]:
    lines = content.decode("utf-8", "backslashreplace").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n\\ no line end at the end of the file\n"
    return lines

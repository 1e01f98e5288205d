"""What stands beneath a folder, all at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from wirework.errors import Failed
from wirework.state.facts.base import PathFact, V, is_within, quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wirework.state.changes import Change

_COUNTED = re.compile("[0-9]+ s[0-9]+")
LISTING_LIMIT = 4 * 1024 * 1024
"""Bytes of names that are brought back; a longer list is told apart, not cut."""


class _TreeFact(PathFact[V]):
    """A question about everything beneath a path."""

    def spoiled_by(self, change: Change) -> bool:
        """Tell whether anything beneath the path, or above it, may be another."""
        touched = [fact.path for fact in change.predicts if isinstance(fact, PathFact)]
        return super().spoiled_by(change) or any(
            is_within(each, self.path) for each in (*change.spoils, *touched)
        )


@dataclass(frozen=True)
class Beneath:
    """Names beneath a folder, relative to it; ``whole`` is False when there are too many."""

    names: frozenset[str]
    whole: bool = True


class Listing(_TreeFact[Beneath]):
    """All that stands beneath a folder; links are not followed. Nothing when it is none."""

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """One ``find`` a folder; names end in NUL, for they may hold line ends."""
        return "".join(
            f"p={_find_path(f.path)}\n"
            f'[ -h "$p" ] || [ ! -d "$p" ] || '
            f'( cd -- "$p" && find . -print0 | head -c {LISTING_LIMIT + 1} )\nww_next\n'
            for f in asked
        )

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[Beneath]:
        """Read one part a folder; each name begins with ``./``."""
        found: list[Beneath] = []
        for _, part in zip(asked, parts, strict=False):
            if len(part) > LISTING_LIMIT:
                found.append(Beneath(frozenset(), whole=False))
                continue
            names = part.decode("utf-8", "surrogateescape").split("\0")
            if names.pop() or any(n != "." and not n.startswith("./") for n in names):
                raise Failed("the host gave no readable list of its files")
            found.append(Beneath(frozenset(n[2:] for n in names if n != ".")))
        if len(found) != len(asked):
            raise Failed("the host gave no readable list of its files")
        return found


@dataclass(frozen=True)
class Misfits(_TreeFact[int | None]):
    """How many entries beneath a folder are in other hands or have other modes than asked for.

    ``folder_mode`` and ``file_mode`` are octal digits, empty for any. None when that cannot be
    told: nobody there has the name, or a folder may not be read. Links have hands and no mode.
    """

    path: str
    owner: str = ""
    group: str = ""
    folder_mode: str = ""
    file_mode: str = ""

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """One ``find`` a folder, which only counts; its exit status comes beside."""
        return "".join(
            f"{{ {{ find {_find_path(f.path)} -mindepth 1 "
            f"\\( {' -o '.join(f.differences())} \\) -print0; "
            "printf 's%s\\n' \"$?\" >&3; } | tr -dc '\\000' | wc -c; } 3>&1\nww_next\n"
            for f in asked
        )

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[int | None]:
        """Read two words a folder, in any order: the status behind an s, and the count."""
        found: list[int | None] = []
        for _, part in zip(asked, parts, strict=False):
            words = sorted(part.decode("ascii", "replace").split())
            if not _COUNTED.fullmatch(" ".join(words)):
                raise Failed("the host did not say whose its files are")
            found.append(int(words[0]) if words[1] == "s0" else None)
        if len(found) != len(asked):
            raise Failed("the host did not say whose its files are")
        return found

    def differences(self) -> list[str]:
        """Return the conditions of find(1) that an entry which is not as wished meets."""
        return [
            *([f"! -user {quote(self.owner)}"] if self.owner else []),
            *([f"! -group {quote(self.group)}"] if self.group else []),
            *([f"-type d ! -perm {self.folder_mode}"] if self.folder_mode else []),
            *([f"-type f ! -perm {self.file_mode}"] if self.file_mode else []),
        ]


def _find_path(path: str) -> str:
    """Quote a path so that find(1) takes it for nothing else, not even ``!`` or ``(``."""
    return quote(path if path.startswith("/") else f"./{path}")

"""A folder of the playbook's, with all that is in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from wirework.errors import BadInput
from wirework.ssh import LocalFile

MOST_ENTRIES = 10_000
"""Files, folders and links of one tree; more belong into an archive or a package."""


@dataclass(frozen=True)
class LocalTree:
    """What a folder holds: names relative to it, sorted, a folder before what is in it.

    A link is told by its target and never followed.
    """

    folders: tuple[str, ...] = ()
    files: tuple[tuple[str, LocalFile], ...] = ()
    links: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, top: Path) -> LocalTree:
        """Measure a folder; BadInput when it cannot be read or holds something odd."""
        folders: list[str] = []
        files: list[tuple[str, LocalFile]] = []
        links: list[tuple[str, str]] = []

        def fail(error: OSError) -> None:
            raise BadInput(f"cannot read it: {error.strerror}", where=str(error.filename))

        for above, inner, names in os.walk(top, onerror=fail):
            for name in (*inner, *names):
                path = Path(above, name)
                short = str(path.relative_to(top))
                if path.is_symlink():
                    links.append((short, str(path.readlink())))
                elif name in inner:
                    folders.append(short)
                else:
                    files.append((short, LocalFile.of(path)))
            if len(folders) + len(files) + len(links) > MOST_ENTRIES:
                raise BadInput(f"holds more than {MOST_ENTRIES} files", where=str(top))
        return cls(tuple(sorted(folders)), tuple(sorted(files, key=_name)), tuple(sorted(links)))

    @property
    def names(self) -> frozenset[str]:
        """All names in the tree."""
        return frozenset((*self.folders, *(n for n, _ in self.files), *(n for n, _ in self.links)))


def _name(pair: tuple[str, LocalFile]) -> str:
    return pair[0]

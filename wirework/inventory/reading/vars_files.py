"""``group_vars/`` and ``host_vars/``: variables that stand in files of their own.

Source: https://docs.ansible.com/ansible/latest/inventory_guide/intro_inventory.html
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wirework.errors import InventoryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

ENDINGS = ("", ".yml", ".yaml", ".json")
"""How a file of variables may be called after its group or host; the first that is there counts."""

_MAX_DEPTH = 10


class VarsFolder:
    """One ``group_vars`` or ``host_vars``; a folder that is not there has no files.

    It is listed once, since asking for the files of each of a thousand hosts takes long.
    Raises InventoryError when it cannot be listed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._entries = {entry.name: entry for entry in _entries(folder)}

    def files(self, name: str) -> Iterable[Path]:
        """Return the files for a group or host: one, or all below a folder of its name."""
        for ending in ENDINGS:
            entry = self._entries.get(name + ending)
            if entry is None:
                continue
            path = self._folder / entry.name
            if entry.is_dir():
                return list(_below(path, _MAX_DEPTH))
            if path.exists():  # no link to nowhere
                return [path]
        return ()

    def strays(self, names: Iterable[str]) -> Iterator[Path]:
        """Yield what is for none of these groups or hosts, sorted."""
        known = {name + ending for name in names for ending in ENDINGS}
        for name in sorted(self._entries):
            if name not in known and not name.startswith(".") and not name.endswith("~"):
                yield self._folder / name


def _below(folder: Path, depth: int) -> Iterator[Path]:
    if not depth:
        raise InventoryError(
            f"folders stand deeper than {_MAX_DEPTH} levels here", where=str(folder)
        )
    for entry in _entries(folder):
        if entry.name.startswith(".") or entry.name.endswith("~"):
            continue
        ending = os.path.splitext(entry.name)[1]  # noqa: PTH122 — an entry has no suffix
        if entry.is_dir() and not ending:
            yield from _below(folder / entry.name, depth - 1)
        elif entry.is_file() and ending in ENDINGS:
            yield folder / entry.name


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InventoryError(f"cannot read this folder: {reason}", where=str(folder)) from error

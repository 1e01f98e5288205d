"""Which files of a folder make an inventory together: those that Ansible would take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wirework.errors import InventoryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wirework.inventory.reading.findings import Findings

VARS_FOLDERS = ("group_vars", "host_vars")
_IGNORED = frozenset((*VARS_FOLDERS, "vars_plugins"))
# INVENTORY_IGNORE_EXTS of Ansible's configuration, as it is delivered.
_IGNORED_ENDS = (
    *(".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst"),
    *(".orig", ".ini", ".cfg", ".retry"),
)
_MAX_DEPTH = 10
_MAX_FILES = 10_000


def files(source: Path, findings: Findings) -> Iterator[Path]:
    """Yield the inventory files of a source: itself, or those below a folder, sorted by name.

    Raises InventoryError for a folder that cannot be read or holds far too much.
    """
    if not source.is_dir():
        yield source
        return
    for number, file in enumerate(_below(source, findings, _MAX_DEPTH)):
        if number == _MAX_FILES:
            raise InventoryError(f"there are more than {_MAX_FILES:,} files", where=str(source))
        yield file


def _below(folder: Path, findings: Findings, depth: int) -> Iterator[Path]:
    if not depth:
        raise InventoryError(
            f"folders stand deeper than {_MAX_DEPTH} levels here", where=str(folder)
        )
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InventoryError(f"cannot read this folder: {reason}", where=str(folder)) from error
    for entry in entries:
        name = entry.name
        if name.startswith(".") or name in _IGNORED or name.endswith(_IGNORED_ENDS):
            if name.endswith(".ini"):
                findings.note(
                    "is left out, as Ansible leaves out .ini files of a folder", where=str(entry)
                )
        elif entry.is_dir():
            yield from _below(entry, findings, depth - 1)
        else:
            yield entry

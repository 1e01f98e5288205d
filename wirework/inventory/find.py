"""Which inventory is meant."""

from __future__ import annotations

import os
import re
from pathlib import Path

from wirework.errors import InventoryError

VARIABLE = "WIREWORK_INVENTORY"
FILE = "inventory.yaml"
_BARE_NAME = re.compile(r"\w[\w.-]*")


def find(name: str = "", *, start: Path | None = None) -> tuple[Path, ...]:
    """Return the files and folders that ``name`` means to somebody who stands in ``start``.

    Without one that is where this process stands. Several are separated by commas; the later
    ones win. A file is itself; a bare name such as
    ``lab`` is ``.wirework/lab/inventory.yaml`` in ``start`` or the nearest folder above that has
    it; else a folder is itself. "" means what ``$WIREWORK_INVENTORY`` says or, if that is not
    set, the nearest ``inventory.yaml`` in ``start`` or above.
    Raises InventoryError when there is none.
    """
    start = start or Path.cwd()
    if name:
        return _named(name, start)
    if chosen := os.environ.get(VARIABLE, ""):
        try:
            return _named(chosen, start)
        except InventoryError as error:
            raise InventoryError(error.message, where=f"${VARIABLE}", hint=error.hint) from None
    found = _nearest(Path(FILE), start)
    if found is None:
        raise InventoryError(
            f"there is no {FILE} in {start} or above",
            hint=f"write one, name one with --inventory, or set {VARIABLE}",
        )
    return (found,)


def _named(names: str, start: Path) -> tuple[Path, ...]:
    several = [name.strip() for name in names.split(",")]
    found = tuple(_one(name, start) for name in several if name)
    if not found:
        raise InventoryError(f"{names!r} names no inventory", hint="write a file's name")
    return found


def _one(name: str, start: Path) -> Path:
    try:
        path = start / Path(name).expanduser()
    except RuntimeError:  # there is no user of that name
        raise InventoryError(f"there is no inventory file {name}", hint="check the path") from None
    if path.is_file():
        return path
    inside = Path(".wirework") / name / FILE
    bare = _BARE_NAME.fullmatch(name)
    if bare and (found := _nearest(inside, start)):
        return found
    if path.is_dir():
        return path
    if bare:
        raise InventoryError(
            f"there is no inventory {name!r}: no file {path}, and no {inside} in {start} or above",
            hint="check the name; a lab has its inventory while it is up",
        )
    raise InventoryError(f"there is no inventory file {path}", hint="check the path")


def _nearest(wanted: Path, start: Path) -> Path | None:
    base = start.absolute()
    return next(
        (folder / wanted for folder in (base, *base.parents) if (folder / wanted).is_file()), None
    )

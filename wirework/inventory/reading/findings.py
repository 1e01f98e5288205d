"""What was found wrong or odd while an inventory was read: collected, so that all is told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wirework.errors import InventoryError, WireworkError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_PLACE = re.compile(r"(.*?):([0-9]+)", re.DOTALL)


class Findings:
    """Mistakes, which make an inventory unusable, and notes, which are worth knowing.

    Both are kept once each, in the order of ``files``: those that were read, in that order.
    """

    def __init__(self) -> None:
        self.files: dict[str, int] = {}
        self._mistakes: dict[str, WireworkError] = {}
        self._notes: dict[str, None] = {}

    def reads(self, file: Path) -> None:
        """Keep in mind that ``file`` is read next."""
        self.files.setdefault(str(file), len(self.files))

    def wrong(self, message: str, *, where: str, hint: str = "") -> None:
        """Keep a mistake of the inventory's."""
        self.add(InventoryError(message, where=where, hint=hint))

    def add(self, *errors: WireworkError) -> None:
        """Keep mistakes that others have worded."""
        for error in errors:
            self._mistakes.setdefault(str(error), error)

    def note(self, text: str, *, where: str) -> None:
        """Keep something that is no mistake."""
        self._notes.setdefault(f"{where}: {text}")

    @property
    def mistakes(self) -> Sequence[WireworkError]:
        """All mistakes, by file and line."""
        return sorted(self._mistakes.values(), key=lambda error: self._order(error.where))

    @property
    def notes(self) -> tuple[str, ...]:
        """All notes, in the order in which they came up."""
        return tuple(self._notes)

    def _order(self, where: str) -> tuple[int, int]:
        place = _PLACE.fullmatch(where)
        file, line = (place[1], int(place[2])) if place else (where, 0)
        # What a program prints has no lines: its places start with its name.
        number = next((n for name, n in self.files.items() if where.startswith(name)), None)
        return self.files.get(file, len(self.files) if number is None else number), line

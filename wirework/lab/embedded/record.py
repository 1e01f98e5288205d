"""What an embedded lab remembers of itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from wirework.lab import folder as folders
from wirework.lab import processes
from wirework.lab.model import LabHost, State

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Record:
    """What an embedded lab remembers of itself in its folder.

    Every process of the lab carries ``token`` in its environment. ``pid`` and ``started``
    (seconds since the epoch) are the server's, 0 until it runs.
    """

    token: str
    user: str
    hosts: tuple[LabHost, ...]
    pid: int = 0
    started: float = 0.0

    def save(self, folder: Path) -> None:
        """Write the record into a lab's folder."""
        folders.save(folder, asdict(self))

    @staticmethod
    def load(folder: Path) -> Record | None:
        """Read the record of a lab's folder; None where there is none that can be read."""
        values = folders.load(folder)
        try:
            if values is None:
                return None
            hosts = (LabHost(**{**host, "state": State.DOWN}) for host in values["hosts"])
            return Record(**{**values, "hosts": tuple(hosts)})
        except (ValueError, TypeError, KeyError):
            return None

    def is_served(self, folder: Path) -> bool:
        """Whether the lab's server runs."""
        return processes.runs(self.pid, self.started, folder)

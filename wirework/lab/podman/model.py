"""What a lab of containers is and remembers, as data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from wirework.lab import folder as folders
from wirework.lab.model import LabHost, State

if TYPE_CHECKING:
    from pathlib import Path

SSH_PORT = 22
HTTP_PORT = 8080
"""Free on every host, and above the ports that only root may take."""

BASTION_GROUP = "bastion"
BASTION = "bastion1"
PASSWORD = "password"  # noqa: S105  (the name of the file that holds it)
SSH_CONFIG = "ssh_config"


@dataclass(frozen=True, kw_only=True)
class PodmanHost(LabHost):
    """One container: ``address`` and ``port`` are where it is reached from here.

    ``ip`` is its own address, which is another one behind a delay or a published port.
    ``gateway`` names the host that leads to it, if it is behind one. ``faults`` are those that
    it was given.
    """

    ip: str
    image: str
    user: str
    gateway: str = ""
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What was done to a host: its kind, and when it heals by itself (seconds since the epoch).

    ``until`` is 0 for a fault that stays until it is healed.
    """

    host: str
    kind: str
    until: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a lab of containers remembers of itself in its folder.

    Containers and networks carry ``token`` as a label, processes in their environment.
    ``delay`` is in seconds; ``forwards`` tells that a process of ours makes it, whose ``pid``
    and ``started`` are 0 until it runs. ``ready`` is false while the lab is being made.
    """

    token: str
    hosts: tuple[PodmanHost, ...]
    networks: tuple[str, ...] = ()
    delay: float = 0.0
    forwards: bool = False
    ready: bool = False
    pid: int = 0
    started: float = 0.0
    faults: tuple[Fault, ...] = ()
    driver: str = "podman"

    def container(self, host: str) -> str:
        """Return the name that podman knows a host by."""
        return f"wirework-{self.token[:8]}-{host}"

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
            hosts = tuple(
                PodmanHost(**{**host, "state": State.DOWN, "faults": ()})
                for host in values["hosts"]
            )
            faults = tuple(Fault(**fault) for fault in values["faults"])
            lists = {"hosts": hosts, "faults": faults, "networks": tuple(values["networks"])}
            return Record(**{**values, **lists})
        except (ValueError, TypeError, KeyError):
            return None

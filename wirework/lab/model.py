"""What a lab is, as data, whichever driver made it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wirework.lab.ports import Ports

INVENTORY = "inventory.yaml"
KEY = "id_ed25519"
KNOWN_HOSTS = "known_hosts"

DriverName = Literal["embedded", "podman"]
"""``embedded``: SSH servers on loopback ports, without root; ``podman``: containers."""


class State(StrEnum):
    """Whether a host answers with an SSH greeting."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, kw_only=True)
class LabHost:
    """One throwaway host: ``port`` is SSH, ``http_port`` is left free for what it will serve."""

    name: str
    group: str
    address: str
    port: int
    http_port: int
    state: State = State.DOWN


@dataclass(frozen=True, kw_only=True)
class Lab:
    """A lab and its hosts in the order of its inventory; ``hosts`` is empty when there is none."""

    name: str
    folder: Path
    hosts: tuple[LabHost, ...]
    driver: DriverName = "embedded"

    @property
    def running(self) -> bool:
        """Whether there are hosts and every one of them is up."""
        return bool(self.hosts) and all(host.state is State.UP for host in self.hosts)

    @property
    def inventory(self) -> Path:
        """The inventory file that describes the hosts."""
        return self.folder / INVENTORY

    @property
    def key(self) -> Path:
        """The private key that every host accepts."""
        return self.folder / KEY

    @property
    def known_hosts(self) -> Path:
        """The file with the hosts' own keys."""
        return self.folder / KNOWN_HOSTS

    def home(self, host: str) -> Path:
        """Return an embedded host's scratch folder: its HOME, and where its commands start."""
        return self.folder / "hosts" / host


@dataclass(frozen=True, kw_only=True)
class Down:
    """What taking a lab down removed: its hosts, how many processes, and whether its folder."""

    name: str
    folder: Path
    hosts: tuple[str, ...]
    processes: int
    removed: bool


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What an ``up`` asks for, whichever driver makes it.

    ``hosts`` are pairs of name and group. ``images`` names a group's image where it is not
    ``image``; empty leaves it to the driver. ``delay`` is in seconds, for a round trip.
    """

    hosts: tuple[tuple[str, str], ...]
    ports: Ports
    image: str
    images: Mapping[str, str]
    bastion: bool
    delay: float

"""Hosts, groups and the inventory that holds them: what everything else is told about a fleet."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from wirework.errors import InventoryError
from wirework.inventory import patterns

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wirework.secrets import Secret


def _no_vars() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, eq=False, slots=True)
class Host:
    """One host: how to log in on it, the groups it is in and its variables.

    ``name`` is what people call it and its only identity: hosts of one name are equal.
    ``address`` is a name or IP address to connect to, ``gateway`` the name of another host of
    the inventory to go through. ``key`` and ``known_hosts`` are absolute paths.
    ``connect_timeout`` is in seconds; None leaves it to whoever connects.
    ``groups`` are the names of every group it is in, its own and their parents, in the order in
    which their variables apply, ``all`` left out. ``vars`` is immutable and holds every other
    variable, those of its groups merged in.
    """

    name: str
    address: str
    port: int = 22
    user: str | None = None
    key: Path | None = None
    known_hosts: Path | None = None
    gateway: str | None = None
    become: bool = False
    become_user: str = "root"
    password: Secret | None = None
    connect_timeout: float | None = None
    groups: tuple[str, ...] = ()
    vars: Mapping[str, Any] = field(default_factory=_no_vars)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Host) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Group:
    """A named group: the hosts and groups listed in it itself, by name, and its own variables."""

    name: str
    hosts: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    vars: Mapping[str, Any] = field(default_factory=_no_vars, hash=False)


@dataclass(frozen=True, eq=False, slots=True)
class Inventory:
    """The hosts and groups of one inventory file, by name, in the file's order.

    ``groups`` always has ``all`` and ``ungrouped``. ``source`` is the file.
    """

    hosts: Mapping[str, Host]
    groups: Mapping[str, Group]
    source: Path

    def host(self, name: str) -> Host:
        """Return the host of that name; raises InventoryError with the nearest name there is."""
        found = self.hosts.get(name)
        if found is None:
            close = difflib.get_close_matches(name, self.hosts, 1)
            hint = f"did you mean {close[0]!r}?" if close else "./inv inventory.list shows all"
            raise InventoryError(f"there is no host {name!r}", where=str(self.source), hint=hint)
        return found

    def select(self, pattern: str, *, limit: str = "") -> tuple[Host, ...]:
        """Return the hosts that ``pattern``, and ``limit`` if given, match, in inventory order.

        Raises PatternError when either is malformed, names nobody, or nothing is left.
        """
        return patterns.select(self, pattern, limit=limit)

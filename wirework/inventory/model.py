"""Hosts, groups and the inventory that holds them: what everything else is told about a fleet."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from wirework.errors import InventoryError
from wirework.inventory import patterns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from wirework.documents import Map
    from wirework.secrets import Secret


def _no_vars() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, eq=False, slots=True)
class Host:
    """One host: how to log in on it, the groups it is in and its variables.

    ``name`` is what people call it and its only identity: hosts of one name are equal.
    None means that the inventory says nothing, and leaves it to ssh_config(5) or whoever connects.
    ``address`` is a name or IP address to connect to, as one would give it to ssh(1).
    ``gateway`` is the name of another host of the inventory to go through, "" for none whatever
    ssh_config says. ``key``, ``known_hosts`` and ``ssh_config`` are absolute paths.
    ``host_keys`` is ``strict`` or ``accept-new``, ``become_method`` ``sudo``, ``su`` or ``doas``,
    or another program's word for a way we do not have.
    ``ssh_options`` are keywords of ssh_config and their values, which win over that file.
    ``connection`` is ``ssh``, or another program's word, likewise.
    ``connect_timeout`` is in seconds.
    ``groups`` are the names of every group it is in, its own and their parents, in the order in
    which their variables apply, ``all`` left out. ``vars`` is immutable and holds every
    variable but our own names for these settings, those of its groups merged in.
    """

    name: str
    address: str
    port: int | None = None
    user: str | None = None
    key: Path | None = None
    key_passphrase: Secret | None = None
    password: Secret | None = None
    known_hosts: Path | None = None
    host_keys: str | None = None
    gateway: str | None = None
    become: bool = False
    become_user: str = "root"
    become_method: str = "sudo"
    become_password: Secret | None = None
    connect_timeout: float | None = None
    connect_retries: int | None = None
    ssh_config: Path | None = None
    ssh_options: Mapping[str, str] = field(default_factory=_no_vars)
    connection: str = "ssh"
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
    """A named group: the hosts and groups listed in it itself, by name, and its own variables.

    ``where`` is the place that names it first.
    """

    name: str
    hosts: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    vars: Mapping[str, Any] = field(default_factory=_no_vars, hash=False)
    where: str = field(default="", compare=False)


@dataclass(frozen=True, eq=False, slots=True)
class Layer:
    """Variables that one place gives to a host: its name for people, and the mapping itself.

    The mapping is as written, settings by our names too, and knows the ``file:line`` of each.
    """

    name: str
    vars: Map


def _no_layers(_host: str) -> tuple[Layer, ...]:
    return ()


@dataclass(frozen=True, eq=False, slots=True)
class Inventory:
    """The hosts and groups of one or more inventory files, by name, in the files' order.

    ``groups`` always has ``all`` and ``ungrouped``. ``sources`` are the files and folders.
    ``notes`` are lines ``place: what is worth knowing there`` that are no mistakes.
    """

    hosts: Mapping[str, Host]
    groups: Mapping[str, Group]
    sources: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    levels: Callable[[str], tuple[Layer, ...]] = field(default=_no_layers, repr=False)

    @property
    def source(self) -> str:
        """The files and folders, as messages name them."""
        return ", ".join(map(str, self.sources))

    def layers(self, host: Host) -> tuple[Layer, ...]:
        """Return what every place says of a host, in the order in which later ones win.

        ``all``, ``group web``, ``group_vars/web.yml``, ``host``, ``host_vars/web1.yml``, …
        """
        return self.levels(host.name)

    def host(self, name: str) -> Host:
        """Return the host of that name; raises InventoryError with the nearest name there is."""
        found = self.hosts.get(name)
        if found is None:
            close = difflib.get_close_matches(name, self.hosts, 1)
            hint = f"did you mean {close[0]!r}?" if close else "./inv inventory.list shows all"
            raise InventoryError(f"there is no host {name!r}", where=self.source, hint=hint)
        return found

    def select(self, pattern: str, *, limit: str = "") -> tuple[Host, ...]:
        """Return the hosts that ``pattern``, and ``limit`` if given, match, in inventory order.

        Raises PatternError when either is malformed, names nobody, or nothing is left.
        """
        return patterns.select(self, pattern, limit=limit)

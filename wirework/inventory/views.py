"""What an inventory looks like: rows, one host in full, and the tree of groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wirework.errors import InventoryError
from wirework.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wirework.inventory.model import Host, Inventory


@dataclass(frozen=True)
class HostRow:
    """One host in a list of hosts; ``user`` is "" where the inventory names none."""

    host: str
    address: str
    port: int
    user: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class HostView:
    """Everything known about one host, as plain data: paths are text, secrets only their source.

    ``None`` means that the inventory says nothing; ``connect_timeout`` is in seconds.
    """

    host: str
    address: str
    port: int
    user: str | None
    key: str | None
    known_hosts: str | None
    gateway: str | None
    become: bool
    become_user: str
    password: str | None
    connect_timeout: float | None
    groups: tuple[str, ...]
    vars: Mapping[str, Any]


@dataclass(frozen=True)
class GroupTree:
    """A group with the names of the hosts listed in it itself, and the groups inside it."""

    group: str
    hosts: tuple[str, ...]
    children: tuple[GroupTree, ...]


def rows(hosts: Iterable[Host]) -> tuple[HostRow, ...]:
    """Return one row a host, in the order given."""
    return tuple(
        HostRow(host.name, host.address, host.port, host.user or "", host.groups) for host in hosts
    )


def show(host: Host) -> HostView:
    """Return everything known about ``host`` without revealing a secret."""
    return HostView(
        host=host.name,
        address=host.address,
        port=host.port,
        user=host.user,
        key=_text(host.key),
        known_hosts=_text(host.known_hosts),
        gateway=host.gateway,
        become=host.become,
        become_user=host.become_user,
        password=_text(host.password),
        connect_timeout=host.connect_timeout,
        groups=host.groups,
        vars=_open(host.vars),
    )


def graph(inventory: Inventory, group: str = "all") -> GroupTree:
    """Return the tree of groups below ``group``; ``ungrouped`` is left out when it is empty.

    A group with several parents stands below each. Raises InventoryError for an unknown group.
    """
    if group not in inventory.groups:
        raise InventoryError(
            f"there is no group {group!r}",
            where=str(inventory.source),
            hint=f"groups: {', '.join(inventory.groups)}",
        )
    known: dict[str, GroupTree] = {}
    return _tree(inventory, group, known)


def _tree(inventory: Inventory, name: str, known: dict[str, GroupTree]) -> GroupTree:
    if name not in known:
        group = inventory.groups[name]
        children = (
            _tree(inventory, child, known)
            for child in group.children
            if child != "ungrouped" or inventory.groups[child].hosts
        )
        hosts = () if name == "all" else group.hosts
        known[name] = GroupTree(name, hosts, tuple(children))
    return known[name]


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _open(value: Any) -> Any:
    """Return ``value`` as plain dicts, lists and scalars."""
    if isinstance(value, Secret):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _open(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_open(item) for item in value]
    return value

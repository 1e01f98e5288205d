"""What an inventory looks like: rows, one host in full, and the tree of groups."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wirework.errors import InventoryError
from wirework.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wirework.inventory.model import Host, Inventory


@dataclass(frozen=True)
class HostRow:
    """One host in a list of hosts; ``port`` and ``user`` are None where nothing is said."""

    host: str
    address: str
    port: int | None
    user: str | None
    groups: tuple[str, ...]


@dataclass(frozen=True)
class HostView:
    """Everything known about one host, as plain data: paths are text, secrets only their source.

    ``settings`` are those of the host's login that the inventory, or a default, gives.
    """

    host: str
    settings: Mapping[str, Any]
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
        HostRow(host.name, host.address, host.port, host.user, host.groups) for host in hosts
    )


def show(host: Host) -> HostView:
    """Return everything known about ``host`` without revealing a secret."""
    settings = {
        field.name: plain(getattr(host, field.name))
        for field in dataclasses.fields(host)
        if field.name not in ("name", "groups", "vars")
    }
    said = {name: value for name, value in settings.items() if value not in (None, {})}
    return HostView(host=host.name, settings=said, groups=host.groups, vars=plain(host.vars))


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


def plain(value: Any) -> Any:
    """Return ``value`` as plain dicts, lists and scalars, secrets as their source."""
    if isinstance(value, Secret | Path):
        return str(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value

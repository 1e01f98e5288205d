"""The fleet: which hosts and groups there are, and what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .cli import task

if TYPE_CHECKING:
    from wirework.inventory import GroupTree, HostRow, HostView, Inventory

INVENTORY = "The inventory file; a lab's name reaches that lab."


def _load(inventory: str) -> Inventory:
    from pathlib import Path

    from wirework.inventory import find, load

    return load(find(inventory, start=Path.cwd()))


@task(
    name="list",
    help={"hosts": "Which hosts: names, groups, globs; web:&prod:!web3.", "inventory": INVENTORY},
)
def list_(c: object, hosts: str = "all", inventory: str = "") -> Sequence[HostRow]:
    """List the hosts that a pattern selects."""
    from wirework.inventory import rows

    return rows(_load(inventory).select(hosts))


@task(help={"host": "The host's name in the inventory.", "inventory": INVENTORY})
def show(c: object, host: str, inventory: str = "") -> HostView:
    """Show how one host is reached, and its variables; secrets stay hidden."""
    from wirework.inventory import show

    return show(_load(inventory).host(host))


@task(
    view="views.graph",
    help={"group": "The group to start from.", "inventory": INVENTORY},
)
def graph(c: object, group: str = "all", inventory: str = "") -> GroupTree:
    """Draw the groups, what is in them, and their hosts."""
    from wirework.inventory import graph

    return graph(_load(inventory), group)

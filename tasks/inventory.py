"""The fleet: which hosts and groups there are, and what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .cli import task

if TYPE_CHECKING:
    from wirework.inventory import Inventory
    from wirework.inventory.check import Checked
    from wirework.inventory.explain import Explanation
    from wirework.inventory.views import GroupTree, HostRow, HostView
    from wirework.ssh.explain import HostExplained

    from .cli.trust import Trust

INVENTORY = "The inventory file; a lab's name reaches that lab."


def _load(inventory: str) -> Inventory:

    from wirework.inventory import find, load

    return load(find(inventory))


@task(
    name="list",
    help={"hosts": "Which hosts: names, groups, globs; web:&prod:!web3.", "inventory": INVENTORY},
)
def list_(c: object, hosts: str = "all", inventory: str = "") -> Sequence[HostRow]:
    """List the hosts that a pattern selects."""
    from wirework.inventory.views import rows

    return rows(_load(inventory).select(hosts))


@task(help={"host": "The host's name in the inventory.", "inventory": INVENTORY})
def show(c: object, host: str, inventory: str = "") -> HostView:
    """Show how one host is reached, and its variables; secrets stay hidden."""
    from wirework.inventory.views import show

    return show(_load(inventory).host(host))


@task(
    view="inventories.explained",
    last="var",
    help={
        "host": "The host's name in the inventory.",
        "var": "A variable, a key of one (mail.port), or a setting; without it all there are.",
        "inventory": INVENTORY,
    },
)
def explain(
    c: object, host: str, var: str = "", inventory: str = ""
) -> Explanation | HostExplained:
    """Explain where a host's values come from: file, line, and what they win over."""
    from wirework.ssh.explain import explain, explain_all

    fleet = _load(inventory)
    chosen = fleet.host(host)
    return explain(fleet, chosen, var) if var else explain_all(fleet, chosen)


@task(view="inventories.checked", help={"inventory": INVENTORY})
def check(c: object, inventory: str = "") -> Checked:
    """Check an inventory for all that is wrong with it; nothing is connected to.

    Ends with 2 if it cannot be used, and with 1 if anything else was found.
    """
    from wirework.inventory import find
    from wirework.ssh.check import check

    return check(find(inventory))


@task(
    view="views.graph",
    help={"group": "The group to start from.", "inventory": INVENTORY},
)
def graph(c: object, group: str = "all", inventory: str = "") -> GroupTree:
    """Draw the groups, what is in them, and their hosts."""
    from wirework.inventory.views import graph

    return graph(_load(inventory), group)


@task(
    view="trust.shown",
    help={
        "hosts": "Which hosts: names, groups, globs; web:&prod:!web3.",
        "limit": "Of those, only the hosts that this pattern matches too.",
        "inventory": INVENTORY,
        "yes": "Pin new keys without asking.",
    },
)
def trust(
    c: object, hosts: str = "", limit: str = "", inventory: str = "", yes: bool = False
) -> Trust:
    """Show the hosts' keys and their fingerprints, and pin those that are new.

    Nobody logs in, but on gateways. A key that has changed is never pinned.
    """
    from .cli.trust import trust

    return trust(hosts, limit, inventory, yes=yes)

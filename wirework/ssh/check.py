"""Everything that is wrong about an inventory and the ssh_config it meets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wirework.errors import BadInput
from wirework.inventory import check as inventory_check
from wirework.inventory.check import Checked, Finding, Kind, of_note, said_at
from wirework.ssh.pool import Pool
from wirework.ssh.target import Targets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from wirework.inventory import Inventory


def check(sources: Sequence[Path]) -> Checked:
    """Check an inventory as ``wirework.inventory.check`` does, and how its hosts are reached.

    Nothing is connected to.
    """
    return inventory_check.check(sources, also=_findings)


def _findings(inventory: Inventory) -> Iterator[Finding]:
    targets = Targets(known_hosts=(), connect_timeout=1.0)  # for their ssh_config only
    with Pool(gateways=inventory.hosts.__getitem__) as pool:
        for host in inventory.hosts.values():
            if host.connection != "ssh":
                continue
            try:
                yield from map(of_note, targets.config(host).notes)
                remote = pool.remote(host)
                unchecked = remote.target.unchecked
                _ = remote.gateway  # circles by way of ssh_config show when it is looked for
            except BadInput as error:
                yield Finding(Kind.ERROR, error.where, error.message, error.hint)
                continue
            if unchecked is not None:
                by_inventory = unchecked == "ssh_options"
                yield Finding(
                    Kind.WARNING,
                    said_at(inventory, host, "ssh_options") if by_inventory else unchecked,
                    "StrictHostKeyChecking no is not followed: host keys are checked",
                    "host_keys: accept-new takes new ones",
                )

"""The engine for programs: wishes made true on the hosts of an inventory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wirework.fleet import fan_out
from wirework.ssh import Pool
from wirework.state.converge import converge
from wirework.state.course import Item

if TYPE_CHECKING:
    from collections.abc import Callable

    from wirework.fleet import Report, Watcher
    from wirework.inventory import Host, Inventory
    from wirework.state.operation import Wish
    from wirework.state.results import Converged


def apply(
    fleet: Inventory,
    pattern: str,
    wishes: Sequence[Wish] | Callable[[Host], Sequence[Wish]],
    *,
    become: bool | None = None,
    check: bool = False,
    diff: bool = False,
    forks: int = 50,
    batches: Sequence[str | int] = ("100%",),
    max_fail: str | int | None = None,
    timeout: float | None = None,
    watch: Watcher | None = None,
) -> Report[Converged]:
    """Make wishes true, in their order, on every host that ``pattern`` selects.

    ``wishes`` are calls of operations (``operations.link(path=…, to=…)``), or a function that
    returns those of one host. ``check`` and ``diff`` are for ``converge``, the rest for
    ``fan_out``. Wrong arguments and patterns are a BadInput before any host is touched; what
    goes wrong on a host is in its outcome of the report.
    """
    hosts = fleet.select(pattern)
    items = {
        host: [Item(wish) for wish in (wishes if isinstance(wishes, Sequence) else wishes(host))]
        for host in hosts
    }
    with Pool(gateways=fleet.hosts.__getitem__) as pool:

        def work(host: Host) -> Converged:
            remote = pool.remote(host)
            remote.connect()
            return converge(remote, items[host], become=become, check=check, diff=diff)

        return fan_out(
            hosts,
            work,
            forks=forks,
            batches=batches,
            max_fail=max_fail,
            timeout=timeout,
            give_up=pool.give_up,
            watch=watch,
        )

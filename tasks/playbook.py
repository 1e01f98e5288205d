"""Deployments: plays over groups of hosts, checked whole, then run in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .cli import task

if TYPE_CHECKING:
    from wirework.playbook import RunResult

    from .cli.plays import Checked, PlayView

PLAYBOOK = "The playbook's file."
INVENTORY = "The inventory file; a lab's name reaches that lab."
LIMIT = "Only the hosts that this pattern matches too."


@task(
    view="plays.problems",
    help={"playbook": PLAYBOOK, "inventory": INVENTORY, "limit": LIMIT},
)
def check(c: object, playbook: str, inventory: str = "", limit: str = "") -> Checked:
    """Find every mistake in a playbook, for the hosts it would work on; touch nothing."""
    from .cli.plays import read
    from .namespace import ns

    return read(playbook, inventory, limit, tasks=ns).checked


@task(
    view="plays.summary",
    help={
        "playbook": PLAYBOOK,
        "inventory": INVENTORY,
        "limit": LIMIT,
        "forks": "How many hosts are worked on at once (50).",
        "timeout": "Seconds for the whole run; 0 waits as long as it takes.",
    },
)
def run(
    c: object,
    playbook: str,
    inventory: str = "",
    limit: str = "",
    check: bool = False,
    diff: bool = False,
    forks: int = 50,
    timeout: float = 0.0,
    *,
    watch: PlayView | None = None,
) -> RunResult:
    """Run a playbook, or with --check show what it would change."""
    from .cli.plays import carry_out, read
    from .namespace import ns

    prepared = read(playbook, inventory, limit, tasks=ns)
    return carry_out(prepared, watch, check=check, diff=diff, forks=forks, timeout=timeout)

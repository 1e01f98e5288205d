"""Deployments: plays over groups of hosts, checked whole, then run in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .cli import task

if TYPE_CHECKING:
    from wirework.playbook import RunResult

    from .cli.play_view import PlayView
    from .cli.plays import Applied, Checked, Planned

PLAYBOOK = "The playbook's file."
INVENTORY = "The inventory file; a lab's name reaches that lab."
LIMIT = "Only the hosts that this pattern matches too."
FORKS = "How many hosts are worked on at once (50)."
TIMEOUT = "Seconds for the whole run; 0 waits as long as it takes."
USER = "Log in as this user, whatever the inventory says."
BECOMING = "Where the password for becoming root is: env:NAME, prompt:TEXT, …."


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
    view="plays.planned",
    help={
        "playbook": PLAYBOOK,
        "inventory": INVENTORY,
        "limit": LIMIT,
        "out": "The file to keep the plan in, for playbook.apply.",
        "forks": FORKS,
        "timeout": TIMEOUT,
        "user": USER,
        "become_password": BECOMING,
    },
)
def plan(
    c: object,
    playbook: str,
    inventory: str = "",
    limit: str = "",
    out: str = "",
    forks: int = 50,
    timeout: float = 0.0,
    user: str = "",
    become_password: str = "",
    *,
    watch: PlayView | None = None,
) -> Planned:
    """Show what a playbook would change, with diffs; --out keeps it as a plan."""
    from .cli.logins import Login
    from .cli.plays import plan, read
    from .namespace import ns

    login = Login(user=user, become_password=become_password)
    prepared = read(playbook, inventory, limit, tasks=ns, login=login)
    return plan(prepared, watch, out, forks=forks, timeout=timeout)


@task(
    view="plays.applied",
    help={
        "plan": "The file that playbook.plan made.",
        "forks": FORKS,
        "timeout": TIMEOUT,
        "user": USER,
        "become_password": BECOMING,
    },
)
def apply(
    c: object,
    plan: str,
    forks: int = 50,
    timeout: float = 0.0,
    user: str = "",
    become_password: str = "",
    *,
    watch: PlayView | None = None,
) -> Applied:
    """Carry out a saved plan, unless a host has drifted from it."""
    from .cli.logins import Login
    from .cli.plays import apply
    from .namespace import ns

    login = Login(user=user, become_password=become_password)
    return apply(plan, watch, forks=forks, timeout=timeout, tasks=ns, login=login)


@task(
    view="plays.summary",
    help={
        "playbook": PLAYBOOK,
        "inventory": INVENTORY,
        "limit": LIMIT,
        "forks": FORKS,
        "timeout": TIMEOUT,
        "user": USER,
        "become_password": BECOMING,
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
    user: str = "",
    become_password: str = "",
    *,
    watch: PlayView | None = None,
) -> RunResult:
    """Run a playbook, or with --check show what it would change."""
    from .cli.logins import Login
    from .cli.plays import carry_out, read
    from .namespace import ns

    login = Login(user=user, become_password=become_password)
    prepared = read(playbook, inventory, limit, tasks=ns, login=login)
    return carry_out(prepared, watch, check=check, diff=diff, forks=forks, timeout=timeout)

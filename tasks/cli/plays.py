"""Playbooks for the command line: prepared, carried out, planned, and summed up in a line."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from invoke.collection import Collection
from rich.text import Text

from wirework import inventory
from wirework.errors import BadInput, PlaybookError
from wirework.inventory import fold
from wirework.playbook import (
    Catalogue,
    Plan,
    Playbook,
    PlayWork,
    RunResult,
    load,
    load_plan,
    prepare,
    project_of,
    save_plan,
)
from wirework.playbook import run as run_plays
from wirework.ssh import Pool
from wirework.state import OPERATIONS

from .logins import Login
from .play_view import PlayView, from_here
from .render import console
from .steps import task_steps
from .terminal import count, plain, seconds


@dataclass(frozen=True)
class Problem:
    """One mistake in a playbook."""

    where: str
    problem: str
    next: str


@dataclass(frozen=True)
class Checked:
    """A playbook checked against an inventory; ``steps`` counts those of all hosts."""

    playbook: str
    plays: int
    hosts: int
    steps: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether it could be run."""
        return not self.problems

    @property
    def is_bad_input(self) -> bool:
        """Whether the playbook itself is at fault."""
        return not self.ok


@dataclass(frozen=True)
class Planned:
    """A playbook's plan, and the file it was saved in, if it was."""

    run: RunResult
    saved: str

    @property
    def ok(self) -> bool:
        """Whether every host has a plan."""
        return self.run.ok

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it early."""
        return self.run.interrupted

    @property
    def is_unreachable(self) -> bool:
        """Whether all that went wrong is that hosts could not be reached."""
        return self.run.is_unreachable


@dataclass(frozen=True)
class Applied(Planned):
    """What came of carrying out a saved plan; ``refused`` when nothing was touched."""

    refused: bool
    asked: tuple[str, ...]
    """The words that ask for the same plan again."""


@dataclass(frozen=True)
class Prepared:
    """A playbook with its work, ready to be carried out when there are no errors.

    ``source`` and ``limit`` are what its hosts were asked for by.
    """

    playbook: Playbook
    fleet: inventory.Inventory
    work: tuple[PlayWork, ...]
    errors: tuple[BadInput, ...]
    source: str
    limit: str

    @property
    def checked(self) -> Checked:
        """What checking it has shown."""
        hosts = {each.host.name for play in self.work for each in play.hosts}
        steps = sum(len(each.items) for play in self.work for each in play.hosts)
        problems = tuple(Problem(e.where, e.message, e.hint) for e in self.errors)
        path = str(self.playbook.path)
        return Checked(path, len(self.playbook.plays), len(hosts), steps, problems)

    def refuse_mistakes(self) -> None:
        """Raise the first mistake, and tell how many more there are."""
        if not self.errors:
            return
        first, *more = self.errors
        hint = first.hint
        if more:
            many = count(len(more), "more mistake")
            hint = f"{many}: ./inv playbook.check {self.playbook.path}"
        raise PlaybookError(first.message, where=first.where, hint=hint)


def read(
    playbook: str | Path,
    source: str,
    limit: str = "",
    *,
    tasks: Collection,
    login: Login = Login(),  # noqa: B008  (frozen)
) -> Prepared:
    """Read a playbook and bind it to the hosts of an inventory; nothing is touched.

    ``tasks`` is the namespace whose tasks it may name; ``login`` is said of all its hosts.
    """
    path = Path(playbook)
    fleet = inventory.load(inventory.find(source))
    project = project_of(path)
    catalogue = Catalogue(OPERATIONS, task_steps(tasks), project / "roles", project / "templates")
    mistakes: list[BadInput] = []
    book = load(path, catalogue, mistakes=mistakes)
    if mistakes:
        once = {str(mistake): mistake for mistake in mistakes}
        return Prepared(book, fleet, (), tuple(once.values()), source, limit)
    # Gateways stay as the inventory has them.
    hosts = {host.name: host for host in login.of(fleet.hosts.values())}
    work, errors = prepare(book, replace(fleet, hosts=hosts), catalogue, limit=limit)
    return Prepared(book, fleet, work, tuple(errors), source, limit)


def carry_out(
    prepared: Prepared,
    watch: PlayView | None,
    *,
    check: bool,
    diff: bool,
    forks: int = 50,
    timeout: float = 0.0,
) -> RunResult:
    """Run what was prepared; raises the first mistake, and how many more there are."""
    with _carrying(prepared, watch, forks=forks, timeout=timeout) as carry:
        return carry(check=check, diff=diff)


def plan(
    prepared: Prepared, watch: PlayView | None, out: str, *, forks: int, timeout: float
) -> Planned:
    """Find out what would be changed, and keep it in the file ``out`` when there is one."""
    if out and not os.access(Path(out).parent, os.W_OK):
        raise BadInput("nothing can be saved there", where=out, hint="does the folder exist?")
    result = carry_out(prepared, watch, check=True, diff=True, forks=forks, timeout=timeout)
    if not out or not result.ok:
        return Planned(result, saved="")
    made = Plan.of(result, inventory=prepared.source, limit=prepared.limit)
    save_plan(made, Path(out))
    return Planned(result, saved=out)


def apply(
    file: str,
    watch: PlayView | None,
    *,
    forks: int,
    timeout: float,
    tasks: Collection,
    login: Login,
) -> Applied:
    """Carry out a saved plan, unless a host, the playbook or the inventory has drifted from it.

    All hosts are looked at again before any of them is touched.
    """
    kept = load_plan(Path(file))
    prepared = read(kept.playbook, kept.inventory, kept.limit, tasks=tasks, login=login)
    with _carrying(prepared, watch, forks=forks, timeout=timeout) as carry:
        kept.check(prepared.work, file)
        before = carry(check=True, diff=False, plan=kept, quiet=True)
        asked = [kept.playbook]
        asked += ["--inventory", kept.inventory] if kept.inventory else []
        asked += ["--limit", kept.limit] if kept.limit else []
        result = carry(check=False, diff=False, plan=kept) if before.ok else before
        return Applied(result, file, refused=not before.ok, asked=tuple(asked))


class _Carry(Protocol):
    """Runs what was prepared, once more over the same connections."""

    def __call__(
        self, *, check: bool, diff: bool, plan: Plan | None = None, quiet: bool = False
    ) -> RunResult:
        """Return what came of it; ``quiet`` shows progress and what went wrong only."""


@contextmanager
def _carrying(
    prepared: Prepared, watch: PlayView | None, *, forks: int, timeout: float
) -> Iterator[_Carry]:
    prepared.refuse_mistakes()
    listen = watch.heard if watch else None
    with Pool(gateways=prepared.fleet.hosts.__getitem__, listen=listen) as pool:

        def carry(
            *, check: bool, diff: bool, plan: Plan | None = None, quiet: bool = False
        ) -> RunResult:
            if watch:
                watch.begin(check=check, diff=diff, quiet=quiet)
            return run_plays(
                prepared.playbook,
                prepared.work,
                pool,
                check=check,
                diff=diff,
                plan=plan,
                forks=forks,
                timeout=timeout or None,
                watch=watch,
            )

        yield carry


def summary(result: RunResult, saved: str = "") -> None:
    """Say in one line what came of a run, and what to do next."""
    outcomes = [outcome for play in result.plays for outcome in play.report.outcomes]
    hosts = list(dict.fromkeys(outcome.host.name for outcome in outcomes))
    lost = {outcome.host.name for outcome in outcomes if not outcome.ok}
    time = seconds(result.seconds)
    if lost:
        line = f"{count(len(lost), 'host')} of {len(hosts)} did not get there: {fold(sorted(lost))}"
        todo = "Interrupted: run" if result.interrupted else "Mend the cause and run"
        print(f"{line}. {todo} it again: what is done stays done.", file=sys.stderr)
        return
    changes = count(result.changed, "change") if result.changed else "nothing to change"
    on = f"{changes} on {count(len(hosts), 'host')}"
    if not result.check:
        print(f"{on}, in {time}")
    elif result.changed:
        todo = f"playbook.apply {saved}" if saved else f"playbook.run {result.playbook}"
        print(f"{on}, none made. To make them: ./inv {todo}")
    else:
        print(f"{on}: every host is as it should be")


def planned(result: Planned) -> None:
    """Say what a plan comes to and how to carry it out."""
    summary(result.run, result.saved)


def applied(result: Applied) -> None:
    """Say what came of carrying out a plan, or that it no longer holds."""
    if not result.refused or result.interrupted or result.is_unreachable:
        summary(result.run)
        return
    again = shlex.join(["./inv", "playbook.plan", *result.asked, "--out", result.saved])
    print(f"Nothing was touched: the plan no longer holds. Plan again: {again}", file=sys.stderr)


def problems(checked: Checked) -> None:
    """Show a playbook's mistakes, one a line, or that there are none."""
    for problem in checked.problems:
        after = f" ({problem.next})" if problem.next else ""
        where = from_here(problem.where)
        line = Text.assemble((f"{where}: ", "bold"), plain(problem.problem), (after, "dim"))
        console().print(line)
    size = f"{count(checked.plays, 'play')}, {count(checked.hosts, 'host')}"
    if checked.ok:
        print(f"{checked.playbook} is fine: {size}, {count(checked.steps, 'step')} in all")
    else:
        print(f"{count(len(checked.problems), 'mistake')} in {checked.playbook}", file=sys.stderr)

"""Playbooks for the command line: prepared, carried out, and followed on the screen."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from invoke.collection import Collection
from rich.text import Text

from wirework import inventory
from wirework.errors import BadInput, PlaybookError
from wirework.fleet import Outcome, Status
from wirework.inventory import Host, fold
from wirework.playbook import (
    Catalogue,
    HostResult,
    Play,
    Playbook,
    PlayResult,
    PlayWork,
    RunResult,
    Verified,
    load,
    prepare,
    project_of,
)
from wirework.playbook import run as run_plays
from wirework.ssh import Pool
from wirework.state import OPERATIONS, Done, StepResult, StepStatus

from .progress import STYLES, Progress
from .render import Form, console
from .steps import task_steps
from .terminal import count, plain, seconds

MARKS = {
    "create": ("+", "green"),
    "change": ("~", "yellow"),
    "remove": ("-", "red"),
    "run": (">", "cyan"),
}
AFTERWARDS = "known after apply"


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
class Prepared:
    """A playbook with its work, ready to be carried out when there are no errors."""

    playbook: Playbook
    fleet: inventory.Inventory
    work: tuple[PlayWork, ...]
    errors: tuple[BadInput, ...]

    @property
    def checked(self) -> Checked:
        """What checking it has shown."""
        hosts = {each.host.name for play in self.work for each in play.hosts}
        steps = sum(len(each.items) for play in self.work for each in play.hosts)
        problems = tuple(Problem(e.where, e.message, e.hint) for e in self.errors)
        path = str(self.playbook.path)
        return Checked(path, len(self.playbook.plays), len(hosts), steps, problems)


def read(playbook: str | Path, source: str, limit: str = "", *, tasks: Collection) -> Prepared:
    """Read a playbook and bind it to the hosts of an inventory; nothing is touched.

    ``tasks`` is the namespace whose tasks it may name.
    """
    path = Path(playbook)
    fleet = inventory.load(inventory.find(source, start=Path.cwd()))
    project = project_of(path)
    catalogue = Catalogue(OPERATIONS, task_steps(tasks), project / "roles", project / "templates")
    mistakes: list[BadInput] = []
    book = load(path, catalogue, mistakes=mistakes)
    if mistakes:
        once = {str(mistake): mistake for mistake in mistakes}
        return Prepared(book, fleet, (), tuple(once.values()))
    work, errors = prepare(book, fleet, catalogue, limit=limit)
    return Prepared(book, fleet, work, tuple(errors))


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
    if prepared.errors:
        first, *more = prepared.errors
        hint = first.hint
        if more:
            hint = (
                f"{count(len(more), 'more mistake')}: ./inv playbook.check {prepared.playbook.path}"
            )
        raise PlaybookError(first.message, where=first.where, hint=hint)
    if watch:
        watch.begin(check=check, diff=diff)
    listen = watch.heard if watch else None
    with Pool(gateways=prepared.fleet.hosts.__getitem__, listen=listen) as pool:
        return run_plays(
            prepared.playbook,
            prepared.work,
            pool,
            check=check,
            diff=diff,
            forks=forks,
            timeout=timeout or None,
            watch=watch,
        )


class PlayView:
    """Shows a run as it goes: per batch, per host, what changed and how long it took.

    Hosts whose steps came out alike are shown once, under their folded names.
    """

    def __init__(self) -> None:
        self._check = self._diff = False
        self._progress: Progress | None = None
        self._batch: list[Outcome[HostResult]] = []
        self._heading: Text | None = None
        self._order: dict[Host, int] = {}
        self._shown: set[Host] = set()

    @classmethod
    def of(cls, form: Form) -> PlayView | None:
        """Return a view for people; programs get none."""
        return cls() if form is Form.TABLE else None

    def begin(self, *, check: bool, diff: bool) -> None:
        """Learn what kind of run follows."""
        self._check, self._diff = check, diff

    def say(self, text: str, style: str = "") -> None:
        """Write a line."""
        console().print(Text(text, style))

    def play(self, play: Play, hosts: Sequence[Host]) -> None:
        """Write the play's heading."""
        self._order = {host: number for number, host in enumerate(hosts)}
        self._shown = set()
        name = play.name or play.hosts
        plan = "Plan: " if self._check else ""
        line = Text.assemble((f"{plan}{name}", "bold"), (f"  {count(len(hosts), 'host')}", "dim"))
        console().print(line)
        self._progress = Progress(name, len(hosts), quiet=True)
        self._progress.__enter__()

    def batch(self, number: int, of: int, hosts: Sequence[Host]) -> None:
        """Show the batch that has ended, and begin another."""
        self._flush()
        if of > 1:
            names = fold([host.name for host in hosts])
            self._heading = Text.assemble(
                (f"  batch {number} of {of}", "dim"), ("  "), (names, "dim")
            )
        if self._progress:
            self._progress.batch(number, of, hosts)

    def started(self, host: Host) -> None:
        """Pass on to the progress display."""
        if self._progress:
            self._progress.started(host)

    def finished(self, outcome: Outcome[Any]) -> None:
        """Keep the outcome until its batch has ended."""
        if self._progress:
            self._progress.finished(outcome)
        self._batch.append(outcome)

    def played(self, result: PlayResult) -> None:
        """Show the last batch, with the hosts that an interrupt left unannounced."""
        if self._progress:
            self._progress.__exit__()
            self._progress = None
        told = self._shown | {outcome.host for outcome in self._batch}
        self._batch += [each for each in result.report.outcomes if each.host not in told]
        self._flush()

    def heard(self, host: Host, stream: str, data: bytes) -> None:
        """Pass on to the progress display."""
        if self._progress:
            self._progress.heard(host, stream, data)

    def _flush(self) -> None:
        outcomes, self._batch = self._batch, []
        self._shown |= {outcome.host for outcome in outcomes}
        if not outcomes:
            return
        if self._progress:
            self._progress.pause()
        if self._heading:
            console().print(self._heading)
            self._heading = None
        groups: dict[Any, list[Outcome[HostResult]]] = {}
        for outcome in sorted(outcomes, key=lambda each: self._order[each.host]):
            groups.setdefault(alike(outcome), []).append(outcome)
        for same in groups.values():
            show_group(same, check=self._check, diff=self._diff)
        if self._progress:
            self._progress.resume()


def summary(result: RunResult) -> None:
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
        print(f"{on}, none made. To make them: ./inv playbook.run {result.playbook}")
    else:
        print(f"{on}: every host is as it should be")


def problems(checked: Checked) -> None:
    """Show a playbook's mistakes, one a line, or that there are none."""
    for problem in checked.problems:
        after = f" ({problem.next})" if problem.next else ""
        where = _from_here(problem.where)
        line = Text.assemble((f"{where}: ", "bold"), plain(problem.problem), (after, "dim"))
        console().print(line)
    size = f"{count(checked.plays, 'play')}, {count(checked.hosts, 'host')}"
    if checked.ok:
        print(f"{checked.playbook} is fine: {size}, {count(checked.steps, 'step')} in all")
    else:
        print(f"{count(len(checked.problems), 'mistake')} in {checked.playbook}", file=sys.stderr)


def alike(outcome: Outcome[HostResult]) -> Any:
    """Return what two hosts have to share to be shown as one."""
    if outcome.value is None:
        return outcome.status, outcome.error and (outcome.error.message, outcome.error.hint)
    steps = outcome.value.converged.steps
    told = tuple(
        (s.status, s.problem, s.uncertain, tuple(c.says for c in s.changes)) for s in steps
    )
    return outcome.status, told, tuple(each.ok for each in outcome.value.verified)


def show_group(same: list[Outcome[HostResult]], *, check: bool, diff: bool) -> None:
    """Show what steps came to, once for hosts that are alike."""
    first = same[0]
    name = Text(
        f"  {fold([outcome.host.name for outcome in same])}", f"bold {STYLES[first.status]}"
    )
    screen = console()
    if first.value is None:
        screen.print(Text.assemble(name, f"  {first.status}: {plain(_reason(first))}"))
        return
    converged = first.value.converged
    took = seconds(max(outcome.seconds for outcome in same))
    cost = f"  {count(converged.rounds, 'round')}, {took}"
    said = f"  {_said(converged.steps, first.status, check=check)}"
    of = f"  the diffs are {first.host.name}'s" if diff and len(same) > 1 and said else ""
    screen.print(Text.assemble(name, said, (cost + of, "dim")))
    for step in converged.steps:
        for line in _step_lines(step, diff=diff):
            screen.print(line)
    for line in _verify_lines(same):
        screen.print(line)


def _reason(outcome: Outcome[HostResult]) -> str:
    error = outcome.error
    if error is None:
        return ""
    return f"{error.message} ({error.hint})" if error.hint else error.message


def _said(steps: Iterable[StepResult], status: Status, *, check: bool) -> str:
    changes = sum(len(step.changes) for step in steps)
    if status is Status.FAILED:
        return f"failed after {count(changes, 'change')}"
    if not changes:
        return "nothing to change"
    return f"{count(changes, 'change')} to make" if check else count(changes, "change")


def _step_lines(step: StepResult, *, diff: bool) -> Iterable[Text]:
    for done in step.changes:
        mark, style = MARKS[done.verb]
        doubt = (f"  {AFTERWARDS}", "dim") if step.uncertain else ("", "")
        yield Text.assemble("    ", (mark, style), f" {plain(done.says)}", doubt)
        if diff and done.diff:
            yield from _diff_lines(done)
    if step.status is StepStatus.UNKNOWN:
        yield Text.assemble(
            "    ", ("?", "cyan"), f" {plain(step.title)}", (f"  {AFTERWARDS}", "dim")
        )
    if step.status is StepStatus.FAILED:
        where = f" ({_from_here(step.where)})" if step.where else ""
        yield Text.assemble(
            "    ", ("✗", "red"), f" {plain(step.title)}: {plain(step.problem)}", (where, "dim")
        )
        for line in step.output.splitlines()[-10:]:
            yield Text(f"        {plain(line)}", "dim")


def _from_here(where: str) -> str:
    return where.replace(f"{Path.cwd()}/", "")


def _diff_lines(done: Done) -> Iterable[Text]:
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for line in plain(done.diff).splitlines():
        is_heading = line.startswith(("---", "+++")) or (done.verb == "create" and line[:2] == "@@")
        if not is_heading:
            yield Text(f"        {line}", styles.get(line[:1], ""))


def _verify_lines(same: list[Outcome[HostResult]]) -> Iterable[Text]:
    for outcome in same:
        checks: tuple[Verified, ...] = outcome.value.verified if outcome.value else ()
        for check in checks:
            mark, style = ("✓", "green") if check.ok else ("✗", "red")
            again = f", try {check.tries}" if check.tries > 1 else ""
            said = f"  {check.said}{again}" if check.said else again
            name = f"{outcome.host.name}  " if len(same) > 1 else ""
            where = "" if check.ok else f"  ({_from_here(check.where)})"
            yield Text.assemble(
                "    ", (mark, style), f" {name}{plain(check.title)}", (plain(said) + where, "dim")
            )

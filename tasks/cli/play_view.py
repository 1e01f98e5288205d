"""A playbook's run on the screen, as it goes: what changed, where, and how long it took."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from wirework.fleet import Outcome, Status
from wirework.inventory import Host, fold
from wirework.playbook import HostResult, Play, PlayResult, Verified
from wirework.state import Done, StepResult, StepStatus

from .progress import STYLES, Progress
from .render import Form, console
from .terminal import count, plain, seconds

MARKS = {
    "create": ("+", "green"),
    "change": ("~", "yellow"),
    "remove": ("-", "red"),
    "run": (">", "cyan"),
}
AFTERWARDS = "known after apply"


class PlayView:
    """Shows a run as it goes: per batch, per host, what changed and how long it took.

    Hosts whose steps came out alike are shown once, under their folded names.
    """

    def __init__(self) -> None:
        self._check = self._diff = self._quiet = False
        self._progress: Progress | None = None
        self._batch: list[Outcome[HostResult]] = []
        self._heading: Text | None = None
        self._order: dict[Host, int] = {}
        self._shown: set[Host] = set()

    @classmethod
    def of(cls, form: Form) -> PlayView | None:
        """Return a view for people; programs get none."""
        return cls() if form is Form.TABLE else None

    def begin(self, *, check: bool, diff: bool, quiet: bool = False) -> None:
        """Learn what kind of run follows; of a ``quiet`` one only what went wrong is shown."""
        self._check, self._diff, self._quiet = check, diff, quiet

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
        if not self._quiet:
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
        if self._quiet:
            outcomes = [outcome for outcome in outcomes if not outcome.ok]
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
    diffs = diff and any(change.diff for step in converged.steps for change in step.changes)
    of = f"  the diffs are {first.host.name}'s" if diffs and len(same) > 1 else ""
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
        after = f" after {count(changes, 'change')}" if changes or not check else ""
        return f"{'would fail' if check else 'failed'}{after}"
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
    if step.status is StepStatus.DUE:
        text = f" {plain(step.title)}: called for by what changed, and not run"
        yield Text.assemble("    ", ("!", "yellow"), text)
    if step.status is StepStatus.FAILED:
        where = f" ({from_here(step.where)})" if step.where else ""
        yield Text.assemble(
            "    ", ("✗", "red"), f" {plain(step.title)}: {plain(step.problem)}", (where, "dim")
        )
        for line in step.output.splitlines()[-10:]:
            yield Text(f"        {plain(line)}", "dim")


def from_here(where: str) -> str:
    """Return a place without the folder we are in."""
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
            where = "" if check.ok else f"  ({from_here(check.where)})"
            yield Text.assemble(
                "    ", (mark, style), f" {name}{plain(check.title)}", (plain(said) + where, "dim")
            )

"""What came of a playbook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wirework.fleet import Status

if TYPE_CHECKING:
    from pathlib import Path

    from wirework.fleet import Report
    from wirework.state import Converged


@dataclass(frozen=True)
class Verified:
    """One verify step for one host: whether it came out well, after how many tries."""

    title: str
    where: str
    ok: bool
    said: str
    tries: int
    seconds: float


@dataclass(frozen=True)
class HostResult:
    """What a play did on one host, and what verifying it showed."""

    converged: Converged
    verified: tuple[Verified, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything was changed, or in a plan would be."""
        return self.converged.changed

    @property
    def ok(self) -> bool:
        """Whether every step and every check came out well."""
        return self.converged.ok and all(each.ok for each in self.verified)


@dataclass(frozen=True)
class PlayResult:
    """One play over its hosts."""

    name: str
    report: Report[HostResult]


@dataclass(frozen=True)
class RunResult:
    """A whole playbook; with ``check``, its plan."""

    playbook: Path
    check: bool
    plays: tuple[PlayResult, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether every play came out well on every host."""
        return all(play.report.ok for play in self.plays)

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it early."""
        return any(play.report.interrupted for play in self.plays)

    @property
    def is_unreachable(self) -> bool:
        """Whether all that went wrong is that hosts could not be reached."""
        reports = [play.report for play in self.plays]
        failed = any(report.of(Status.FAILED) for report in reports)
        return not failed and any(report.of(Status.UNREACHABLE) for report in reports)

    @property
    def changed(self) -> int:
        """How many changes were made, or in a plan would be."""
        return sum(
            len(step.changes)
            for play in self.plays
            for outcome in play.report.outcomes
            if outcome.value
            for step in outcome.value.converged.steps
        )

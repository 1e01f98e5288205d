"""What came of each wish on one host."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wirework.state.changes import Verb


class StepStatus(StrEnum):
    """How one step ended on one host."""

    OK = "ok"
    CHANGED = "changed"
    UNKNOWN = "unknown"
    """Only in a plan: what it will do is known after an earlier step is done."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """It was not called for: nothing it waits for has changed."""
    NOT_RUN = "not run"
    """An earlier step failed."""
    DUE = "due"
    """A handler that a change has called for, and that was not run, as an earlier step failed."""


@dataclass(frozen=True)
class Done:
    """A change that was made; in a plan, one that will be."""

    verb: Verb
    says: str
    diff: str = ""


@dataclass(frozen=True)
class Promise:
    """What a planned step does and what it was decided by.

    ``does`` is a digest for each change: of its command and of what it makes true.
    ``rests_on`` maps what was asked (``/etc/motd (sha256)``, ``service state nginx``) to a digest
    of the answer.
    """

    does: tuple[str, ...]
    rests_on: Mapping[str, str]


@dataclass(frozen=True)
class StepResult:
    """One step on one host. ``output`` is the end of what a failed change printed."""

    title: str
    where: str
    status: StepStatus
    changes: tuple[Done, ...] = ()
    uncertain: bool = False
    """Only in a plan: an earlier change may make it come out otherwise."""
    problem: str = ""
    output: str = ""
    promise: Promise | None = field(default=None, compare=False)
    """Only in a plan, of a step that changes something."""


@dataclass(frozen=True)
class Converged:
    """All steps on one host, in ``rounds`` execs that took ``seconds``."""

    steps: tuple[StepResult, ...]
    rounds: int
    seconds: float

    @property
    def changed(self) -> bool:
        """Whether anything was changed, or in a plan would be."""
        return any(step.status in (StepStatus.CHANGED, StepStatus.UNKNOWN) for step in self.steps)

    @property
    def ok(self) -> bool:
        """Whether no step failed."""
        return not any(step.status is StepStatus.FAILED for step in self.steps)

    @property
    def failed_step(self) -> StepResult | None:
        """The step that failed, if one did."""
        return next((step for step in self.steps if step.status is StepStatus.FAILED), None)

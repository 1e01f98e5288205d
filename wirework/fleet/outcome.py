"""What came of the work on each host, and of the whole run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from wirework.errors import WireworkError
    from wirework.inventory import Host

T_co = TypeVar("T_co", covariant=True)


class Status(StrEnum):
    """How the work on one host ended."""

    OK = "ok"
    CHANGED = "changed"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T_co]):
    """What came of the work on one host.

    ``value`` is what the work returned, None when it raised or never ran. ``error`` says what
    went wrong; it is None for ok and changed, and for work that returned a value whose ``ok`` is
    False. A skipped host's error says why its work was not started. ``seconds`` is the time the
    work took, 0 when it never ran.
    """

    host: Host
    status: Status
    value: T_co | None = None
    error: WireworkError | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the work was done and succeeded."""
        return self.status in (Status.OK, Status.CHANGED)


@dataclass(frozen=True, slots=True)
class Report(Generic[T_co]):
    """The outcomes of a run, one per host, in the order in which the hosts were given.

    ``seconds`` is the whole run's wall time; ``interrupted`` says that Ctrl-C ended it early.
    """

    outcomes: tuple[Outcome[T_co], ...]
    seconds: float
    interrupted: bool = False

    @property
    def ok(self) -> bool:
        """Whether the work succeeded on every host."""
        return not self.interrupted and all(outcome.ok for outcome in self.outcomes)

    @property
    def counts(self) -> dict[Status, int]:
        """How many hosts ended with each status, those of no host included."""
        found = Counter(outcome.status for outcome in self.outcomes)
        return {status: found[status] for status in Status}

    def of(self, status: Status) -> tuple[Outcome[T_co], ...]:
        """Return the outcomes with ``status``, in the report's order."""
        return tuple(outcome for outcome in self.outcomes if outcome.status is status)

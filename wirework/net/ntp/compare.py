"""Which time servers agree, and which tell another time than the rest."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from wirework.errors import BadInput
from wirework.net.ntp.query import PORT, Asking, query, servers_of
from wirework.net.ntp.readings import Reading, Status

if TYPE_CHECKING:
    from collections.abc import Sequence


class Verdict(StrEnum):
    """What comparing makes of a server."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    UNDECIDED = "undecided"
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True)
class Interval:
    """The offsets, in seconds, between which a server puts the true time."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A server's reading and what the others make of it."""

    verdict: Verdict
    reading: Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Servers side by side; ``offset`` is what has to be added to this machine's clock.

    The servers that agree all say that it is between ``low`` and ``high``; ``offset`` is their
    mean, in which a smaller root distance weighs more (RFC 5905, 11.2.3). All are in seconds, and
    None without an agreement. ``problem`` is one line, empty when all is well.
    """

    servers: tuple[Judged, ...]
    offset: float | None
    low: float | None
    high: float | None
    problem: str

    @property
    def ok(self) -> bool:
        """Whether every server answered and all agree, on a clock here as near as asked."""
        return not self.problem

    @property
    def summary(self) -> str:
        """The comparison in a few words."""
        if self.problem or self.offset is None:
            return self.problem
        return f"{len(self.servers)} servers agree: offset {self.offset:+.6f} s"


def compare(servers: str, *, port: int = PORT, asking: Asking | None = None) -> Comparison:
    """Ask two or more time servers at once, and tell which of them agree.

    A server disagrees when the interval in which it puts the true time does not reach into the
    one that more than half of the usable servers share. Raises BadInput as ``query`` does.
    """
    chosen = asking or Asking()
    if len(servers_of(servers, port)) < 2:  # noqa: PLR2004
        hint = "several, separated by commas; ntp.query asks a single one"
        raise BadInput("one server alone agrees with itself", where="SERVERS", hint=hint)
    answers = query(servers, port=port, asking=chosen)
    # A clock that is off here says nothing against the servers.
    usable = [r for r in answers.servers if r.status in (Status.ANSWER, Status.OFF)]
    shared = intersection([_interval(reading) for reading in usable])
    judged = tuple(
        Judged(verdict=_verdict(reading, usable, shared), reading=reading)
        for reading in answers.servers
    )
    agreeing = [each.reading for each in judged if each.verdict is Verdict.AGREES]
    offset = _mean(agreeing) if shared else None
    return Comparison(
        servers=judged,
        offset=offset,
        low=shared.low if shared else None,
        high=shared.high if shared else None,
        problem=_problem(judged, offset, chosen),
    )


def intersection(intervals: Sequence[Interval]) -> Interval | None:
    """Return what the most intervals have in common, when those are more than half of them.

    These are the correctness intervals of RFC 5905, 11.2.1, and its majority. Unlike there, a
    wide interval counts though its middle is elsewhere, since it contradicts nobody; and when
    the most can be had in two places, nothing is common, since either could be the truth.
    """
    # Where one interval ends and another begins, both hold the point: beginnings go first.
    edges = sorted(
        [(each.low, 0, 1) for each in intervals] + [(each.high, 1, -1) for each in intervals]
    )
    depth = most = 0
    found: list[Interval] = []
    # The last edge is an end, so every beginning has one that follows it.
    for (edge, _, step), (following, _, next_step) in pairwise(edges):
        depth += step
        if step == 1 and next_step == -1 and depth >= most:
            found = found if depth == most else []
            found.append(Interval(edge, following))
            most = depth
    return found[0] if len(found) == 1 and 2 * most > len(intervals) else None


def _interval(reading: Reading) -> Interval:
    offset, distance = reading.offset or 0.0, reading.root_distance or 0.0
    return Interval(offset - distance, offset + distance)


def _verdict(reading: Reading, usable: list[Reading], shared: Interval | None) -> Verdict:
    if reading not in usable:
        return Verdict.UNUSABLE
    if shared is None:
        return Verdict.UNDECIDED
    own = _interval(reading)
    reaches = own.low <= shared.high and own.high >= shared.low
    return Verdict.AGREES if reaches else Verdict.DISAGREES


def _mean(readings: list[Reading]) -> float:
    """Return the mean offset; whoever is nearer to a reference clock weighs more."""
    weights = [1 / (reading.root_distance or 1.0) for reading in readings]
    offsets = [reading.offset or 0.0 for reading in readings]
    return sum(w * o for w, o in zip(weights, offsets, strict=True)) / sum(weights)


def _problem(judged: tuple[Judged, ...], offset: float | None, asking: Asking) -> str:
    named = {
        verdict: ", ".join(each.reading.server for each in judged if each.verdict is verdict)
        for verdict in Verdict
    }
    problems = []
    if named[Verdict.DISAGREES]:
        problems.append(f"tells another time: {named[Verdict.DISAGREES]}")
    if named[Verdict.UNDECIDED]:
        problems.append(f"no majority agrees: {named[Verdict.UNDECIDED]}")
    if named[Verdict.UNUSABLE]:
        problems.append(f"no usable answer: {named[Verdict.UNUSABLE]}")
    if offset is not None and 0 < asking.max_offset < abs(offset):
        problems.append(f"this clock is off by more than {asking.max_offset:g} s")
    return "; ".join(problems)

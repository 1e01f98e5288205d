"""What a time server's answer says, and whether to believe it."""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from wirework.net.ntp.packet import SHORT, VERSION, Leap, Mode, Packet
from wirework.net.ntp.timestamps import difference, from_unix_ns, offset_and_delay, to_unix_ns

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_STRATUM = 15
"""A server further from a reference clock is not synchronised (RFC 5905, MAXSTRAT is 16)."""

MOST_DISTANCE = 1.0
"""Seconds of root distance beyond which a server is of no use (RFC 5905, 7.2, MAXDIST)."""

LEAST_DELAY = 0.005
"""Seconds of round trip that count at least in a root distance (RFC 5905, MINDISP)."""

DRIFT = 15e-6
"""Seconds that a clock is taken to lose in a second (RFC 5905, PHI)."""

LOCAL_PRECISION = 1e-6
"""Seconds; what this side's reading of its own clock adds to the error."""

KISSES = {
    "DENY": "it denies us its time: do not ask it again",
    "RSTR": "its rules deny us its time: do not ask it again",
    "RATE": "it is asked too often: ask more rarely",
}
"""Kiss codes that end the asking (RFC 5905, 7.4, and RFC 4330, section 8)."""

NOT_YET = ("INIT", "STEP")
"""Kiss codes of a server that is not synchronised yet (RFC 5905, 7.4)."""

OWN_CLOCK = b"\x7f\x7f"
"""How a server's reference begins that follows its own clock, as ntpd and chrony have it."""

LEAPS = {
    Leap.NONE: "none",
    Leap.INSERT: "a second is inserted at the end of the month",
    Leap.DELETE: "a second is left out at the end of the month",
    Leap.UNSYNCHRONISED: "unsynchronised",
}


class Status(StrEnum):
    """What came of asking a time server."""

    ANSWER = "answer"
    OFF = "off"
    UNSYNCHRONISED = "unsynchronised"
    TOO_FAR = "too-far"
    KISS = "kiss-o'-death"
    MALFORMED = "malformed"
    FORGED = "forged"
    SHORT = "short"
    ELSEWHERE = "elsewhere"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    UNKNOWN_HOST = "unknown-host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One request and its answer: figures in seconds, as RFC 5905, section 8, defines them.

    ``offset`` is what has to be added to this machine's clock; ``delay`` is the round trip's
    time; ``dispersion`` the error of reading both clocks.
    """

    offset: float
    delay: float
    dispersion: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one time server said, by the best of its samples; all times are in seconds.

    ``status`` is why there is no use in it when ``problem``, one line, is not empty. ``offset``
    is what has to be added to this machine's clock, true within ``root_distance`` either way.
    ``jitter`` is the spread of the samples' offsets. ``reference_id`` is what the server follows
    and ``reference_kind`` what that is: a clock, an address, a hash (of an IPv6 address, when
    the server was reached over IPv6; it may stand for an IPv4 address there), its own clock or a
    kiss code.
    ``dropped`` counts packets by why they were not taken.
    """

    server: str
    address: str = ""
    status: Status
    problem: str = ""
    offset: float | None = None
    delay: float | None = None
    dispersion: float | None = None
    jitter: float | None = None
    root_delay: float | None = None
    root_dispersion: float | None = None
    root_distance: float | None = None
    stratum: int | None = None
    reference_id: str = ""
    reference_kind: str = ""
    reference_time: datetime | None = None
    server_time: datetime | None = None
    leap: str = ""
    version: int | None = None
    precision: float | None = None
    poll: float | None = None
    samples: tuple[Sample, ...] = ()
    sent: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the server gave a time to believe, and the clock here is as near as asked."""
        return not self.problem

    @property
    def summary(self) -> str:
        """The reading in a few words."""
        if self.problem or self.offset is None:
            return f"{self.server}: {self.problem}"
        return f"{self.server}: offset {self.offset:+.6f} s, stratum {self.stratum}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """An answer that gave our request back, and when both passed here, in Unix nanoseconds."""

    packet: Packet
    sent_at: int
    received_at: int

    def sample(self) -> Sample:
        """Return the figures of this exchange."""
        from_here, to_here = map(from_unix_ns, (self.sent_at, self.received_at))
        took = (self.received_at - self.sent_at) / 1e9
        precision = _power(self.packet.precision)
        offset, delay = offset_and_delay(
            from_here, self.packet.receive, self.packet.transmit, to_here
        )
        return Sample(
            offset=offset,
            # Clocks that tick coarsely can make a round trip of less than nothing (RFC 5905, 8).
            delay=max(delay, precision),
            dispersion=precision + LOCAL_PRECISION + DRIFT * took,
        )


def fault_of(packet: Packet) -> tuple[Status, str] | None:
    """Return why an answer to our request is not to be used, or None.

    RFC 5905, section 8 and appendix A.5.1; RFC 4330, section 5, for clients of SNTP.
    """
    if packet.mode != Mode.SERVER:
        return Status.MALFORMED, f"it answers in mode {packet.mode}, not as a server (4)"
    if not 1 <= packet.version <= VERSION:
        return Status.MALFORMED, f"it answers in version {packet.version}, asked in {VERSION}"
    kiss = kiss_of(packet)
    if kiss and kiss not in NOT_YET:
        told = KISSES.get(kiss, "it gives no time")
        return Status.KISS, f"kiss-o'-death {kiss}: {told}"
    if packet.leap == Leap.UNSYNCHRONISED or not 1 <= packet.stratum <= MOST_STRATUM:
        why = f"leap {packet.leap}, stratum {packet.stratum}" + (f", {kiss}" if kiss else "")
        return Status.UNSYNCHRONISED, f"its own clock is not synchronised ({why})"
    if not (packet.transmit and packet.receive):
        return Status.MALFORMED, "it does not say when the request came and the answer left"
    if packet.reference and difference(packet.reference, packet.transmit) > 0:
        return Status.MALFORMED, "its clock was set after the answer left"
    return None


def kiss_of(packet: Packet) -> str:
    """Return the kiss code of an answer of stratum 0, or "" (RFC 5905, 7.4)."""
    code = packet.reference_id.rstrip(b"\0")
    is_kiss = packet.stratum == 0 and code.isalnum() and code.isascii()
    return code.decode("ascii") if is_kiss else ""


def reference_of(packet: Packet, *, over_ipv6: bool) -> tuple[str, str]:
    """Return what a server follows, and what kind of name that is (RFC 5905, 7.3, figure 12).

    Below stratum 1 it is an IPv4 address, or the first four bytes of the MD5 of an IPv6 one; the
    packet does not tell which, so it is judged by how the server itself was reached.
    """
    raw = packet.reference_id
    if packet.stratum == 0:
        return kiss_of(packet), "kiss code" if kiss_of(packet) else ""
    if packet.stratum == 1:
        name = raw.rstrip(b"\0")
        if name.isascii() and name.decode("ascii").isprintable():
            return name.decode("ascii"), "clock"
        return raw.hex(), "clock"
    if raw.startswith(OWN_CLOCK):
        return str(ipaddress.IPv4Address(raw)), "own clock"
    if over_ipv6:
        return raw.hex(), "hash"
    return str(ipaddress.IPv4Address(raw)), "address"


def reading_of(
    server: str,
    address: str,
    received: tuple[Received, ...],
    *,
    sent: int,
    dropped: Mapping[str, int],
) -> Reading:
    """Return the reading of a server that gave at least one answer without a fault, or one with.

    The best sample is that of the shortest round trip (RFC 5905, section 10).
    """
    samples = tuple(each.sample() for each in received)
    best, sample = min(zip(received, samples, strict=True), key=lambda pair: pair[1].delay)
    packet = best.packet
    jitter = _jitter(samples, sample)
    root_delay, root_dispersion = packet.root_delay / SHORT, packet.root_dispersion / SHORT
    distance = max(root_delay + sample.delay, LEAST_DELAY) / 2 + (
        root_dispersion + sample.dispersion + jitter
    )
    fault = fault_of(packet)
    if fault is None and distance > MOST_DISTANCE:
        words = (
            f"its time may be wrong by {distance:.1f} s (root distance above {MOST_DISTANCE:g} s)"
        )
        fault = Status.TOO_FAR, words
    status, problem = fault or (Status.ANSWER, "")
    timed = bool(packet.transmit and packet.receive)
    reference_id, kind = reference_of(packet, over_ipv6=":" in address)
    return Reading(
        server=server,
        address=address,
        status=status,
        problem=problem,
        offset=sample.offset if timed else None,
        delay=sample.delay if timed else None,
        dispersion=sample.dispersion if timed else None,
        jitter=jitter if timed else None,
        root_delay=root_delay,
        root_dispersion=root_dispersion,
        root_distance=distance if timed else None,
        stratum=packet.stratum,
        reference_id=reference_id,
        reference_kind=kind,
        reference_time=_time(packet.reference, best.received_at),
        server_time=_time(packet.transmit, best.received_at),
        leap=LEAPS[Leap(packet.leap)],
        version=packet.version,
        precision=_power(packet.precision),
        poll=_power(packet.poll),
        samples=samples if timed else (),
        sent=sent,
        dropped=dict(dropped),
    )


def _jitter(samples: tuple[Sample, ...], best: Sample) -> float:
    """Return the root mean square of the offsets' distances from the best one's (RFC 5905, 10)."""
    if len(samples) == 1:
        return 0.0
    squares = sum((each.offset - best.offset) ** 2 for each in samples)
    return math.sqrt(squares / (len(samples) - 1))


def _power(exponent: int) -> float:
    """Return a power of two as seconds."""
    return math.ldexp(1.0, exponent)


def _time(timestamp: int, near: int) -> datetime | None:
    if not timestamp:
        return None
    nanoseconds = to_unix_ns(timestamp, near=near)
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=nanoseconds // 1000)

"""Asking time servers what time it is."""

from __future__ import annotations

import dataclasses
import os
import socket
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from wirework.errors import BadInput
from wirework.net.at_once import at_once
from wirework.net.endpoints import LAST_PORT, Endpoint, check_timeout, endpoints
from wirework.net.ntp.exchange import Address, exchange, opened
from wirework.net.ntp.readings import Reading, Received, Status, fault_of, kiss_of, reading_of

if TYPE_CHECKING:
    from collections.abc import Callable

PORT = 123
MOST_SAMPLES = 64
SPARE_REQUESTS = 2
"""Requests that may get lost on the way before a server counts as silent."""

DROPPED = {
    Status.ELSEWHERE: "came from another address",
    Status.SHORT: "shorter than 48 bytes",
    Status.FORGED: "forged or late (the origin timestamp is not ours)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What time servers said, in the order in which they were named."""

    servers: tuple[Reading, ...]

    @property
    def ok(self) -> bool:
        """Whether every server gave a time to believe."""
        return all(reading.ok for reading in self.servers)

    @property
    def summary(self) -> str:
        """The readings in a few words each."""
        return "; ".join(reading.summary for reading in self.servers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How servers are asked; times are in seconds.

    ``max_offset`` is how far this machine's clock may be off, 0 for as far as it is.
    """

    samples: int = 1
    interval: float = 1.0
    timeout: float = 5.0
    max_offset: float = 0.0

    def check(self) -> None:
        """Refuse what cannot be done; raises BadInput."""
        check_timeout(self.timeout)
        if not 1 <= self.samples <= MOST_SAMPLES:
            message = f"samples are 1 to {MOST_SAMPLES}, not {self.samples}"
            raise BadInput(message, where="--samples")
        if self.interval < 0:
            raise BadInput("time between samples is not negative", where="--interval")
        if self.max_offset < 0:
            raise BadInput("a clock's offset is told without its sign", where="--max-offset")
        pauses = (self.samples - 1) * self.interval
        if pauses >= self.timeout:
            raise BadInput(
                f"{self.samples} samples, {self.interval:g} s apart, take {pauses:g} s, and the"
                f" time limit is {self.timeout:g} s",
                where="--samples",
                hint="give a longer --timeout, or a shorter --interval to a server of your own",
            )


def query(servers: str, *, port: int = PORT, asking: Asking | None = None) -> Answers:
    """Ask time servers, all at once, and return what each says, in the order given.

    ``servers`` are names or addresses, each perhaps with a port, separated by commas. Trouble
    with a server is told in its reading; raises BadInput before anything is sent.
    """
    named = servers_of(servers, port)
    chosen = asking or Asking()
    chosen.check()
    deadline = time.monotonic() + chosen.timeout
    works: list[Callable[[], Reading]] = [
        partial(_ask, server, chosen, deadline) for server in named
    ]
    late = [
        Reading(server=str(server), status=Status.TIMEOUT, problem=_silent(chosen))
        for server in named
    ]
    readings = zip(at_once(works, deadline=deadline), late, strict=True)
    return Answers(servers=tuple(_judged(one or other, chosen) for one, other in readings))


def servers_of(servers: str, port: int) -> tuple[Endpoint, ...]:
    """Read the servers' names; raises BadInput."""
    if not 1 <= port <= LAST_PORT:
        raise BadInput(f"a port is a number from 1 to {LAST_PORT}, not {port}", where="--port")
    return endpoints(servers, port=port, where="SERVERS")


def _judged(reading: Reading, asking: Asking) -> Reading:
    """Return the reading, as a fault of this machine's clock when that is too far off."""
    offset = reading.offset
    if not reading.ok or offset is None or not 0 < asking.max_offset < abs(offset):
        return reading
    problem = f"this clock is off by {abs(offset):.6g} s, more than {asking.max_offset:g} s"
    return dataclasses.replace(reading, status=Status.OFF, problem=problem)


def _ask(server: Endpoint, asking: Asking, deadline: float) -> Reading:
    """Ask one server, at the first of its addresses that this machine can send to."""
    name = str(server)
    try:
        found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        words = getattr(error, "strerror", None) or "it is no host name"
        problem = f"the host's name is not known: {words}"
        return Reading(server=name, status=Status.UNKNOWN_HOST, problem=problem)
    trouble = Reading(server=name, status=Status.UNREACHABLE, problem="it has no address")
    for family, _, _, _, address in found:
        try:
            return _converse(name, family, _plain(address), asking, deadline)
        except OSError as error:
            problem = _plainly(error)
            trouble = Reading(
                server=name,
                address=str(address[0]),
                status=Status.UNREACHABLE,
                problem=problem,
            )
            if time.monotonic() >= deadline:
                break
    return trouble


def _plain(address: tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]) -> Address:
    """Return an address of getaddrinfo, which on a Python without IPv6 may have none to use."""
    if isinstance(address[0], str):
        return address
    raise OSError(0, "this Python has no IPv6")


def _plainly(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there (connection refused)"
    return os.strerror(error.errno).lower() if error.errno else str(error)


def _converse(
    name: str, family: socket.AddressFamily, address: Address, asking: Asking, deadline: float
) -> Reading:
    """Take the samples from one address; raises OSError when it cannot be reached."""
    received: list[Received] = []
    dropped: Counter[Status] = Counter()
    sent = 0
    chances = asking.samples + SPARE_REQUESTS
    with opened(family) as sock:
        while sent < chances and len(received) < asking.samples and time.monotonic() < deadline:
            if received:
                time.sleep(min(asking.interval, max(deadline - time.monotonic(), 0)))
            still = (asking.samples - len(received) - 1) * asking.interval
            left = deadline - time.monotonic() - still
            sent += 1
            until = time.monotonic() + left / (chances - sent + 1)
            answer = exchange(sock, address, until=until, dropped=dropped)
            if answer is None:
                continue
            if fault_of(answer.packet):
                # Whoever gives our number back is the server itself: it need not be asked again.
                received = received if kiss_of(answer.packet) and received else [answer]
                break
            received.append(answer)
    counts = {status.value: number for status, number in dropped.items()}
    host = str(address[0])
    if received:
        return reading_of(name, host, tuple(received), sent=sent, dropped=counts)
    status = next(iter(dropped), Status.TIMEOUT)
    told = [f"{number} {DROPPED[each]}" for each, number in dropped.items()]
    problem = "; dropped: ".join([_silent(asking), *([", ".join(told)] if told else [])])
    return Reading(
        server=name, address=host, status=status, problem=problem, sent=sent, dropped=counts
    )


def _silent(asking: Asking) -> str:
    return f"no answer within {asking.timeout:g} s"

"""All connections that are handed on, as a server's reception gives them."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wirework.errors import ArgumentError, BadInput
from wirework.net.forward.passage import Passage
from wirework.net.forward.stores import Pipes
from wirework.serving.connection import CUT, Visit
from wirework.serving.limits import room

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wirework.net.forward.shape import Shape
    from wirework.net.forward.targets import Target
    from wirework.serving.limits import Limits
    from wirework.serving.listen import Listener
    from wirework.serving.loops import SelectorLoop
    from wirework.serving.service import Peer
    from wirework.serving.watch import Tally

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

NOT_ALLOWED = "not allowed"
_PARTS = 8
_SLOWEST, _QUICKEST = 1.0, 0.02
_MOST_PIPES = 512
_SHARE = 8
"""Of the descriptors that can be had, one in so many is for pipes, which have two ends."""


@dataclass(frozen=True)
class Route:
    """A socket that listens, and where what comes to it is handed on.

    Of the routes of one process no two may listen on the same port and lead elsewhere.
    """

    listener: Listener
    target: Target


@dataclass(frozen=True, slots=True)
class Seats:
    """How many connections, and pipes for them, this process has descriptors for."""

    connections: int
    pipes: int


def seats(limits: Limits) -> Seats:
    """Count what this process can hold, its descriptor limit raised as far as it goes.

    Raises ArgumentError when it cannot hold ``limits.clients``.
    """
    most = room("epoll", replace(limits, clients=None))
    pipes = min(most // (2 * _SHARE), _MOST_PIPES)
    connections = (most - 2 * pipes) // 2
    if limits.clients is None:
        return Seats(connections, pipes)
    if limits.clients < 1:
        raise ArgumentError(
            "at least one client has to have a place",
            parameter="max_clients",
            where="--max-clients",
        )
    if limits.clients > connections:
        raise ArgumentError(
            f"{limits.clients} connections take two descriptors each, and there are {most}",
            parameter="max_clients",
            where="--max-clients",
            hint=f"at most {connections}, or raise the limit: ulimit -Hn, as root",
        )
    return Seats(limits.clients, pipes)


class Forwarding:
    """A reception's model: each client is connected to the target of its route."""

    def __init__(
        self,
        loop: SelectorLoop,
        routes: Sequence[Route],
        *,
        shape: Shape,
        limits: Limits,
        pipes: int,
        allow: Sequence[Network],
        tally: Tally,
        gone: Callable[[], None],
    ) -> None:
        self.loop, self.shape = loop, shape
        self.pipes = Pipes(pipes)
        self._targets = targets_by_door(routes)
        self._limits, self._allow = limits, allow
        self._tally, self._gone = tally, gone
        self._all: set[Passage] = set()
        self._down: set[Target] = set()
        self._stopping = self._looking = False

    def take(self, sock: socket.socket, peer: Peer) -> None:
        """Connect a client to its target."""
        target = self._targets[door(sock)]
        passage = Passage(self, sock, peer, target)
        self._all.add(passage)
        self._tally.opened(peer, str(target))
        if self._allow and not self._is_allowed(peer):
            passage.cut(NOT_ALLOWED)
            return
        passage.start()
        if self._limits.idle is not None:
            self._look_later()

    def drain(self) -> None:
        """Let every connection go as soon as nothing of it is under way."""
        self._stopping = True
        self._look_later()

    def cut(self) -> None:
        """Close every connection at once."""
        for passage in tuple(self._all):
            passage.cut(CUT)

    def close(self) -> None:
        """Give back the pipes."""
        self.pipes.close()

    def reached(self, passage: Passage) -> None:
        """Tell when a target is back."""
        if passage.target in self._down:
            self._down.discard(passage.target)
            self._tally.trouble(f"{passage.target} is up again")

    def missed(self, passage: Passage, why: str) -> None:
        """Tell when a target goes down, once."""
        if passage.target not in self._down:
            self._down.add(passage.target)
            self._tally.trouble(f"{passage.target} is down: {why}")

    def left(self, passage: Passage) -> None:
        """Count a connection that is over."""
        self._all.discard(passage)
        self._tally.closed(
            Visit(
                peer=passage.peer,
                by=passage.address or str(passage.target),
                seconds=time.monotonic() - passage.began,
                bytes_in=passage.bytes_in,
                bytes_out=passage.bytes_out,
                ending=passage.ending,
            )
        )
        # The reception may be in the middle of handing us this very client.
        self.loop.call_soon(self._gone)

    def _is_allowed(self, peer: Peer) -> bool:
        with contextlib.suppress(ValueError):
            address = ipaddress.ip_address(peer.address.partition("%")[0])
            return any(address in network for network in self._allow)
        return False

    def _look_later(self) -> None:
        if not self._looking:
            self._looking = True
            times = [self._limits.idle or _SLOWEST]
            if self._stopping:
                times.append(self._limits.quiet)
            interval = min(max(min(times) / _PARTS, _QUICKEST), _SLOWEST)
            self.loop.call_later(interval, self._look)

    def _look(self) -> None:
        self._looking = False
        now = time.monotonic()
        quiet = self._limits.quiet if self._stopping else None
        for passage in tuple(self._all):
            passage.check(now, idle=self._limits.idle, quiet=quiet)
        if self._all:
            self._look_later()


def door(sock: socket.socket) -> object:
    """Return what a listening socket and those it accepted have in common: a port, or a path."""
    name = sock.getsockname()
    return name if sock.family == socket.AF_UNIX else name[1]


def targets_by_door(routes: Sequence[Route]) -> dict[object, Target]:
    """Return where each port or path leads; raises BadInput when one leads to two places."""
    targets: dict[object, Target] = {}
    for route in routes:
        known = targets.setdefault(door(route.listener.sock), route.target)
        if known != route.target:
            raise BadInput(f"it leads to {known} already", where=str(route.listener.place))
    return targets

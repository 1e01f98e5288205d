"""One connection that is handed on: the client's socket, the target's, a flow each way."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
import termios
import time
from functools import partial
from typing import TYPE_CHECKING, Protocol

from wirework.net.forward.flow import Flow
from wirework.net.forward.reaching import Reach
from wirework.net.forward.stores import PIECE, Direct, Queue
from wirework.serving.connection import GONE, IDLE, RESET, STOPPED
from wirework.serving.loops import READ, WRITE

if TYPE_CHECKING:
    from collections.abc import Callable

    from wirework.net.forward.shape import Shape
    from wirework.net.forward.stores import Pipes
    from wirework.net.forward.targets import Target
    from wirework.serving.loops import SelectorLoop
    from wirework.serving.service import Peer

RESET_BY_TARGET = "reset by the target"
AS_ASKED = "cut as asked"
DOWN = "the target is down"

_TURNS = 4
"""Pieces a connection may move before the others have their turn."""
_DELIVERY = 1.0
"""Seconds that the kernels have to deliver what may pass before a cut."""
_RESETS = (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ENOTCONN)
_RST_ON_CLOSE = b"\1\0\0\0\0\0\0\0"
"""struct linger {1, 0}: see socket(7)."""
_INT = struct.Struct("i")


class House(Protocol):
    """Whose connections they are."""

    loop: SelectorLoop
    shape: Shape
    pipes: Pipes

    def reached(self, passage: Passage) -> None:
        """Learn that the target took it."""

    def missed(self, passage: Passage, why: str) -> None:
        """Learn that no address of the target did."""

    def left(self, passage: Passage) -> None:
        """Learn that it is over."""


class Passage:
    """One connection, from its client's to its end. Lives on its house's loop alone."""

    __slots__ = (
        "_calls",
        "_client",
        "_flows",
        "_house",
        "_reach",
        "_seen",
        "_since",
        "_timed",
        "_watched",
        "address",
        "began",
        "ending",
        "peer",
        "target",
    )

    def __init__(self, house: House, client: socket.socket, peer: Peer, target: Target) -> None:
        self.peer, self.target = peer, target
        self.address = ""
        """The target's address that took it."""
        self.ending = ""
        self.began = self._since = time.monotonic()
        self._house, self._client = house, client
        self._reach = Reach(house.loop, target, connected=self._connected, missed=self._missed)
        self._flows: tuple[Flow, Flow] | None = None
        self._watched = {client: 0}
        self._calls: dict[socket.socket, Callable[[int], None]] = {}
        self._seen = 0
        self._timed = False

    def start(self) -> None:
        """Connect to the target, and hand on what comes from then on."""
        if self._house.shape.cut_seconds:
            cut = partial(self.cut, AS_ASKED)
            self._house.loop.call_later(self._house.shape.cut_seconds, cut)
        self._reach.start()

    @property
    def bytes_in(self) -> int:
        """Bytes that the target took."""
        return self._flows[0].count if self._flows else 0

    @property
    def bytes_out(self) -> int:
        """Bytes that the client took."""
        return self._flows[1].count if self._flows else 0

    def is_over(self) -> bool:
        """Tell whether both its sockets are closed."""
        return not self._watched

    def check(self, now: float, *, idle: float | None, quiet: float | None) -> None:
        """End it when no byte moved for ``idle`` seconds; for ``quiet``, if nothing is pending."""
        if self.is_over():
            return
        if self._seen != (moved := self._moved()):
            self._seen, self._since = moved, now
        elif idle is not None and now - self._since >= idle:
            self.cut(IDLE)
        elif quiet is not None and now - self._since >= quiet and not self._pending():
            self.ending = self.ending or STOPPED
            self._close()

    def cut(self, ending: str) -> None:
        """Close both sides at once, with a reset; what is pending is lost."""
        if self.is_over():
            return
        self.ending = self.ending or ending
        for sock in self._watched:
            _reset_on_close(sock)
        self._close()

    def _connected(self, server: socket.socket, address: str) -> None:
        house, client = self._house, self._client
        self.address = address
        there = Flow(client, server, _store(house))
        back = Flow(server, client, _store(house))
        self._flows = there, back
        self._watched[server] = 0
        self._calls = {
            client: partial(self._happened, there, back),
            server: partial(self._happened, back, there),
        }
        house.reached(self)
        self._settle()

    def _missed(self, trouble: int) -> None:
        why = os.strerror(trouble).lower()
        self._house.missed(self, why)
        self.cut(f"{DOWN}: {why}")

    def _happened(self, inward: Flow, outward: Flow, events: int) -> None:
        # What happened may be old news: an event before this one can have closed us.
        if self.is_over():
            return
        if events & WRITE and outward.stuck:
            self._hand_on(outward)
        elif self._take_in(inward):
            return  # as it mostly goes: all that came is sent, and nothing changed
        if events == READ | WRITE and not self.is_over():
            self._take_in(inward)
        if not self.is_over():
            self._settle()

    def _take_in(self, flow: Flow) -> bool:
        """Receive and hand on for some turns; tell whether nothing is left to be seen to."""
        store = flow.store
        for _ in range(_TURNS):
            if flow.ended or not store.has_room:
                return False
            try:
                got = store.receive(flow.source)
            except (BlockingIOError, InterruptedError):
                return True
            except OSError as error:
                self._broke(flow.source, error)
                return False
            flow.ended = not got
            if not self._hand_on(flow):
                return False
            if got < PIECE:
                return True
        return True

    def _hand_on(self, flow: Flow) -> bool:
        """Send what may be sent, then the end; tell whether nothing is left to be seen to."""
        cut = self._house.shape.cut_bytes
        try:
            flow.send(max(cut - self._moved(), 0) if cut else None)
            if flow.ended and not flow.finished and not flow.broken and flow.empty:
                flow.finished = True
                flow.sink.shutdown(socket.SHUT_WR)
        except OSError as error:
            self._broke(flow.sink, error)
            return False
        if cut and self._moved() >= cut:
            self._cut_when_taken(time.monotonic() + _DELIVERY)
            return False
        if flow.ended:
            self._end_if_done()
            return False
        return not flow.store.pending

    def _broke(self, sock: socket.socket, error: OSError) -> None:
        """Let the other side have what was received, and then a reset of its own."""
        assert self._flows is not None  # noqa: S101  (only flows break)
        inward, outward = self._flows if sock is self._client else self._flows[::-1]
        reset = RESET if sock is self._client else RESET_BY_TARGET
        inward.broken = inward.broken or (reset if error.errno in _RESETS else GONE)
        inward.ended = True
        outward.drop()
        self._end_if_done()

    def _end_if_done(self) -> None:
        if self._flows is None:
            return
        for flow in self._flows:
            if flow.broken and flow.empty:
                self.cut(flow.broken)
                return
        if all(flow.finished for flow in self._flows):
            self._close()

    def _cut_when_taken(self, deadline: float) -> None:
        """Cut once the kernels have delivered what may pass: a reset would overtake it."""
        if self.is_over():
            return
        self.ending = AS_ASKED
        unsent = sum(map(_unsent, self._watched))
        if not unsent or time.monotonic() > deadline:
            self.cut(AS_ASKED)
        else:
            again = partial(self._cut_when_taken, deadline)
            self._house.loop.call_later(0.001, again)

    def _settle(self) -> None:
        """Wait for what can happen now: events, or the time when something is due."""
        assert self._flows is not None  # noqa: S101  (it is called by flows)
        there, back = self._flows
        going = self.ending != AS_ASKED
        for sock, inward, outward in ((there.source, there, back), (there.sink, back, there)):
            events = (READ if inward.hungry else 0) | (WRITE if outward.stuck else 0)
            events *= going
            if events != self._watched[sock]:
                self._watch(sock, events, self._calls[sock])
        if not self._timed and going:
            waits = [
                flow.store.wait()
                for flow in self._flows
                if not flow.stuck and (flow.store.pending or (flow.ended and not flow.finished))
            ]
            if waits:
                self._timed = True
                self._house.loop.call_later(min(waits), self._due)

    def _due(self) -> None:
        self._timed = False
        if self._flows is None or self.is_over():
            return
        for flow in self._flows:
            if not flow.stuck and not flow.finished and not self.is_over():
                self._hand_on(flow)
        if not self.is_over():
            self._settle()

    def _watch(
        self, sock: socket.socket, events: int, callback: Callable[[int], object] | None = None
    ) -> None:
        if events and callback is not None:
            self._house.loop.watch(sock.fileno(), events, callback)
        elif self._watched[sock]:
            self._house.loop.forget(sock.fileno())
        self._watched[sock] = events

    def _moved(self) -> int:
        return self.bytes_in + self.bytes_out

    def _pending(self) -> bool:
        return self._flows is None or any(flow.store.pending for flow in self._flows)

    def _close(self) -> None:
        for sock in tuple(self._watched):
            self._watch(sock, 0)
            sock.close()
        self._watched.clear()
        self._reach.cancel()
        self._calls.clear()
        for flow in self._flows or ():
            flow.store.drop()
        self._house.left(self)


def _store(house: House) -> Direct | Queue:
    return Queue(house.shape) if house.shape.holds else Direct(house.pipes)


def _reset_on_close(sock: socket.socket) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
    except OSError:
        return


def _unsent(sock: socket.socket) -> int:
    """Return the bytes that the other end has not acknowledged; tcp(7), SIOCOUTQ."""
    try:
        told = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(_INT.size))
    except OSError:
        return 0
    return int(_INT.unpack(told)[0])

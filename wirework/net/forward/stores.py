"""What is on its way in one direction: in a pipe of the kernel, or here until it is due."""

from __future__ import annotations

import os
import random
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import socket

    from wirework.net.forward.shape import Shape

PIECE = 64 * 1024
"""Bytes taken at once: as many as a pipe holds, pipe(7)."""

SMALL = 16 * 1024
"""Bytes up to which copying costs less than a pipe."""

HAS_SPLICE = hasattr(os, "splice")
_SPARE_PIPES = 8


class Store(Protocol):
    """The bytes of one direction between its source and its sink, bounded."""

    pending: int
    """Bytes received and not sent."""

    @property
    def has_room(self) -> bool:
        """Whether more may be received."""

    def receive(self, source: socket.socket) -> int:
        """Receive a piece; 0 at the end of the stream. Raises OSError as recv(2) does."""

    def sendable(self) -> int:
        """Return how many bytes may be sent now."""

    def send(self, sink: socket.socket, most: int) -> int:
        """Hand the sink at most that much of what is sendable; raises OSError."""

    def wait(self) -> float:
        """Return the seconds until more may be sent, or its end told."""

    def drop(self) -> None:
        """Forget all of it."""


class Pipes:
    """Pipes that stores borrow while there is something in them: most connections need none."""

    def __init__(self, most: int) -> None:
        self._left = most if HAS_SPLICE else 0
        self._spare: list[tuple[int, int]] = []

    def take(self) -> tuple[int, int] | None:
        """Return an empty pipe, or None when there are enough of them."""
        if self._spare:
            return self._spare.pop()
        if not self._left:
            return None
        try:
            ends = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None  # then bytes go through our own memory
        self._left -= 1
        return ends

    def give(self, ends: tuple[int, int], *, empty: bool = True) -> None:
        """Take a pipe back."""
        if empty and len(self._spare) < _SPARE_PIPES:
            self._spare.append(ends)
        else:
            os.close(ends[0])
            os.close(ends[1])
            self._left += 1

    def close(self) -> None:
        """Close those that nobody uses."""
        while self._spare:
            for end in self._spare.pop():
                os.close(end)
            self._left += 1


class Direct:
    """A piece at a time, handed on at once.

    splice(2) moves it from the socket to a pipe to the other socket, so that it never enters our
    memory; small pieces, and all of them where there is no splice or no pipe left, go through it.
    """

    __slots__ = ("_bulk", "_ends", "_piece", "_pipes", "pending")

    def __init__(self, pipes: Pipes) -> None:
        self._pipes = pipes
        self._ends: tuple[int, int] | None = None
        self._piece = b""
        self._bulk = False
        self.pending = 0

    @property
    def has_room(self) -> bool:
        """Whether more may be received: not before the last piece is sent."""
        return not self.pending

    def receive(self, source: socket.socket) -> int:
        """Receive a piece; 0 at the end of the stream."""
        if self._bulk and (ends := self._pipes.take()) is not None:
            self._ends = ends
            try:
                self.pending = os.splice(
                    source.fileno(), ends[1], PIECE, flags=os.SPLICE_F_NONBLOCK
                )
            finally:
                self._give_back()
            self._bulk = self.pending >= SMALL
        else:
            self._piece = source.recv(SMALL)
            self.pending = len(self._piece)
            self._bulk = self.pending == SMALL
        return self.pending

    def sendable(self) -> int:
        """Return how many bytes may be sent now."""
        return self.pending

    def send(self, sink: socket.socket, most: int) -> int:
        """Send some of what is there."""
        if self._ends is None:
            whole = most == self.pending
            sent = sink.send(self._piece if whole else self._piece[:most])
            self.pending -= sent
            self._piece = self._piece[sent:] if self.pending else b""
            return sent
        sent = os.splice(self._ends[0], sink.fileno(), most, flags=os.SPLICE_F_NONBLOCK)
        self.pending -= sent
        self._give_back()
        return sent

    def wait(self) -> float:
        """Return the seconds until more may be sent: none."""
        return 0.0

    def drop(self) -> None:
        """Forget all of it."""
        if self._ends is not None:
            self._pipes.give(self._ends, empty=not self.pending)
            self._ends = None
        self._piece = b""
        self.pending = 0

    def _give_back(self) -> None:
        if not self.pending and self._ends is not None:
            self._pipes.give(self._ends)
            self._ends = None


class Queue:
    """Bytes in our memory, each piece until it is due, sent no faster than the rate."""

    __slots__ = (
        "_bound",
        "_delay",
        "_due",
        "_filled",
        "_jitter",
        "_pieces",
        "_rate",
        "_tokens",
        "pending",
    )

    def __init__(self, shape: Shape) -> None:
        self._delay, self._jitter = shape.delay / 2, shape.jitter / 2
        self._rate, self._bound = shape.rate, shape.bound
        self._pieces: deque[tuple[float, memoryview]] = deque()
        self._due = 0.0
        # A token bucket: what may be sent at once; it fills at the rate, to a twentieth of it.
        self._tokens, self._filled = 0.0, time.monotonic()
        self.pending = 0

    @property
    def has_room(self) -> bool:
        """Whether more may be received."""
        return self.pending < self._bound

    def receive(self, source: socket.socket) -> int:
        """Receive a piece; 0 at the end of the stream."""
        data = source.recv(min(PIECE, self._bound - self.pending))
        delay = self._delay
        if self._jitter:
            delay += random.uniform(-self._jitter, self._jitter)  # noqa: S311  (no secret)
        self._due = max(time.monotonic() + delay, self._due)  # nothing overtakes
        if data:
            self._pieces.append((self._due, memoryview(data)))
            self.pending += len(data)
        return len(data)

    def sendable(self) -> int:
        """Return how many bytes may be sent now."""
        if not self._pieces:
            return 0
        due, piece = self._pieces[0]
        now = time.monotonic()
        if due > now:
            return 0
        if not self._rate:
            return len(piece)
        self._fill(now)
        ready = min(len(piece), int(self._tokens))
        # Small crumbs would cost more than they bring.
        return ready if ready >= min(len(piece), self._portion) else 0

    def send(self, sink: socket.socket, most: int) -> int:
        """Send some of what is sendable."""
        due, piece = self._pieces[0]
        sent = sink.send(piece[:most])
        if sent == len(piece):
            self._pieces.popleft()
        else:
            self._pieces[0] = due, piece[sent:]
        self.pending -= sent
        self._tokens -= sent
        return sent

    def wait(self) -> float:
        """Return the seconds until more may be sent, or its end told."""
        now = time.monotonic()
        if not self._pieces:
            return max(self._due - now, 0.0)
        due, piece = self._pieces[0]
        if due <= now and self._rate:
            self._fill(now)
            missing = min(len(piece), self._portion) - self._tokens
            return max(missing / self._rate, 0.0)
        return max(due - now, 0.0)

    def drop(self) -> None:
        """Forget all of it."""
        self._pieces.clear()
        self.pending = 0

    @property
    def _portion(self) -> int:
        """Bytes that are sent at a time at least: those of 5 ms, one at the very least."""
        return max(self._rate // 200, 1)

    def _fill(self, now: float) -> None:
        most = max(self._rate / 20, 1.0)
        self._tokens = min(self._tokens + (now - self._filled) * self._rate, most)
        self._filled = now

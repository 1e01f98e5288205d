"""Waiting for sockets: what a server asks of a loop, and a small loop over selectors.

The words are asyncio's own, for loops as for transports, so that one connection and one server
run on both.
"""

from __future__ import annotations

import heapq
import itertools
import selectors
import socket
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
PIECE = 64 * 1024
"""Bytes that are received at once, so that no client keeps the others waiting."""


class Loop(Protocol):
    """What waits: ours below, or asyncio's. Only ``call_soon_threadsafe`` is for other threads."""

    def add_reader(self, fd: int, callback: Callable[[], object]) -> None:
        """Call whenever the descriptor is readable."""

    def remove_reader(self, fd: int) -> object:
        """Do so no longer."""

    def call_soon(self, callback: Callable[[], object]) -> object:
        """Call after what is going on."""

    def call_soon_threadsafe(self, callback: Callable[[], object]) -> object:
        """Do so from any thread."""

    def call_later(self, delay: float, callback: Callable[[], object]) -> object:
        """Call in that many seconds."""

    def run_forever(self) -> None:
        """Wait and call until ``stop``."""

    def stop(self) -> None:
        """End ``run_forever`` after what is going on."""

    def close(self) -> None:
        """Give back what the loop holds."""


class SelectorLoop:
    """A loop over any of ``selectors``: select, poll or epoll."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._ready: deque[Callable[[], object]] = deque()
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._stopping = False
        # Sockets, not bare descriptors: a thread that wakes us late hits no stranger's file.
        self._alarm, self._waker = socket.socketpair()
        self._alarm.settimeout(0.0)
        self._waker.settimeout(0.0)
        self.watch(self._alarm.fileno(), READ, self._woken)

    def watch(self, fd: int, events: int, callback: Callable[[int], object]) -> None:
        """Call with the events (READ, WRITE) that happen; a descriptor has one such call."""
        if fd in self._selector.get_map():
            self._selector.modify(fd, events, callback)
        else:
            self._selector.register(fd, events, callback)

    def forget(self, fd: int) -> None:
        """Wait for nothing on the descriptor."""
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def add_reader(self, fd: int, callback: Callable[[], object]) -> None:
        """Call whenever the descriptor is readable."""
        self.watch(fd, READ, lambda _: callback())

    def remove_reader(self, fd: int) -> None:
        """Do so no longer."""
        self.forget(fd)

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Call after what is going on."""
        self._ready.append(callback)

    def call_soon_threadsafe(self, callback: Callable[[], object]) -> None:
        """Do so from any thread or signal handler; nothing happens once the loop is closed."""
        self._ready.append(callback)
        try:
            self._waker.send(b"\0")
        except OSError:
            return  # it is awake already, or gone

    def call_later(self, delay: float, callback: Callable[[], object]) -> None:
        """Call in that many seconds."""
        heapq.heappush(self._timers, (time.monotonic() + delay, next(self._order), callback))

    def run_forever(self) -> None:
        """Wait and call until ``stop``."""
        while not self._stopping:
            for key, events in self._selector.select(self._patience()):
                key.data(events)
            while self._timers and self._timers[0][0] <= time.monotonic():
                heapq.heappop(self._timers)[2]()
            for _ in range(len(self._ready)):
                self._ready.popleft()()
        self._stopping = False

    def stop(self) -> None:
        """End ``run_forever`` after what is going on."""
        self._stopping = True

    def close(self) -> None:
        """Give back what the loop holds."""
        self._selector.close()
        self._alarm.close()
        self._waker.close()

    def _patience(self) -> float | None:
        if self._ready:
            return 0.0
        if self._timers:
            return max(self._timers[0][0] - time.monotonic(), 0.0)
        return None

    def _woken(self, events: int) -> None:
        del events
        try:
            while self._alarm.recv(4096):
                pass
        except BlockingIOError:
            return

"""Both directions of a connection at once: what one side sends never waits for the other."""

from __future__ import annotations

import os
import select
import socket
import time
from typing import TYPE_CHECKING

from wirework.errors import TimedOut

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PIECE = 64 * 1024
_AHEAD = 256 * 1024
"""Bytes read that may wait to be sent."""


class Exchange:
    """Sends bytes, or what a descriptor gives, and yields what comes.

    ``descriptors`` travel with the first byte (SCM_RIGHTS). ``until`` is a descriptor that ends
    the exchange once it can be read (a pidfd), after what has come by then. ``deadline`` is a
    ``time.monotonic()``; None waits for ever.
    """

    def __init__(
        self,
        sock: socket.socket,
        source: bytes | int,
        *,
        descriptors: Sequence[int] = (),
        until: int = -1,
        deadline: float | None = None,
    ) -> None:
        self.sent = self.received = 0
        self._sock = sock
        self._pending = bytearray(source if isinstance(source, bytes) else b"")
        self._source = -1 if isinstance(source, bytes) else source
        self._descriptors = list(descriptors)
        self._until = until
        self._deadline = deadline
        self._may_send = True

    def pieces(self) -> Iterator[bytes]:
        """Yield what comes until the other side ends; raises TimedOut at the deadline."""
        self._sock.settimeout(0)
        while True:
            ready = self._wait()
            if self._source in ready:
                self._read_source()
            if self._sock.fileno() in ready or self._until in ready:
                while (piece := self._receive()) is not None:
                    if not piece:
                        return
                    yield piece
            if self._until in ready:
                return
            if self._pending:
                self._send()
            elif self._source < 0 and self._may_send:
                self._half_close()

    def _wait(self) -> set[int]:
        if self._source < 0 and not self._pending and self._may_send:
            self._half_close()
        poll = select.poll()
        wants_out = bool(self._pending) and self._may_send
        poll.register(self._sock, select.POLLIN | (select.POLLOUT if wants_out else 0))
        if self._source >= 0 and len(self._pending) < _AHEAD:
            poll.register(self._source, select.POLLIN)
        if self._until >= 0:
            poll.register(self._until, select.POLLIN)
        left = None
        if self._deadline is not None:
            left = max(0.0, self._deadline - time.monotonic())
        ready = {descriptor for descriptor, _ in poll.poll(None if left is None else left * 1000)}
        if not ready and left is not None:
            raise TimedOut("the time was up before the other side was done")
        return ready

    def _read_source(self) -> None:
        try:
            data = os.read(self._source, _PIECE)
        except OSError:
            data = b""
        self._pending += data
        if not data:
            self._source = -1

    def _send(self) -> None:
        if not self._may_send:
            self._pending.clear()
            return
        try:
            if self._descriptors:
                size = socket.send_fds(self._sock, [bytes(self._pending)], self._descriptors)
                self._descriptors = []
            else:
                size = self._sock.send(self._pending)
        except BlockingIOError:
            return
        except OSError:
            # The other side takes nothing more; what it said before still comes.
            self._may_send, self._source = False, -1
            self._pending.clear()
            return
        self.sent += size
        del self._pending[:size]

    def _receive(self) -> bytes | None:
        """Return what came, b"" at the end, or None for nothing now."""
        try:
            piece = self._sock.recv(_PIECE)
        except BlockingIOError:
            return None
        except OSError:
            return b""
        self.received += len(piece)
        return piece

    def _half_close(self) -> None:
        self._may_send = False
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            return  # the other side is gone, which reading tells

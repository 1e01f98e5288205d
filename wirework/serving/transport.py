"""Moving bytes of one socket on our own loop, with the manners of asyncio's transports."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Protocol

from wirework.serving.loops import READ, WRITE

if TYPE_CHECKING:
    from wirework.serving.loops import SelectorLoop

_MOST_SENT = 256 * 1024
"""Bytes offered to the kernel at once, so that no client keeps the others waiting."""


class Transport(Protocol):
    """A connection's way to its socket: asyncio.Transport, as far as we use it."""

    def write(self, data: bytes) -> None:
        """Send, now or later."""

    def write_eof(self) -> None:
        """Send our end (half-close) after everything written; raises OSError on a dead socket."""

    def close(self) -> None:
        """Receive nothing more, and close once everything is sent."""

    def abort(self) -> None:
        """Close at once."""

    def pause_reading(self) -> None:
        """Receive nothing for now."""

    def resume_reading(self) -> None:
        """Receive again."""

    def get_write_buffer_size(self) -> int:
        """Return the bytes written that the kernel has not taken."""


class Receiver(Protocol):
    """Whom a transport tells: asyncio.BufferedProtocol, as far as we use it.

    None of its methods is called from within ``write``, but for ``pause_writing``.
    """

    def connection_made(self, transport: Transport) -> None:
        """Begin."""

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to put what comes."""

    def buffer_updated(self, nbytes: int) -> None:
        """Take what is there now."""

    def eof_received(self) -> bool:
        """Learn that nothing more comes; return whether the transport stays open for writing."""

    def pause_writing(self) -> None:
        """Learn that more is pending than the high-water mark."""

    def resume_writing(self) -> None:
        """Learn that no more is pending than the low-water mark."""

    def connection_lost(self, exc: Exception | None) -> None:
        """End; the error is the socket's, if one ended it."""


class SocketTransport:
    """One non-blocking socket on a ``SelectorLoop``."""

    __slots__ = (
        "_clogged",
        "_closing",
        "_ended",
        "_fd",
        "_finishing",
        "_high",
        "_loop",
        "_lost",
        "_low",
        "_out",
        "_paused",
        "_receiver",
        "_sock",
        "_watched",
    )

    def __init__(
        self, loop: SelectorLoop, sock: socket.socket, receiver: Receiver, *, high: int, low: int
    ) -> None:
        self._loop, self._sock, self._receiver = loop, sock, receiver
        self._high, self._low = high, low
        self._fd = sock.fileno()
        self._out = bytearray()
        self._watched = 0
        self._paused = self._ended = self._clogged = False
        self._finishing = self._closing = self._lost = False
        receiver.connection_made(self)
        self._settle()

    def write(self, data: bytes) -> None:
        """Send what the kernel takes now, and the rest when it takes more."""
        if self._lost or self._closing or self._finishing:
            return
        sent = 0
        if not self._out:
            try:
                sent = self._sock.send(data)
            except (BlockingIOError, InterruptedError):
                pass
            except OSError as error:
                self._lose(error)
                return
            if sent == len(data):
                return
        self._out += memoryview(data)[sent:] if sent else data
        self._settle()
        if not self._clogged and len(self._out) > self._high:
            self._clogged = True
            self._receiver.pause_writing()

    def write_eof(self) -> None:
        """Send our end (half-close) after everything written; raises OSError on a dead socket."""
        if self._lost or self._closing or self._finishing:
            return
        self._finishing = True
        if not self._out:
            self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Receive nothing more, and close once everything is sent."""
        self._closing = True
        self._settle()
        if not self._out:
            self._lose(None)

    def abort(self) -> None:
        """Close at once."""
        self._lose(None)

    def pause_reading(self) -> None:
        """Receive nothing for now."""
        self._paused = True
        self._settle()

    def resume_reading(self) -> None:
        """Receive again."""
        self._paused = False
        self._settle()

    def get_write_buffer_size(self) -> int:
        """Return the bytes written that the kernel has not taken."""
        return len(self._out)

    def _settle(self) -> None:
        """Wait for what can happen now; most events change nothing of that."""
        events = 0
        if not self._lost:
            if not (self._paused or self._ended or self._closing):
                events = READ
            if self._out:
                events |= WRITE
        if events == self._watched:
            return
        self._watched = events
        if events:
            self._loop.watch(self._fd, events, self._happened)
        else:
            self._loop.forget(self._fd)

    def _happened(self, events: int) -> None:
        # What happened may be old news by now: an event before this one can have closed us.
        if events & WRITE and self._out and not self._lost:
            self._send()
        if events & READ and self._watched & READ:
            self._receive()

    def _receive(self) -> None:
        try:
            size = self._sock.recv_into(self._receiver.get_buffer(-1))
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(error)
            return
        if size:
            self._receiver.buffer_updated(size)
            return
        self._ended = True
        if self._receiver.eof_received():
            self._settle()
        else:
            self.close()

    def _send(self) -> None:
        try:
            with memoryview(self._out)[:_MOST_SENT] as piece:
                sent = self._sock.send(piece)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(error)
            return
        del self._out[:sent]
        if not self._out:
            self._settle()
            if self._closing:
                self._lose(None)
                return
            if self._finishing:
                try:
                    self._sock.shutdown(socket.SHUT_WR)
                except OSError as error:
                    self._lose(error)
                    return
        if self._clogged and len(self._out) <= self._low:
            self._clogged = False
            self._receiver.resume_writing()

    def _lose(self, error: OSError | None) -> None:
        """Give the socket up; its receiver is told when nothing of it is running."""
        if self._lost:
            return
        self._lost = True
        self._out.clear()
        self._settle()
        self._loop.call_soon(lambda: self._bury(error))

    def _bury(self, error: OSError | None) -> None:
        try:
            self._receiver.connection_lost(error)
        finally:
            with contextlib.suppress(OSError):
                self._sock.close()

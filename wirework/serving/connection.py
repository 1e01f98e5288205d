"""One client's connection: TLS, water marks, half-close, and how it came to its end.

It is the same under every model. Below it is a transport, asyncio's or ours; above it a session.
"""

from __future__ import annotations

import enum
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from wirework.serving.limits import Limits
    from wirework.serving.loops import Loop
    from wirework.serving.service import Peer, Session
    from wirework.serving.tls import Tls
    from wirework.serving.transport import Transport

RESET = "reset by the client"
GONE = "the network lost it"
IDLE = "idle"
DROPPED = "dropped by the service"
STOPPED = "let go at the stop"
CUT = "cut off after the stop"
NO_TLS = "no TLS"
BROKEN = "the service failed"

_RESETS = (ConnectionResetError, BrokenPipeError, ConnectionAbortedError)
_RST_ON_CLOSE = b"\1\0\0\0\0\0\0\0"
"""struct linger {1, 0}: see socket(7)."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One client, from its connection to its end.

    ``by`` is the process or thread that served it. Bytes are the service's: without TLS around
    them. ``ending`` is "" when both sides were done, else a few words of a fixed set.
    """

    peer: Peer
    by: str
    seconds: float
    bytes_in: int
    bytes_out: int
    ending: str


class Home(Protocol):
    """Where a connection lives: its loop, and whoever looks after its times."""

    loop: Loop
    limits: Limits
    thread: int
    room: memoryview
    """Where what comes is received; one for all, since it is copied out at once."""

    def attend(self, connection: Connection) -> None:
        """Look at the connection from time to time: it waits for something that may not come."""

    def failed(self, connection: Connection, error: Exception) -> None:
        """Learn of a session's bug."""

    def left(self, connection: Connection) -> None:
        """Learn that the connection is gone."""


class _State(enum.Enum):
    NEW = enum.auto()
    HANDSHAKE = enum.auto()
    OPEN = enum.auto()
    FINISHING = enum.auto()
    CLOSED = enum.auto()


class Connection:
    """A session's ``Wire`` and its transport's receiver.

    Sessions and transports call it on its loop's thread; a wire's methods may be called from any.
    """

    __slots__ = (
        "_ended",
        "_handed",
        "_handing",
        "_home",
        "_mark",
        "_session",
        "_since",
        "_sock",
        "_state",
        "_tls",
        "_transport",
        "began",
        "bytes_in",
        "bytes_out",
        "ending",
        "peer",
    )

    _transport: Transport

    def __init__(
        self, home: Home, sock: socket.socket, peer: Peer, session: Session, tls: Tls | None
    ) -> None:
        self.peer = peer
        self.bytes_in = self.bytes_out = 0
        self.ending = ""
        self.began = self._since = time.monotonic()
        self._home, self._sock, self._session, self._tls = home, sock, session, tls
        self._state = _State.NEW
        self._ended = False
        self._mark = (0, 0, 0)
        self._handing = threading.Lock()
        self._handed = bytearray()

    # A session's side.

    @property
    def pending(self) -> int:
        """Bytes written that the kernel has not taken yet."""
        if self._state is _State.CLOSED:
            return 0
        return self._transport.get_write_buffer_size() + len(self._handed)

    def write(self, data: bytes) -> None:
        """Send, now or when the other end is ready for it; nothing once the wire is closed."""
        if threading.get_ident() != self._home.thread:
            self._hand_over(data)
            return
        if self._state is not _State.OPEN or not data:
            return
        self.bytes_out += len(data)
        if self._tls is not None:
            self._tls.write(data)
            data = self._tls.take()
        self._transport.write(data)

    def finish(self) -> None:
        """Close once everything written is sent; nothing more is received."""
        if threading.get_ident() != self._home.thread:
            self._elsewhere(self.finish)
            return
        if self._state is not _State.OPEN:
            return
        self._state = _State.FINISHING
        if self._tls is not None:
            self._tls.close()
            self._transport.write(self._tls.take())
        if self._ended:
            self._transport.close()
            return
        # To close with something unread would send a reset, and that can destroy what is still
        # on its way. So the rest is received, and dropped, until the client ends too.
        try:
            self._transport.write_eof()
        except OSError:
            self._transport.abort()
            return
        self._transport.resume_reading()
        self._home.attend(self)

    def abort(self) -> None:
        """Close at once, whatever is still pending."""
        if threading.get_ident() != self._home.thread:
            self._elsewhere(self.abort)
            return
        self.cut(DROPPED)

    # A transport's side.

    def connection_made(self, transport: Transport) -> None:
        """Begin, with TLS if there is any."""
        self._transport = transport
        if self.ending:  # cut off before it began
            transport.abort()
            return
        if self._tls is None:
            self._open()
            return
        self._state = _State.HANDSHAKE
        self._home.attend(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to put what comes."""
        del sizehint
        return self._home.room

    def buffer_updated(self, nbytes: int) -> None:
        """Hand what came to the session."""
        if self._state is _State.FINISHING or self._state is _State.CLOSED:
            return
        data = bytes(self._home.room[:nbytes])
        if self._tls is not None:
            self._decrypt(self._tls, data)
            return
        self.bytes_in += nbytes
        try:
            self._session.received(data)
        except Exception as error:  # noqa: BLE001  (one client's trouble is not the others')
            self._fail(error)

    def eof_received(self) -> bool:
        """Tell the session, once, that the client sends nothing more."""
        if self._state is _State.HANDSHAKE:
            self.ending = NO_TLS
            return False
        if self._state is not _State.OPEN:
            return False
        if not self._ended:
            self._ended = True
            self._tell(self._session.ended)
        return self._state is _State.OPEN

    def pause_writing(self) -> None:
        """Receive nothing more: what it makes the session write has no place to go."""
        if self._state is _State.OPEN:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Receive again, and let the session go on."""
        if self._state is not _State.OPEN:
            return
        if not self._ended:
            self._transport.resume_reading()
        self._tell(self._session.drained)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the session that the connection is gone."""
        opened = self._state in (_State.OPEN, _State.FINISHING)
        if exc is not None and not self.ending:
            self.ending = RESET if isinstance(exc, _RESETS) else GONE
        self._state = _State.CLOSED
        if opened:
            try:
                self._session.closed(self.ending)
            except Exception as error:  # noqa: BLE001  (see above)
                self._home.failed(self, error)
        self._home.left(self)

    # Its home's side.

    def stopping(self) -> None:
        """Tell the session that the server stops."""
        if self._state is _State.OPEN:
            self._tell(self._session.stopping)

    def check(self, now: float, *, stopping: bool) -> None:
        """Look whether anything has moved; end what has waited for longer than it may."""
        limits = self._home.limits
        if self._state is _State.NEW:
            return
        if self._state is _State.HANDSHAKE:
            if stopping or now - self.began >= limits.handshake:
                self.cut(STOPPED if stopping else NO_TLS)
            return
        pending = self.pending
        mark = (self.bytes_in, self.bytes_out, pending)
        if mark != self._mark:
            self._mark, self._since = mark, now
            return
        quiet = now - self._since
        if self._state is _State.FINISHING and not pending:
            if quiet >= (min(limits.linger, limits.quiet) if stopping else limits.linger):
                self._transport.abort()
        elif limits.idle is not None and quiet >= limits.idle:
            self._let_go(IDLE)
        elif stopping and not pending and quiet >= limits.quiet:
            self._let_go(STOPPED)

    def cut(self, ending: str) -> None:
        """Close at once, with a reset: what is lost then must not look like a regular end."""
        if self._state is _State.CLOSED:
            return
        self.ending = self.ending or ending
        if self._state is _State.NEW:
            return
        if self._state is _State.OPEN or self.pending:
            self._reset_on_close()
        self._transport.abort()

    @property
    def attended(self) -> bool:
        """Whether it waits for something that may not come: TLS, or the client's own end."""
        return self._state in (_State.HANDSHAKE, _State.FINISHING)

    def _open(self) -> None:
        self._state = _State.OPEN
        self._tell(lambda: self._session.opened(self))

    def _tell(self, method: Callable[[], None]) -> None:
        try:
            method()
        except Exception as error:  # noqa: BLE001  (see above)
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._home.failed(self, error)
        self.cut(BROKEN)

    def _let_go(self, ending: str) -> None:
        """End in peace where nothing is pending, at once where it has been for too long."""
        if self.pending:
            self.cut(ending)
        else:
            self.ending = self.ending or ending
            self.finish()

    def _decrypt(self, tls: Tls, data: bytes) -> None:
        fresh = not tls.ready
        try:
            plain = tls.feed(data)
        except ssl.SSLError:
            self._transport.write(tls.take())  # what was wrong, in an alert
            self.ending = NO_TLS if fresh else "broken TLS"
            self._transport.close()
            return
        if answer := tls.take():
            self._transport.write(answer)
        if fresh and tls.ready:
            self._open()
        if plain and self._state is _State.OPEN:
            self.bytes_in += len(plain)
            self._tell(lambda: self._session.received(plain))
        if tls.ended and not self._ended and self._state is _State.OPEN:
            self._ended = True
            self._transport.pause_reading()  # what may follow the end of TLS is none of it
            self._tell(self._session.ended)

    def _reset_on_close(self) -> None:
        try:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
        except OSError:
            return

    def _hand_over(self, data: bytes) -> None:
        """Leave what another thread writes where our own will find it."""
        with self._handing:
            first = not self._handed
            self._handed += data
        if first:
            self._elsewhere(self._take)

    def _take(self) -> None:
        with self._handing:
            data = bytes(self._handed)
            self._handed.clear()
        self.write(data)

    def _elsewhere(self, callback: Callable[[], None]) -> None:
        try:
            self._home.loop.call_soon_threadsafe(callback)
        except RuntimeError:
            return  # asyncio's word for a loop that is closed: so is the connection

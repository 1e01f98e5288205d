"""Talking to a TCP server: send, half-close, and take what comes."""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import socket
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wirework.errors import BadInput, Failed, TimedOut
from wirework.net.causes import of_socket
from wirework.net.dial import dial
from wirework.serving.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_KEPT = 1024 * 1024
"""Bytes of the answer that a result holds when nobody takes them as they come."""

_PIECE = 65536
_MOST_UNANSWERED = 8 * 1024 * 1024
"""Bytes whose echo is awaited before more is sent."""

_AFTERWARDS = 1.0
"""Seconds in which the other end may still say too much after a whole echo."""

_WAITS = (BlockingIOError, InterruptedError)


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """What was said. Sizes are in bytes.

    ``address`` is the one that answered; ``tls`` the version, "" without. ``echoed`` tells
    whether every byte came back, None when nobody asked. ``data`` is the answer, up to
    ``MOST_KEPT``, unless it was taken as it came. ``problem`` is one line, "" when all went well.
    """

    host: str
    port: int
    address: str
    tls: str
    seconds: float
    sent: int
    received: int
    echoed: bool | None
    data: bytes
    problem: str

    @property
    def ok(self) -> bool:
        """Whether all went well."""
        return not self.problem

    @property
    def summary(self) -> str:
        """It in a few words."""
        return self.problem or f"{self.sent} bytes sent, {self.received} received"


def converse(
    host: str,
    port: int,
    source: bytes | int,
    *,
    expect_echo: bool = False,
    tls: ssl.SSLContext | None = None,
    timeout: float | None = 30.0,
    take: Callable[[bytes], None] | None = None,
) -> Conversation:
    """Send bytes, or what a file descriptor gives, and take what comes until the other end ends.

    Our end is sent (half-close) when the source is at its own. ``take`` gets what comes, as it
    comes. ``timeout`` is in seconds and for everything, None waits. Trouble on the way is told in
    ``problem``; raises BadInput for what cannot be asked.
    """
    if not 1 <= port <= 65535:  # noqa: PLR2004  (RFC 9293)
        raise BadInput(f"a port is between 1 and 65535, not {port}", where="PORT")
    if timeout is not None and not 0 < timeout < math.inf:
        raise BadInput(
            f"a time limit is a number of seconds above 0, not {timeout:g}",
            where="--timeout",
            hint="0 waits as long as it takes",
        )
    began = time.monotonic()
    talk = _Talk(source, take, echo=expect_echo)
    deadline = math.inf if timeout is None else began + timeout
    address = version = problem = ""
    try:
        with dial(host, port, deadline=min(deadline, began + 1e6)) as sock:
            address = str(sock.getpeername()[0])
            line = _Secured(sock, Tls(tls, server=host)) if tls else _Plain(sock)
            line.begin(deadline)
            version = line.version
            talk.run(line, deadline)
    except (Failed, TimedOut) as error:
        problem = error.message
    except ssl.SSLError as error:
        problem = f"no TLS: {_why(error)}"
    except OSError as error:
        problem = of_socket(error).words
    return Conversation(
        host=host,
        port=port,
        address=address,
        tls=version,
        seconds=time.monotonic() - began,
        sent=talk.sent,
        received=talk.received,
        echoed=talk.echoed,
        data=bytes(talk.kept),
        problem=problem,
    )


def _why(error: ssl.SSLError) -> str:
    """Say why there is no TLS; OpenSSL writes its reasons as names."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    return (error.reason or str(error)).replace("_", " ").lower()


class _Plain:
    """A connection as it is, non-blocking once it has begun."""

    version = ""
    waiting = False
    """Whether something is still to be sent that the talk knows nothing of."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def begin(self, deadline: float) -> None:
        """Be ready to send and receive before the deadline; raises TimedOut and OSError."""
        del deadline
        self.sock.settimeout(0.0)

    def send(self, data: bytes | bytearray) -> int:
        """Send what can be sent now; raises BlockingIOError."""
        return self.sock.send(data)

    def receive(self) -> list[bytes]:
        """Return what is there; an empty piece is the other end's end."""
        try:
            return [self.sock.recv(_PIECE)]
        except _WAITS:
            return []

    def half_close(self) -> None:
        """Say that nothing more is sent."""
        self.sock.shutdown(socket.SHUT_WR)

    def flush(self) -> None:
        """Send what still waits."""


class _Secured(_Plain):
    """The same with TLS.

    Not an SSLSocket: that one, to say its end, reads on and throws away what it reads.
    """

    def __init__(self, sock: socket.socket, tls: Tls) -> None:
        super().__init__(sock)
        self._tls = tls
        self._out = bytearray()
        self._early = b""

    def begin(self, deadline: float) -> None:
        """Set TLS up before the deadline; raises TimedOut and OSError."""
        data = b""
        try:
            while True:
                self._early += self._fed(data)
                self.sock.settimeout(
                    None if deadline == math.inf else max(deadline - time.monotonic(), 0.001)
                )
                self.sock.sendall(self._tls.take())
                if self._tls.ready:
                    break
                if not (data := self.sock.recv(_PIECE)):
                    raise Failed("no TLS: the other end ended")
        except TimeoutError as error:
            raise TimedOut("no TLS within the time limit") from error
        self.version = self._tls.version
        self.sock.settimeout(0.0)

    def send(self, data: bytes | bytearray) -> int:
        """Encrypt and send; raises BlockingIOError while what came before still waits."""
        self.flush()
        if self.waiting:
            raise BlockingIOError
        self._tls.write(bytes(data))
        self.flush()
        return len(data)

    def receive(self) -> list[bytes]:
        """Return what is there; an empty piece is the other end's end."""
        pieces, self._early = [self._early] if self._early else [], b""
        for data in super().receive():
            if data and (plain := self._fed(data)):
                pieces.append(plain)
            if not data:
                pieces.append(b"")
        if self._tls.ended:
            pieces.append(b"")
        return pieces

    def half_close(self) -> None:
        """Say it in TLS; the socket stays open for the answer."""
        self._tls.close()
        self.flush()

    def flush(self) -> None:
        """Send what still waits."""
        self._out += self._tls.take()
        with contextlib.suppress(*_WAITS):
            while self._out:
                del self._out[: self.sock.send(self._out)]
        self.waiting = bool(self._out)

    def _fed(self, data: bytes) -> bytes:
        try:
            return self._tls.feed(data)
        except ssl.SSLError:
            with contextlib.suppress(OSError):
                self.sock.send(self._tls.take())  # why, in an alert
            raise


class _Talk:
    """Both directions of a conversation at once."""

    def __init__(
        self, source: bytes | int, take: Callable[[bytes], None] | None, *, echo: bool
    ) -> None:
        self.sent = self.received = 0
        self.kept = bytearray()
        self._source = source if isinstance(source, int) else None
        self._out = bytearray() if isinstance(source, int) else bytearray(source)
        self._take = take or self._keep
        self._echo = echo
        self._unanswered = bytearray()
        self._finished = False

    @property
    def echoed(self) -> bool | None:
        """Whether every byte came back, None when nobody asked."""
        return self._finished and not self._unanswered if self._echo else None

    def run(self, line: _Plain, deadline: float) -> None:
        """Talk until the other end ends; raises Failed, TimedOut and OSError."""
        ended = self._receive(line)
        # Not epoll: it refuses plain files, and standard input can be one.
        with selectors.PollSelector() as selector:
            while not ended:
                if self._all_sent and not self._finished:
                    self._finished = True
                    line.half_close()
                if self.echoed:
                    deadline = min(deadline, time.monotonic() + _AFTERWARDS)
                ready = self._wait(selector, line, deadline)
                if ready is None:
                    if self.echoed:
                        return
                    raise TimedOut("the other end did not end within the time limit")
                if self._source in ready:
                    self._read_source()
                line.flush()
                if self._out:
                    self._send(line)
                ended = self._receive(line)
        if self._echo and not self.echoed:
            missing = len(self._unanswered) + len(self._out)
            raise Failed(f"the other end ended, and {missing} bytes did not come back")

    @property
    def _all_sent(self) -> bool:
        return self._source is None and not self._out

    def _wait(
        self, selector: selectors.PollSelector, line: _Plain, deadline: float
    ) -> set[int | None] | None:
        """Return what is ready; None when the time is up."""
        fd = line.sock.fileno()
        wanted = {fd: selectors.EVENT_READ}
        if self._out or line.waiting:
            wanted[fd] |= selectors.EVENT_WRITE
        elif self._source is not None and len(self._unanswered) < _MOST_UNANSWERED:
            wanted[self._source] = selectors.EVENT_READ
        for known in set(selector.get_map()) - set(wanted):
            selector.unregister(known)
        for each, events in wanted.items():
            if each not in selector.get_map():
                selector.register(each, events)
            elif selector.get_key(each).events != events:
                selector.modify(each, events)
        left = None if deadline == math.inf else deadline - time.monotonic()
        if left is not None and left <= 0:
            return None
        return {key.fd for key, _ in selector.select(left)} or None

    def _read_source(self) -> None:
        assert self._source is not None  # noqa: S101  (only then is it waited for)
        piece = os.read(self._source, _PIECE)
        if piece:
            self._out += piece
        else:
            self._source = None

    def _send(self, line: _Plain) -> None:
        with contextlib.suppress(*_WAITS):
            sent = line.send(self._out[:_PIECE])
            if self._echo:
                self._unanswered += self._out[:sent]
            del self._out[:sent]
            self.sent += sent

    def _receive(self, line: _Plain) -> bool:
        """Take what is there; return whether the other end has ended."""
        for piece in line.receive():
            if not piece:
                return True
            self.received += len(piece)
            self._take(piece)
            if self._echo:
                self._compare(piece, self.received - len(piece))
        return False

    def _compare(self, piece: bytes, start: int) -> None:
        expected = bytes(self._unanswered[: len(piece)])
        if piece != expected:
            pairs = zip(piece, expected, strict=False)
            same = next((n for n, (a, b) in enumerate(pairs) if a != b), len(expected))
            raise Failed(f"byte {start + same + 1} of the answer is not what was sent")
        del self._unanswered[: len(piece)]

    def _keep(self, piece: bytes) -> None:
        self.kept += piece[: MOST_KEPT - len(self.kept)]

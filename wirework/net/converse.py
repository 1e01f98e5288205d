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
from wirework.net.dial import dial, in_words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MOST_KEPT = 1024 * 1024
"""Bytes of the answer that a result holds when nobody takes them as they come."""

_PIECE = 65536
_MOST_UNANSWERED = 8 * 1024 * 1024
"""Bytes whose echo is awaited before more is sent."""

_AFTERWARDS = 1.0
"""Seconds in which the other end may still say too much after a whole echo."""

_WAITS = (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError, InterruptedError)


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


def client_context(authority: Path | None = None) -> ssl.SSLContext:
    """Return what TLS is spoken with: the machine's authorities, or those of a PEM file."""
    try:
        return ssl.create_default_context(cafile=authority)
    except (OSError, ssl.SSLError) as error:
        why = getattr(error, "strerror", None) or "no PEM certificates"
        raise BadInput(f"cannot be used: {why}", where=str(authority)) from error


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
            line = _secured(sock, tls, host, deadline) if tls else sock
            with line:
                version = line.version() or "" if isinstance(line, ssl.SSLSocket) else ""
                talk.run(line, deadline)
    except (Failed, TimedOut) as error:
        problem = error.message
    except ssl.SSLError as error:
        problem = f"no TLS: {getattr(error, 'verify_message', '') or error.reason or error}"
    except OSError as error:
        problem = in_words(error)
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


def _secured(sock: socket.socket, tls: ssl.SSLContext, host: str, deadline: float) -> ssl.SSLSocket:
    sock.settimeout(None if deadline == math.inf else max(deadline - time.monotonic(), 0.001))
    try:
        return tls.wrap_socket(sock, server_hostname=host)
    except TimeoutError as error:
        raise TimedOut("no TLS within the time limit") from error


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

    def run(self, sock: socket.socket, deadline: float) -> None:
        """Talk until the other end ends; raises Failed, TimedOut and OSError."""
        sock.settimeout(0.0)
        ended = False
        # Not epoll: it refuses plain files, and standard input can be one.
        with selectors.PollSelector() as selector:
            while not ended:
                if self._all_sent and not self._finished:
                    self._finished = True
                    _half_close(sock)
                if self.echoed:
                    deadline = min(deadline, time.monotonic() + _AFTERWARDS)
                ready = self._wait(selector, sock, deadline)
                if ready is None:
                    if self.echoed:
                        return
                    raise TimedOut("the other end did not end within the time limit")
                if self._source in ready:
                    self._read_source()
                if self._out:
                    self._send(sock)
                ended = self._receive(sock)
        if self._echo and not self.echoed:
            missing = len(self._unanswered) + len(self._out)
            raise Failed(f"the other end ended, and {missing} bytes did not come back")

    @property
    def _all_sent(self) -> bool:
        return self._source is None and not self._out

    def _wait(
        self, selector: selectors.PollSelector, sock: socket.socket, deadline: float
    ) -> set[int | None] | None:
        """Return what is ready; None when the time is up."""
        wanted = {sock.fileno(): selectors.EVENT_READ}
        if self._out:
            wanted[sock.fileno()] |= selectors.EVENT_WRITE
        elif self._source is not None and len(self._unanswered) < _MOST_UNANSWERED:
            wanted[self._source] = selectors.EVENT_READ
        for fd in set(selector.get_map()) - set(wanted):
            selector.unregister(fd)
        for fd, events in wanted.items():
            if fd not in selector.get_map():
                selector.register(fd, events)
            elif selector.get_key(fd).events != events:
                selector.modify(fd, events)
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

    def _send(self, sock: socket.socket) -> None:
        with contextlib.suppress(*_WAITS):
            sent = sock.send(self._out[:_PIECE])
            if self._echo:
                self._unanswered += self._out[:sent]
            del self._out[:sent]
            self.sent += sent

    def _receive(self, sock: socket.socket) -> bool:
        """Take what is there; return whether the other end has ended."""
        while True:
            try:
                piece = sock.recv(_PIECE)
            except _WAITS:
                return False
            except ssl.SSLZeroReturnError:
                return True
            if not piece:
                return True
            start = self.received
            self.received += len(piece)
            self._take(piece)
            if self._echo:
                self._compare(piece, start)
            if not isinstance(sock, ssl.SSLSocket):  # TLS may hold more that no poll tells of
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


def _half_close(sock: socket.socket) -> None:
    """Send our end; with TLS its own word for it, and the socket stays open for the answer."""
    if isinstance(sock, ssl.SSLSocket):
        with contextlib.suppress(*_WAITS, ssl.SSLError):
            sock.unwrap()
    else:
        sock.shutdown(socket.SHUT_WR)

"""Connections one step at a time: each is bounded by a deadline, in the socket mode asked for."""

from __future__ import annotations

import errno
import math
import os
import re
import select
import socket
import struct
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from wirework.errors import BadInput
from wirework.net.at_once import at_once
from wirework.net.causes import Cause, Trouble, of_resolver

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from wirework.net.endpoints import Endpoint

PIECE = 65536
FAMILIES = {
    "": socket.AF_UNSPEC,
    "4": socket.AF_INET,
    "6": socket.AF_INET6,
}
LONGEST_HOST = 253
_NO_NAME = re.compile(r"[\x00-\x20\x7f/\\@?#'\"<>|,]")
_LEAST = 1e-6
"""Seconds; a time limit of 0 would be none to the kernel, and another mode to Python."""

SocketAddress = tuple[str, int] | tuple[str, int, int, int] | bytes


class Mode(StrEnum):
    """How a socket waits.

    A blocking one waits in the kernel, whose SO_SNDTIMEO and SO_RCVTIMEO bound that (socket(7));
    one with a timeout waits in Python; a non-blocking one is polled.
    """

    BLOCKING = "blocking"
    TIMEOUT = "timeout"
    NONBLOCKING = "nonblocking"


class Line(Protocol):
    """Bytes both ways: a plain connection, or TLS over one."""

    def send(self, data: bytes) -> None:
        """Send all of it; raises OSError, TimeoutError when the deadline passes."""
        ...

    def receive(self) -> bytes:
        """Return what comes next, nothing at the end; raises as ``send`` does."""
        ...


class Stop:
    """A wish that threads end, on which their sockets' polls wait too (eventfd(2))."""

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_CLOEXEC)

    def __del__(self) -> None:
        # Threads that are late still poll it; the last reference closes it.
        os.close(self._fd)

    def fileno(self) -> int:
        """Return what poll(2) is given; it is readable once the wish is there."""
        return self._fd

    def set(self) -> None:
        """Wish it."""
        os.eventfd_write(self._fd, 1)

    def wait(self, seconds: float) -> bool:
        """Wait until it is wished, or so long; return whether it is wished."""
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        return bool(poll.poll(max(seconds, 0.0) * 1000))


class Wire:
    """A stream socket whose every step ends by the deadline, a time of ``time.monotonic``.

    Raises TimeoutError when that has passed, and when a ``stop`` comes, which only a
    non-blocking one heeds.
    """

    def __init__(
        self,
        family: int,
        *,
        deadline: float,
        mode: Mode = Mode.NONBLOCKING,
        stop: Stop | None = None,
    ) -> None:
        self._sock = socket.socket(family, socket.SOCK_STREAM)
        self._mode = mode
        self._stop = stop
        self.deadline = deadline
        if mode is Mode.NONBLOCKING:
            self._sock.settimeout(0.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self._sock.close()

    @property
    def local(self) -> SocketAddress:
        """Where it comes from, as getsockname(2) has it."""
        found: SocketAddress = self._sock.getsockname()
        return found

    def connect(self, address: SocketAddress) -> None:
        """Connect; raises OSError."""
        self._prepare(socket.SO_SNDTIMEO)
        try:
            self._sock.connect(address)
        except BlockingIOError as error:
            if error.errno != errno.EINPROGRESS:  # EAGAIN is a Unix socket's full queue
                raise
            self._await(select.POLLOUT)
            if number := self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(number, os.strerror(number)) from None

    def send(self, data: bytes) -> None:
        """Send all of it."""
        left = memoryview(data)
        while left:
            self._prepare(socket.SO_SNDTIMEO)
            try:
                left = left[self._sock.send(left) :]
            except BlockingIOError:
                self._await(select.POLLOUT)

    def receive(self) -> bytes:
        """Return what comes next, nothing at the end."""
        while True:
            self._prepare(socket.SO_RCVTIMEO)
            try:
                return self._sock.recv(PIECE)
            except BlockingIOError:
                self._await(select.POLLIN)

    def _prepare(self, option: int) -> None:
        """Let the next call end by the deadline."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if self._mode is Mode.TIMEOUT:
            self._sock.settimeout(max(left, _LEAST))
        elif self._mode is Mode.BLOCKING:
            whole = int(left)
            limit = struct.pack("@ll", whole, max(int((left - whole) * 1e6), 1))
            self._sock.setsockopt(socket.SOL_SOCKET, option, limit)

    def _await(self, event: int) -> None:
        """Wait until the socket is ready."""
        if self._mode is Mode.BLOCKING:  # the kernel has waited, until the time was up
            raise TimeoutError
        poll = select.poll()
        poll.register(self._sock, event)
        if self._stop:
            poll.register(self._stop, select.POLLIN)
        left = self.deadline - time.monotonic()
        ready = {fd for fd, _ in poll.poll(math.ceil(left * 1000))} if left > 0 else set()
        if self._sock.fileno() not in ready:
            raise TimeoutError


def resolve(
    server: Endpoint, *, family: str = "", deadline: float
) -> list[tuple[int, SocketAddress]]:
    """Return a host's addresses as getaddrinfo(3) orders them; raises Trouble."""

    def ask() -> list[tuple[int, SocketAddress]]:
        found = socket.getaddrinfo(server.host, server.port, FAMILIES[family], socket.SOCK_STREAM)
        return [(number, address) for number, _, _, _, address in found]  # type: ignore[misc]

    try:
        (found,) = at_once([ask], deadline=deadline)
    except socket.gaierror as error:
        raise of_resolver(error, f"IPv{family}" if family else "") from None
    except UnicodeError:
        raise Trouble(Cause.NO_SUCH_HOST, "no host can have such a name") from None
    if found is None:
        raise Trouble(Cause.TIMED_OUT, "the name servers are silent")
    return found


def check_host(host: str, *, where: str) -> None:
    """Refuse what is no host's name or address, before anybody is asked for it."""
    try:
        name = host.encode("idna")
    except UnicodeError:  # an empty or over-long label
        name = b""
    if not name or len(name) > LONGEST_HOST or _NO_NAME.search(host):
        raise BadInput(f"{host!r} is no host name and no address", where=where)


def spelled(address: SocketAddress) -> str:
    """Return a socket's address as people write it: 127.0.0.1:80, [::1]:80."""
    host, port = str(address[0]), address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

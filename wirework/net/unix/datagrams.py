"""A datagram server on a Unix socket: each message with the process that sent it."""

from __future__ import annotations

import array
import contextlib
import os
import select
import signal
import socket
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from wirework.errors import ArgumentError
from wirework.serving.unix.address import spelled
from wirework.serving.unix.credentials import UCRED, Credentials
from wirework.serving.unix.listen import bound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wirework.serving.unix.address import Address

LARGEST = 256 * 1024
"""Bytes of a message; the kernel's own bound is the sender's buffer, 208 KiB by default."""
_DESCRIPTORS = 253
"""The most that come with one message (unix(7), SCM_MAX_FD)."""

_DRAIN = 1.0
"""Seconds for what is in the queue at the end; others may go on sending."""

Answer = bytes | None


@dataclass(frozen=True, slots=True)
class Datagram:
    """One message: its size and its answer's in bytes, who sent it, and what came of it.

    ``sender`` is the address that an answer goes to, "" when the sender has none. ``fate`` is
    answered, taken, no address, not read (the sender's queue is full or gone) or too large.
    """

    bytes: int
    answer: int
    peer: Credentials
    sender: str
    fate: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ServedDatagrams:
    """A datagram server's whole life; ``fates`` counts what came of its messages."""

    service: str
    place: str
    seconds: float
    messages: int
    bytes_in: int
    bytes_out: int
    fates: dict[str, int]

    @property
    def summary(self) -> str:
        """It in a few words."""
        return f"{self.messages} messages, {self.bytes_in} bytes in, {self.bytes_out} out"


def _daytime(_: bytes) -> Answer:
    return f"{datetime.now().astimezone():%a, %d %b %Y %H:%M:%S %z}\r\n".encode()


SERVICES: Mapping[str, Callable[[bytes], Answer]] = {
    "echo": lambda data: data,
    "discard": lambda _: None,
    "daytime": _daytime,
}


def serve_datagrams(
    address: Address,
    service: str = "echo",
    *,
    mode: int = 0o600,
    timeout: float | None = None,
    stop: int = -1,
    ready: Callable[[], None] | None = None,
    watch: Callable[[Datagram], None] | None = None,
) -> ServedDatagrams:
    """Answer messages until SIGINT, SIGTERM or the end of ``timeout`` seconds.

    Outside the main thread no signal comes, and ``stop`` is a descriptor that ends it once it
    can be read. What is in the queue by then is still answered. ``ready`` is called once it is
    bound, ``watch`` for every message. Raises BadInput for what cannot be served.
    """
    answer = SERVICES.get(service)
    if answer is None:
        raise ArgumentError(
            f"{service!r} answers no datagrams",
            parameter="service",
            where="--service",
            hint=f"one of {', '.join(SERVICES)}",
        )
    began = time.monotonic()
    deadline = None if timeout is None else began + timeout
    fates: dict[str, int] = {}
    bytes_in = bytes_out = 0
    with bound(address, socket.SOCK_DGRAM, mode=mode) as sock, _stop(stop) as stopped:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        if ready:
            ready()
        for taken in _messages(sock, answer, stopped, deadline):
            fates[taken.fate] = fates.get(taken.fate, 0) + 1
            bytes_in += taken.bytes
            bytes_out += taken.answer
            if watch:
                watch(taken)
    return ServedDatagrams(
        service=service,
        place=str(address),
        seconds=time.monotonic() - began,
        messages=sum(fates.values()),
        bytes_in=bytes_in,
        bytes_out=bytes_out,
        fates=fates,
    )


@contextlib.contextmanager
def _stop(stop: int) -> Iterator[int]:
    """Yield a descriptor that can be read once a signal came, or ``stop`` where none comes."""
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    told, tell = os.pipe()

    def press(*_: object) -> None:
        os.write(tell, b"\0")

    before = {number: signal.signal(number, press) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(told)
        os.close(tell)


def _messages(
    sock: socket.socket,
    answer: Callable[[bytes], Answer],
    stopped: int,
    deadline: float | None,
) -> Iterator[Datagram]:
    """Take and answer messages until it is time to end, and then those that came before."""
    while _waits(sock, stopped, deadline):
        if taken := _take(sock, answer):
            yield taken
    drained = time.monotonic() + _DRAIN
    while time.monotonic() < drained and _has_more(sock):
        if taken := _take(sock, answer):
            yield taken


def _waits(sock: socket.socket, stopped: int, deadline: float | None) -> bool:
    """Wait for a message; False when it is time to end."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    if stopped >= 0:
        poll.register(stopped, select.POLLIN)
    left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
    ready = {descriptor for descriptor, _ in poll.poll(left)}
    return bool(ready) and stopped not in ready


def _has_more(sock: socket.socket) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _take(sock: socket.socket, answer: Callable[[bytes], Answer]) -> Datagram | None:
    room = socket.CMSG_SPACE(UCRED.size) + socket.CMSG_SPACE(_DESCRIPTORS * 4)
    try:
        data, ancillary, flags, sender = sock.recvmsg(LARGEST, room, socket.MSG_CMSG_CLOEXEC)
    except (BlockingIOError, ConnectionError):
        return None
    peer = Credentials()
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            peer = Credentials(*UCRED.unpack(content[: UCRED.size]))
        elif level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            _close_all(content)
    said = None if flags & socket.MSG_TRUNC else answer(data)
    fate = "too large" if flags & socket.MSG_TRUNC else _give(sock, said, sender)
    back = len(said) if said is not None and fate == "answered" else 0
    return Datagram(len(data), back, peer, spelled(sender), fate)


def _close_all(content: bytes) -> None:
    """Close descriptors that somebody sent along: nobody here wants them."""
    descriptors = array.array("i")
    descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    for descriptor in descriptors:
        os.close(descriptor)


def _give(sock: socket.socket, data: Answer, sender: str | bytes | None) -> str:
    if data is None:
        return "taken"
    if not sender:
        return "no address"
    try:
        sock.sendto(data, sender)
    except OSError:
        return "not read"
    return "answered"

"""Clients of a server under test, and services that show what a model does."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from wirework.net.services import Small, service
from wirework.serving import Service, Session, Wire
from wirework.serving.running import Running
from wirework.serving.serve import MODELS

TIMEOUT = 20.0
ECHO = service("echo")

__all__ = ["ECHO", "MODELS"]


@contextlib.contextmanager
def client(server: Running, **options: int) -> Iterator[socket.socket]:
    """Connect to a server's first place."""
    place = server.places[0]
    family = socket.AF_UNIX if place.path else socket.AF_INET6 if ":" in place.host else None
    with socket.socket(family or socket.AF_INET) as sock:
        sock.settimeout(TIMEOUT)
        for option, value in options.items():
            sock.setsockopt(socket.SOL_SOCKET, getattr(socket, option), value)
        sock.connect(place.path or (place.host, place.port))
        yield sock


def read(sock: socket.socket, size: int) -> bytes:
    """Read so many bytes, or what comes before the end."""
    got = bytearray()
    while len(got) < size and (piece := sock.recv(min(65536, size - len(got)))):
        got += piece
    return bytes(got)


def read_all(sock: socket.socket) -> bytes:
    """Read until the other end ends."""
    return read(sock, 1 << 62)


def both_ways(sock: socket.socket, data: bytes, *, half_close: bool = True) -> bytes:
    """Send all of the data while reading what comes back, until as much has come or its end."""
    sock.setblocking(False)
    got, sent = bytearray(), 0
    deadline = time.monotonic() + TIMEOUT
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ | selectors.EVENT_WRITE)
        while len(got) < len(data):
            assert time.monotonic() < deadline, (sent, len(got))
            for _, events in selector.select(1.0):
                if events & selectors.EVENT_WRITE:
                    sent += sock.send(memoryview(data)[sent : sent + 262_144])
                    if sent == len(data):
                        selector.modify(sock, selectors.EVENT_READ)
                        if half_close:
                            sock.shutdown(socket.SHUT_WR)
                if events & selectors.EVENT_READ:
                    piece = sock.recv(262_144)
                    if not piece:
                        return bytes(got)
                    got += piece
    sock.settimeout(TIMEOUT)
    return bytes(got)


def answers(server: Running, data: bytes = b"are you there?") -> bool:
    """Whether the server echoes to a new client."""
    with client(server) as sock:
        sock.sendall(data)
        return read(sock, len(data)) == data


def eventually(true: Callable[[], bool]) -> bool:
    """Wait until something is true, up to the timeout."""
    deadline = time.monotonic() + TIMEOUT
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def descriptors(pid: int) -> int:
    """Return how many descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


class Quiet:
    """A session that does nothing; others override what they are about."""

    wire: Wire

    def opened(self, wire: Wire) -> None:
        self.wire = wire

    def received(self, data: bytes) -> None:
        pass

    def drained(self) -> None:
        pass

    def ended(self) -> None:
        self.wire.finish()

    def stopping(self) -> None:
        pass

    def closed(self, reason: str) -> None:
        pass


def serving(session: Callable[[], Session], *, shares: bool = False) -> Service:
    """Make a service of a session."""
    return Small("test", session, shares)

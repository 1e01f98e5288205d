"""UDP servers that answer as a test wants them to, on loopback."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Iterator

from tests.servers.running import HOST

Reply = Callable[[bytes, int], Iterable[bytes]]
"""Takes a request and its number, from 0, and gives the datagrams to send back."""

Told = Callable[[bytes, tuple[str, int]], None]

MOST = 65535


@contextlib.contextmanager
def answering(reply: Reply, told: Told = lambda *_: None) -> Iterator[int]:
    """Answer each request as ``reply`` says until the block ends; gives the port.

    ``told`` hears of each request and who sent it.
    """
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, 0))
        thread = threading.Thread(target=_serve, args=(sock, reply, told))
        thread.start()
        try:
            yield sock.getsockname()[1]
        finally:
            # An empty datagram from itself is the end.
            sock.sendto(b"", sock.getsockname())
            thread.join(10)


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """Take requests and answer none until the block ends; gives the port."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, 0))
        yield sock.getsockname()[1]


def unused() -> int:
    """Return a port on which nothing listens."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])


def _serve(sock: socket.socket, reply: Reply, told: Told) -> None:
    number = 0
    while True:
        data, source = sock.recvfrom(MOST)
        if not data:
            return
        told(data, source)
        for each in reply(data, number):
            sock.sendto(each, source)
        number += 1

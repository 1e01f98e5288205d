"""What answers on a port without being an SSH server, and what connecting to it says."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from wirework.errors import WireworkError
from wirework.inventory import Host
from wirework.ssh import Pool


@contextlib.contextmanager
def answering(reply: bytes | None, *, close: bool = False) -> Iterator[int]:
    """Listen on a port and say ``reply`` to whoever connects; None says nothing."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        serving(listener, reply, close=close),
    ):
        yield listener.getsockname()[1]


@contextlib.contextmanager
def serving(listener: socket.socket, reply: bytes | None, *, close: bool = False) -> Iterator[None]:
    kept: list[socket.socket] = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                kept.append(sock)
                if reply:
                    sock.sendall(reply)
                if close:
                    sock.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for sock in kept:
            sock.close()


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    """Give a port that nobody listens on, and nobody else is given meanwhile."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield probe.getsockname()[1]


class Gateways:
    def __init__(self, *hosts: Host) -> None:
        self._hosts = {host.name: host for host in hosts}

    def __call__(self, name: str) -> Host:
        return self._hosts[name]


def trouble(pool: Pool, host: Host) -> WireworkError:
    with pytest.raises(WireworkError) as caught:
        pool.remote(host).connect()
    assert "\n" not in str(caught.value)
    return caught.value

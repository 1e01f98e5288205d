"""Servers of a few lines, each for one way to be difficult."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator

WAIT = 20.0

Handler = Callable[[socket.socket], None]


def reset(client: socket.socket) -> None:
    """Close with RST instead of FIN, once something came: before, connect(2) might tell of it."""
    client.recv(65536)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def silent(client: socket.socket) -> None:
    """Take what comes and say nothing, until the client goes."""
    with contextlib.suppress(OSError):
        while client.recv(65536):
            pass


def says(*pieces: bytes) -> Handler:
    def handle(client: socket.socket) -> None:
        for piece in pieces:
            client.sendall(piece)
        silent(client)

    return handle


def ends(*pieces: bytes) -> Handler:
    def handle(client: socket.socket) -> None:
        for piece in pieces:
            client.sendall(piece)

    return handle


def answers(*replies: bytes) -> Handler:
    """Say a reply to each thing that comes."""

    def handle(client: socket.socket) -> None:
        for reply in replies:
            if client.recv(65536):
                client.sendall(reply)

    return handle


@contextlib.contextmanager
def serving(
    handler: Handler, *, port: int = 0, tls: ssl.SSLContext | None = None, path: str = ""
) -> Iterator[int]:
    """Serve each client in a thread, on a free port of 127.0.0.1; all are let go at the end."""
    listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
    if path:
        listener.bind(path)
    else:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
    listener.listen(64)
    clients: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def one(client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            client.settimeout(WAIT)
            if tls:
                client = tls.wrap_socket(client, server_side=True)
                clients.append(client)
            handler(client)
        with contextlib.suppress(OSError):
            client.close()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                clients.append(client)
                threads.append(threading.Thread(target=one, args=(client,)))
                threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield 0 if path else listener.getsockname()[1]
    finally:
        # Closing alone does not wake who waits in accept(2) or recv(2).
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join(WAIT)
        listener.close()
        for client in clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(WAIT)
        for client in clients:
            client.close()


@contextlib.contextmanager
def full() -> Iterator[int]:
    """Give a port whose queue of new connections is full: the kernel drops further ones."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        while True:
            client = stack.enter_context(socket.socket())
            client.settimeout(0.2)
            try:
                client.connect(address)
            except TimeoutError:
                break
        yield address[1]

"""The models in one process: a loop for all clients (select, epoll, asyncio), or a thread each."""

from __future__ import annotations

import asyncio
import errno
import selectors
import threading
from functools import partial
from typing import TYPE_CHECKING, cast

from wirework.serving.clients import Clients
from wirework.serving.connection import Connection
from wirework.serving.loops import SelectorLoop
from wirework.serving.transport import SocketTransport

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from wirework.serving.clients import Offer
    from wirework.serving.loops import Loop
    from wirework.serving.service import Peer

_END = 1.0
"""Seconds for a thread whose client is gone to end, too."""


class OneLoop:
    """All clients on the server's own loop."""

    def __init__(self, clients: Clients, loop: SelectorLoop) -> None:
        self._clients, self._loop = clients, loop

    def take(self, sock: socket.socket, peer: Peer) -> None:
        """Serve a client from now on."""
        carry(self._clients, self._loop, sock, peer)

    def drain(self) -> None:
        """Let every client go as soon as it has nothing under way."""
        self._clients.drain()

    def cut(self) -> None:
        """Close every connection at once."""
        self._clients.cut()

    def close(self) -> None:
        """Give back nothing: all of it is the loop's."""


def carry(clients: Clients, loop: SelectorLoop, sock: socket.socket, peer: Peer) -> None:
    """Put a client on one of our own loops."""
    limits = clients.limits
    SocketTransport(loop, sock, clients.admit(sock, peer), high=limits.high, low=limits.low)


class _OnAsyncio(Connection, asyncio.BufferedProtocol):
    """A connection whose transport is asyncio's."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, with our water marks."""
        limits = self._home.limits
        transport.set_write_buffer_limits(limits.high, limits.low)
        super().connection_made(transport)


class Asyncio:
    """All clients on one asyncio loop, moved by its transports."""

    def __init__(self, clients: Clients, loop: asyncio.AbstractEventLoop) -> None:
        self._clients, self._loop = clients, loop
        self._starting: set[asyncio.Task[object]] = set()

    def take(self, sock: socket.socket, peer: Peer) -> None:
        """Serve a client from now on."""
        connection = cast("_OnAsyncio", self._clients.admit(sock, peer, _OnAsyncio))
        start = self._loop.connect_accepted_socket(lambda: connection, sock)
        task: asyncio.Task[object] = self._loop.create_task(start)
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    def drain(self) -> None:
        """Let every client go as soon as it has nothing under way."""
        self._clients.drain()

    def cut(self) -> None:
        """Close every connection at once."""
        self._clients.cut()

    def close(self) -> None:
        """Let what is just beginning come to its end."""
        if self._starting:
            self._loop.run_until_complete(asyncio.wait(self._starting))


class Threads:
    """Each client in a thread of its own, with a loop of its own."""

    def __init__(self, offer: Offer, loop: Loop, *, gone: Callable[[], None]) -> None:
        self._offer, self._loop, self._gone = offer, loop, gone
        self._running: dict[threading.Thread, tuple[SelectorLoop, list[Clients]]] = {}

    def take(self, sock: socket.socket, peer: Peer) -> None:
        """Serve a client from now on; raises OSError when there is no thread for it."""
        loop = SelectorLoop(selectors.PollSelector())
        home: list[Clients] = []
        thread = threading.Thread(
            target=self._serve, args=(sock, peer, loop, home), name=f"client {peer}", daemon=True
        )
        self._running[thread] = loop, home
        try:
            thread.start()
        except RuntimeError as error:
            del self._running[thread]
            loop.close()
            raise OSError(errno.EAGAIN, "the machine has no thread more") from error

    def drain(self) -> None:
        """Let every client go as soon as it has nothing under way."""
        self._tell_all(Clients.drain)

    def cut(self) -> None:
        """Close every connection at once."""
        self._tell_all(Clients.cut)

    def close(self) -> None:
        """Wait for threads that are just ending."""
        for thread in tuple(self._running):
            thread.join(_END)

    def _tell_all(self, what: Callable[[Clients], None]) -> None:
        for loop, home in self._running.values():
            loop.call_soon_threadsafe(partial(_tell, what, home))

    def _serve(
        self, sock: socket.socket, peer: Peer, loop: SelectorLoop, home: list[Clients]
    ) -> None:
        thread = threading.current_thread()
        clients = Clients(self._offer, loop, by=f"thread {thread.native_id}", gone=loop.stop)
        home.append(clients)
        try:
            carry(clients, loop, sock, peer)
            loop.run_forever()
        finally:
            loop.close()
            self._loop.call_soon_threadsafe(lambda: self._ended(thread))

    def _ended(self, thread: threading.Thread) -> None:
        self._running.pop(thread, None)
        self._gone()


def _tell(what: Callable[[Clients], None], home: list[Clients]) -> None:
    """Do something with the clients of a thread, on that thread: by then they are there."""
    what(home[0])

"""Many clients of a chat at once, in one thread."""

from __future__ import annotations

import resource
import selectors
import socket
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

WAIT = 30.0


class Crowd:
    """Connected sockets, each with what came for it so far; the last ``narrow`` take little."""

    def __init__(self, address: tuple[str, int], size: int, *, narrow: int = 0) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY and soft < 4 * size + 200:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(4 * size + 200, hard), hard))
        self.heard: dict[socket.socket, bytearray] = {}
        self.gone: set[socket.socket] = set()
        self._selector = selectors.DefaultSelector()
        for _ in range(size):
            sock = socket.socket()
            if len(self.heard) >= size - narrow:
                # Set before the connection, it bounds the window: little is left to the kernel.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.settimeout(WAIT)
            sock.connect(address)
            sock.settimeout(0)
            self._selector.register(sock, selectors.EVENT_READ)
            self.heard[sock] = bytearray()

    @property
    def members(self) -> list[socket.socket]:
        return list(self.heard)

    def until(self, text: bytes, members: Iterable[socket.socket]) -> float:
        """Read until each of them has heard the text; return the seconds that took."""
        begun = time.monotonic()
        waiting = {sock for sock in members if text not in self.heard[sock]}
        while waiting:
            assert time.monotonic() - begun < WAIT, f"{len(waiting)} never heard {text!r}"
            self._read(waiting, text)
        return time.monotonic() - begun

    def forget(self) -> None:
        for heard in self.heard.values():
            heard.clear()

    def deaf(self, sock: socket.socket) -> None:
        """Read nothing more of this one."""
        self._selector.unregister(sock)

    def _read(self, waiting: set[socket.socket], text: bytes) -> None:
        for chosen, _ in self._selector.select(1):
            sock = chosen.fileobj
            assert isinstance(sock, socket.socket)
            try:
                data = sock.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                self._selector.unregister(sock)
                self.gone.add(sock)
            self.heard[sock] += data
            # A text may come in two pieces; nobody here says more than a few KiB.
            if sock in waiting and text in self.heard[sock][-len(data) - len(text) :]:
                waiting.discard(sock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self._selector.close()
        for sock in self.heard:
            sock.close()

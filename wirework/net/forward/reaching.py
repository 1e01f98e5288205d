"""Connecting to a target, whose addresses are tried one after another, while others are served."""

from __future__ import annotations

import contextlib
import errno
import socket
from functools import partial
from typing import TYPE_CHECKING

from wirework.serving.loops import WRITE

if TYPE_CHECKING:
    from collections.abc import Callable

    from wirework.net.forward.targets import Address, Target
    from wirework.serving.loops import SelectorLoop

TIMEOUT = 10.0
"""Seconds that each address has to answer."""
_BUSY_AGAIN = 0.02
"""Seconds until a Unix socket whose queue is full is tried again."""


class Reach:
    """One attempt at a target; it ends with one of two calls, or with ``cancel``.

    ``connected`` gets the socket, which is its own from then on, and the address that answered;
    ``missed`` the errno of the last one that did not.
    """

    __slots__ = ("_addresses", "_connected", "_loop", "_missed", "_sock", "_watched")

    def __init__(
        self,
        loop: SelectorLoop,
        target: Target,
        *,
        connected: Callable[[socket.socket, str], None],
        missed: Callable[[int], None],
    ) -> None:
        self._loop, self._connected, self._missed = loop, connected, missed
        self._addresses = iter(target.addresses)
        self._sock: socket.socket | None = None
        self._watched = False

    def start(self, trouble: int = 0) -> None:
        """Try the next address."""
        for family, address in self._addresses:
            try:
                sock = socket.socket(family, socket.SOCK_STREAM)
            except OSError as error:
                trouble = error.errno or 0
                continue
            sock.settimeout(0.0)
            self._sock = sock
            self._loop.call_later(TIMEOUT, partial(self._fail, sock, errno.ETIMEDOUT))
            self._begin(sock, (family, address))
            return
        self._missed(trouble)

    def cancel(self) -> None:
        """Try no more."""
        self._addresses = iter(())
        if (sock := self._let_go()) is not None:
            sock.close()

    def _begin(self, sock: socket.socket, address: Address) -> None:
        if sock is not self._sock:
            return
        trouble = sock.connect_ex(address[1])
        if not trouble:
            self._succeed(address)
        elif trouble == errno.EINPROGRESS:
            self._watched = True
            self._loop.watch(sock.fileno(), WRITE, lambda _: self._answered(sock, address))
        elif trouble == errno.EAGAIN and sock.family == socket.AF_UNIX:
            self._loop.call_later(_BUSY_AGAIN, partial(self._begin, sock, address))
        else:
            self._fail(sock, trouble)

    def _answered(self, sock: socket.socket, address: Address) -> None:
        if sock is not self._sock:
            return
        if trouble := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._fail(sock, trouble)
        else:
            self._succeed(address)

    def _fail(self, sock: socket.socket, trouble: int) -> None:
        if sock is self._sock:
            self._let_go()
            sock.close()
            self.start(trouble)

    def _succeed(self, address: Address) -> None:
        sock = self._let_go()
        assert sock is not None  # noqa: S101  (it is what was connected)
        if sock.family != socket.AF_UNIX:
            with contextlib.suppress(OSError):  # it may be reset already, which is seen later
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connected(sock, _written(address))

    def _let_go(self) -> socket.socket | None:
        sock, self._sock = self._sock, None
        if sock is not None and self._watched:
            self._watched = False
            self._loop.forget(sock.fileno())
        return sock


def _written(address: Address) -> str:
    name = address[1]
    if isinstance(name, str):
        return f"unix:{name}"
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"

"""Accepting clients, as many as there is room for, and closing the door at the end."""

from __future__ import annotations

import errno
import socket
import struct
from typing import TYPE_CHECKING, Protocol

from wirework.serving.service import Peer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wirework.serving.limits import Limits
    from wirework.serving.listen import Listener
    from wirework.serving.loops import Loop
    from wirework.serving.watch import Tally

_AT_A_TIME = 64
_AGAIN = 0.5
"""Seconds until a machine without descriptors, memory or processes is asked again."""

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN)
_UCRED = struct.Struct("3i")


class Model(Protocol):
    """Who serves the clients that were accepted, each or all together."""

    def take(self, sock: socket.socket, peer: Peer) -> None:
        """Serve a client from now on; raises OSError when no process or thread is to be had."""

    def drain(self) -> None:
        """Let every client go as soon as it has nothing under way."""

    def cut(self) -> None:
        """Close every connection at once."""

    def close(self) -> None:
        """Give back what is still held; no client is there any more."""


class Reception:
    """The listeners of a server, on its loop. ``stop`` may be called from any thread."""

    def __init__(
        self, loop: Loop, listeners: Sequence[Listener], *, room: int, limits: Limits, tally: Tally
    ) -> None:
        self._loop, self._listeners = loop, listeners
        self._room, self._limits, self._tally = room, limits, tally
        self._model: Model | None = None
        self._accepting = self._told_full = False
        self._stops = 0

    def open(self, model: Model) -> None:
        """Accept clients from now on."""
        self._model = model
        self._accept_again()

    def left(self) -> None:
        """Learn that a client is gone: there may be room for the next."""
        if self._stops:
            self._end_if_empty()
        elif not self._accepting:
            self._accept_again()

    def stop(self) -> None:
        """Accept nobody more and let everyone go; a second time, at once. For any thread."""
        try:
            self._loop.call_soon_threadsafe(self._stop)
        except RuntimeError:
            return  # the loop is closed

    def _stop(self) -> None:
        self._stops += 1
        if self._model is None:
            return
        if self._stops == 1:
            self._pause()
            for listener in self._listeners:
                listener.sock.close()
            self._model.drain()
            self._loop.call_later(self._limits.drain, self._model.cut)
            self._end_if_empty()
        else:
            self._model.cut()

    def _end_if_empty(self) -> None:
        if not self._tally.now:
            self._loop.stop()

    def _accept_again(self) -> None:
        if self._accepting or self._stops:
            return
        self._accepting = True
        for listener in self._listeners:
            self._loop.add_reader(listener.sock.fileno(), _Accept(self, listener.sock))

    def _pause(self) -> None:
        if self._accepting:
            self._accepting = False
            for listener in self._listeners:
                self._loop.remove_reader(listener.sock.fileno())

    def accept(self, listener: socket.socket) -> None:
        """Take in those who wait, some at a time."""
        for _ in range(_AT_A_TIME):
            if not self._accepting:
                return
            if self._tally.now >= self._room:
                if not self._told_full:
                    self._told_full = True
                    self._tally.trouble(f"{self._room} clients are served, the next ones wait")
                self._pause()
                return
            try:
                sock, address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                self._wait_for_room(error)
                return
            self._welcome(sock, address)

    def _welcome(self, sock: socket.socket, address: object) -> None:
        assert self._model is not None  # noqa: S101  (open was called before any client came)
        self._tally.entered()
        try:
            sock.settimeout(0.0)
            self._model.take(sock, _peer(sock, address))
        except OSError as error:
            sock.close()
            self._tally.turned_away()
            # A client that is gone already is no reason to let the others wait.
            if error.errno in _EXHAUSTED:
                self._wait_for_room(error)

    def _wait_for_room(self, error: OSError) -> None:
        self._tally.trouble(f"no client more for now: {error.strerror}")
        self._pause()
        self._loop.call_later(_AGAIN, self._accept_again)


class _Accept:
    """What is called when a listener has clients waiting."""

    __slots__ = ("_listener", "_reception")

    def __init__(self, reception: Reception, listener: socket.socket) -> None:
        self._reception, self._listener = reception, listener

    def __call__(self) -> None:
        self._reception.accept(self._listener)


def _peer(sock: socket.socket, address: object) -> Peer:
    if sock.family == socket.AF_UNIX:
        return _process(sock)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    host, port = address[:2] if isinstance(address, tuple) else ("", 0)
    return Peer(str(host), int(port))


def _process(sock: socket.socket) -> Peer:
    """Return who is at the other end of a Unix socket, where the kernel tells (unix(7))."""
    if not hasattr(socket, "SO_PEERCRED"):
        return Peer("")
    told = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    pid, uid, gid = _UCRED.unpack(told)
    return Peer("", pid=pid, uid=uid, gid=gid)

"""The connections that live on one loop, and the look at their times now and then."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wirework.serving.connection import CUT, Connection, Visit
from wirework.serving.loops import PIECE
from wirework.serving.tls import Tls

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable

    from wirework.serving.limits import Limits
    from wirework.serving.loops import Loop
    from wirework.serving.service import Peer, Service
    from wirework.serving.watch import Tally

_SLOWEST, _QUICKEST = 1.0, 0.02
_PARTS = 8
"""A time is kept to within this part of it: looking costs, and nobody needs it more exactly."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server has for every client, and who counts them."""

    service: Service
    limits: Limits
    tls: ssl.SSLContext | None
    tally: Tally


class Clients:
    """Every connection of a loop. Made on the loop's own thread, and used there alone."""

    def __init__(self, offer: Offer, loop: Loop, *, by: str, gone: Callable[[], None]) -> None:
        self.loop, self.limits = loop, offer.limits
        self.thread = threading.get_ident()
        self.room = memoryview(bytearray(PIECE))
        self._offer, self._tally = offer, offer.tally
        self._by, self._gone = by, gone
        self._all: set[Connection] = set()
        self._attended: set[Connection] = set()
        self._stopping = self._looking = False

    def admit(
        self, sock: socket.socket, peer: Peer, kind: type[Connection] = Connection
    ) -> Connection:
        """Return the connection of a client that was just accepted; a transport does the rest."""
        self._tally.opened(peer, self._by)
        tls = Tls(self._offer.tls) if self._offer.tls is not None else None
        connection = kind(self, sock, peer, self._offer.service.session(), tls)
        self._all.add(connection)
        if self.limits.idle is not None:
            self._look_later()
        return connection

    def drain(self) -> None:
        """Let every client go as soon as it has nothing under way."""
        self._stopping = True
        for connection in tuple(self._all):
            connection.stopping()
        self._look_later()

    def cut(self) -> None:
        """Close every connection at once."""
        for connection in tuple(self._all):
            connection.cut(CUT)

    def attend(self, connection: Connection) -> None:
        """Look at the connection from time to time: it waits for something that may not come."""
        self._attended.add(connection)
        self._look_later()

    def failed(self, connection: Connection, error: Exception) -> None:
        """Learn of a session's bug."""
        self._tally.trouble(f"{connection.peer}: {type(error).__name__}: {error}")

    def left(self, connection: Connection) -> None:
        """Learn that the connection is gone."""
        self._all.discard(connection)
        self._attended.discard(connection)
        self._tally.closed(
            Visit(
                peer=connection.peer,
                by=self._by,
                seconds=time.monotonic() - connection.began,
                bytes_in=connection.bytes_in,
                bytes_out=connection.bytes_out,
                ending=connection.ending,
            )
        )
        self._gone()

    def _look_later(self) -> None:
        if not self._looking:
            self._looking = True
            self.loop.call_later(self._interval(), self._look)

    def _interval(self) -> float:
        limits = self.limits
        times = [limits.idle] if limits.idle is not None else []
        if self._stopping:
            times.append(limits.quiet)
        if self._attended:
            times += [limits.handshake, limits.linger]
        return min(max(min(times, default=_SLOWEST) / _PARTS, _QUICKEST), _SLOWEST)

    def _look(self) -> None:
        self._looking = False
        now = time.monotonic()
        everyone = self._stopping or self.limits.idle is not None
        for connection in tuple(self._all if everyone else self._attended):
            connection.check(now, stopping=self._stopping)
        self._attended = {one for one in self._attended if one.attended}
        if self._attended or (everyone and self._all):
            self._look_later()

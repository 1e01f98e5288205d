"""Forwarding until told to stop, and what it was in the end."""

from __future__ import annotations

import contextlib
import ipaddress
import selectors
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wirework.errors import BadInput, Failed
from wirework.net.forward.forwarding import Forwarding, Network, Route, seats
from wirework.net.forward.shape import Shape
from wirework.serving.limits import Limits
from wirework.serving.listen import listening
from wirework.serving.loops import SelectorLoop
from wirework.serving.reception import Reception
from wirework.serving.serve import Stop, signals
from wirework.serving.watch import DONE, Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wirework.net.forward.targets import Target
    from wirework.serving.connection import Visit
    from wirework.serving.listen import Place
    from wirework.serving.service import Peer
    from wirework.serving.watch import Watch

REMEMBERED = 1000
"""Connections that are told one by one at the end: the last ones."""

_NOTHING = Shape()


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """One connection that was handed on.

    ``client`` and ``target`` are addresses; ``bytes_in`` went to the target, ``bytes_out`` to the
    client. ``ending`` is "done" when both sides ended it, else who or what did.
    """

    client: str
    target: str
    bytes_in: int
    bytes_out: int
    seconds: float
    ending: str

    @classmethod
    def of(cls, visit: Visit) -> Crossing:
        """Return the crossing that a visit was."""
        return cls(
            client=str(visit.peer),
            target=visit.by,
            bytes_in=visit.bytes_in,
            bytes_out=visit.bytes_out,
            seconds=visit.seconds,
            ending=visit.ending or DONE,
        )


@dataclass(frozen=True, kw_only=True)
class Forwarded:
    """A forwarder's whole life: seconds, bytes to the targets (in) and to the clients (out).

    ``at_once`` is the most connections at the same time, ``longest`` the longest of them;
    ``endings`` counts how they ended, ``last`` tells the last thousand one by one.
    """

    listen: tuple[str, ...]
    target: tuple[str, ...]
    network: str
    seconds: float
    connections: int
    at_once: int
    bytes_in: int
    bytes_out: int
    longest: float
    endings: dict[str, int]
    last: tuple[Crossing, ...]

    @property
    def summary(self) -> str:
        """It in a few words."""
        return f"{self.connections} connections, {self.bytes_in} bytes in, {self.bytes_out} out"


def forward(
    places: Sequence[Place],
    target: Target,
    *,
    shape: Shape = _NOTHING,
    limits: Limits | None = None,
    allow: Sequence[Network] = (),
    timeout: float | None = None,
    stop: Stop | None = None,
    watch: Watch | None = None,
) -> Forwarded:
    """Listen, and hand every connection on to the target, until stopped as ``carry`` says.

    Raises BadInput, before anybody is handed on, for a place that cannot be listened on.
    """
    limits = limits or Limits()
    if allow and any(place.path for place in places):
        raise BadInput("who comes to a Unix socket has no network", where="--allow")
    with listening(places, backlog=limits.backlog) as listeners:
        return carry(
            [Route(listener, target) for listener in listeners],
            shape=shape,
            limits=limits,
            allow=allow,
            timeout=timeout,
            stop=stop,
            watch=watch,
        )


def carry(
    routes: Sequence[Route],
    *,
    shape: Shape = _NOTHING,
    limits: Limits | None = None,
    allow: Sequence[Network] = (),
    timeout: float | None = None,
    stop: Stop | None = None,
    watch: Watch | None = None,
) -> Forwarded:
    """Hand on every connection by its route, in one loop, until stopped; closes the listeners.

    It stops when ``stop`` is pressed, after ``timeout`` seconds, and in the main thread at SIGINT
    and SIGTERM. ``limits`` are those of servers: at a stop, connections that are quiet end at
    once and all others within ``drain`` seconds. A client outside of ``allow`` is reset, and so
    is one whose target cannot be reached. ``watch`` is told of every connection; in a ``Visit``
    of it, ``by`` is the target's address. Raises BadInput.
    """
    limits = limits or Limits()
    if not hasattr(selectors, "EpollSelector"):
        raise Failed("this system has no epoll, and forwarding needs it")
    switch = stop or Stop()
    with contextlib.ExitStack() as stack:
        places = seats(limits)
        loop = SelectorLoop(selectors.EpollSelector())
        stack.callback(loop.close)
        last = _Last(watch)
        tally = Tally(last)
        listeners = [route.listener for route in routes]
        reception = Reception(loop, listeners, room=places.connections, limits=limits, tally=tally)
        forwarding = Forwarding(
            loop,
            routes,
            shape=shape,
            limits=limits,
            pipes=places.pipes,
            allow=allow,
            tally=tally,
            gone=reception.left,
        )
        stack.callback(forwarding.close)
        stack.enter_context(signals(switch))
        reception.open(forwarding)
        switch.connect(reception.stop)
        if timeout is not None:
            loop.call_later(timeout, switch.press)
        tally.listening(tuple(listener.place for listener in listeners))
        try:
            loop.run_forever()
        except BaseException:
            forwarding.cut()
            raise
    served = tally.served("forward", "epoll", tuple(each.place for each in listeners))
    return Forwarded(
        listen=served.places,
        target=tuple(dict.fromkeys(str(route.target) for route in routes)),
        network=shape.summary,
        seconds=served.seconds,
        connections=served.clients,
        at_once=served.at_once,
        bytes_in=served.bytes_in,
        bytes_out=served.bytes_out,
        longest=served.longest,
        endings=served.endings,
        last=tuple(map(Crossing.of, last.visits)),
    )


def networks(text: str, *, where: str = "--allow") -> tuple[Network, ...]:
    """Read networks and addresses, separated by commas; raises BadInput."""
    found: list[Network] = []
    for word in text.replace(",", " ").split():
        try:
            found.append(ipaddress.ip_network(word))
        except ValueError:
            hint = "10.0.0.0/8, 2001:db8::/32, 127.0.0.1"
            with contextlib.suppress(ValueError):
                hint = f"{ipaddress.ip_network(word, strict=False)} has its host bits at zero"
            raise BadInput(f"{word!r} is no network", where=where, hint=hint) from None
    return tuple(found)


class _Last:
    """A watch that remembers the last visits, and tells another one everything."""

    def __init__(self, watch: Watch | None) -> None:
        self._watch = watch
        self.visits: deque[Visit] = deque(maxlen=REMEMBERED)

    def listening(self, places: tuple[Place, ...]) -> None:
        """Hand it on."""
        if self._watch is not None:
            self._watch.listening(places)

    def opened(self, peer: Peer, by: str) -> None:
        """Hand it on."""
        if self._watch is not None:
            self._watch.opened(peer, by)

    def closed(self, visit: Visit) -> None:
        """Remember it."""
        self.visits.append(visit)
        if self._watch is not None:
            self._watch.closed(visit)

    def trouble(self, line: str) -> None:
        """Hand it on."""
        if self._watch is not None:
            self._watch.trouble(line)

"""What a server tells while it runs, and what it says of itself at the end."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from wirework.serving.connection import Visit
    from wirework.serving.listen import Place
    from wirework.serving.service import Peer

DONE = "done"
"""The ending of clients with whom both sides were done."""


class Watch(Protocol):
    """Whoever follows a server. Called from the threads that serve; it has to be quick."""

    def listening(self, places: tuple[Place, ...]) -> None:
        """Learn what was bound, with real ports."""

    def opened(self, peer: Peer, by: str) -> None:
        """Learn of a client and of the process or thread that serves it."""

    def closed(self, visit: Visit) -> None:
        """Learn how a client's visit was."""

    def trouble(self, line: str) -> None:
        """Learn of something that went wrong, or of what the server waits for."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """A server's whole life. Seconds and bytes; ``endings`` counts how its clients ended.

    ``at_once`` is the most clients at the same time, ``longest`` the longest visit.
    """

    service: str
    model: str
    places: tuple[str, ...]
    seconds: float
    clients: int
    at_once: int
    bytes_in: int
    bytes_out: int
    longest: float
    endings: dict[str, int]

    @property
    def summary(self) -> str:
        """It in a few words."""
        return f"{self.clients} clients, {self.bytes_in} bytes in, {self.bytes_out} out"


class Tally:
    """The count of a server's clients. Threads that serve share it."""

    def __init__(self, watch: Watch | None) -> None:
        self._watch = watch
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._endings: Counter[str] = Counter()
        self.now = self._clients = self._at_once = 0
        self._bytes_in = self._bytes_out = 0
        self._longest = 0.0

    def entered(self) -> None:
        """Count a client that was accepted."""
        with self._lock:
            self._clients += 1
            self.now += 1
            self._at_once = max(self._at_once, self.now)

    def turned_away(self) -> None:
        """Take a client back that nobody could be found to serve."""
        with self._lock:
            self._clients -= 1
            self.now -= 1

    def opened(self, peer: Peer, by: str) -> None:
        """Tell who serves a client."""
        if self._watch is not None:
            self._watch.opened(peer, by)

    def closed(self, visit: Visit) -> None:
        """Count a client that is gone."""
        with self._lock:
            self.now -= 1
            self._bytes_in += visit.bytes_in
            self._bytes_out += visit.bytes_out
            self._longest = max(self._longest, visit.seconds)
            self._endings[visit.ending or DONE] += 1
        if self._watch is not None:
            self._watch.closed(visit)

    def trouble(self, line: str) -> None:
        """Tell of something that went wrong."""
        if self._watch is not None:
            self._watch.trouble(line)

    def listening(self, places: tuple[Place, ...]) -> None:
        """Tell what was bound."""
        if self._watch is not None:
            self._watch.listening(places)

    def served(self, service: str, model: str, places: tuple[Place, ...]) -> Served:
        """Return the whole."""
        return Served(
            service=service,
            model=model,
            places=tuple(map(str, places)),
            seconds=time.monotonic() - self._began,
            clients=self._clients,
            at_once=self._at_once,
            bytes_in=self._bytes_in,
            bytes_out=self._bytes_out,
            longest=self._longest,
            endings=dict(self._endings.most_common()),
        )

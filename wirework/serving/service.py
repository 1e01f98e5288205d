"""What a service is: for each client a session, which says what is answered and waits for nothing.

A session is told what happens on its connection and writes to its wire. Who waits, and how
(a process or thread for each client, one loop for all of them), is the model's business, so
every service runs under every model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Peer:
    """Who is at the other end: an address and port, or for a Unix socket its process.

    ``pid``, ``uid`` and ``gid`` are -1 where the socket does not tell them (unix(7),
    SO_PEERCRED).
    """

    address: str
    port: int = 0
    pid: int = -1
    uid: int = -1
    gid: int = -1

    def __str__(self) -> str:
        if not self.port:
            return self.address or f"pid {self.pid}"
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{address}:{self.port}"


class Wire(Protocol):
    """A session's side of its connection. Every method may be called from any thread."""

    @property
    def peer(self) -> Peer:
        """Who is at the other end."""

    @property
    def pending(self) -> int:
        """Bytes written that the kernel has not taken yet: what a slow reader leaves standing."""

    def write(self, data: bytes) -> None:
        """Send, now or when the other end is ready for it; nothing once the wire is closed."""

    def finish(self) -> None:
        """Close once everything written is sent; nothing more is received."""

    def abort(self) -> None:
        """Close at once, whatever is still pending."""


class Session(Protocol):
    """One client of a service. The model never calls two methods of a session at once."""

    def opened(self, wire: Wire) -> None:
        """Begin: the client is connected (and TLS, where there is any, is set up)."""

    def received(self, data: bytes) -> None:
        """Take what came, in pieces of any size.

        While more is pending than the model's high-water mark, nothing further is received.
        """

    def drained(self) -> None:
        """Go on writing: everything that was pending above the mark is sent."""

    def ended(self) -> None:
        """Learn that the client sends nothing more (half-close); it may still be written to.

        A session that has nothing to say any more calls ``finish``; nobody else does.
        """

    def stopping(self) -> None:
        """Learn that the server stops: say goodbye and ``finish``, or just go on.

        A client with nothing under way is let go soon, every other one when the server's time
        for that is over.
        """

    def closed(self, reason: str) -> None:
        """End: the connection is gone; ``reason`` is "" when both sides were done with it."""


class Service(Protocol):
    """Something to serve."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def shares(self) -> bool:
        """Whether its sessions share what is in memory.

        Then one process for each client is no model for it.
        """

    def session(self) -> Session:
        """Return the session of one new client."""

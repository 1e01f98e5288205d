"""One direction of a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

    from wirework.net.forward.stores import Store


class Flow:
    """Bytes from a source to a sink, by way of a store; counted as the sink takes them."""

    __slots__ = ("broken", "count", "ended", "finished", "sink", "source", "store", "stuck")

    def __init__(self, source: socket.socket, sink: socket.socket, store: Store) -> None:
        self.source, self.sink, self.store = source, sink, store
        self.count = 0
        self.ended = False
        """Nothing more comes from the source."""
        self.finished = False
        """The sink was told so."""
        self.stuck = False
        """The sink takes nothing for now."""
        self.broken = ""
        """How the source's connection broke, which the sink learns after all that was sent."""

    @property
    def hungry(self) -> bool:
        """Whether the source is to be received from."""
        return not self.ended and self.store.has_room

    def send(self, most: int | None) -> None:
        """Send what may be sent, at most ``most`` bytes; raises OSError when the sink broke."""
        self.stuck = False
        store = self.store
        while store.pending and (ready := store.sendable()):
            if most is not None:
                ready = min(ready, most)
                most -= ready
                if not ready:
                    return
            try:
                sent = store.send(self.sink, ready)
            except (BlockingIOError, InterruptedError):
                sent = 0
            self.count += sent
            if sent < ready:
                self.stuck = True
                return

    @property
    def empty(self) -> bool:
        """Whether nothing is left to send, and its end may be told."""
        return not self.store.pending and not self.store.wait()

    def drop(self) -> None:
        """Hand on nothing more: there is nobody to take it."""
        self.store.drop()
        self.ended = self.finished = True
        self.stuck = False

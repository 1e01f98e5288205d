"""The small services: echo (RFC 862), line, discard (RFC 863) and daytime (RFC 867)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wirework.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wirework.serving import Session, Wire

MOST_LINE = 8192
"""Bytes of a line, its end included."""


@dataclass(frozen=True, slots=True)
class Small:
    """A service whose sessions know nothing of each other."""

    name: str
    make: Callable[[], Session]
    shares: bool = False

    def session(self) -> Session:
        """Return the session of one new client."""
        return self.make()


class _Session:
    """What the small services' sessions have in common: they end when the client does."""

    _wire: Wire

    def opened(self, wire: Wire) -> None:
        """Begin."""
        self._wire = wire

    def received(self, data: bytes) -> None:
        """Drop what came."""

    def drained(self) -> None:
        """Do nothing: an answer is written whole when it is due."""

    def ended(self) -> None:
        """End, too."""
        self._wire.finish()

    def stopping(self) -> None:
        """Go on: whoever is quiet is let go."""

    def closed(self, reason: str) -> None:
        """Keep nothing."""


class Echo(_Session):
    """Whatever comes goes back (RFC 862)."""

    def received(self, data: bytes) -> None:
        """Send it back."""
        self._wire.write(data)


class Discard(_Session):
    """Whatever comes is dropped (RFC 863)."""


class Daytime(_Session):
    """The time of day in UTC and one line, whatever comes (RFC 867)."""

    def opened(self, wire: Wire) -> None:
        """Tell it and end."""
        now = datetime.now(UTC)
        wire.write(f"{now:%A, %B} {now.day}, {now:%Y %H:%M:%S}-UTC\r\n".encode("ascii"))
        wire.finish()


class Line(_Session):
    """Whole lines go back, once their end is here; one that is too long ends the conversation."""

    def __init__(self, most: int = MOST_LINE) -> None:
        self._most = most
        self._begun = b""

    def received(self, data: bytes) -> None:
        """Send back the lines that are whole now."""
        *whole, rest = (bytes(self._begun) + data).split(b"\n")
        for line in whole:
            if len(line) >= self._most:
                break
            self._wire.write(line + b"\n")
        else:
            if len(rest) < self._most:
                self._begun = rest
                return
        self._wire.write(b"error: a line has at most %d bytes\n" % self._most)
        self._wire.finish()

    def ended(self) -> None:
        """Send back the last line even if it has no end, and end."""
        self._wire.write(self._begun)
        self._wire.finish()


SERVICES: tuple[Small, ...] = (
    Small("echo", Echo),
    Small("line", Line),
    Small("discard", Discard),
    Small("daytime", Daytime),
)


def service(name: str) -> Small:
    """Return a service by its name; raises ArgumentError."""
    for each in SERVICES:
        if each.name == name:
            return each
    raise ArgumentError(
        f"{name!r} is no service",
        parameter="service",
        hint=f"one of {', '.join(each.name for each in SERVICES)}",
    )

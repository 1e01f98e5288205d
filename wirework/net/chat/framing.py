"""Lines out of bytes that come in pieces of any size."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line passed the limit; what is left of it is thrown away as it comes."""


class Lines:
    """Takes bytes and gives whole lines, whatever pieces the bytes came in.

    A line is at most ``limit`` bytes without its end, which is LF or CRLF. A longer one is told
    once, as ``TooLong``, and costs no memory; ``dropped`` counts its bytes that were thrown away
    so far, and is 0 once its end has come. What stands after the last end is no line yet.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = bytearray()
        self.dropped = 0

    @property
    def unfinished(self) -> bool:
        """Whether a line has begun whose end has not come."""
        return bool(self._rest or self.dropped)

    def feed(self, data: bytes) -> list[bytes | TooLong]:
        """Return the lines that these bytes complete, in order, without their ends."""
        found: list[bytes | TooLong] = []
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self._take(piece, found)
            if not self.dropped:
                line = bytes(self._rest).removesuffix(b"\r")
                found.append(line if len(line) <= self._limit else TooLong())
            self._rest.clear()
            self.dropped = 0
        self._take(rest, found)
        return found

    def _take(self, piece: bytes, found: list[bytes | TooLong]) -> None:
        if self.dropped:
            self.dropped += len(piece)
            return
        self._rest += piece
        if len(self._rest) > self._limit + 1:  # one more may be the CR of its end
            self.dropped = len(self._rest)
            self._rest.clear()
            found.append(TooLong())

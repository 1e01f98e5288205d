"""What a network does to a connection: delay, jitter, a rate, and its sudden end."""

from __future__ import annotations

from dataclasses import dataclass

from wirework.documents import amounts
from wirework.errors import BadInput

LONGEST = 60.0
"""Seconds of delay and jitter at most: more is a mistake of units."""

_SMALLEST, _LARGEST = 64 * 1024, 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What each connection goes through.

    ``delay``: seconds that a round trip takes longer, half of them each way; ``jitter``: by how
    much that may vary, up or down, without a byte overtaking another. ``rate``: bytes a second,
    each way for itself. ``cut_bytes``, ``cut_seconds``: the connection is reset once so many
    bytes were handed on (both ways together), or after that time. 0 is none of it.
    """

    delay: float = 0.0
    jitter: float = 0.0
    rate: int = 0
    cut_bytes: int = 0
    cut_seconds: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether bytes have to wait on their way."""
        return bool(self.delay or self.jitter or self.rate)

    @property
    def bound(self) -> int:
        """Bytes that may be on their way in one direction; its sender waits when there are more.

        Enough for the rate not to suffer from the delay, as far as 4 MiB go: at 100 ms of delay
        these are 80 MB/s.
        """
        if not self.holds:
            return _SMALLEST
        if not self.rate:
            return _LARGEST
        under_way = int(self.rate * (self.delay + self.jitter) / 2)
        return min(max(under_way + self.rate // 8, _SMALLEST), _LARGEST)

    @property
    def summary(self) -> str:
        """It in a few words, "" for a network that does nothing."""
        jitter = f" ± {self.jitter * 1000:g}" if self.jitter else ""
        told = [f"{self.delay * 1000:g}{jitter} ms of delay"] if self.delay or self.jitter else []
        told += [f"{self.rate:,} bytes/s"] if self.rate else []
        told += [f"a cut after {self.cut_bytes:,} bytes"] if self.cut_bytes else []
        told += [f"a cut after {self.cut_seconds:g} s"] if self.cut_seconds else []
        return ", ".join(told)


def shape(*, delay: str = "", jitter: str = "", rate: str = "", cut_after: str = "") -> Shape:
    """Read a shape as people write it; "" is none.

    ``cut_after`` is a time with its unit (``10s``), or else a number of bytes. Raises BadInput.
    """
    wait = _wait(delay, "--delay")
    vary = _wait(jitter, "--jitter")
    if vary > wait:
        raise BadInput(
            f"{jitter} is more than the delay of {delay or '0'}",
            where="--jitter",
            hint="no byte arrives before it is sent",
        )
    by_time = amounts.is_time(cut_after)
    cut_seconds = amounts.seconds(cut_after, where="--cut-after") if by_time else 0.0
    if by_time and not cut_seconds:
        raise BadInput("a connection cannot be cut before it began", where="--cut-after")
    return Shape(
        delay=wait,
        jitter=vary,
        rate=amounts.size(rate.removesuffix("/s"), where="--rate") if rate else 0,
        cut_bytes=amounts.size(cut_after, where="--cut-after") if cut_after and not by_time else 0,
        cut_seconds=cut_seconds,
    )


def _wait(text: str, where: str) -> float:
    value = amounts.seconds(text, where=where) if text else 0.0
    if value > LONGEST:
        raise BadInput(f"{text} is more than {LONGEST:g} s", where=where)
    return value

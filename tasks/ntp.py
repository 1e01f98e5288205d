"""What time servers say, and whether they agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .cli import task

if TYPE_CHECKING:
    from wirework.net.ntp import Answers, Comparison

HELP = {
    "servers": "Names or addresses, separated by commas; each may have a port of its own.",
    "port": "Their UDP port, where none is written (123).",
    "samples": "How often each is asked; the answer with the shortest round trip counts (1).",
    "interval": "Seconds between the samples of a server (1).",
    "timeout": "Seconds until all answers have to be here (5).",
    "max_offset": "End with status 1 when this machine's clock is off by more seconds than this.",
}


@task(help=HELP, view="clocks.readings")
def query(
    c: object,
    servers: str,
    port: int = 123,
    samples: int = 1,
    interval: float = 1.0,
    timeout: float = 5.0,
    max_offset: float = 0.0,
) -> Answers:
    """Ask time servers, and tell how far this machine's clock is off."""
    from wirework.net.ntp import Asking, query

    asking = Asking(samples=samples, interval=interval, timeout=timeout, max_offset=max_offset)
    return query(servers, port=port, asking=asking)


@task(help=HELP, view="clocks.comparison")
def compare(
    c: object,
    servers: str,
    port: int = 123,
    samples: int = 1,
    interval: float = 1.0,
    timeout: float = 5.0,
    max_offset: float = 0.0,
) -> Comparison:
    """Ask several time servers at once, and tell which of them disagree."""
    from wirework.net.ntp import Asking, compare

    asking = Asking(samples=samples, interval=interval, timeout=timeout, max_offset=max_offset)
    return compare(servers, port=port, asking=asking)

"""A server's whole life on the screen, one fact a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wirework.net.unix.datagrams import ServedDatagrams

from .facts import write_facts
from .terminal import seconds, size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wirework.serving.watch import Served


def served(told: Served | ServedDatagrams) -> None:
    """Show what was served, and whom; a socket of datagrams has messages instead of clients."""
    if isinstance(told, ServedDatagrams):
        where, model, endings = told.place, "datagram", told.fates
        visits = [("messages", str(told.messages))]
    else:
        where, model, endings = ", ".join(told.places), told.model, told.endings
        at_once = f", {told.at_once} at once" if told.clients > 1 else ""
        visits = [("clients", f"{told.clients}{at_once}")]
        if told.clients:
            visits.append(("longest", seconds(told.longest)))
    write_facts(
        [
            ("served", f"{told.service} ({model}) on {where}"),
            *visits,
            ("in", size(told.bytes_in)),
            ("out", size(told.bytes_out)),
            ("ended", counted(endings)),
            ("ran", seconds(told.seconds)),
        ]
    )


def counted(numbers: Mapping[str, int]) -> str:
    """Return how often each came, in one line."""
    return ", ".join(f"{name} {number}" for name, number in numbers.items())

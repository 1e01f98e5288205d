"""A forwarder on the screen: its connections as they end, and all of them in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wirework.serving.watch import DONE

from .facts import write_facts
from .server_log import ServerLog
from .servers import counted
from .terminal import seconds, size

if TYPE_CHECKING:
    from wirework.net.forward import Forwarded
    from wirework.serving.connection import Visit
    from wirework.serving.listen import Place
    from wirework.serving.service import Peer


class ForwardLog(ServerLog):
    """A forwarder's watch on standard error: with ``verbose`` a line for each connection."""

    def listening(self, places: tuple[Place, ...]) -> None:
        """Say from where to where, with real ports."""
        self.trouble(f"{', '.join(map(str, places))} -> {self._title}; Ctrl-C ends it")

    def opened(self, peer: Peer, by: str) -> None:
        """Say nothing: a connection is told when it is over."""

    def closed(self, visit: Visit) -> None:
        """Say from where to where, how much each way, how long, and how it ended."""
        if self._verbose:
            self.trouble(
                f"{visit.peer} -> {visit.by}: {size(visit.bytes_in)} there,"
                f" {size(visit.bytes_out)} back, {seconds(visit.seconds)}, {visit.ending or DONE}"
            )


def log(target: str, network: str, *, verbose: bool) -> ForwardLog:
    """Return what tells of a forwarder while it runs."""
    through = f", with {network}" if network else ""
    return ForwardLog(f"{target}{through}", verbose=verbose)


def forwarded(told: Forwarded) -> None:
    """Show the sum of it, one fact a line."""
    at_once = f", {told.at_once} at once" if told.connections > 1 else ""
    write_facts(
        [
            ("from", ", ".join(told.listen)),
            ("to", ", ".join(told.target)),
            ("network", told.network),
            ("connections", f"{told.connections}{at_once}"),
            ("there", size(told.bytes_in)),
            ("back", size(told.bytes_out)),
            ("longest", seconds(told.longest) if told.connections else ""),
            ("ended", counted(told.endings)),
            ("ran", seconds(told.seconds)),
        ]
    )

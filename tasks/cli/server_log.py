"""What a server tells while it runs: lines on standard error."""

from __future__ import annotations

import sys

from wirework.serving.connection import Visit
from wirework.serving.listen import Place
from wirework.serving.service import Peer
from wirework.serving.watch import DONE

from .terminal import plain, seconds, size


class ServerLog:
    """A server's watch: where it listens, what goes wrong, and with ``verbose`` every client."""

    def __init__(self, title: str, *, verbose: bool = False) -> None:
        self._title, self._verbose = title, verbose

    def listening(self, places: tuple[Place, ...]) -> None:
        """Say where, with real ports."""
        say(f"{self._title} on {', '.join(map(str, places))}; Ctrl-C ends it")

    def opened(self, peer: Peer, by: str) -> None:
        """Say who came, and who serves it."""
        if self._verbose:
            say(f"{peer}: connected, served by {by}")

    def closed(self, visit: Visit) -> None:
        """Say how it was."""
        if self._verbose:
            say(
                f"{visit.peer}: {visit.ending or DONE} after {seconds(visit.seconds)},"
                f" {size(visit.bytes_in)} in, {size(visit.bytes_out)} out ({visit.by})"
            )

    def trouble(self, line: str) -> None:
        """Say what is wrong."""
        say(line)


def say(line: str) -> None:
    """Write a line to standard error, whatever other threads write."""
    # One write, so that lines of several threads do not mix.
    sys.stderr.write(plain(line) + "\n")
    sys.stderr.flush()

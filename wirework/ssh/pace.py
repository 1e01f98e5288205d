"""How many logins, and tunnels, one server is asked for at once: below what it would drop."""

from __future__ import annotations

import contextlib
import random
import threading
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGINS = 6
"""Logins under way on one server: sshd drops some from the tenth on (MaxStartups 10:30:100).

It counts each a moment longer than we do, so that eight of ours are now and then ten to it."""
TUNNELS = 10
"""Tunnels that one gateway is opening; those that are open do not count."""
FIRST_WAIT = 0.25
"""Seconds, more or less, before the first new attempt; each further one waits twice as long."""
LONGEST_WAIT = 8.0
LOOK = 1.0
"""Seconds after which a waiter looks whether its work has been given up."""


class Pace:
    """The turns of one pool, shared by all its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logins: dict[str, threading.Semaphore] = defaultdict(
            lambda: threading.Semaphore(LOGINS)
        )
        self._tunnels: dict[str, threading.Semaphore] = defaultdict(
            lambda: threading.Semaphore(TUNNELS)
        )

    @contextlib.contextmanager
    def login(self, server: str, given_up: threading.Event) -> Iterator[None]:
        """Hold one of the server's turns to log in; waits for it unless given up."""
        with self._lock:
            turns = self._logins[server]
        with _turn(turns, given_up):
            yield

    @contextlib.contextmanager
    def tunnel(self, gateway: str, given_up: threading.Event) -> Iterator[None]:
        """Hold one of the gateway's turns to open a tunnel; waits for it unless given up."""
        with self._lock:
            turns = self._tunnels[gateway]
        with _turn(turns, given_up):
            yield


def backoff(attempt: int) -> float:
    """Return the seconds to wait after failed attempt number ``attempt`` (from 1).

    Spread by chance, so that hosts which failed together do not come back together.
    """
    wait = min(FIRST_WAIT * 2.0 ** min(attempt - 1, 16), LONGEST_WAIT)
    return wait * random.uniform(0.5, 1.5)  # noqa: S311 - no secret depends on it


@contextlib.contextmanager
def _turn(turns: threading.Semaphore, given_up: threading.Event) -> Iterator[None]:
    while not (held := turns.acquire(timeout=LOOK)) and not given_up.is_set():
        pass
    try:
        yield
    finally:
        if held:
            turns.release()

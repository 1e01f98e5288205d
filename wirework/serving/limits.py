"""What a server allows its clients, and whether this process can hold that many."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path

from wirework.errors import ArgumentError

SPARE_DESCRIPTORS = 32
"""Descriptors kept for listeners, log files and whatever a service opens for a moment."""

FD_SETSIZE = 1024
"""The first descriptor that select(2) cannot wait for."""

_EACH = {"thread": 3, "fork": 1, "select": 1, "epoll": 1, "asyncio": 1}
"""Descriptors of one client in the server's own process. A thread has a pair to be woken by."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What each client, and all of them, may take. Times are in seconds, sizes in bytes.

    ``clients``: at once; the next ones wait in the kernel's queue until one leaves. None: as
    many as the process may have descriptors for.
    ``idle``: a client with which no byte moves either way is let go; None waits for ever.
    ``handshake``: until TLS has to be set up.
    ``drain``: after a stop, until clients that are still busy are cut off; ``quiet``: those with
    nothing under way for that long are let go at once.
    ``linger``: wait for the client's own end after ours, so that no reset destroys what is on
    its way to it.
    ``high``, ``low``: with more than ``high`` pending nothing is received from a client, until
    no more than ``low`` is. ``backlog``: clients that the kernel queues for us.
    """

    clients: int | None = None
    idle: float | None = None
    handshake: float = 10.0
    drain: float = 5.0
    quiet: float = 0.25
    linger: float = 2.0
    high: int = 64 * 1024
    low: int = 16 * 1024
    backlog: int = 4096


def room(model: str, limits: Limits) -> int:
    """Return how many clients this process can serve at once; raise its descriptor limit for it.

    The soft limit (setrlimit(2), RLIMIT_NOFILE) is raised as far as ``limits.clients`` needs, or
    to the hard one without such a number, and stays there. Raises ArgumentError when the number
    cannot be had.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most_descriptors = FD_SETSIZE if model == "select" else hard
    if most_descriptors == resource.RLIM_INFINITY:
        most_descriptors = 1 << 20  # the kernel's own fs.nr_open
    each, taken = _EACH[model], _open_descriptors() + SPARE_DESCRIPTORS
    most = (most_descriptors - taken) // each
    wanted = most if limits.clients is None else limits.clients
    if wanted > most and model == "select":
        raise ArgumentError(
            f"select cannot wait for descriptors past {FD_SETSIZE}: at most {most} clients",
            parameter="max_clients",
            hint="--model epoll has no such bound",
        )
    if wanted > most or most < 1:
        raise ArgumentError(
            f"{wanted} clients take {wanted * each + taken} descriptors, the limit is {hard}",
            parameter="max_clients",
            hint=f"at most {max(most, 0)} clients, or raise it: ulimit -Hn, as root",
        )
    needed = min(wanted * each + taken, most_descriptors)
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    return wanted


def _open_descriptors() -> int:
    try:
        return sum(1 for _ in Path("/dev/fd").iterdir())
    except OSError:
        return 0

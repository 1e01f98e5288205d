"""Whether a host lets us in and answers, and how long that takes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wirework.errors import CommandFailed

if TYPE_CHECKING:
    from wirework.ssh.remote import Remote


@dataclass(frozen=True, slots=True)
class Pong:
    """How long logging in took, and then one command that does nothing, in milliseconds."""

    login_ms: float
    command_ms: float


def ping(remote: Remote) -> Pong:
    """Log in and run ``true``, as root where the host is worked on as root.

    Raises what connecting and executing raise, and CommandFailed when there is no usable shell.
    """
    started = time.monotonic()
    remote.connect()
    logged_in = time.monotonic()
    status = remote.execute(["true"], stdout=_ignore, stderr=_ignore)
    if status:
        raise CommandFailed(f"`true` ended with status {status}", where=remote.host.name)
    ended = time.monotonic()
    return Pong(round((logged_in - started) * 1000, 1), round((ended - logged_in) * 1000, 1))


def _ignore(data: bytes) -> None:
    """Take output that nobody wants."""

"""The loopback ports of a lab's hosts."""

from __future__ import annotations

import contextlib
import errno
import secrets
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wirework.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterator

Ports = Literal["fixed", "free"]
"""``fixed``: 2201 and 8001 upwards, so that a written inventory stays true; ``free``: any."""

ADDRESS = "127.0.0.1"
FIRST_SSH = 2201
FIRST_HTTP = 8001

_FREE = range(20_000, 32_000, 2)
"""Below the ports the kernel hands out (ip_local_port_range). Each free host takes an even one,
which it holds, and leaves the odd one above it to HTTP: so labs side by side never share one."""

_BACKLOG = 512
_ATTEMPTS = 500


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The ports of one host; ``listener`` already holds the SSH one."""

    listener: socket.socket
    http_port: int

    @property
    def port(self) -> int:
        """The SSH port."""
        return int(self.listener.getsockname()[1])


@contextlib.contextmanager
def hold(count: int, ports: Ports) -> Iterator[tuple[Pair, ...]]:
    """Hold the ports of ``count`` hosts; the sockets are closed at the end.

    Raises LabError naming the first port that is taken.
    """
    with contextlib.ExitStack() as stack:
        pairs = []
        for number in range(count):
            pair = _fixed(number) if ports == "fixed" else _free()
            stack.enter_context(pair.listener)
            pairs.append(pair)
        yield tuple(pairs)


def _fixed(number: int) -> Pair:
    port, http_port = FIRST_SSH + number, FIRST_HTTP + number
    listener = _listen(port)
    if listener is None:
        raise _taken(port)
    if not _is_free(http_port):
        listener.close()
        raise _taken(http_port)
    return Pair(listener=listener, http_port=http_port)


def _free() -> Pair:
    for _ in range(_ATTEMPTS):
        port = _FREE[secrets.randbelow(len(_FREE))]
        listener = _listen(port)
        if listener is None:
            continue
        if _is_free(port + 1):
            return Pair(listener=listener, http_port=port + 1)
        listener.close()
    raise LabError(f"no free port of {ADDRESS} was found", hint="take down labs you do not use")


def _taken(port: int) -> LabError:
    return LabError(
        f"port {port} of {ADDRESS} is taken",
        hint="end the program or the other lab that listens there, or ask for free ports",
    )


def _is_free(port: int) -> bool:
    listener = _listen(port)
    if listener is None:
        return False
    listener.close()
    return True


def _listen(port: int) -> socket.socket | None:
    """Return a socket that listens on the port, or None when another one does."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # Connections of the last minute that are still fading away do not make a port taken.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((ADDRESS, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise LabError(f"cannot listen on port {port} of {ADDRESS}: {error.strerror}") from error
    return listener

"""Where a server listens: addresses of both families, names, Unix paths; and why it cannot."""

from __future__ import annotations

import contextlib
import errno
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wirework.errors import BadInput
from wirework.serving.owners import owner_of_port
from wirework.serving.unix.address import Address
from wirework.serving.unix.listen import bound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HIGHEST_PORT = 65535
EVERYWHERE = "*"
"""All addresses of this machine, of both families, each with a socket of its own."""

_UNPRIVILEGED = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
_TRIES = 16
_PEERCRED = 12
"""Bytes of struct ucred: pid, uid, gid (unix(7))."""


@dataclass(frozen=True)
class Place:
    """Where to listen: a host and port, or the path of a Unix socket.

    ``host`` is an address, a name (all its addresses) or "*"; ``0.0.0.0`` and ``::`` are all
    addresses of one family. ``port`` 0 is any free one.
    """

    host: str = "127.0.0.1"
    port: int = 0
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> Place:
        """Read ``HOST:PORT``, ``[V6]:PORT``, ``:PORT`` (everywhere) or ``unix:PATH``.

        Raises BadInput.
        """
        if text.startswith("unix:"):
            return cls(host="", path=text.removeprefix("unix:"))
        host, colon, port = text.rpartition(":")
        bare = host.removeprefix("[").removesuffix("]")
        if not colon or not port.isascii() or not port.isdigit() or (":" in host and bare == host):
            raise BadInput(
                f"{text!r} is no place to listen",
                hint="127.0.0.1:8080, [::1]:8080, :8080 for every address, unix:/run/x.sock",
            )
        return cls(host=bare or EVERYWHERE, port=int(port))

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True)
class Listener:
    """A socket that listens, and what it is bound to: a port of 0 is the real one here."""

    sock: socket.socket
    place: Place


@contextlib.contextmanager
def listening(
    places: Sequence[Place | Listener], *, backlog: int
) -> Iterator[tuple[Listener, ...]]:
    """Listen on every place, or on none; close all and remove Unix paths at the end.

    A listener that is given is used as it is, and closed as well.

    Raises BadInput, which names the process that has the port or path already.
    """
    if not places:
        raise BadInput("there is no place to listen")
    with contextlib.ExitStack() as stack:
        listeners: list[Listener] = []
        for place in places:
            if isinstance(place, Listener):
                stack.callback(place.sock.close)
                place.sock.settimeout(0.0)
                listeners.append(place)
            elif place.path:
                listeners.append(stack.enter_context(_unix(place, backlog)))
            else:
                for listener in _tcp(place, backlog):
                    stack.callback(listener.sock.close)
                    listeners.append(listener)
        yield tuple(listeners)


def _tcp(place: Place, backlog: int) -> list[Listener]:
    if not 0 <= place.port <= HIGHEST_PORT:
        raise BadInput(f"a port is between 0 and {HIGHEST_PORT}", where=str(place))
    addresses = _addresses(place)
    for attempt in range(_TRIES):
        try:
            return _all_on_one_port(place, addresses, backlog)
        except OSError as error:
            # A port that is free for one family may be taken for the other: any other will do.
            if place.port or error.errno != errno.EADDRINUSE or attempt == _TRIES - 1:
                raise _trouble(error, place) from error
    raise AssertionError


def _addresses(place: Place) -> list[tuple[socket.AddressFamily, str, int]]:
    """Return family, address and scope of everything the place names."""
    if place.host == EVERYWHERE:
        every = [(socket.AF_INET, "0.0.0.0", 0)]  # noqa: S104  (it was asked for)
        return [*every, (socket.AF_INET6, "::", 0)] if _has_v6() else every
    try:
        found = socket.getaddrinfo(
            place.host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (socket.gaierror, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "it is no host name"
        raise BadInput(f"{place.host!r} is not known: {why}", where=str(place)) from error
    each = {
        (family, str(address[0]), int(address[3]) if len(address) == 4 else 0)  # noqa: PLR2004
        for family, _, _, _, address in found
    }
    return sorted(each)


def _has_v6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
            sock.bind(("::", 0))
    except OSError:
        return False
    return True


def _all_on_one_port(
    place: Place, addresses: list[tuple[socket.AddressFamily, str, int]], backlog: int
) -> list[Listener]:
    port = place.port
    listeners: list[Listener] = []
    try:
        for family, address, scope in addresses:
            sock = socket.socket(family, socket.SOCK_STREAM)
            listeners.append(Listener(sock, place))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind((address, port, 0, scope))
            else:
                sock.bind((address, port))
            sock.listen(backlog)
            sock.settimeout(0.0)
            bound = sock.getsockname()
            port = int(bound[1])
            listeners[-1] = Listener(sock, Place(str(bound[0]), port))
    except BaseException:
        for listener in listeners:
            listener.sock.close()
        raise
    return listeners


def _trouble(error: OSError, place: Place) -> BadInput:
    where = str(place)
    match error.errno:
        case errno.EADDRINUSE:
            return BadInput(
                f"the port is in use by {owner_of_port(place.port)}",
                where=where,
                hint="end that one, or take another port; --port 0 takes a free one",
            )
        case errno.EACCES:
            first = _UNPRIVILEGED.read_text().strip() if _UNPRIVILEGED.exists() else "1024"
            return BadInput(
                f"ports below {first} are for root",
                where=where,
                hint="run as root or with CAP_NET_BIND_SERVICE, or lower "
                "sysctl net.ipv4.ip_unprivileged_port_start",
            )
        case errno.EADDRNOTAVAIL:
            return BadInput(
                "no address of this machine", where=where, hint="host.interfaces lists them"
            )
        case errno.EAFNOSUPPORT:
            return BadInput("this machine has no IPv6", where=where)
        case _:
            return BadInput(f"cannot listen: {error.strerror or error}", where=where)


@contextlib.contextmanager
def _unix(place: Place, backlog: int) -> Iterator[Listener]:
    """Listen on a path that only this user may use."""
    with bound(Address.of(place.path), socket.SOCK_STREAM, backlog=backlog) as sock:
        yield Listener(sock, place)

"""Connecting to a host by name: whichever of its addresses answers first (RFC 8305)."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import selectors
import socket
import time
from typing import TYPE_CHECKING

from wirework.errors import Failed, TimedOut
from wirework.net.at_once import at_once

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HEAD_START = 0.25
"""Seconds before the next address is tried beside one that has not answered (RFC 8305, 5)."""

_WORDS = {
    errno.ECONNREFUSED: "connection refused: nothing listens there",
    errno.ECONNRESET: "the other end reset the connection",
    errno.EPIPE: "the other end reset the connection",
    errno.ETIMEDOUT: "no answer",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "no route to its network",
    errno.EACCES: "not allowed here, perhaps by a firewall",
}

Address = tuple[socket.AddressFamily, tuple[str, int]]


def in_words(error: OSError) -> str:
    """Say what an error of a socket means."""
    return _WORDS.get(error.errno or 0, error.strerror or str(error))


def dial(host: str, port: int, *, deadline: float) -> socket.socket:
    """Return a blocking socket that is connected to a host, by name or address.

    Addresses are tried in the order of getaddrinfo(3), the families in turn, each with a head
    start before the next. ``deadline`` is a time of ``time.monotonic``. Raises TimedOut, or
    Failed with what each address said.
    """
    addresses = _in_turn(_resolve(host, port, deadline))
    troubles: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        waiting: dict[socket.socket, Address] = {}
        while addresses or waiting:
            if addresses:
                address = addresses.pop(0)
                sock = socket.socket(address[0], socket.SOCK_STREAM)
                stack.callback(sock.close)
                if trouble := _begin(sock, address):
                    troubles[address[1][0]] = trouble
                    continue
                waiting[sock] = address
                selector.register(sock, selectors.EVENT_WRITE)
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimedOut("no answer within the time limit", where=f"{host} port {port}")
            for key, _ in selector.select(min(HEAD_START, left) if addresses else left):
                won = key.fileobj
                assert isinstance(won, socket.socket)  # noqa: S101  (only those are registered)
                selector.unregister(won)
                _, (text, *_) = waiting.pop(won)
                if number := won.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    troubles[text] = in_words(OSError(number, os.strerror(number)))
                else:
                    connected = socket.socket(fileno=won.detach())
                    connected.settimeout(None)
                    return connected
    raise Failed(_told(troubles), where=f"{host} port {port}")


def _resolve(host: str, port: int, deadline: float) -> list[Address]:
    def ask() -> list[Address]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [(family, address) for family, _, _, _, address in found]  # type: ignore[misc]

    try:
        (found,) = at_once([ask], deadline=deadline)
    except (socket.gaierror, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "it is no host name"
        raise Failed(f"the name is not known: {why}", where=host) from error
    if found is None:
        raise TimedOut("the name was not found within the time limit", where=host)
    return found


def _in_turn(addresses: Iterable[Address]) -> list[Address]:
    """Return the addresses with their families in turn, the first one's first."""
    families: dict[int, list[Address]] = {}
    for address in addresses:
        families.setdefault(address[0], []).append(address)
    rounds: Iterator[tuple[Address | None, ...]] = itertools.zip_longest(*families.values())
    return [address for turn in rounds for address in turn if address is not None]


def _begin(sock: socket.socket, address: Address) -> str:
    """Begin to connect; return what went wrong at once."""
    sock.settimeout(0.0)
    try:
        sock.connect(address[1])
    except BlockingIOError:
        return ""
    except OSError as error:
        return in_words(error)
    return ""


def _told(troubles: dict[str, str]) -> str:
    """Say what the addresses said, once if they are alike."""
    if len(set(troubles.values())) == 1:
        return next(iter(troubles.values()))
    return "; ".join(f"{address}: {trouble}" for address, trouble in troubles.items())

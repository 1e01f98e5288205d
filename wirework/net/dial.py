"""Connecting to a host by name: whichever of its addresses answers first (RFC 8305)."""

from __future__ import annotations

import contextlib
import itertools
import os
import selectors
import socket
import time
from typing import TYPE_CHECKING

from wirework.errors import Failed, TimedOut
from wirework.net.causes import Cause, Trouble, of_socket
from wirework.net.connecting import resolve
from wirework.net.endpoints import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wirework.net.connecting import SocketAddress

HEAD_START = 0.25
"""Seconds before the next address is tried beside one that has not answered (RFC 8305, 5)."""

Address = tuple[int, "SocketAddress"]


def dial(host: str, port: int, *, deadline: float) -> socket.socket:
    """Return a blocking socket that is connected to a host, by name or address.

    Addresses are tried in the order of getaddrinfo(3), the families in turn, each with a head
    start before the next. ``deadline`` is a time of ``time.monotonic``. Raises TimedOut, or
    Failed with what each address said.
    """
    addresses = _in_turn(_resolve(Endpoint(host, port), deadline))
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
                    troubles[str(address[1][0])] = trouble
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
                    troubles[str(text)] = of_socket(OSError(number, os.strerror(number))).words
                else:
                    connected = socket.socket(fileno=won.detach())
                    connected.settimeout(None)
                    return connected
    raise Failed(_told(troubles), where=f"{host} port {port}")


def _resolve(server: Endpoint, deadline: float) -> list[Address]:
    try:
        return resolve(server, deadline=deadline)
    except Trouble as trouble:
        late = trouble.cause is Cause.TIMED_OUT
        raise (TimedOut if late else Failed)(trouble.words, where=server.host) from None


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
        return of_socket(error).words
    return ""


def _told(troubles: dict[str, str]) -> str:
    """Say what the addresses said, once if they are alike."""
    if len(set(troubles.values())) == 1:
        return next(iter(troubles.values()))
    return "; ".join(f"{address}: {trouble}" for address, trouble in troubles.items())

"""The two ends of a forwarder, as people write them."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from wirework.errors import BadInput
from wirework.net.endpoints import endpoint
from wirework.serving.listen import Place

Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int] | str]
"""A family, and what connect(2) takes for it."""

LONGEST_PATH = 107
"""Bytes of a Unix socket's path; unix(7)."""


@dataclass(frozen=True)
class Target:
    """Where connections are handed on to: every address of it, tried in this order."""

    name: str
    addresses: tuple[Address, ...]

    def __str__(self) -> str:
        return self.name


def place(text: str) -> Place:
    """Read where to listen, as ``Place.parse`` does; a bare port is one of 127.0.0.1."""
    if text.isascii() and text.isdigit():
        return Place(port=int(text))
    return Place.parse(text)


def target(text: str, *, where: str = "TARGET") -> Target:
    """Read ``HOST:PORT``, ``[V6]:PORT`` or ``unix:PATH``.

    A name is looked up here, once for all connections. Raises BadInput.
    """
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        if not path or "\0" in path or len(path.encode()) > LONGEST_PATH:
            told = f"a Unix socket has a path of 1 to {LONGEST_PATH} bytes"
            raise BadInput(told, where=where)
        return Target(text, ((socket.AF_UNIX, path),))
    end = endpoint(text, port=0, where=where)
    if not end.port:
        hint = "127.0.0.1:5432, db.example.org:5432, [::1]:80, unix:/run/x.sock"
        raise BadInput(f"{text!r} has no port", where=where, hint=hint)
    try:
        found = socket.getaddrinfo(end.host, end.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "it is no host name"
        raise BadInput(f"{end.host!r} is not known: {why}", where=where) from error
    inet = (socket.AF_INET, socket.AF_INET6)
    addresses: dict[Address, None] = {}
    for family, _, _, _, address in found:
        if family in inet:
            addresses[family, address] = None  # type: ignore[index]  # inet's have no bytes
    return Target(str(end), tuple(addresses))

"""A chat's server from the options of a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wirework.errors import ArgumentError
from wirework.net.chat.room import RoomLimits
from wirework.net.chat.service import Chat as Chat
from wirework.serving import options
from wirework.serving.certificates import self_signed
from wirework.serving.limits import FD_SETSIZE, SPARE_DESCRIPTORS, Limits

if TYPE_CHECKING:
    import ssl

_AT_THE_DOOR = 16
"""Clients above the room's size that are accepted, to be told that it is full."""
_UNDER_SELECT = FD_SETSIZE - 4 * SPARE_DESCRIPTORS


def room(clients: int) -> RoomLimits:
    """Return a room's limits; raises ArgumentError."""
    if clients < 1:
        raise ArgumentError(
            f"a room is for one at least, not for {clients}",
            parameter="max_clients",
            where="--max-clients",
        )
    return RoomLimits(clients=clients)


def connections(limits: RoomLimits, model: str) -> Limits:
    """Return what the server bears: everybody in the room, and some who are told it is full."""
    if model == "select" and limits.clients + _AT_THE_DOOR > _UNDER_SELECT:
        raise ArgumentError(
            f"select cannot wait for so many: at most {_UNDER_SELECT - _AT_THE_DOOR}",
            parameter="max_clients",
            where="--max-clients",
            hint="--model epoll has no such bound",
        )
    return Limits(clients=limits.clients + _AT_THE_DOOR)


def tls(certificate: str, key: str, new_for: str) -> tuple[ssl.SSLContext | None, str]:
    """Return what TLS is served with, if it is, and the fingerprint of a new certificate.

    ``new_for`` is the host that a new one is made for, or "". Raises BadInput.
    """
    if not new_for:
        return options.tls(certificate, key), ""
    if certificate or key:
        raise ArgumentError(
            "a certificate of your own, or a new one: not both",
            parameter="tls_self_signed",
            where="--tls-self-signed",
        )
    return self_signed(new_for)

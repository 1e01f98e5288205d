"""Requests to one address of a time server, of which only true answers come back."""

from __future__ import annotations

import contextlib
import secrets
import socket
import time
from typing import TYPE_CHECKING, TypeAlias

from wirework.net.ntp.packet import SIZE, Packet, decode
from wirework.net.ntp.readings import Received, Status

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

Address: TypeAlias = tuple[str, int] | tuple[str, int, int, int]

MOST_BYTES = 2048
"""Bytes of a datagram that are read; extension fields and a MAC fit in."""

# Python names neither (ip(7), ipv6(7)); without them a socket that is not connected is not told
# that nothing listens, and a connected one does not see what comes from elsewhere.
_IP_RECVERR = 11
_IPV6_RECVERR = 25


@contextlib.contextmanager
def opened(family: socket.AddressFamily) -> Iterator[socket.socket]:
    """Give a UDP socket on a port that nobody can guess (RFC 9109), told of errors by ICMP."""
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        with contextlib.suppress(OSError):
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
            else:
                sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        yield sock


def exchange(
    sock: socket.socket, server: Address, *, until: float, dropped: Counter[Status]
) -> Received | None:
    """Send one request and wait for its answer until that time of ``time.monotonic``.

    What is no answer to this very request is counted in ``dropped``, and waiting goes on: what
    comes from another address, is too short, or does not give back the request's transmit
    timestamp, since it is forged or answers an earlier request (RFC 5905, section 8, test 2). The
    timestamp sent is a random number, so that no one can guess it and our clock stays unknown.
    Raises OSError when the network refuses.
    """
    nonce = secrets.randbits(64) or 1
    sent_at, started = time.time_ns(), time.monotonic_ns()
    sock.sendto(Packet(transmit=nonce).encode(), server)
    while (left := until - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            data, source = sock.recvfrom(MOST_BYTES)
        except TimeoutError:
            return None
        # A clock that is set meanwhile must not take part in the round trip's time.
        received_at = sent_at + time.monotonic_ns() - started
        if not _same(source, server):
            dropped[Status.ELSEWHERE] += 1
        elif len(data) < SIZE:
            dropped[Status.SHORT] += 1
        elif (packet := decode(data)).origin != nonce:
            dropped[Status.FORGED] += 1
        else:
            return Received(packet=packet, sent_at=sent_at, received_at=received_at)
    return None


def _same(source: Address, server: Address) -> bool:
    """Tell whether two addresses are one; the zone stands in the name or in the number."""
    return (source[0].partition("%")[0], *source[1:2], *source[3:]) == (
        server[0].partition("%")[0],
        *server[1:2],
        *server[3:],
    )

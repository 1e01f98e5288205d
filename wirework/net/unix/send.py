"""A client for Unix sockets: sends, and tells what came back and from whom."""

from __future__ import annotations

import errno
import math
import os
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wirework.errors import ArgumentError, BadInput, Failed, TimedOut
from wirework.net.unix.exchange import Exchange
from wirework.serving.unix.credentials import Credentials

if TYPE_CHECKING:
    from wirework.serving.unix.address import Address

KEPT = 1024 * 1024
"""Bytes of an answer that are kept; the rest is counted and compared."""
_LARGEST = 64 * 1024 * 1024
"""Bytes of standard input that can be compared with an echo."""

KINDS = {"stream": socket.SOCK_STREAM, "datagram": socket.SOCK_DGRAM}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """What was sent to a Unix socket and what came back, in bytes and seconds.

    ``answer`` is the first MiB of it. ``echo`` tells whether all of it came back byte for byte,
    None when nobody asked. ``peer`` is who listens, of a stream.
    """

    path: str
    type: str
    sent: int
    received: int
    seconds: float
    answer: bytes
    echo: bool | None
    peer: Credentials

    @property
    def ok(self) -> bool:
        """Whether an echo that was asked for came."""
        return self.echo is not False

    @property
    def summary(self) -> str:
        """It in a few words."""
        echoed = {True: ", an echo", False: ", no echo", None: ""}[self.echo]
        return f"{self.sent} bytes sent, {self.received} received{echoed}"


def send(
    address: Address,
    source: bytes | int,
    *,
    kind: str = "stream",
    expect_echo: bool = False,
    wait: bool = False,
    timeout: float = 10.0,
) -> Sent:
    """Send bytes, or what a descriptor gives until its end, and take the answer.

    A stream is answered until the other side ends it. A datagram is one message, whose answer is
    waited for with ``wait`` or ``expect_echo``. Raises BadInput for what is no socket,
    Failed when nobody listens or the other side does not take it, and TimedOut.
    """
    kind_of(kind)
    if not 0 < timeout < math.inf:
        raise ArgumentError(
            f"a time limit is a number of seconds above 0, not {timeout:g}",
            parameter="timeout",
            where="--timeout",
        )
    began = time.monotonic()
    with socket.socket(socket.AF_UNIX, KINDS[kind]) as sock:
        sock.settimeout(timeout)
        _connect(sock, address, kind)
        try:
            if kind == "stream":
                sent, answer, size, echo = _stream(
                    sock, source, began + timeout, expect_echo=expect_echo
                )
                peer = Credentials.of(sock)
            else:
                sent, answer, echo = _datagram(sock, source, expect_echo=expect_echo, wait=wait)
                size, peer = len(answer), Credentials()
        except TimeoutError:
            raise TimedOut(f"no answer within {timeout:g} s", where=str(address)) from None
        except TimedOut:
            raise TimedOut(f"not done within {timeout:g} s", where=str(address)) from None
        except OSError as error:
            raise _refused(error, address) from None
    return Sent(
        path=str(address),
        type=kind,
        sent=sent,
        received=size,
        seconds=round(time.monotonic() - began, 6),
        answer=answer,
        echo=echo,
        peer=peer,
    )


def kind_of(text: str) -> None:
    """Refuse what is neither stream nor datagram; raises ArgumentError."""
    if text not in KINDS:
        raise ArgumentError(
            f"{text!r} is no type", parameter="type", where="--type", hint="stream or datagram"
        )


def _connect(sock: socket.socket, address: Address, kind: str) -> None:
    where = str(address)
    try:
        if kind == "datagram":
            sock.bind("")  # a name of its own, so that an answer finds its way (unix(7), autobind)
        sock.connect(address.bound)
    except ConnectionRefusedError:
        if not address.is_abstract and not address.path.is_socket():
            raise BadInput("it is no socket", where=where) from None
        raise Failed("nobody listens there", where=where) from None
    except FileNotFoundError:
        raise Failed("there is no such socket", where=where) from None
    except TimeoutError:
        raise TimedOut("not accepted in time", where=where) from None
    except OSError as error:
        if error.errno == errno.EPROTOTYPE:
            other = "datagram" if kind == "stream" else "stream"
            raise BadInput(f"it is no {kind} socket", where=where, hint=f"--type {other}") from None
        raise Failed(f"cannot connect: {error.strerror}", where=where) from None


def _refused(error: OSError, address: Address) -> Failed:
    if error.errno == errno.EMSGSIZE:
        return Failed("the message is too large for one datagram", where=str(address))
    return Failed(f"not taken: {error.strerror}", where=str(address))


def _stream(
    sock: socket.socket, source: bytes | int, deadline: float, *, expect_echo: bool
) -> tuple[int, bytes, int, bool | None]:
    if expect_echo and isinstance(source, int):
        source = _whole(source, _LARGEST)
    exchange = Exchange(sock, source, deadline=deadline)
    kept, alike = bytearray(), True
    for piece in exchange.pieces():
        begin = exchange.received - len(piece)
        if expect_echo and isinstance(source, bytes):
            alike = alike and source[begin : begin + len(piece)] == piece
        kept += piece[: max(0, KEPT - len(kept))]
    echo = None
    if expect_echo and isinstance(source, bytes):
        echo = alike and exchange.received == len(source)
    return exchange.sent, bytes(kept), exchange.received, echo


def _datagram(
    sock: socket.socket, source: bytes | int, *, expect_echo: bool, wait: bool
) -> tuple[int, bytes, bool | None]:
    data = source if isinstance(source, bytes) else _whole(source, KEPT)
    sock.send(data)
    answer = sock.recv(KEPT) if expect_echo or wait else b""
    return len(data), answer, answer == data if expect_echo else None


def _whole(descriptor: int, limit: int) -> bytes:
    data = bytearray()
    while piece := os.read(descriptor, 64 * 1024):
        data += piece
        if len(data) > limit:
            raise BadInput(f"more than {limit // 1024 // 1024} MiB on standard input")
    return bytes(data)

"""The kernel's own tables of links, addresses and routes, asked over rtnetlink.

Unlike files below /sys/class/net they are those of this process's network namespace, and one
question brings a whole table. Formats are those of netlink(7) and rtnetlink(7).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wirework.errors import Failed, TimedOut

if TYPE_CHECKING:
    from collections.abc import Iterator

RTM_GETLINK = 18
RTM_GETADDR = 22
RTM_GETROUTE = 26

TIMEOUT = 5.0
MOST_BYTES = 256 << 20
"""A table larger than this is given up; a full Internet routing table takes half of it."""
ATTEMPTS = 5
"""How often a table is asked for again that changed while it was told."""

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_INT = struct.Struct("=i")
_REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_NLM_F_DUMP_INTR = 0x10
_NLMSG_ERROR = 2
_NLMSG_DONE = 3
_TYPE = 0x3FFF
"""An attribute's type without the bits that say how it is packed."""
_PIECE = 1 << 17


class _Changed(Exception):
    """The table changed while the kernel told it."""


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a table: ``body`` is its fixed part and its attributes."""

    kind: int
    flags: int
    sequence: int
    body: bytes


def messages(data: bytes) -> Iterator[Message]:
    """Split what one receive brought into messages; Failed for what is none."""
    at = 0
    while at < len(data):
        if len(data) - at < _HEADER.size:
            raise Failed("the kernel's answer ends within a message's header")
        length, kind, flags, sequence, _ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size or at + length > len(data):
            raise Failed(f"the kernel's answer holds a message of impossible length {length}")
        yield Message(kind, flags, sequence, data[at + _HEADER.size : at + length])
        at += _aligned(length)


def attributes(data: bytes) -> dict[int, bytes]:
    """Return the attributes in ``data`` by type; Failed for what are none.

    Of several of one type the last counts, as it does in the kernel.
    """
    return dict(each_attribute(data))


def each_attribute(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Go through the attributes in ``data`` in their order; Failed for what are none."""
    at = 0
    while len(data) - at >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size or at + length > len(data):
            raise Failed(f"the kernel's answer holds an attribute of impossible length {length}")
        yield kind & _TYPE, data[at + _ATTRIBUTE.size : at + length]
        at += _aligned(length)


def dump(kind: int, fixed: bytes, *, timeout: float = TIMEOUT) -> list[bytes]:
    """Return the bodies of a table's entries; ``kind`` is one of RTM_GET….

    ``fixed`` is the request's fixed part (ifinfomsg, ifaddrmsg or rtmsg). The table is whole
    and of one moment. Raises Failed when the kernel refuses, TimedOut after ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout
    for _ in range(ATTEMPTS):
        try:
            return _dump(kind, fixed, deadline)
        except _Changed:
            continue
        except TimeoutError:
            raise TimedOut(f"the kernel has not told its table within {timeout:g} s") from None
        except OSError as error:
            raise Failed(f"the kernel does not tell its table: {error.strerror}") from None
    raise Failed(f"the kernel's table has changed {ATTEMPTS} times while it was told")


def _dump(kind: int, fixed: bytes, deadline: float) -> list[bytes]:
    bodies: list[bytes] = []
    total = 0
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.bind((0, 0))
        kernel.settimeout(_left(deadline))
        kernel.send(_HEADER.pack(_HEADER.size + len(fixed), kind, _REQUEST_DUMP, 1, 0) + fixed)
        while True:
            kernel.settimeout(_left(deadline))
            data, _, flags, _ = kernel.recvmsg(_PIECE)
            total += len(data)
            if flags & socket.MSG_TRUNC or total > MOST_BYTES:
                raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
            for message in messages(data):
                if message.sequence != 1:
                    continue
                if message.flags & _NLM_F_DUMP_INTR:
                    raise _Changed
                if message.kind in (_NLMSG_DONE, _NLMSG_ERROR):
                    _raise_for(message.body)
                    return bodies
                bodies.append(message.body)


def _raise_for(body: bytes) -> None:
    """Raise what the end of a table stands for, if it is an error."""
    code = -_INT.unpack_from(body)[0] if len(body) >= _INT.size else 0
    if code:
        raise OSError(code, os.strerror(code))


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _aligned(length: int) -> int:
    """Return a length rounded up as netlink aligns: to 4 bytes."""
    return (length + 3) & ~3

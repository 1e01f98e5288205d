"""NTP packets, to and from their 48 bytes, without loss (RFC 5905, section 7.3)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

SIZE = 48
"""Bytes of a header; extension fields and a MAC may follow it (RFC 5905, 7.5), unread here."""

VERSION = 4
SHORT = 1 << 16
"""Units a second has in the short format, 16 bits each side of the point (RFC 5905, 6)."""

_HEADER = struct.Struct("!BBbbII4sQQQQ")


class Mode(IntEnum):
    """Who speaks (RFC 5905, 7.3, figure 10)."""

    RESERVED = 0
    SYMMETRIC_ACTIVE = 1
    SYMMETRIC_PASSIVE = 2
    CLIENT = 3
    SERVER = 4
    BROADCAST = 5
    CONTROL = 6
    PRIVATE = 7


class Leap(IntEnum):
    """What the last minute of this month will be (RFC 5905, 7.3, figure 9)."""

    NONE = 0
    INSERT = 1
    DELETE = 2
    UNSYNCHRONISED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A header as it stands on the wire; every field is of RFC 5905, 7.3, figure 8.

    ``poll`` and ``precision`` are powers of two in seconds. ``root_delay`` and
    ``root_dispersion`` are in units of 2**-16 s (``SHORT``), unsigned. The four timestamps are
    64 bits: seconds since 1900 modulo 2**32, and a fraction of 2**-32 s; 0 says unknown.
    """

    leap: int = 0  # LI, 2 bits
    version: int = VERSION  # VN, 3 bits
    mode: int = Mode.CLIENT  # 3 bits
    stratum: int = 0  # 8 bits; 0 is a kiss, 1 has a reference clock, 16 is unsynchronised
    poll: int = 0  # 8 bits, signed
    precision: int = 0  # 8 bits, signed
    root_delay: int = 0  # 32 bits: round trip to the reference clock
    root_dispersion: int = 0  # 32 bits: error that has gathered on the way
    reference_id: bytes = bytes(4)  # what it follows; see readings.reference_of
    reference: int = 0  # when its clock was last set
    origin: int = 0  # T1: the request's transmit timestamp, given back
    receive: int = 0  # T2: when the request came
    transmit: int = 0  # T3: when the answer left

    def encode(self) -> bytes:
        """Return the 48 bytes; raises ValueError for a field that its bits cannot hold."""
        if not (0 <= self.leap < 4 and 0 <= self.version < 8 and 0 <= self.mode < 8):  # noqa: PLR2004
            raise ValueError("leap, version or mode has too many bits")
        if len(self.reference_id) != 4:  # noqa: PLR2004
            raise ValueError("a reference identifier has four bytes")
        try:
            return _HEADER.pack(
                self.leap << 6 | self.version << 3 | self.mode,
                self.stratum,
                self.poll,
                self.precision,
                self.root_delay,
                self.root_dispersion,
                self.reference_id,
                self.reference,
                self.origin,
                self.receive,
                self.transmit,
            )
        except struct.error as error:
            raise ValueError(str(error)) from None


def decode(data: bytes) -> Packet:
    """Read the header of a packet; raises ValueError when there are fewer than 48 bytes.

    Every 48 bytes are a packet; whether it is one to believe is for ``readings.fault_of``.
    """
    if len(data) < SIZE:
        raise ValueError(f"{len(data)} bytes are no NTP packet: it has {SIZE}")
    first, stratum, poll, precision, delay, dispersion, refid, *times = _HEADER.unpack_from(data)
    reference, origin, receive, transmit = times
    return Packet(
        leap=first >> 6,
        version=first >> 3 & 7,
        mode=first & 7,
        stratum=stratum,
        poll=poll,
        precision=precision,
        root_delay=delay,
        root_dispersion=dispersion,
        reference_id=refid,
        reference=reference,
        origin=origin,
        receive=receive,
        transmit=transmit,
    )

"""Answers of time servers, made by tests."""

from __future__ import annotations

import dataclasses
import time

from wirework.net.ntp import Packet, decode
from wirework.net.ntp.timestamps import from_unix_ns


def good(request: bytes, *, off: float = 0.0, **fields: object) -> Packet:
    """The answer of a server whose clock is ``off`` seconds ahead of this machine's."""
    now = from_unix_ns(time.time_ns() + int(off * 1e9))
    packet = Packet(
        mode=4,
        stratum=2,
        precision=-20,
        reference_id=bytes([192, 0, 2, 1]),
        reference=now - (5 << 32),
        origin=decode(request).transmit,
        receive=now,
        transmit=now,
    )
    return dataclasses.replace(packet, **fields)  # type: ignore[arg-type]

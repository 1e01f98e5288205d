"""NTP's 64-bit timestamps, which begin anew in 2036, and the clock of this machine.

A timestamp counts units of 2**-32 s since 1900, modulo 2**64 (RFC 5905, section 6): an era of 136
years, of which the packet does not tell the number. Nothing is a float before the last division.
"""

from __future__ import annotations

UNIX_EPOCH = 2_208_988_800
"""Seconds from 1900 to 1970 (RFC 5905, figure 4)."""

ERA = 1 << 64
_UNIT = 32
_NANO = 1_000_000_000


def from_unix_ns(nanoseconds: int) -> int:
    """Return the timestamp nearest to a Unix time in nanoseconds, in whatever era it is."""
    since_1900 = nanoseconds + UNIX_EPOCH * _NANO
    return ((since_1900 << _UNIT) + _NANO // 2) // _NANO % ERA


def to_unix_ns(timestamp: int, *, near: int) -> int:
    """Return a timestamp as Unix nanoseconds, in the era that brings it nearest to ``near``.

    ``near`` is in Unix nanoseconds. What is within 68 years of it is understood rightly, which
    is what RFC 5905, section 6, asks of the clock that is read.
    """
    pivot = from_unix_ns(near)
    since_pivot = difference(timestamp, pivot)
    return near + ((since_pivot * _NANO + (1 << (_UNIT - 1))) >> _UNIT)


def difference(later: int, earlier: int) -> int:
    """Return ``later - earlier`` in units of 2**-32 s, right across eras within 68 years.

    This is the signed 64-bit subtraction of RFC 5905, section 6.
    """
    return (later - earlier + ERA // 2) % ERA - ERA // 2


def offset_and_delay(t1: int, t2: int, t3: int, t4: int) -> tuple[float, float]:
    """Return what has to be added to this clock, and the round trip's time, in seconds.

    The request left at ``t1`` and came at ``t2``, the answer left at ``t3`` and came at ``t4``
    (RFC 5905, section 8). Only one difference spans both clocks, and it may be of 68 years; so
    the sum of the two of the RFC cannot be torn apart by a change of sign.
    """
    there, away, whole = difference(t2, t1), difference(t3, t2), difference(t4, t1)
    return (2 * there + away - whole) / (1 << (_UNIT + 1)), (whole - away) / (1 << _UNIT)

"""Times and sizes as people write them: 50ms, 1MB."""

from __future__ import annotations

import re

from wirework.errors import BadInput

_TIMES = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PREFIXES = {"": 0, "k": 1, "m": 2, "g": 3}
_AMOUNT = re.compile(r"(?P<number>[0-9]{1,15}(?:\.[0-9]{1,9})?|\.[0-9]{1,9})\s*(?P<unit>[a-z]*)")
_BYTES = re.compile(r"(?P<prefix>[kmg]?)(?P<binary>i?)(?P<byte>b?)")


def is_time(text: str) -> bool:
    """Tell whether the text has a unit of time."""
    found = _AMOUNT.fullmatch(text.strip().lower())
    return bool(found) and found["unit"] in ("ms", "s", "h", "min")  # type: ignore[index]


def seconds(text: str, *, where: str) -> float:
    """Read ``50ms``, ``2s``, ``5m`` (or min), ``1h``, or a bare number of seconds."""
    found = _AMOUNT.fullmatch(text.strip().lower())
    unit = (found["unit"] or "s").removesuffix("in") if found else ""
    if not found or unit not in _TIMES:
        raise BadInput(f"{text!r} is no duration", where=where, hint="50ms, 2s, 5m, 1h")
    return float(found["number"]) * _TIMES[unit]


def size(text: str, *, where: str) -> int:
    """Read ``500``, ``64k``, ``1MB`` (powers of 1000), ``1MiB`` (of 1024), at least one byte."""
    found = _AMOUNT.fullmatch(text.strip().lower())
    unit = _BYTES.fullmatch(found["unit"]) if found else None
    if not found or not unit or (unit["binary"] and not unit["prefix"]):
        hint = "500, 64k, 1MB (1,000,000 bytes), 1MiB (1,048,576)"
        raise BadInput(f"{text!r} is no number of bytes", where=where, hint=hint)
    base = 1024 if unit["binary"] else 1000
    number = int(float(found["number"]) * base ** _PREFIXES[unit["prefix"]])
    if number < 1:
        raise BadInput(f"{text!r} is less than one byte", where=where)
    return number

"""Text that comes from elsewhere, made fit for a terminal."""

from __future__ import annotations

import re
import sys

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_ESCAPES = {
    code: chr(code).encode("unicode_escape").decode()
    for code in range(0x2070)
    if _CONTROL.fullmatch(chr(code))
}

UNFELT = 0.1
"""Seconds below which people feel no delay."""
LONG = 100
"""Seconds above which minutes read better."""
KIB = 1024


def plain(text: str) -> str:
    """Return text with every control character but tab and line end written out.

    What a host says must not move the cursor, change colours or rename the window.
    """
    return _CONTROL.sub(lambda run: run[0].translate(_ESCAPES), text)


def plain_bytes(data: bytes) -> str:
    """Return bytes as text for people: UTF-8, all else written out."""
    return plain(data.decode("utf-8", "backslashreplace").replace("\r\n", "\n"))


def plain_json(text: str) -> str:
    """Return JSON that means the same, with the control characters written out that JSON allows."""
    return _CONTROL.sub(lambda run: "".join(f"\\u{ord(each):04x}" for each in run[0]), text)


def is_live() -> bool:
    """Tell whether somebody watches standard error as it is written."""
    return sys.stderr.isatty()


def count(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 host``, ``3 hosts``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def seconds(value: float) -> str:
    """Return a time as people say it: ``4 ms``, ``1.2 s``, ``2 min 5 s``."""
    if value < UNFELT:
        return f"{value * 1000:.0f} ms"
    if value < LONG:
        return f"{value:.1f} s"
    return f"{value // 60:.0f} min {value % 60:.0f} s"


def size(value: int) -> str:
    """Return a number of bytes as people say it: ``512 B``, ``1.5 MiB``."""
    amount = float(value)
    for unit in ("B", "KiB", "MiB"):
        if amount < KIB:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= KIB
    return f"{amount:.1f} GiB"

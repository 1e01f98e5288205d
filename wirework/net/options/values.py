"""Values of socket options: as the kernel has them, and as people write them."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from wirework.errors import BadInput

if TYPE_CHECKING:
    import socket

    from wirework.net.options.catalog import Known

Value = int | float | bool | str | None
"""None where it is off or unlimited: SO_LINGER, times."""

_LINGER = struct.Struct("ii")
_TIME = struct.Struct("ll")
_LONGEST_TEXT = 16
"""Bytes of names: IFNAMSIZ, TCP_CA_NAME_MAX."""
_SWITCH = {"1": True, "on": True, "yes": True, "true": True}
_SWITCH |= {"0": False, "off": False, "no": False, "false": False}
_OFF = ("off", "none", "no")
_NUMBER = re.compile(r"(?P<number>-?[0-9]+|0x[0-9a-f]+)(?P<unit>[a-zµ]*)")
_DECIMAL = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?P<unit>[a-z]*)")
_LAST_INT = 2**31 - 1

# How many of an option's unit one of what was written is.
_UNITS = {
    "bytes": {
        "b": 1,
        "k": 10**3,
        "kb": 10**3,
        "m": 10**6,
        "mb": 10**6,
        "g": 10**9,
        "gb": 10**9,
        "kib": 2**10,
        "mib": 2**20,
        "gib": 2**30,
    },
    "s": {"s": 1, "m": 60, "min": 60, "h": 3600},
    "ms": {"ms": 1, "s": 1000, "m": 60_000, "min": 60_000},
    "µs": {"us": 1, "µs": 1, "ms": 1000},
}

_HINTS = {
    "bytes": "a whole number of bytes, 64k, 1MB, 1MiB",
    "s": "a whole number of seconds, 2m, 1h",
    "ms": "a whole number of milliseconds, 5s, 2m",
    "µs": "a whole number of microseconds, 5ms",
}


def read(sock: socket.socket, option: Known) -> Value:
    """Return an option's value; raises OSError as getsockopt(2) does."""
    assert option.number is not None  # noqa: S101  (options that are not there are not read)
    _, level = option.level
    if option.kind == "linger":
        on, seconds = _LINGER.unpack(sock.getsockopt(level, option.number, _LINGER.size))
        return int(seconds) if on else None
    if option.kind == "time":
        seconds, micro = _TIME.unpack(sock.getsockopt(level, option.number, _TIME.size))
        return (seconds + micro / 1e6) or None
    if option.kind == "text":
        return sock.getsockopt(level, option.number, _LONGEST_TEXT).partition(b"\0")[0].decode()
    number = sock.getsockopt(level, option.number)
    if option.unit == "bytes/s":
        return number if number >= 0 else None  # ~0 is unlimited
    return bool(number) if option.kind == "switch" else number


def write(sock: socket.socket, option: Known, value: Value) -> None:
    """Set an option; raises OSError as setsockopt(2) does."""
    assert option.number is not None  # noqa: S101  (see above)
    _, level = option.level
    data: int | bytes
    if option.kind == "linger":
        data = _LINGER.pack(value is not None, int(value or 0))
    elif option.kind == "time":
        micro = round(float(value or 0) * 1e6)
        data = _TIME.pack(*divmod(micro, 10**6))
    elif option.kind == "text":
        data = str(value or "").encode()
    else:
        data = -1 if value is None else int(value)
    sock.setsockopt(level, option.number, data)


def parse(option: Known, text: str) -> Value:
    """Read a value as people write it; raises BadInput."""
    word = text.strip().lower()
    if option.kind == "switch":
        if word not in _SWITCH:
            raise _wrong(option, text, "on or off")
        return _SWITCH[word]
    if option.kind == "text":
        return _text(option, text.strip())
    if word in _OFF and (option.kind in ("linger", "time") or option.unit == "bytes/s"):
        return None
    if option.kind == "time":
        return _time(option, word)
    return _number(option, word)


def _text(option: Known, text: str) -> str:
    if not text.isascii() or not text.isprintable() or len(text) >= _LONGEST_TEXT:
        raise _wrong(option, text, f"a name of at most {_LONGEST_TEXT - 1} letters")
    return text


def _time(option: Known, word: str) -> float | None:
    found = _DECIMAL.fullmatch(word)
    factors = {"": 1.0, "ms": 0.001, **_UNITS["s"]}
    if not found or found["unit"] not in factors:
        raise _wrong(option, word, "seconds, or off: 2.5, 500ms")
    seconds = float(found["number"]) * factors[found["unit"]]
    if seconds > _LAST_INT:
        raise _wrong(option, word, f"at most {_LAST_INT} s")
    return seconds or None


def _number(option: Known, word: str) -> int:
    found = _NUMBER.fullmatch(word)
    unit = option.unit.removesuffix("/s")
    factors = {"": 1, **_UNITS.get(unit, {})}
    if not found or found["unit"] not in factors:
        raise _wrong(option, word, _HINTS.get(unit, "a whole number, decimal or 0x…"))
    number = int(found["number"], 0 if found["number"].startswith("0x") else 10)
    number *= factors[found["unit"]]
    if not -_LAST_INT <= number <= _LAST_INT:
        raise _wrong(option, word, f"at most {_LAST_INT}")
    if option.kind == "linger" and number < 0:
        raise _wrong(option, word, "seconds, or off")
    return number


def _wrong(option: Known, text: str, hint: str) -> BadInput:
    return BadInput(f"{text!r} is no value of {option.name}", where="--set", hint=hint)

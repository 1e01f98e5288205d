"""What a server is expected to say, and listening for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wirework.errors import BadInput
from wirework.net.causes import Cause, Trouble, said

if TYPE_CHECKING:
    from wirework.net.connecting import Line

MOST_HEARD = 64 * 1024
"""Bytes that are listened to; what is expected further down is not found."""

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "e": "\x1b", "\\": "\\"}
_ESCAPED = re.compile(r"\\(x[0-9a-fA-F]{2}|.|$)", re.DOTALL)


def pattern(text: str, *, where: str) -> re.Pattern[str]:
    """Read a regular expression; ``^`` and ``$`` match at lines. Raises BadInput."""
    try:
        return re.compile(text, re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as error:
        message = f"{text!r} is no regular expression: {error}"
        raise BadInput(message, where=where) from None


def matches(pattern: re.Pattern[str], data: bytes) -> bool:
    """Tell whether data, read as UTF-8, has what is expected."""
    return pattern.search(data.decode("utf-8", "replace")) is not None


def hear(line: Line, expected: re.Pattern[str] | None, heard: bytearray) -> None:
    """Listen until what is expected was said, or without any until something is.

    ``heard`` gets what was said, also when it fails. Raises Trouble, and what ``line`` does.
    """
    while not heard or (expected and not matches(expected, bytes(heard))):
        if len(heard) >= MOST_HEARD:
            told = f"said {said(bytes(heard))} and more, but not what is expected"
            raise Trouble(Cause.UNEXPECTED, told)
        try:
            data = line.receive()
        except TimeoutError as error:
            if error.errno or not heard:
                raise
            told = f"said {said(bytes(heard))}, but not what is expected"
            raise Trouble(Cause.UNEXPECTED, told) from None
        if not data and not heard:
            raise Trouble(Cause.ENDED, "ended the connection without a word")
        if not data:
            told = f"said {said(bytes(heard))}, then ended the connection"
            raise Trouble(Cause.UNEXPECTED, told)
        heard += data[: MOST_HEARD - len(heard)]


def unescaped(text: str, *, where: str) -> bytes:
    r"""Return text with ``\n``, ``\r``, ``\t``, ``\0``, ``\e``, ``\xHH`` and ``\\`` replaced.

    Raises BadInput for another escape.
    """
    parts: list[bytes] = []
    at = 0
    for found in _ESCAPED.finditer(text):
        parts.append(text[at : found.start()].encode())
        at = found.end()
        code = found[1]
        if code in _ESCAPES:
            parts.append(_ESCAPES[code].encode())
        elif code.startswith("x") and len(code) > 1:
            parts.append(bytes([int(code[1:], 16)]))
        else:
            hint = r"\n \r \t \0 \e \xHH, and \\ for a backslash"
            raise BadInput(f"{found[0]!r} means nothing", where=where, hint=hint)
    return b"".join([*parts, text[at:].encode()])

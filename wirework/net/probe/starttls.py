"""What is said before TLS where a connection begins in plain text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wirework.errors import BadInput
from wirework.net.causes import Cause, Trouble, said

if TYPE_CHECKING:
    from wirework.net.connecting import Line

MOST_BYTES = 16 * 1024
"""Bytes of one reply; no server has more to say before TLS."""


@dataclass(frozen=True, slots=True)
class Step:
    """What we say (nothing where the server speaks first), a reply's last line, and a good one."""

    say: bytes
    last: re.Pattern[bytes]
    good: re.Pattern[bytes]


# Replies of SMTP and FTP may have many lines; the last one has a blank after its code.
_CODE = re.compile(rb"\d{3} |\d{3}\r?$")


def _coded(say: bytes, code: bytes) -> Step:
    return Step(say, _CODE, re.compile(code))


def _tagged(say: bytes, last: bytes, good: bytes) -> Step:
    return Step(say, re.compile(last), re.compile(good))


DIALOGUES: dict[str, tuple[Step, ...]] = {
    # RFC 3207
    "smtp": (
        _coded(b"", b"220"),
        _coded(b"EHLO [127.0.0.1]\r\n", b"250"),
        _coded(b"STARTTLS\r\n", b"220"),
    ),
    # RFC 9051, 6.2.1
    "imap": (
        _tagged(b"", rb"\* ", rb"\* OK"),
        _tagged(b"a1 STARTTLS\r\n", b"a1 ", b"a1 OK"),
    ),
    # RFC 2595, 4
    "pop3": (_tagged(b"", b"", rb"\+OK"), _tagged(b"STLS\r\n", b"", rb"\+OK")),
    # RFC 4217
    "ftp": (_coded(b"", b"220"), _coded(b"AUTH TLS\r\n", b"234")),
}


def dialogue(protocol: str) -> tuple[Step, ...]:
    """Return the steps of a protocol; raises BadInput for one that is not known."""
    if protocol not in DIALOGUES:
        hint = f"one of {', '.join(DIALOGUES)}"
        raise BadInput(f"{protocol!r} is not known", where="--starttls", hint=hint)
    return DIALOGUES[protocol]


def ask(line: Line, steps: tuple[Step, ...]) -> None:
    """Have the server change to TLS; raises Trouble, OSError and TimeoutError."""
    came = bytearray()
    for step in steps:
        line.send(step.say)
        reply = _reply(line, step, came)
        if not step.good.match(reply):
            asked = f" to {step.say.split()[0].decode()}" if step.say else ""
            raise Trouble(Cause.UNEXPECTED, f"it says {said(reply)}{asked}")
    if came:
        # Whoever is in the path could have put it there (CVE-2011-0411).
        raise Trouble(Cause.UNEXPECTED, f"it says more before TLS: {said(bytes(came))}")


def _reply(line: Line, step: Step, came: bytearray) -> bytes:
    """Return the last line of a reply, and leave in ``came`` what follows it."""
    size = 0
    while True:
        text, newline, rest = bytes(came).partition(b"\n")
        if newline:
            came[:] = rest
            size += len(text)
            if step.last.match(text):
                return text.rstrip(b"\r")
            continue
        if size + len(came) > MOST_BYTES:
            raise Trouble(Cause.UNEXPECTED, f"it says {said(bytes(came))}, and no end of it")
        data = line.receive()
        if not data:
            heard = f" after {said(bytes(came))}" if came else " without a word"
            raise Trouble(Cause.ENDED, f"it ended the connection{heard}")
        came += data

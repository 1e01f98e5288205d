"""A chat's client from the options of a command line."""

from __future__ import annotations

import getpass
import math
from pathlib import Path

from wirework.errors import ArgumentError
from wirework.net.chat import tls as chat_tls
from wirework.net.chat import words
from wirework.net.chat.client import Server
from wirework.net.chat.tls import Trust
from wirework.net.endpoints import one_server


def server(host: str, port: str, *, tls: bool, ca: str, fingerprint: str) -> Server:
    """Return where a chat is, and whom to trust there; raises BadInput."""
    place = one_server(host, port)
    if ca and fingerprint:
        raise ArgumentError(
            "authorities to trust, or one fingerprint: not both",
            parameter="tls_fingerprint",
            where="--tls-fingerprint",
        )
    trust = Trust(
        ca=Path(ca) if ca else None,
        fingerprint=chat_tls.fingerprint(fingerprint) if fingerprint else "",
    )
    encrypted = tls or bool(ca) or bool(fingerprint)
    if encrypted:
        trust.context()  # a file that cannot be used is told before anybody is called
    return Server(host=place.host, port=place.port, trust=trust if encrypted else None)


def name(nick: str) -> str:
    """Return the nickname that was asked for, or the login's; raises ArgumentError."""
    try:
        return words.nickname(nick or getpass.getuser())
    except words.NameRefused as refused:
        raise ArgumentError(
            f"{refused}, not {nick!r}", parameter="nick", where="--nick", hint="--nick ann"
        ) from None
    except (OSError, KeyError):
        raise ArgumentError("it is needed here", parameter="nick", where="--nick") from None


def seconds(timeout: float) -> float:
    """Return a time limit, where 0 is none; raises ArgumentError."""
    if not 0 <= timeout < math.inf:
        raise ArgumentError(
            f"a time limit is a number of seconds, not {timeout:g}",
            parameter="timeout",
            where="--timeout",
            hint="0 is none",
        )
    return timeout

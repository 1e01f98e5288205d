"""How a server is asked: as it is typed, and as it is meant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wirework.errors import BadInput
from wirework.net.connecting import FAMILIES, Mode, check_host
from wirework.net.endpoints import check_timeout
from wirework.net.expecting import pattern, unescaped
from wirework.net.probe import starttls
from wirework.net.probe.tls import context

if TYPE_CHECKING:
    import re
    import ssl

    from wirework.net.probe.starttls import Step


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    r"""How a server is asked; every field is as it is typed.

    ``send`` may hold escapes (``\r\n``); ``expect`` is a regular expression; ``family`` is 4, 6
    or "" for both; ``mode`` is one of ``connecting.Mode``; ``timeout`` in seconds, for everything.
    """

    tls: bool = False
    starttls: str = ""
    server_name: str = ""
    ca: str = ""
    alpn: str = ""
    send: str = ""
    expect: str = ""
    family: str = ""
    mode: str = Mode.TIMEOUT
    timeout: float = 5.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is asked for, read and checked."""

    tls: ssl.SSLContext | None
    starttls: tuple[Step, ...]
    server_name: str
    alpn: tuple[str, ...]
    send: bytes
    expect: re.Pattern[str] | None
    family: str
    mode: Mode
    timeout: float

    @classmethod
    def of(cls, asking: Asking) -> Plan:
        """Read what was typed; raises BadInput."""
        check_timeout(asking.timeout)
        if asking.family not in FAMILIES:
            raise BadInput(f"it is 4 or 6, not {asking.family!r}", where="--family")
        if asking.mode not in set(Mode):
            modes = ", ".join(Mode)
            raise BadInput(f"it is one of {modes}, not {asking.mode!r}", where="--mode")
        tls = asking.tls or bool(asking.starttls)
        for option, value in (
            ("--server-name", asking.server_name),
            ("--ca", asking.ca),
            ("--alpn", asking.alpn),
        ):
            if value and not tls:
                raise BadInput("is about TLS", where=option, hint="with --tls or --starttls")
        if asking.server_name:
            check_host(asking.server_name, where="--server-name")
        alpn = tuple(filter(None, asking.alpn.split(",")))
        if any(not each.isascii() or len(each) > 255 for each in alpn):  # noqa: PLR2004  (RFC 7301)
            raise BadInput(f"{asking.alpn!r} names no protocols", where="--alpn", hint="h2")
        return cls(
            tls=context(Path(asking.ca) if asking.ca else None, alpn=alpn) if tls else None,
            starttls=starttls.dialogue(asking.starttls) if asking.starttls else (),
            server_name=asking.server_name,
            alpn=alpn,
            send=unescaped(asking.send, where="--send"),
            expect=pattern(asking.expect, where="--expect") if asking.expect else None,
            family=asking.family,
            mode=Mode(asking.mode),
            timeout=asking.timeout,
        )

"""What is waited for, read from what people type."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from wirework.errors import BadInput
from wirework.net.connecting import check_host
from wirework.net.endpoints import Endpoint, endpoint
from wirework.serving.unix.address import Address

if TYPE_CHECKING:
    from urllib.parse import SplitResult

MOST_TARGETS = 64
"""Targets that one call may wait for; more are a mistake."""


class Kind(StrEnum):
    """What a target is, by its scheme."""

    TCP = "tcp"
    TLS = "tls"
    HTTP = "http"
    HTTPS = "https"
    UNIX = "unix"
    FILE = "file"


_PORTS = {Kind.HTTP: 80, Kind.HTTPS: 443}


@dataclass(frozen=True, slots=True)
class Target:
    """One target: ``text`` as it was typed.

    ``server`` is for all kinds that have one; ``path`` is that of a Unix socket or file, or what
    an HTTP server is asked for.
    """

    text: str
    kind: Kind
    server: Endpoint | None = None
    path: str = ""


def targets(text: str) -> tuple[Target, ...]:
    """Read targets, separated by commas or blanks; one that is named twice is there once.

    Raises BadInput for what cannot be waited for.
    """
    words = [word for word in re.split(r"[,\s]+", text) if word]
    if not words:
        raise BadInput("no target is named", where="TARGETS", hint="like web1:80 or file:///run/x")
    if len(words) > MOST_TARGETS:
        raise BadInput(f"{len(words)} targets are more than {MOST_TARGETS}", where="TARGETS")
    return tuple(map(_target, dict.fromkeys(words)))


def _target(text: str) -> Target:
    scheme, separator, rest = text.partition("://")
    if not separator:
        # What has no scheme is a host and a port.
        return Target(text, Kind.TCP, _server(text, text))
    if scheme.lower() not in set(Kind):
        kinds = ", ".join(Kind)
        raise BadInput(f"{scheme}:// cannot be waited for", where=text, hint=f"one of {kinds}")
    kind = Kind(scheme.lower())
    if kind is Kind.UNIX:
        Address.of(unquote(rest))
        return Target(text, kind, path=unquote(rest))
    if kind is Kind.FILE:
        return Target(text, kind, path=_file(text, rest))
    if kind in _PORTS:
        return _page(text, kind)
    if "/" in rest.removesuffix("/"):
        raise BadInput("has a path, which it cannot have", where=text)
    return Target(text, kind, _server(rest.removesuffix("/"), text))


def _server(text: str, where: str) -> Endpoint:
    found = endpoint(text, port=0, where=where)
    if not found.port:
        raise BadInput("no port is given", where=where, hint=f"like {text}:443")
    check_host(found.host, where=where)
    return found


def _file(text: str, rest: str) -> str:
    path = unquote(rest)
    if not path.startswith("/") or "\0" in path:
        raise BadInput("is no absolute path", where=text, hint="like file:///run/ready")
    return path


def _page(text: str, kind: Kind) -> Target:
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise BadInput(f"is no URL: {error}", where=text) from None
    if "@" in parts.netloc:
        # A URL is shown and kept, so it is not repeated here either.
        raise BadInput("a URL to wait for holds no user and no password")
    found = endpoint(parts.netloc, port=_PORTS[kind], where=text)
    check_host(found.host, where=text)
    return Target(text, kind, found, _asked_for(parts))


def _asked_for(parts: SplitResult) -> str:
    """Return the target of a request (RFC 9112, 3.2.1); a fragment is none of the server's."""
    query = f"?{parts.query}" if parts.query else ""
    return quote(f"{parts.path or '/'}{query}", safe="/?%:@!$&'()*+,;=-._~[]")

"""Where a server is: a host and a port, as people write them."""

from __future__ import annotations

import ipaddress
import math
import re
from dataclasses import dataclass

from wirework.errors import BadInput

LAST_PORT = 65535
MOST_SERVERS = 64
"""Servers that one call may name; more are a mistake."""

_BRACKETED = re.compile(r"\[(?P<host>[^\[\]]+)\](?::(?P<port>.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host, by name or address, and a port; ``str`` is how people write both."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def endpoint(text: str, *, port: int, where: str) -> Endpoint:
    """Read ``host``, ``host:port``, an IPv6 address, or ``[address]:port``.

    ``port`` is taken where none is written; raises BadInput, told from ``where``.
    """
    if found := _BRACKETED.fullmatch(text):
        host, written = found["host"], found["port"]
        if not is_address(host) or ":" not in host:
            raise BadInput(f"{host!r} is no IPv6 address", where=where)
    elif text.count(":") > 1:
        host, written = text, None
        if not is_address(text):
            hint = "an address with a port is written as in [2001:db8::53]:5353"
            raise BadInput(f"{text!r} is no IPv6 address", where=where, hint=hint)
    else:
        host, colon, after = text.partition(":")
        written = after if colon else None
    if not host:
        raise BadInput(f"{text!r} names no host", where=where)
    return Endpoint(host, port if written is None else port_of(written, where=where))


def endpoints(text: str, *, port: int, where: str) -> tuple[Endpoint, ...]:
    """Read several, separated by commas or blanks; one that is named twice is there once."""
    words = [word for word in re.split(r"[,\s]+", text) if word]
    if not words:
        raise BadInput("no server is named", where=where)
    if len(words) > MOST_SERVERS:
        raise BadInput(f"{len(words)} servers are more than {MOST_SERVERS}", where=where)
    return tuple(dict.fromkeys(endpoint(word, port=port, where=where) for word in words))


def one_server(host: str, port: str = "") -> Endpoint:
    """Read a host and its port, which may stand in one word, ``HOST:PORT``; raises BadInput."""
    if "://" in host:
        raise BadInput(f"{host!r} is a URL", where="HOST", hint="a name or address, and a port")
    number = port_of(port, where="PORT") if port else 0
    server = endpoint(host, port=number, where="HOST")
    if not server.port:
        raise BadInput("no port is given", where=host, hint=f"like {host} 443")
    if number and server.port != number:
        raise BadInput(f"{host} has a port of its own, and {port} is another", where="PORT")
    return server


def port_of(text: str, *, where: str) -> int:
    """Read a port that a server can have, 1 to 65535."""
    number = int(text) if re.fullmatch(r"[0-9]{1,5}", text) else 0
    if not 1 <= number <= LAST_PORT:
        raise BadInput(f"a port is a number from 1 to {LAST_PORT}, not {text!r}", where=where)
    return number


def is_address(text: str) -> bool:
    """Tell whether the text is an IPv4 or IPv6 address; the latter may have a zone."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def check_timeout(timeout: float) -> None:
    """Refuse a time limit that is none."""
    if not 0 < timeout < math.inf:
        message = f"a time limit is a number of seconds above 0, not {timeout:g}"
        raise BadInput(message, where="--timeout")

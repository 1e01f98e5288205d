"""The names of ports and the ports of names, as services(5) has them."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from pathlib import Path

from wirework.errors import BadInput
from wirework.net.addr.spellings import listed, shown

PROTOCOLS = ("tcp", "udp", "sctp", "dccp")
MOST_PORTS = 4096
"""How many ports may be asked for at once: each is looked up for each protocol."""
HIGHEST = 65535
FILE = Path("/etc/services")


@dataclass(frozen=True, slots=True)
class Service:
    """A port, the name it goes by, and the protocols for which it does."""

    port: int
    name: str
    protocols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Services:
    """What was found, in the order asked; ``unknown`` is what was asked for and has no answer."""

    services: tuple[Service, ...]
    unknown: tuple[str, ...]
    hint: str

    @property
    def ok(self) -> bool:
        """Whether there was an answer to everything."""
        return not self.unknown


def services(asked: str, *, protocols: str = "") -> Services:
    """Return the services that names, ports and ranges of ports (20-25) stand for.

    ``asked`` and ``protocols`` are separated by commas; without protocols all are asked for. Of a
    range only the ports with names are told. Raises BadInput for what can be no port or name.
    """
    chosen = _protocols(protocols)
    wanted = [_wanted(each) for each in listed(asked, "SERVICE")]
    if sum(len(each) for each in wanted if isinstance(each, range)) > MOST_PORTS:
        raise BadInput("too many ports at once", where=shown(asked), hint=f"{MOST_PORTS} at most")
    found: list[Service] = []
    unknown: list[str] = []
    for each in wanted:
        answers = _named(each, chosen) if isinstance(each, str) else _of_ports(each, chosen)
        found += answers
        if not answers:
            unknown.append(each if isinstance(each, str) else _shown(each))
    none_at_all = "there is no /etc/services here (Debian: netbase)"
    hint = none_at_all if unknown and not FILE.exists() else ""
    return Services(tuple(dict.fromkeys(found)), tuple(unknown), hint)


def _protocols(text: str) -> tuple[str, ...]:
    if not text:
        return PROTOCOLS
    chosen = tuple(dict.fromkeys(listed(text, "--protocol")))
    for each in chosen:
        if each not in PROTOCOLS:
            raise BadInput(f"{each!r} has no ports", where="--protocol", hint=", ".join(PROTOCOLS))
    return chosen


def _wanted(text: str) -> range | str:
    """Return the ports, or the name, that one word asks for."""
    if bounds := re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", text, re.ASCII):
        first, last = int(bounds[1]), int(bounds[2] or bounds[1])
        for port in (first, last):
            if not 1 <= port <= HIGHEST:
                raise BadInput(f"a port is between 1 and {HIGHEST}", where=text)
        if first > last:
            raise BadInput("its end lies before its start", where=text, hint=f"{last}-{first}?")
        return range(first, last + 1)
    # RFC 6335, 5.1 allows less; /etc/services of today holds dots, plus signs and underscores.
    if not re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9+._/-]{0,62}", text, re.ASCII):
        raise BadInput("is no port and no service's name", where=shown(text))
    return text


def _of_ports(ports: range, protocols: tuple[str, ...]) -> list[Service]:
    found = []
    for port in ports:
        names: dict[str, list[str]] = {}
        for protocol in protocols:
            try:
                names.setdefault(socket.getservbyport(port, protocol), []).append(protocol)
            except OSError:
                continue
        found += [Service(port, name, tuple(each)) for name, each in names.items()]
    return found


def _named(name: str, protocols: tuple[str, ...]) -> list[Service]:
    ports: dict[int, list[str]] = {}
    for protocol in protocols:
        try:
            ports.setdefault(socket.getservbyname(name, protocol), []).append(protocol)
        except OSError:
            continue
    # An alias is told with the name that the port goes by.
    return [
        Service(port, socket.getservbyport(port, each[0]), tuple(each))
        for port, each in ports.items()
    ]


def _shown(ports: range) -> str:
    return f"{ports.start}" if len(ports) == 1 else f"{ports.start}-{ports.stop - 1}"

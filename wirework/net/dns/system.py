"""Names and addresses as the programs of this machine see them: getaddrinfo(3), resolv.conf(5)."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from wirework.errors import Failed
from wirework.net.dns.answers import Answer, Record, Status
from wirework.net.endpoints import Endpoint, is_address

SYSTEM = "system"
FAMILIES = {"A": socket.AF_INET, "AAAA": socket.AF_INET6}
"""The types that the system's resolver can be asked for, beside PTR of an address."""

RESOLV_CONF = Path("/etc/resolv.conf")

MOST_SERVERS = 3
"""Name servers of resolv.conf(5) that are asked; further ones are left (MAXNS)."""

_FAULTS = {
    socket.EAI_NONAME: Status.NXDOMAIN,
    socket.EAI_NODATA: Status.NODATA,
    socket.EAI_ADDRFAMILY: Status.NODATA,
    socket.EAI_AGAIN: Status.TEMPORARY,
}
# h_errno of netdb.h, which gethostbyaddr(3) sets and Python has no names for.
_REVERSE_FAULTS = {1: Status.NXDOMAIN, 2: Status.TEMPORARY, 4: Status.NODATA}


def addresses(name: str, type_: str) -> Answer:
    """Return a name's addresses of one family; /etc/hosts and the search list take part.

    How long this takes is for resolv.conf(5) to say.
    """
    started = time.monotonic()
    try:
        found = socket.getaddrinfo(
            name, None, FAMILIES[type_], socket.SOCK_STREAM, 0, socket.AI_CANONNAME
        )
    except socket.gaierror as error:
        return _trouble(type_, started, _FAULTS.get(error.errno or 0, Status.ERROR), error)
    canonical = found[0][3] or name
    values = dict.fromkeys(str(address[0]) for _, _, _, _, address in found)
    is_alias = canonical.lower().rstrip(".") != name.lower()
    return Answer(
        type=type_,
        server=SYSTEM,
        protocol=SYSTEM,
        seconds=time.monotonic() - started,
        status=Status.ANSWER,
        aliases=(canonical,) if is_alias else (),
        records=tuple(
            Record(name=canonical, type=type_, ttl=None, value=value) for value in values
        ),
    )


def names(address: str, reverse: str) -> Answer:
    """Return an address's names; ``reverse`` is what its PTR records are named."""
    started = time.monotonic()
    try:
        name, aliases, _ = socket.gethostbyaddr(address)
    except socket.herror as error:
        return _trouble("PTR", started, _REVERSE_FAULTS.get(error.errno or 0, Status.ERROR), error)
    except OSError as error:
        return _trouble("PTR", started, Status.ERROR, error)
    # Where a part of a zone is delegated, its aliases are reverse names too (RFC 2317).
    found = dict.fromkeys(each for each in (name, *aliases) if not each.endswith(".arpa"))
    return Answer(
        type="PTR",
        server=SYSTEM,
        protocol=SYSTEM,
        seconds=time.monotonic() - started,
        status=Status.ANSWER,
        records=tuple(
            Record(name=reverse, type="PTR", ttl=None, value=f"{each}.") for each in found
        ),
    )


def servers(*, port: int) -> tuple[Endpoint, ...]:
    """Return the name servers of resolv.conf(5), at most three; raises Failed without one."""
    hint = "give one with --server"
    try:
        lines = RESOLV_CONF.read_text("utf-8", "replace").splitlines()
    except OSError as error:
        told = f"no name servers are known: {error.strerror}"
        raise Failed(told, where=str(RESOLV_CONF), hint=hint) from error
    words = [line.split() for line in lines if line.startswith("nameserver")]
    named = [each[1] for each in words if each[1:] and is_address(each[1])]
    if not named:
        raise Failed("it names no name server", where=str(RESOLV_CONF), hint=hint)
    return tuple(Endpoint(each, port) for each in named[:MOST_SERVERS])


def _trouble(type_: str, started: float, status: Status, error: OSError) -> Answer:
    words = {
        Status.NXDOMAIN: "no name is known for it" if type_ == "PTR" else "there is no such name",
        Status.NODATA: f"the system finds no {type_} record",
        Status.TEMPORARY: "the system's name servers fail or are silent (--server asks one)",
    }
    return Answer(
        type=type_,
        server=SYSTEM,
        protocol=SYSTEM,
        seconds=time.monotonic() - started,
        status=status,
        problem=words.get(status, f"the system's resolver fails: {error.strerror or error}"),
    )

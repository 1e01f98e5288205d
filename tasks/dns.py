"""Names and addresses, asked of the system or of DNS servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .cli import task

if TYPE_CHECKING:
    from wirework.net.dns import Lookup


@task(
    help={
        "host": "A name, or an address whose names are wanted.",
        "type": "A, AAAA, MX, TXT, SRV, NS, SOA, CAA, CNAME, PTR, several (A,MX), or all.",
        "server": "Ask this DNS server, ADDRESS or ADDRESS:PORT; several are compared.",
        "timeout": "Seconds until every answer has to be here (5).",
        "tcp": "Ask over TCP from the start.",
    },
    view="names.lookup",
)
def lookup(
    c: object, host: str, type: str = "", server: str = "", timeout: float = 5.0, tcp: bool = False
) -> Lookup:
    """Look up the addresses or other records of a name, or the names of an address.

    Without --server the system is asked as programs ask it, /etc/hosts included.
    """
    from wirework.net.dns import lookup

    return lookup(host, types=type, server=server, timeout=timeout, tcp=tcp)

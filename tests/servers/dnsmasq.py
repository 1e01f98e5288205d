"""A real DNS server: dnsmasq, which knows one zone and asks nobody else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from tests.machine import require
from tests.servers.running import (
    HOST,
    accepts,
    free_port,
    installed,
    running,
    scratch,
    unprivileged,
)


@dataclass(frozen=True, kw_only=True)
class Dnsmasq:
    """A DNS server on loopback, over UDP and TCP; every name of ``zone`` has ``address``."""

    port: int
    host: str = HOST
    zone: str = "x.test"
    address: str = "10.9.8.7"


@contextlib.contextmanager
def running_dnsmasq(*options: str) -> Iterator[Dnsmasq]:
    """Run dnsmasq as nobody until the block ends; ``options`` give it more to know."""
    require("dnsmasq")
    server = Dnsmasq(port=free_port())
    argv = [
        *(installed("dnsmasq"), "--keep-in-foreground", "--log-facility=-"),
        *("--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file="),
        *(f"--listen-address={server.host}", f"--port={server.port}", "--bind-interfaces"),
        f"--address=/{server.zone}/{server.address}",
        *options,
    ]
    with (
        scratch() as at,
        running(argv, ready=lambda: accepts(server.port), at=at, account=unprivileged()),
    ):
        yield server

"""A real HTTP proxy that lets loopback through: Squid."""

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
    write,
)


@dataclass(frozen=True, kw_only=True)
class Squid:
    """An HTTP proxy on loopback, open to loopback, that keeps nothing and adds a Via header."""

    port: int
    host: str = HOST


@contextlib.contextmanager
def running_squid() -> Iterator[Squid]:
    """Run Squid as nobody until the block ends."""
    require("squid")
    server = Squid(port=free_port())
    with scratch() as at:
        conf = write(
            at / "squid.conf",
            f"http_port {server.host}:{server.port}",
            "http_access allow localhost",
            "http_access deny all",
            "visible_hostname squid.test",
            f"dns_nameservers {server.host}",  # its tests name addresses; nothing leaves loopback
            "cache deny all",
            "pinger_enable off",
            "netdb_filename none",
            "access_log none",
            f"cache_log {at}/cache.log",
            f"pid_filename {at}/pid",
            f"coredump_dir {at}",
            "shutdown_lifetime 0 seconds",
        )
        argv = [installed("squid"), "-N", "-f", str(conf)]
        log = at / "cache.log"
        with running(
            argv, ready=lambda: accepts(server.port), at=at, account=unprivileged(), logs=[log]
        ):
            yield server

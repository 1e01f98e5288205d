"""A real HTTP proxy that asks who is there: tinyproxy."""

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
    password,
    running,
    scratch,
    unprivileged,
    write,
)


@dataclass(frozen=True, kw_only=True)
class Tinyproxy:
    """An HTTP proxy on loopback that wants a name and a password, and adds a Via header."""

    port: int
    password: str
    host: str = HOST
    user: str = "ann"


@contextlib.contextmanager
def running_tinyproxy() -> Iterator[Tinyproxy]:
    """Run tinyproxy as nobody until the block ends."""
    require("tinyproxy")
    server = Tinyproxy(port=free_port(), password=password())
    with scratch() as at:
        conf = write(
            at / "tinyproxy.conf",
            f"Listen {server.host}",
            f"Port {server.port}",
            f"Allow {server.host}",
            f"BasicAuth {server.user} {server.password}",
            "Timeout 30",
            "MaxClients 50",
            "LogLevel Info",
        )
        argv = [installed("tinyproxy"), "-d", "-c", str(conf)]
        with running(argv, ready=lambda: accepts(server.port), at=at, account=unprivileged()):
            yield server

"""A real process supervisor with an XML-RPC interface: supervisord."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
class Supervisord:
    """A supervisor on loopback that keeps one program running.

    ``conf`` is its configuration, which supervisorctl reads as well.
    """

    port: int
    password: str
    conf: Path
    host: str = HOST
    user: str = "keeper"
    program: str = "sleeper"

    @property
    def url(self) -> str:
        """Where it listens; the path /RPC2 is XML-RPC's."""
        return f"http://{self.host}:{self.port}/"


@contextlib.contextmanager
def running_supervisord() -> Iterator[Supervisord]:
    """Run supervisord as nobody until the block ends."""
    require("supervisord")
    with scratch() as at:
        server = Supervisord(port=free_port(), password=password(), conf=at / "supervisord.conf")
        who = (f"username={server.user}", f"password={server.password}")
        write(
            server.conf,
            "[supervisord]",
            f"logfile={at}/supervisord.log",
            f"pidfile={at}/pid",
            f"childlogdir={at}",
            "[inet_http_server]",
            *(f"port={server.host}:{server.port}", *who),
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
            "[supervisorctl]",
            *(f"serverurl={server.url}", *who),
            f"[program:{server.program}]",
            "command=sleep 3600",
            "startsecs=0",
        )
        argv = [installed("supervisord"), "-n", "-c", str(server.conf)]
        with running(argv, ready=lambda: accepts(server.port), at=at, account=unprivileged()):
            yield server

"""A real web server: Apache httpd, which Debian calls apache2."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.machine import require
from tests.servers.running import (
    HOST,
    accepts,
    folder,
    free_port,
    installed,
    running,
    scratch,
    unprivileged,
    write,
)

MODULES = Path("/usr/lib/apache2/modules")


@dataclass(frozen=True, kw_only=True)
class Apache2:
    """A web server on loopback that serves the files below ``root``."""

    port: int
    root: Path
    host: str = HOST

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/"


@contextlib.contextmanager
def running_apache2() -> Iterator[Apache2]:
    """Run apache2 as nobody until the block ends."""
    require("apache2")
    with scratch() as at:
        server = Apache2(port=free_port(), root=folder(at / "root"))
        conf = write(
            at / "apache2.conf",
            *(
                f"LoadModule {name}_module {MODULES}/mod_{name}.so"
                for name in ("mpm_event", "authz_core", "dir")
            ),
            f"ServerRoot {at}",
            f"ServerName {server.host}",
            f"Listen {server.host}:{server.port}",
            "StartServers 1",
            f"PidFile {at}/pid",
            f"DefaultRuntimeDir {at}",
            f"Mutex file:{at} default",
            f"ErrorLog {at}/error.log",
            f"DocumentRoot {server.root}",
        )
        # In the foreground, and unlike -X with more than one worker: a client that keeps its
        # connection holds up nobody.
        argv = [installed("apache2"), "-D", "FOREGROUND", "-f", str(conf)]
        log = at / "error.log"
        with running(
            argv, ready=lambda: accepts(server.port), at=at, account=unprivileged(), logs=[log]
        ):
            yield server

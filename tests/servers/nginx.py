"""A real web server: nginx."""

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


@dataclass(frozen=True, kw_only=True)
class Nginx:
    """A web server on loopback that serves the files below ``root``."""

    port: int
    root: Path
    host: str = HOST

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/"


@contextlib.contextmanager
def running_nginx() -> Iterator[Nginx]:
    """Run nginx as nobody until the block ends."""
    require("nginx")
    with scratch() as at:
        server = Nginx(port=free_port(), root=folder(at / "root"))
        conf = write(at / "nginx.conf", *_lines(server, at))
        # Before it has read its configuration it logs elsewhere, unless told here.
        argv = [installed("nginx"), "-c", str(conf), "-e", "stderr"]
        with running(argv, ready=lambda: accepts(server.port), at=at, account=unprivileged()):
            yield server


def _lines(server: Nginx, at: Path) -> list[str]:
    return [
        "daemon off;",
        "worker_processes 1;",
        f"pid {at}/pid;",
        "events {}",
        "http {",
        "  access_log off;",
        *(
            f"  {kind}_temp_path {at}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        ),
        "  types {",
        "    text/html html;",
        "    text/plain txt;",
        "  }",
        "  server {",
        f"    listen {server.host}:{server.port};",
        f"    root {server.root};",
        "  }",
        "}",
    ]

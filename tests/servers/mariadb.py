"""A real database server: MariaDB."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.machine import require
from tests.servers.running import (
    HOST,
    PROBE_TIMEOUT,
    command,
    free_port,
    installed,
    password,
    running,
    scratch,
    unprivileged,
    write,
)

INSTALL_TIMEOUT = 60.0


@dataclass(frozen=True, kw_only=True)
class Mariadb:
    """A database server on loopback whose ``user`` may do everything, over TCP."""

    port: int
    password: str
    host: str = HOST
    user: str = "keeper"


@contextlib.contextmanager
def running_mariadb() -> Iterator[Mariadb]:
    """Run mariadbd as nobody, on new and empty tables, until the block ends."""
    require("mariadb")
    server = Mariadb(port=free_port(), password=password())
    account = unprivileged()
    with scratch() as at:
        data = at / "data"
        tables = [
            *(installed("mariadb-install-db"), "--no-defaults", f"--datadir={data}"),
            *("--auth-root-authentication-method=normal", "--skip-test-db"),
            f"--tmpdir={at}",  # at its start it removes the temporary tables of all others there
        ]
        subprocess.run(
            command(tables, account=account),
            check=True,
            cwd=at,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=INSTALL_TIMEOUT,
        )
        first = write(
            at / "first.sql",
            # The tables come with a root that has no password.
            "DELETE FROM mysql.global_priv WHERE user IN ('', 'root');",
            "FLUSH PRIVILEGES;",
            f"CREATE USER {server.user}@{server.host} IDENTIFIED BY '{server.password}';",
            f"GRANT ALL ON *.* TO {server.user}@{server.host} WITH GRANT OPTION;",
        )
        argv = [installed("mariadbd"), *_options(server, data, at), f"--init-file={first}"]
        with running(argv, ready=lambda: _answers(server), at=at, account=account):
            yield server


def _answers(server: Mariadb) -> bool:
    """Whether the server begins its handshake: a packet number 0 that says protocol 10."""
    with socket.create_connection((server.host, server.port), PROBE_TIMEOUT) as sock:
        return sock.recv(5, socket.MSG_WAITALL)[3:] == b"\x00\x0a"


def _options(server: Mariadb, data: Path, at: Path) -> list[str]:
    return [
        "--no-defaults",
        f"--datadir={data}",
        f"--socket={at}/socket",
        f"--pid-file={at}/pid",
        f"--tmpdir={at}",
        f"--bind-address={server.host}",
        f"--port={server.port}",
        "--skip-name-resolve",
        "--innodb-buffer-pool-size=16M",
        "--innodb-fast-shutdown=2",
    ]

"""A real telnet server: telnetd, started by inetd for each connection."""

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

LOGIN = """\
#!/bin/sh
# Asks as login(1) does, without an account of the machine.
printf 'login: '; read -r user
stty -echo; printf 'Password: '; read -r word; stty echo; echo
if [ "$user:$word" != '{user}:{password}' ]; then echo 'Login incorrect'; exit 1; fi
PS1='{prompt}' exec /bin/sh -i
"""


@dataclass(frozen=True, kw_only=True)
class Telnetd:
    """A telnet server on loopback that asks for name and password and gives a shell."""

    port: int
    password: str
    host: str = HOST
    user: str = "ann"
    prompt: str = "box> "


@contextlib.contextmanager
def running_telnetd() -> Iterator[Telnetd]:
    """Run inetd, telnetd and its shells as nobody until the block ends."""
    require("telnetd")
    account = unprivileged()
    server = Telnetd(port=free_port(), password=password())
    with scratch() as at:
        login = LOGIN.format(user=server.user, password=server.password, prompt=server.prompt)
        write(at / "login", login, mode=0o700)
        conf = write(
            at / "inetd.conf",
            f"{server.host}:{server.port} stream tcp nowait {account.name}"
            f" {installed('telnetd')} telnetd -E {at}/login",
        )
        argv = [installed("inetutils-inetd"), "-d", f"--pidfile={at}/pid", str(conf)]
        with running(argv, ready=lambda: accepts(server.port), at=at, account=account):
            yield server

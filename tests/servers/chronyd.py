"""A real NTP server: chronyd, which serves this machine's clock and never sets it."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from tests.machine import require
from tests.servers.running import (
    HOST,
    PROBE_TIMEOUT,
    free_port,
    installed,
    running,
    scratch,
    unprivileged,
    write,
)

NTP_PACKET = 48
CLIENT_REQUEST = b"\x23" + bytes(NTP_PACKET - 1)
"""Version 4, mode 3 (client), all else zero (RFC 5905, section 7.3)."""


@dataclass(frozen=True, kw_only=True)
class Chronyd:
    """An NTP server on loopback, of the stratum it says."""

    port: int
    host: str = HOST
    stratum: int = 3

    def ask(self) -> bytes:
        """Send one client request and return the answer; raises OSError without one."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(PROBE_TIMEOUT)
            sock.connect((self.host, self.port))
            sock.send(CLIENT_REQUEST)
            return sock.recv(1024)


@contextlib.contextmanager
def running_chronyd(*, host: str = HOST, stratum: int = 3, clock: str = "") -> Iterator[Chronyd]:
    """Run chronyd as nobody until the block ends.

    ``clock`` is another time than this machine's, as faketime(1) writes it: ``+30s``, or
    ``@2040-01-01 00:00:00``.
    """
    require("chronyd")
    if clock:
        require("faketime")
    server = Chronyd(port=free_port(), host=host, stratum=stratum)
    with scratch() as at:
        conf = write(
            at / "chrony.conf",
            f"local stratum {server.stratum}",
            f"port {server.port}",
            f"bindaddress {server.host}",
            f"allow {server.host}",
            "cmdport 0",
            "bindcmdaddress /",  # no command socket, either
            f"pidfile {at}/pid",
        )
        faked = [installed("faketime"), "-f", clock] if clock else []
        argv = [*faked, installed("chronyd"), "-x", "-d", "-U", "-f", str(conf)]
        with running(
            argv, ready=lambda: len(server.ask()) == NTP_PACKET, at=at, account=unprivileged()
        ):
            yield server

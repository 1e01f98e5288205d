"""A real mail transfer agent: OpenSMTPD, which delivers to a Maildir."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.machine import require
from tests.servers.running import (
    HOST,
    free_port,
    greets,
    installed,
    running,
    scratch,
    unprivileged,
)

PRIVATE_FOLDERS = 'mount --bind "$1" /run && mount --bind "$2" /var/spool && shift 2 && exec "$@"'
"""smtpd's socket and queue have fixed places: each server sees folders of its own there."""


@dataclass(frozen=True, kw_only=True)
class Opensmtpd:
    """An SMTP server on loopback that takes mail for one address and keeps it in ``maildir``."""

    port: int
    maildir: Path
    host: str = HOST
    domain: str = "x.test"
    user: str = "ann"

    @property
    def address(self) -> str:
        return f"{self.user}@{self.domain}"

    def delivered(self) -> list[Path]:
        """Return the messages that have arrived."""
        return sorted((self.maildir / "new").glob("*"))


@contextlib.contextmanager
def running_opensmtpd() -> Iterator[Opensmtpd]:
    """Run smtpd as root, its parts as their own users, until the block ends."""
    require("opensmtpd")
    account = unprivileged()
    with scratch() as at:
        server = Opensmtpd(port=free_port(), maildir=at / "maildir")
        conf = at / "smtpd.conf"
        home = f"{account.uid}:{account.gid}:{at}"
        lines = [
            f'table people {{ "{server.user}" = "{home}" }}',
            f"listen on {server.host} port {server.port} hostname mail.{server.domain}",
            f'action keep maildir "{server.maildir}" userbase <people>',
            f"match from any for domain {server.domain} action keep",
        ]
        conf.write_text("\n".join([*lines, ""]))
        conf.chmod(0o600)  # smtpd refuses one that others may write to
        for name in ("run", "spool"):
            (at / name).mkdir()
        private = ("unshare", "--mount", "sh", "-c", PRIVATE_FOLDERS, "sh", f"{at}/run")
        argv = [*private, f"{at}/spool", installed("smtpd"), "-d", "-f", str(conf)]
        with running(argv, ready=lambda: greets(server.port, b"220"), at=at):
            yield server

"""A real mailbox server: Dovecot, over IMAP and POP3."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.machine import require
from tests.servers.running import (
    HOST,
    Account,
    free_port,
    greets,
    installed,
    password,
    running,
    scratch,
    unprivileged,
    write,
)


@dataclass(frozen=True, kw_only=True)
class Dovecot:
    """An IMAP and POP3 server on loopback with one mailbox, a Maildir."""

    imap_port: int
    pop3_port: int
    password: str
    maildir: Path
    host: str = HOST
    user: str = "ann"


@contextlib.contextmanager
def running_dovecot() -> Iterator[Dovecot]:
    """Run Dovecot as nobody until the block ends."""
    require("dovecot")
    account = unprivileged()
    with scratch() as at:
        server = Dovecot(
            imap_port=free_port(),
            pop3_port=free_port(),
            password=password(),
            maildir=at / "mail",
        )
        write(at / "users", f"{server.user}:{server.password}")
        conf = write(at / "dovecot.conf", *_lines(server, account, at))
        argv = [installed("dovecot"), "-F", "-c", str(conf)]
        log = at / "dovecot.log"
        with running(argv, ready=lambda: _answers(server), at=at, account=account, logs=[log]):
            yield server


def _answers(server: Dovecot) -> bool:
    return greets(server.imap_port, b"* OK") and greets(server.pop3_port, b"+OK")


def _lines(server: Dovecot, account: Account, at: Path) -> list[str]:
    return [
        f"base_dir = {at}/run",
        f"state_dir = {at}/state",
        f"log_path = {at}/dovecot.log",
        f"listen = {server.host}",
        "protocols = imap pop3",
        "ssl = no",
        "disable_plaintext_auth = no",
        f"default_internal_user = {account.name}",
        f"default_internal_group = {account.group}",
        f"default_login_user = {account.name}",
        "first_valid_uid = 1",
        f"mail_location = maildir:{server.maildir}",
        "passdb {",
        "  driver = passwd-file",
        f"  args = scheme=PLAIN {at}/users",
        "}",
        "userdb {",
        "  driver = static",
        f"  args = uid={account.uid} gid={account.gid} home={at}",
        "}",
        # Only root may chroot.
        "service imap-login {",
        "  chroot =",
        "  inet_listener imap {",
        f"    port = {server.imap_port}",
        "  }",
        "}",
        "service pop3-login {",
        "  chroot =",
        "  inet_listener pop3 {",
        f"    port = {server.pop3_port}",
        "  }",
        "}",
        "service anvil {",
        "  chroot =",
        "}",
    ]

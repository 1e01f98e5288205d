"""A real FTP server: vsftpd."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.machine import require
from tests.servers.running import (
    HOST,
    free_port,
    greets,
    installed,
    password,
    running,
    scratch,
)

SESSIONS = "ftp"
"""The package's user: vsftpd wants one whose home exists, and nobody's does not."""

AUDIBLE = ("sh", "-c", 'exec "$@" <&1', "sh")
"""What keeps vsftpd from starting it tells its standard input, which it takes for a client."""


@dataclass(frozen=True, kw_only=True)
class Vsftpd:
    """An FTP server on loopback that asks for a password.

    ``root`` is what clients see as ``/`` and may not write to; ``incoming`` is where they may.
    """

    port: int
    password: str
    root: Path
    host: str = HOST
    user: str = "anonymous"

    @property
    def incoming(self) -> Path:
        return self.root / "incoming"


@contextlib.contextmanager
def running_vsftpd() -> Iterator[Vsftpd]:
    """Run vsftpd as root, its sessions as its package's user, until the block ends."""
    require("vsftpd")
    with scratch() as at:
        server = Vsftpd(port=free_port(), password=password(), root=at / "root")
        server.incoming.mkdir(parents=True)
        shutil.chown(server.incoming, SESSIONS, SESSIONS)
        (at / "empty").mkdir(mode=0o555)
        server.root.chmod(0o555)  # vsftpd refuses a root that its user may write to
        # It reads only files of root's.
        (at / "passwords").write_text(f"{server.password}\n")
        conf = at / "vsftpd.conf"
        conf.write_text("\n".join([*_lines(server, at), ""]))
        argv = [*AUDIBLE, installed("vsftpd"), str(conf)]
        log = at / "vsftpd.log"
        with running(argv, ready=lambda: greets(server.port, b"220"), at=at, logs=[log]):
            yield server


def _lines(server: Vsftpd, at: Path) -> list[str]:
    return [
        "listen=YES",
        "listen_ipv6=NO",
        f"listen_address={server.host}",
        f"listen_port={server.port}",
        "background=NO",
        "local_enable=NO",
        "anonymous_enable=YES",
        # The one way in without an account of this machine: anonymous, with passwords that count.
        "secure_email_list_enable=YES",
        f"email_password_file={at}/passwords",
        f"ftp_username={SESSIONS}",
        "nopriv_user=nobody",
        f"anon_root={server.root}",
        "write_enable=YES",
        "anon_upload_enable=YES",
        "anon_mkdir_write_enable=YES",
        "anon_other_write_enable=YES",
        "anon_world_readable_only=NO",
        "anon_umask=022",
        f"secure_chroot_dir={at}/empty",
        "connect_from_port_20=NO",
        "xferlog_enable=YES",
        f"vsftpd_log_file={at}/vsftpd.log",
        # Containers and old kernels refuse these.
        "isolate=NO",
        "isolate_network=NO",
        "seccomp_sandbox=NO",
    ]

"""A real sshd for the tests, run as whoever runs them."""

from __future__ import annotations

import contextlib
import getpass
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.machine import require
from tests.servers.running import HOST, free_port, greets, installed, running
from wirework.inventory import Host


@dataclass(frozen=True, kw_only=True)
class Server:
    """A real sshd on a loopback port, and all it takes to log in on it."""

    port: int
    folder: Path

    @property
    def key(self) -> Path:
        return self.folder / "client"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def host(self, name: str = "box", **changes: object) -> Host:
        fields: dict[str, object] = {
            "name": name,
            "address": HOST,
            "port": self.port,
            "user": getpass.getuser(),
            "key": self.key,
            "known_hosts": self.known_hosts,
            **changes,
        }
        return Host(**fields)  # type: ignore[arg-type]  # a table of any of its fields


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    bits = ("-b", "2048") if kind == "rsa" else ()  # the quickest that ssh accepts
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, *bits, "-N", passphrase, "-C", "test", "-f", str(path)],
        check=True,
        timeout=30,
    )
    return path


@contextlib.contextmanager
def running_sshd(folder: Path, *extra: str) -> Iterator[Server]:
    """Run sshd as the current user until the block ends; ``extra`` are options that come first."""
    require("sshd")
    require("ssh")
    sshd = installed("sshd")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    make_key(folder / "host_ed25519")
    make_key(folder / "host_rsa", "rsa")
    make_key(folder / "client")
    (folder / "authorized_keys").write_bytes((folder / "client.pub").read_bytes())
    port = free_port()
    lines = [
        *extra,  # sshd goes by what it reads first
        f"Port {port}",
        f"ListenAddress {HOST}",
        f"HostKey {folder}/host_rsa",
        f"HostKey {folder}/host_ed25519",
        f"AuthorizedKeysFile {folder}/authorized_keys",
        f"PidFile {folder}/pid",
        "StrictModes no",
        "UsePAM no",
        "PermitRootLogin yes",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "MaxStartups 100",
        # bash reads ~/.bashrc under sshd unless it runs in a shell: the tester's is not tested.
        "SetEnv SHLVL=2",
    ]
    (folder / "conf").write_text("\n".join([*lines, ""]))
    public = (folder / "host_ed25519.pub").read_text()
    (folder / "known_hosts").write_text(f"[{HOST}]:{port} {public}")
    argv = [sshd, "-D", "-e", "-f", str(folder / "conf")]
    with running(argv, ready=lambda: greets(port, b"SSH-"), at=folder):
        yield Server(port=port, folder=folder)


@dataclass(frozen=True)
class Said:
    status: int
    out: bytes
    err: bytes

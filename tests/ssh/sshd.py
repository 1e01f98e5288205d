"""A real sshd for the tests, run as whoever runs them."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.machine import program, require
from wirework.inventory import Host

START_TIMEOUT = 10.0


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
            "address": "127.0.0.1",
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
    """Run sshd as the current user until the block ends; it is ended by its pid."""
    require("sshd")
    require("ssh")
    sshd = program("sshd")
    assert sshd is not None
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    make_key(folder / "host_ed25519")
    make_key(folder / "host_rsa", "rsa")
    make_key(folder / "client")
    (folder / "authorized_keys").write_bytes((folder / "client.pub").read_bytes())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    lines = [
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {folder}/host_rsa",
        f"HostKey {folder}/host_ed25519",
        f"AuthorizedKeysFile {folder}/authorized_keys",
        f"PidFile {folder}/pid",
        "StrictModes no",
        "UsePAM no",
        "PermitRootLogin yes",
        "PasswordAuthentication no",
        "MaxStartups 100",
        # bash reads ~/.bashrc under sshd unless it runs in a shell: the tester's is not tested.
        "SetEnv SHLVL=2",
        *extra,
    ]
    (folder / "conf").write_text("\n".join([*lines, ""]))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sshd, "-D", "-e", "-f", str(folder / "conf")],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _await_greeting(port, process, folder / "log")
        public = (folder / "host_ed25519.pub").read_text()
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}")
        yield Server(port=port, folder=folder)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _await_greeting(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), 1) as sock,
        ):
            if sock.recv(4) == b"SSH-":
                return
        time.sleep(0.02)
    pytest.fail(f"sshd does not greet: {log.read_text()}")


@dataclass(frozen=True)
class Said:
    status: int
    out: bytes
    err: bytes

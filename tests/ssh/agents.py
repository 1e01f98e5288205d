"""Agents for the tests: the one people run, and some that misbehave."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.machine import require
from tests.servers.running import running
from tests.ssh.peers import serving


@contextlib.contextmanager
def running_agent(folder: Path) -> Iterator[Path]:
    """Run ssh-agent until the block ends, and give its socket."""
    require("ssh")
    path = folder / "agent"
    argv = ["ssh-agent", "-D", "-a", str(path)]
    with running(argv, ready=path.exists, at=folder):
        yield path


@contextlib.contextmanager
def answering_agent(folder: Path, reply: bytes | None) -> Iterator[Path]:
    """Say ``reply`` to whoever connects, whatever is asked; None says nothing."""
    path = folder / "answering"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with serving(listener, reply):
            yield path


def add(agent: Path, key: Path, *options: str) -> None:
    subprocess.run(
        ["ssh-add", "-q", *options, str(key)],
        check=True,
        timeout=10,
        capture_output=True,
        env={**os.environ, "SSH_AUTH_SOCK": str(agent)},
    )


def string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def listing(*blobs: bytes) -> bytes:
    """Return an agent's answer that it holds these keys."""
    keys = b"".join(string(blob) + string(b"a comment") for blob in blobs)
    return string(b"\x0c" + struct.pack(">I", len(blobs)) + keys)

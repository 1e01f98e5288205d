"""Run a real server for as long as a block lasts, and leave nothing of it behind."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.machine import program, require

HOST = "127.0.0.1"
START_TIMEOUT = 30.0
STOP_TIMEOUT = 10.0
PROBE_TIMEOUT = 2.0
POLL_INTERVAL = 0.02

LOWEST_PORT, HIGHEST_PORT = 15_000, 32_000
"""Below the ports that the kernel gives to outgoing connections, which could take one from us."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """A user of this machine that a server runs as."""

    name: str
    group: str
    uid: int
    gid: int


def unprivileged() -> Account:
    """Return nobody when root runs the tests, else whoever does."""
    entry = pwd.getpwuid(os.geteuid()) if os.geteuid() else pwd.getpwnam("nobody")
    return Account(
        name=entry.pw_name,
        group=grp.getgrgid(entry.pw_gid).gr_name,
        uid=entry.pw_uid,
        gid=entry.pw_gid,
    )


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Give a private folder that belongs to the unprivileged account, and remove it at the end."""
    account = unprivileged()
    with tempfile.TemporaryDirectory(prefix="wirework-") as name:
        os.chown(name, account.uid, account.gid)
        yield Path(name)


def folder(path: Path) -> Path:
    """Make a folder that belongs to the unprivileged account."""
    account = unprivileged()
    path.mkdir(mode=0o755)
    os.chown(path, account.uid, account.gid)
    return path


def write(path: Path, *lines: str, mode: int = 0o600) -> Path:
    """Write lines to a new file that belongs to the unprivileged account."""
    account = unprivileged()
    path.touch(mode=mode, exist_ok=False)
    path.write_text("\n".join([*lines, ""]))
    os.chown(path, account.uid, account.gid)
    return path


def installed(name: str) -> str:
    """Return the path of a program that the test has already required."""
    path = program(name)
    assert path is not None, name
    return path


def password() -> str:
    """Make a password for a server of this run: others on this machine reach loopback, too."""
    return secrets.token_hex(12)


def free_port() -> int:
    """Return a loopback port that nothing uses, neither over TCP nor over UDP."""
    while True:
        port = LOWEST_PORT + secrets.randbelow(HIGHEST_PORT - LOWEST_PORT)
        with (
            contextlib.suppress(OSError),
            socket.socket(type=socket.SOCK_STREAM) as tcp,
            socket.socket(type=socket.SOCK_DGRAM) as udp,
        ):
            tcp.bind((HOST, port))
            udp.bind((HOST, port))
            return port


def greets(port: int, greeting: bytes) -> bool:
    """Whether what listens on the port speaks first and begins with the greeting."""
    with socket.create_connection((HOST, port), PROBE_TIMEOUT) as sock:
        return sock.recv(len(greeting), socket.MSG_WAITALL) == greeting


def accepts(port: int) -> bool:
    """Whether the port takes connections; raises OSError when it does not."""
    with socket.create_connection((HOST, port), PROBE_TIMEOUT):
        return True


def command(argv: Sequence[str], *, account: Account | None = None) -> list[str]:
    """Make the command that runs ``argv`` as an account and ends with us, however we end."""
    words = ["setpriv", "--pdeathsig", "TERM"]
    if account and account.uid != os.geteuid():
        words += [f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]
    return [*words, "--", *argv]


@contextlib.contextmanager
def running(
    argv: Sequence[str],
    *,
    ready: Callable[[], bool],
    at: Path,
    account: Account | None = None,
    logs: Sequence[Path] = (),
    start_timeout: float = START_TIMEOUT,
    stop_timeout: float = STOP_TIMEOUT,
) -> Iterator[psutil.Process]:
    """Run a server in the foreground until the block ends, then end it and all it has started.

    ``ready`` answers whether the server does; an OSError means not yet. ``at`` is the server's
    working folder, where what it says goes to the file ``log``; ``logs`` are further files that a
    failure shows. Without ``account`` it runs as whoever runs the tests. Seconds for the timeouts.
    A server that ends early or does not answer in time fails the test with all it has said.
    """
    require("setpriv")
    log = write(at / "log")
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(at), "LC_ALL": "C"}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command(argv, account=account),
            cwd=at,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,  # Ctrl-C is ours to handle, and its session is its mark
        )
    server = psutil.Process(process.pid)
    try:
        if not _comes_up(process, ready, start_timeout):
            said = "\n".join(
                f"--- {path}\n{path.read_text(errors='replace')}"
                for path in (log, *logs)
                if path.exists()
            )
            how = "does not answer" if process.poll() is None else f"ended: {process.returncode}"
            pytest.fail(f"{Path(argv[0]).name} {how}\n{said}", pytrace=False)
        yield server
    finally:
        _end(process, server, stop_timeout)


def _comes_up(process: subprocess.Popen[bytes], ready: Callable[[], bool], timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            if ready():
                # Another's server may have answered while ours found its port taken.
                return process.poll() is None
        time.sleep(POLL_INTERVAL)
    return False


def _end(process: subprocess.Popen[bytes], server: psutil.Process, timeout: float) -> None:
    """Ask the server to end, and end what does not."""
    family = _family(server)
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout)
    family |= _family(server)  # what it has started meanwhile
    process.kill()
    process.wait(timeout)
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    deadline = time.monotonic() + timeout
    while left := [member for member in family if not over(member)]:
        assert time.monotonic() < deadline, f"these do not end: {left}"
        time.sleep(POLL_INTERVAL)


def over(process: psutil.Process) -> bool:
    """Whether a process has ended, though whoever started it may not have heard of it yet."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _family(server: psutil.Process) -> set[psutil.Process]:
    """Return the server's descendants, and the orphans that are still of its session."""
    family: set[psutil.Process] = set()
    with contextlib.suppress(psutil.NoSuchProcess):
        family.update(server.children(recursive=True))
    for each in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError):
            if os.getsid(each.pid) == server.pid and each.pid != server.pid:
                family.add(each)
    return family

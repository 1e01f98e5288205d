"""A lab's background process: ``python -m wirework.lab.embedded.server FOLDER SOCKET...``.

It makes the keys, detaches itself, serves SSH for every host of the lab on the sockets it
inherits, and ends on SIGTERM or when its folder is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import asyncssh
import psutil

from wirework.documents import write
from wirework.lab import processes
from wirework.lab.embedded.record import Record
from wirework.lab.embedded.shell import WINDOW, run
from wirework.lab.model import KEY, KNOWN_HOSTS

_KEY_TYPE = "ssh-ed25519"
_WATCH = 1.0
"""Seconds between two looks whether the folder is still there."""


class _Door(asyncssh.SSHServer):
    """Lets in whoever holds the lab's key under the lab's user name; there is no other way in."""

    def __init__(self, user: str, key: asyncssh.SSHKey) -> None:
        self._user = user
        self._key = key.public_data

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == self._user and key.public_data == self._key


class _Files(asyncssh.SFTPServer):
    """SFTP over the whole file system, as sshd offers it; relative paths start at the home."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], *, home: Path) -> None:
        super().__init__(channel)
        self._home = os.fsencode(home)

    def map_path(self, path: bytes) -> bytes:
        return os.path.join(self._home, path)  # noqa: PTH118  (paths of SFTP are bytes)


def main(folder: Path, sockets: list[int]) -> None:
    """Serve the lab of a folder, in a process of its own; the caller's process returns at once."""
    record = Record.load(folder)
    if record is None:
        raise SystemExit(f"{folder} holds no lab")
    if os.fork():
        os._exit(0)  # what is to be flushed and closed now belongs to the child
    process = psutil.Process()
    replace(record, pid=process.pid, started=process.create_time()).save(folder)
    os.umask(0o022)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    asyncio.run(_serve(record, folder, sockets))


async def _serve(record: Record, folder: Path, sockets: list[int]) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    user_key = asyncssh.generate_private_key(_KEY_TYPE, comment=f"wirework {folder.name}")
    host_keys = [asyncssh.generate_private_key(_KEY_TYPE) for _ in record.hosts]
    write(folder / KEY, user_key.export_private_key())
    write(folder / KNOWN_HOSTS, _known_hosts(record, host_keys))
    async with contextlib.AsyncExitStack() as stack:
        for host, key, descriptor in zip(record.hosts, host_keys, sockets, strict=True):
            home = folder / "hosts" / host.name
            listener = await asyncssh.listen(
                sock=socket.socket(fileno=descriptor),
                server_factory=partial(_Door, record.user, user_key),
                server_host_keys=[key],
                process_factory=partial(run, home=home, environment=_environment(record, home)),
                sftp_factory=partial(_Files, home=home),
                encoding=None,
                window=WINDOW,
                line_editor=False,
                agent_forwarding=False,
                x11_forwarding=False,
                keepalive_interval=15,
            )
            stack.callback(listener.close)
        while not stop.is_set() and _still_ours(folder, record.token):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _WATCH)
    if not stop.is_set():
        processes.end(record.token)  # nobody can take this lab down any more but itself


def _known_hosts(record: Record, keys: list[asyncssh.SSHKey]) -> bytes:
    """Return the lines of sshd(8), SSH_KNOWN_HOSTS FILE FORMAT, for every host."""
    lines = (
        b"[%s]:%d %s\n" % (host.address.encode(), host.port, key.export_public_key().strip())
        for host, key in zip(record.hosts, keys, strict=True)
    )
    return b"".join(lines)


def _environment(record: Record, home: Path) -> dict[str, str]:
    """Return the small environment that commands start with, as sshd gives it."""
    return {
        "HOME": str(home),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "LOGNAME": record.user,
        "PATH": os.environ.get("PATH", os.defpath),
        "SHELL": "/bin/sh",
        "USER": record.user,
        processes.MARK: record.token,
    }


def _still_ours(folder: Path, token: str) -> bool:
    """Whether the folder is still there, and not that of a lab made anew."""
    record = Record.load(folder)
    return record is not None and record.token == token


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(descriptor) for descriptor in sys.argv[2:]])

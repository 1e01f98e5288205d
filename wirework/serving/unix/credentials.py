"""Who is at the other end of a Unix socket, as the kernel knows (unix(7))."""

from __future__ import annotations

import contextlib
import pwd
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

UCRED = struct.Struct("3i")
"""struct ucred: pid, uid, gid."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A process and its user; -1 where the kernel does not tell."""

    pid: int = -1
    uid: int = -1
    gid: int = -1

    @classmethod
    def of(cls, sock: socket.socket) -> Credentials:
        """Return those of a stream socket's other end, when it connected or listened."""
        data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size)
        return cls(*UCRED.unpack(data))

    def __str__(self) -> str:
        if self.uid < 0:
            return "somebody"
        user = str(self.uid)
        with contextlib.suppress(KeyError):
            user = pwd.getpwuid(self.uid).pw_name
        return f"{process_name(self.pid)} (pid {self.pid}, user {user})"


def process_name(pid: int) -> str:
    """Return a process's short name (proc(5), comm), or words for one that cannot be seen."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip() or "a process"
    except OSError:
        return "a process"

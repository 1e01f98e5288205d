"""One known_hosts file: looked into often, and written to by one at a time."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import functools
import os
import secrets
import stat
import threading
import time
from typing import TYPE_CHECKING

from wirework.ssh.hostkeys import known
from wirework.ssh.hostkeys.known import KnownHosts, KnownKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

MOST = 64 * 1024 * 1024
"""Bytes of a file that are read; a known_hosts file of 100,000 hosts has a third of it."""
LOCK_TIMEOUT = 10.0
"""Seconds to wait for another process that writes to the file."""
LOCK_POLL = 0.05


class KnownFile:
    """A known_hosts file, read when it is first asked for, and again before it is written to.

    A file that is absent or cannot be read holds no key, so its hosts are refused.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._content: KnownHosts | None = None
        self._seen: tuple[int, ...] = ()
        self._found: dict[str, list[KnownKey]] = {}
        self._lock = threading.Lock()
        self._writers = threading.Lock()  # apart from the other: readers need not wait for a disk

    def of(self, name: str) -> list[KnownKey]:
        """Return the lines that speak of ``name``, which is lower case."""
        with self._lock:
            # Every login asks twice, and among hashed names a search looks at each line.
            found = self._found.get(name)
            if found is None:
                if self._content is None:
                    self._read()
                found = self._found[name] = (self._content or KnownHosts()).of(name)
            return found

    @property
    def refusal(self) -> str:
        """Why nothing can be written to the file; "" when nothing is known against it."""
        if self.path == known.SYSTEM:
            return "it is every user's"
        with contextlib.suppress(OSError):
            mode = self.path.stat().st_mode
            if not stat.S_ISREG(mode):
                return "nothing would be remembered" if stat.S_ISCHR(mode) else "it is no file"
        return ""

    @contextlib.contextmanager
    def writing(self) -> Iterator[Callable[[Sequence[tuple[str, bytes]]], None]]:
        """Keep all other writers out, and give what appends names with their public keys.

        ``of`` knows from then on what other processes have written meanwhile.
        Raises OSError when the file cannot be written to, TimeoutError when another holds it.
        """
        with self._writers, _locked(self.path) as file:
            with self._lock:
                if self._content is None or _stamp(file) != self._seen:
                    self._read()
            yield functools.partial(self._append, file)

    def _append(self, file: int, entries: Sequence[tuple[str, bytes]]) -> None:
        content = self._content or KnownHosts()
        size = os.fstat(file).st_size
        unended = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        lines = [_line(name, blob, hashed=content.is_hashed) for name, blob in entries]
        data = ("\n" * unended + "".join(lines)).encode()
        try:
            while data:
                data = data[os.write(file, data) :]
            os.fsync(file)
        except OSError:
            os.ftruncate(file, size)  # half a line would spoil the next one
            raise
        with self._lock:
            for line, (name, _) in zip(lines, entries, strict=True):
                content.lines += 1
                for added in known.keys(line, self.path, first=content.lines):
                    content.add(added)
                self._found.pop(name, None)
            self._seen = _stamp(file)

    def _read(self) -> None:
        self._content, self._seen, self._found = KnownHosts(), (), {}
        with contextlib.suppress(OSError):
            # A pipe would be waited for; what is no file holds no keys.
            if not stat.S_ISREG(self.path.stat().st_mode):
                return
            with self.path.open("rb") as file:
                self._seen = _stamp(file.fileno())
                text = file.read(MOST).decode("utf-8", "replace")
            self._content = KnownHosts(text, self.path)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Open a file to append to it, held against other processes; it is made if need be."""
    with contextlib.suppress(FileExistsError):  # what is there and no folder is told by open
        path.parent.mkdir(mode=0o700, parents=True)
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            _wait(file, deadline)
            if _is_at(path, file):
                yield file
                return
        finally:
            os.close(file)


def _is_at(path: Path, file: int) -> bool:
    # ssh-keygen -R puts another file in its place: what was locked may be gone.
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _wait(file: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise TimeoutError(
                    None, f"another process has been writing to it for {LOCK_TIMEOUT:g} s"
                ) from None
            time.sleep(LOCK_POLL)
        else:
            return


def _stamp(file: int) -> tuple[int, ...]:
    """Return what changes when the file's content does."""
    found = os.fstat(file)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _line(name: str, blob: bytes, *, hashed: bool) -> str:
    if hashed:
        name = known.hashed(name, secrets.token_bytes(known.SHA1_SIZE))
    return f"{name} {known.type_of(blob)} {base64.b64encode(blob).decode('ascii')}\n"

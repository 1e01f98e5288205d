"""Files to and from a host over one command each, so that sudo works as it does for commands."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from wirework.errors import BadInput, Failed
from wirework.ssh import shell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wirework.ssh.remote import Remote

CHUNK = 262_144
"""Bytes of a file held at once."""
NOISE = 65_536
"""Bytes that a login shell may print before our own words are given up on."""
STALL = 300.0
"""Seconds that the short question about a path may take (it may have to hash a big file)."""
MODE = re.compile(r"[0-7]{3,4}")
DF = re.compile(r"\s\d+\s+\d+\s+(-?\d+)\s+(?:\d+%|-)\s")
"""A line of ``df -P``: blocks, used, available, capacity (POSIX, df, "OUTPUT")."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A local file to be sent, measured once however many hosts get it.

    ``size`` in bytes, ``sha256`` in hex, ``mode`` as octal digits.
    """

    path: Path
    size: int
    sha256: str
    mode: str

    @classmethod
    def of(cls, path: Path) -> LocalFile:
        """Measure ``path``; raises BadInput when it is no file that can be read."""
        try:
            # A pipe that nobody writes to must not keep us waiting.
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(handle, "rb") as file:
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode):
                    raise BadInput("not a file", where=str(path))
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise BadInput(f"cannot read it: {error.strerror}", where=str(path)) from error
        return cls(path, found.st_size, digest, f"{stat.S_IMODE(found.st_mode):04o}")

    def pieces(self) -> Iterator[bytes]:
        """Yield the content, at most ``size`` bytes, in chunks."""
        left = self.size
        with self.path.open("rb") as file:
            while left and (piece := file.read(min(CHUNK, left))):
                left -= len(piece)
                yield piece


@dataclass(frozen=True, slots=True)
class Put:
    """What sending a file came to: its path on the host, size in bytes and SHA-256 in hex."""

    path: str
    changed: bool
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Got:
    """What fetching a file came to: its local path, size in bytes and SHA-256 in hex."""

    path: Path
    changed: bool
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class _Found:
    """What is at the path a file is to be sent to; ``free`` in bytes, None if unknown."""

    path: str
    kind: str
    mode: str
    sha256: str
    free: int | None


def put(
    remote: Remote,
    source: Path | LocalFile,
    dest: str,
    *,
    mode: str | None = None,
    become: bool | None = None,
    check: bool = False,
    timeout: float | None = None,
) -> Put:
    """Make the file ``dest`` on the host a copy of ``source``; inside it if it is a folder.

    Nothing is sent when content and mode are right already. Otherwise the content goes to a
    private file beside ``dest``, is checked there by SHA-256, gets ``mode`` (octal digits;
    None: the existing file's, or else the source's) and takes the place of ``dest`` at once.
    A link at ``dest`` is replaced. ``check`` tells what would be done, and does nothing.
    ``timeout``, in seconds, is for the sending.

    Raises BadInput for a source, path or mode of no use; Failed when the host has no such
    folder, not enough space, or does not let it be written (nothing is left behind then); and
    what ``Remote.execute`` raises.
    """
    if mode is not None and not MODE.fullmatch(mode):
        raise BadInput(f"{mode!r} is not a mode", hint="three or four octal digits, as 0644")
    _check_path(dest)
    local = source if isinstance(source, LocalFile) else LocalFile.of(source)
    found = _probe(remote, local, dest, become=become)
    _refuse(remote, local, found)
    same = found.kind == "file" and found.sha256 == local.sha256
    right = mode is None or (found.mode != "-" and int(found.mode, 8) == int(mode, 8))
    result = Put(found.path, not (same and right), local.size, local.sha256)
    if check or not result.changed:
        return result
    if same and mode is not None:
        _command(remote, ["chmod", mode, _plain(found.path)], become=become, about=found.path)
        return result
    if found.free is not None and local.size > found.free:
        raise Failed(
            f"not enough space for {found.path}: it takes {local.size} bytes,"
            f" {max(found.free, 0)} are free",
            where=remote.host.name,
        )
    keep = "" if found.kind == "file" else local.mode
    token = _token()
    script = ["sh", "-c", shell.SEND, "sh", token, found.path, str(local.size)]
    said = _command(
        remote,
        [*script, keep if mode is None else mode, local.sha256],
        stdin=_sent(local),
        become=become,
        about=found.path,
        timeout=timeout,
    )
    if f"\n{token} done\n".encode() not in said:
        raise Failed(f"{found.path}: the host does not say it was written", where=remote.host.name)
    return result


def get(
    remote: Remote,
    source: str,
    dest: Path,
    *,
    become: bool | None = None,
    timeout: float | None = None,
) -> Got:
    """Make the local file ``dest`` a copy of ``source`` on the host.

    Nothing is fetched when it is one already. Otherwise the content goes to a private file
    beside ``dest``, is checked by SHA-256 and takes the place of ``dest`` at once, readable by
    its owner only (0600). The folder of ``dest`` must exist. ``timeout`` is in seconds.

    Raises BadInput for a path or folder of no use; Failed when the host has no such file, does
    not let it be read, or it changes meanwhile; and what ``Remote.execute`` raises.
    """
    _check_path(source)
    if dest.is_dir():
        raise BadInput("there is a folder of that name", where=str(dest))
    token = _token()
    try:
        handle, name = tempfile.mkstemp(prefix=".ww.", dir=dest.parent)
    except OSError as error:
        raise BadInput(f"cannot write there: {error.strerror}", where=str(dest)) from error
    temp = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            answer = _Answer(token, dest, file)
            _command(
                remote,
                ["sh", "-c", shell.FETCH, "sh", token, source],
                become=become,
                about=source,
                timeout=timeout,
                answer=answer,
            )
            if answer.kind == "file" and not answer.same:
                file.flush()
                os.fsync(file.fileno())
        _refuse_answer(remote, source, answer)
        if not answer.same:
            temp.replace(dest)
        return Got(dest, not answer.same, answer.size, answer.sha256)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = "no space left on this machine's disk" if full else str(error.strerror)
        raise Failed(f"cannot write {dest}: {why}", where=remote.host.name) from error
    finally:
        temp.unlink(missing_ok=True)


class _Answer:
    """Takes what FETCH says: a line about the file, then its bytes, written as they come."""

    def __init__(self, token: str, dest: Path, file: IO[bytes]) -> None:
        self._token = token.encode()
        self._dest = dest
        self._file = file
        self._head = bytearray()
        self._hash = hashlib.sha256()
        self.kind = ""
        self.size = 0
        self.sha256 = ""
        self.arrived = 0
        self.same = False

    @property
    def whole(self) -> bool:
        """Whether exactly what was announced has arrived."""
        return self.same or (self.arrived == self.size and self._hash.hexdigest() == self.sha256)

    def take(self, data: bytes) -> bool:
        """Take a piece; True when nothing more is wanted."""
        if self.kind:
            return self._write(data)
        self._head += data
        _, found, rest = bytes(self._head).partition(b"\n" + self._token + b" ")
        line, ended, content = rest.partition(b"\n")
        if not (found and ended):
            return len(self._head) > NOISE
        words = line.decode("ascii", "replace").split()
        self.kind = words[0]
        if self.kind != "file":
            return True
        self.size, self.sha256 = int(words[1]), words[2]
        self.same = _is_copy(self._dest, self.size, self.sha256)
        return self.same or self._write(content)

    def _write(self, data: bytes) -> bool:
        piece = data[: self.size - self.arrived]
        self._file.write(piece)
        self._hash.update(piece)
        self.arrived += len(piece)
        return self.arrived >= self.size


def _probe(remote: Remote, local: LocalFile, dest: str, *, become: bool | None) -> _Found:
    """Ask what is at ``dest``."""
    token = _token()
    name = local.path.name
    words = ["sh", "-c", shell.PROBE, "sh", token, dest, name, str(local.size)]
    said = _command(remote, words, become=become, about=dest, timeout=STALL)
    _, found, rest = said.partition(f"\n{token} ".encode())
    fields = rest.decode("utf-8", "replace").split("\n", 1)[0].split(" ", 5)
    if not found or len(fields) < 6:  # noqa: PLR2004 - the words of PROBE's line
        raise Failed(f"cannot tell what {dest} is: the host gave no answer", where=remote.host.name)
    kind, into, mode, _, sha256, df = fields
    path = f"{dest.removesuffix('/')}/{name}" if into == "folder" else dest
    space = DF.search(f" {df} ")
    return _Found(path, kind, mode, sha256, int(space[1]) * 1024 if space else None)


def _refuse(remote: Remote, local: LocalFile, found: _Found) -> None:
    """Raise Failed if what is at the path must not or cannot be replaced by a file."""
    where = remote.host.name
    if found.kind == "homeless":
        folder = found.path.rpartition("/")[0] or "."
        raise Failed(f"there is no folder {folder}", where=where, hint="make it first")
    if found.path.endswith("/"):
        raise Failed(f"there is no folder {found.path}", where=where, hint="make it first")
    if found.kind == "folder":
        raise Failed(f"{found.path} is a folder, {local.path.name} is a file", where=where)
    if found.kind == "other":
        raise Failed(f"{found.path} is no file but a device, pipe or socket", where=where)


def _refuse_answer(remote: Remote, source: str, answer: _Answer) -> None:
    """Raise Failed unless the whole file has arrived."""
    reasons = {
        "": "the host gave no answer",
        "absent": "there is no such file",
        "folder": "it is a folder",
        "other": "it is no file but a device, pipe or socket",
        "unreadable": "permission denied",
    }
    reason = reasons.get(answer.kind)
    if reason is None and not answer.whole:
        reason = f"it changed while it was read ({answer.arrived} of {answer.size} bytes came)"
    if reason is not None:
        raise Failed(f"cannot get {source}: {reason}", where=remote.host.name)


def _command(
    remote: Remote,
    words: list[str],
    *,
    about: str,
    become: bool | None,
    stdin: bytes | Iterable[bytes] = b"",
    timeout: float | None = None,
    answer: _Answer | None = None,
) -> bytes:
    """Run one of our commands and return what it says; raises Failed with its own reason."""
    out = bytearray()
    err = bytearray()

    def stdout(data: bytes) -> bool:
        out.extend(data)
        return len(out) > NOISE

    def stderr(data: bytes) -> None:
        err.extend(data[: NOISE - len(err)])

    status = remote.execute(
        words,
        stdin=stdin,
        stdout=stdout if answer is None else answer.take,
        stderr=stderr,
        timeout=timeout,
        become=become,
    )
    if status:
        lines = err.decode("utf-8", "replace").splitlines()
        own = [line for line in lines if line.startswith("ww_receive: ")] or lines
        reason = own[-1].removeprefix("ww_receive: ") if own else f"status {status}"
        raise Failed(f"{about}: {reason}", where=remote.host.name)
    return bytes(out)


def _sent(local: LocalFile) -> Iterator[bytes]:
    """Yield the file's content; raises Failed if it can no longer be read."""
    try:
        yield from local.pieces()
    except OSError as error:
        raise Failed(f"cannot read it: {error.strerror}", where=str(local.path)) from error


def _is_copy(path: Path, size: int, sha256: str) -> bool:
    with contextlib.suppress(OSError), path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == size:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    return False


def _check_path(path: str) -> None:
    if not path or "\0" in path:
        raise BadInput(f"{path!r} is not a path")


def _plain(path: str) -> str:
    """Return a path that no tool takes for an option."""
    return path if path.startswith("/") else f"./{path}"


def _token() -> str:
    """Return a word that nothing else prints: login shells greet, warn and quote."""
    return f"ww-{secrets.token_hex(8)}"

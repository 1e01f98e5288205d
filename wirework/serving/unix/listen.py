"""Binding a Unix socket: private from the start, instead of a stale one only, gone at the end."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import stat
import time
from typing import TYPE_CHECKING

import psutil

from wirework.errors import BadInput
from wirework.serving.unix.credentials import Credentials, process_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wirework.serving.unix.address import Address

ALL = 0o777
_WAIT = 2.0
"""Seconds for another server's start in the same folder."""


@contextlib.contextmanager
def bound(
    address: Address, kind: socket.SocketKind, *, mode: int = 0o600, backlog: int = 4096
) -> Iterator[socket.socket]:
    """Bind a socket, which listens when it is of the stream kind; remove its path at the end.

    Nobody whom ``mode`` keeps out can connect at any moment. What is in the way is removed only
    if it is a socket on which nobody listens. Raises BadInput, which says who listens there.
    """
    with socket.socket(socket.AF_UNIX, kind) as sock:
        sock.settimeout(0)
        if address.is_abstract:
            _bind(sock, address, kind)
            if kind == socket.SOCK_STREAM:
                sock.listen(backlog)
            yield sock
            return
        with _alone_in(address.path.parent, address):
            _clear(address, kind)
            # The path gets the socket's own mode, less the umask: never more than was asked for.
            os.fchmod(sock.fileno(), mode & ALL)
            _bind(sock, address, kind)
            made = address.path.lstat()
            if stat.S_IMODE(made.st_mode) != mode:
                address.path.chmod(mode)
            if kind == socket.SOCK_STREAM:
                sock.listen(backlog)
        try:
            yield sock
        finally:
            with contextlib.suppress(OSError):
                if os.path.samestat(made, address.path.lstat()):
                    address.path.unlink()


def _bind(sock: socket.socket, address: Address, kind: socket.SocketKind) -> None:
    try:
        sock.bind(address.bound)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise _in_use(address, kind) from None
        raise BadInput(f"cannot bind: {error.strerror}", where=str(address)) from None


@contextlib.contextmanager
def _alone_in(folder: Path, address: Address) -> Iterator[None]:
    """Keep other servers of this kind from starting in the folder; refuse an unsafe folder."""
    where = str(address)
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise BadInput(f"there is no folder {folder}", where=where) from None
    except NotADirectoryError:
        raise BadInput(f"{folder} is no folder", where=where) from None
    except OSError as error:
        raise BadInput(f"{folder} cannot be opened: {error.strerror}", where=where) from None
    try:
        mode = os.fstat(descriptor).st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise BadInput(
                f"in {folder} everybody may replace what is there (mode {mode & 0o7777:o})",
                where=where,
                hint=f"chmod o-w {folder}, or another folder",
            )
        if not os.access(folder, os.W_OK | os.X_OK):
            raise BadInput(f"no right to make something in {folder}", where=where)
        _lock(descriptor, folder, where)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path, where: str) -> None:
    deadline = time.monotonic() + _WAIT
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise BadInput(f"{folder} is locked by another process", where=where) from None
            time.sleep(0.05)
        except OSError:
            return  # a file system without locks: then the check alone has to do
        else:
            return


def _clear(address: Address, kind: socket.SocketKind) -> None:
    """Remove a socket on which nobody listens; raises BadInput for anything else there."""
    where = str(address)
    try:
        found = address.path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise BadInput(f"cannot be looked at: {error.strerror}", where=where) from None
    if not stat.S_ISSOCK(found.st_mode):
        raise BadInput(
            f"there is {_KINDS.get(stat.S_IFMT(found.st_mode), 'something else')}",
            where=where,
            hint="it was left alone; only a socket that nobody listens on is replaced",
        )
    with socket.socket(socket.AF_UNIX, kind) as probe:
        probe.settimeout(0)
        try:
            probe.connect(address.bound)
        except ConnectionRefusedError:
            address.path.unlink(missing_ok=True)
            return
        except OSError as error:
            # A full queue, or a socket of the other kind: there is somebody.
            if error.errno not in (errno.EAGAIN, errno.EPROTOTYPE):
                raise BadInput(f"cannot be used: {error.strerror}", where=where) from None
    raise _in_use(address, kind)


_KINDS = {
    stat.S_IFREG: "a file",
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def _in_use(address: Address, kind: socket.SocketKind) -> BadInput:
    return BadInput(
        f"{_listener(address, kind)} listens there",
        where=str(address),
        hint="end that one, or take another path",
    )


def _listener(address: Address, kind: socket.SocketKind) -> str:
    """Return who has the socket, as words."""
    if kind == socket.SOCK_STREAM:
        with socket.socket(socket.AF_UNIX, kind) as probe, contextlib.suppress(OSError):
            probe.settimeout(0)
            probe.connect(address.bound)
            return str(Credentials.of(probe))
    try:
        connections = psutil.net_connections(kind="unix")
    except (psutil.Error, OSError):
        return "another process"
    wanted = _whole(address.text, os.getpid())
    for each in connections:
        if each.pid and each.laddr and _whole(str(each.laddr), each.pid) == wanted:
            return f"{process_name(each.pid)} (pid {each.pid})"
    return "another process"


def _whole(name: str, pid: int) -> str:
    """Return a socket's name as it is for everybody: a path may start where its process stands."""
    if name.startswith(("/", "@")):
        return name
    try:
        return os.path.normpath(os.path.join(psutil.Process(pid).cwd(), name))  # noqa: PTH118
    except psutil.Error:
        return ""

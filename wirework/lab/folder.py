"""A lab's folder, ``<root>/.wirework/<name>/``: its name, its lock, its memory, its end."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wirework.documents import write
from wirework.errors import BadInput, LabError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAME = re.compile(r"lab(-[A-Za-z0-9]+)*")
LOCK_TIMEOUT = 180.0
"""Seconds to wait for another command on the same lab: 200 containers take half of that."""

_RECORD = "state.json"


def save(folder: Path, values: Mapping[str, Any]) -> None:
    """Write what a lab remembers of itself into its folder."""
    write(folder / _RECORD, json.dumps(values, indent=1).encode())


def load(folder: Path) -> dict[str, Any] | None:
    """Read what a lab remembers of itself; None where there is nothing that can be read."""
    try:
        values = json.loads((folder / _RECORD).read_bytes())
    except (OSError, ValueError):
        # A lab that broke off while it was being made is taken down all the same.
        return None
    return values if isinstance(values, dict) else None


def locate(root: Path, name: str) -> Path:
    """Return the folder a lab of this name has in a project; raises BadInput for a bad name."""
    if not NAME.fullmatch(name):
        raise BadInput(
            f"{name!r} is no name for a lab", hint="lab, or lab- and letters, digits, dashes"
        )
    if not root.is_dir():
        raise BadInput(f"the lab's root is no folder: {root}")
    return root.resolve() / ".wirework" / name


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a lab's lock, which stands beside its folder; what that needs is made, and removed.

    Raises LabError when another process holds it for longer than ``LOCK_TIMEOUT``.
    """
    lock = folder.parent / f".{folder.name}.lock"
    deadline = time.monotonic() + LOCK_TIMEOUT
    handle = _lock(lock, deadline)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            lock.unlink()
            lock.parent.rmdir()  # only when it is empty: other things live there too
        os.close(handle)


def _lock(lock: Path, deadline: float) -> int:
    """Return a descriptor of the lock's file, locked, once it is sure to be the file there."""
    while True:
        handle = _open(lock)
        if handle is not None:
            if _locks(handle) and _is(lock, handle):
                return handle
            os.close(handle)
        if time.monotonic() > deadline:
            raise LabError(
                "another lab command is still at work", where=str(lock), hint="try again later"
            )
        time.sleep(0.02)


def _open(lock: Path) -> int | None:
    """Return a descriptor of the file, made where needed; None when its folder has just gone."""
    try:
        lock.parent.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise LabError(f"cannot make the folder {lock.parent}: {error.strerror}") from error
    try:
        return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LabError(f"cannot make the file {lock}: {error.strerror}") from error


def _locks(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is(path: Path, handle: int) -> bool:
    """Whether the path still leads to the open file: whoever held it before has removed it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def remove(folder: Path) -> bool:
    """Remove a lab's folder and everything in it; False when there was none.

    Links are removed, never followed. Raises LabError when something resists.
    """
    if folder.is_symlink():
        raise LabError(f"{folder} is a symbolic link, not a lab's folder", hint="remove it first")
    if not folder.exists():
        return False
    try:
        # A command on a host may have taken away the right to look into its own folders.
        for at, folders, _ in os.walk(folder):
            for each in folders:
                inner = Path(at, each)
                if not inner.is_symlink():
                    inner.chmod(0o700)
        shutil.rmtree(folder)
    except OSError as error:
        raise LabError(
            f"cannot remove {error.filename}: {error.strerror}",
            where=folder.name,
            hint="remove it with the rights of its owner, then lab.down again",
        ) from error
    return True

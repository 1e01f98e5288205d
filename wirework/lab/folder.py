"""A lab's folder, ``<root>/.wirework/<name>/``: its name, its lock, its record, its end."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wirework.errors import BadInput, LabError
from wirework.lab.model import LabHost, State

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = re.compile(r"lab(-[A-Za-z0-9]+)*")
LOCK_TIMEOUT = 30.0
"""Seconds to wait for another ``up`` or ``down`` in the same root; one takes about two."""

_RECORD = "state.json"


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a lab remembers of itself in ``state.json``.

    Every process of the lab carries ``token`` in its environment. ``pid`` and ``started``
    (seconds since the epoch) are the server's, 0 until it runs.
    """

    token: str
    user: str
    hosts: tuple[LabHost, ...]
    pid: int = 0
    started: float = 0.0

    def save(self, folder: Path) -> None:
        """Write the record into a lab's folder."""
        write(folder / _RECORD, json.dumps(asdict(self), indent=1).encode())

    @staticmethod
    def load(folder: Path) -> Record | None:
        """Read the record of a lab's folder; None where there is none that can be read."""
        try:
            values = json.loads((folder / _RECORD).read_bytes())
            hosts = (LabHost(**{**host, "state": State.DOWN}) for host in values["hosts"])
            return Record(**{**values, "hosts": tuple(hosts)})
        except (OSError, ValueError, TypeError, KeyError):
            # A lab that broke off while it was being made is taken down all the same.
            return None


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
    """Hold the lock of the folder that a lab's folder stands in; it is made, and left if used.

    Raises LabError when another process holds it for longer than ``LOCK_TIMEOUT``.
    """
    parent = folder.parent
    deadline = time.monotonic() + LOCK_TIMEOUT
    handle = _lock(parent, deadline)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            parent.rmdir()  # only when it is empty: other things live there too
        os.close(handle)


def _lock(parent: Path, deadline: float) -> int:
    """Return a descriptor of the folder, locked, once it is sure to be the folder of that name."""
    while True:
        handle = _open(parent)
        if handle is not None:
            if _locks(handle) and _is(parent, handle):
                return handle
            os.close(handle)
        if time.monotonic() > deadline:
            raise LabError(
                "another lab command is still at work", where=str(parent), hint="try again later"
            )
        time.sleep(0.02)


def _open(parent: Path) -> int | None:
    """Return a descriptor of the folder, made where needed; None when it has just been removed."""
    try:
        parent.mkdir(mode=0o700, exist_ok=True)
        return os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LabError(f"cannot make the folder {parent}: {error.strerror}") from error


def _locks(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is(path: Path, handle: int) -> bool:
    """Whether the path still leads to the open folder: a ``down`` may have removed that one."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def write(path: Path, data: bytes) -> None:
    """Write a file at once and whole, readable by its owner only."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "wb") as file:  # noqa: PTH123  (a descriptor, not a path)
            file.write(data)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


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

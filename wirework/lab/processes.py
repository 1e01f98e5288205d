"""Finding and ending a lab's processes, by what only they carry."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

import psutil

from wirework.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from wirework.lab.folder import Record

MARK = "WIREWORK_LAB"
"""The environment variable that holds the lab's token."""

PATIENCE = 3.0
"""Seconds between asking a process to end (SIGTERM) and ending it (SIGKILL)."""

_ROUNDS = 5
_START_TOLERANCE = 2.0  # the start time is counted from the boot time, which clock steps move


def is_server(record: Record, folder: Path) -> bool:
    """Whether the recorded server still runs: its pid, its start and its command line agree."""
    if not record.pid:
        return False
    try:
        process = psutil.Process(record.pid)
        return (
            abs(process.create_time() - record.started) < _START_TOLERANCE
            and str(folder) in process.cmdline()
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def end(token: str) -> int:
    """End every process that carries the token, but not this one; returns how many there were.

    Raises LabError when some are left after SIGKILL.
    """
    ended: set[int] = set()
    for _ in range(_ROUNDS):  # a process may start another while it is being ended
        carriers = _carriers(token)
        if not carriers:
            return len(ended)
        ended.update(process.pid for process in carriers)
        for process in carriers:
            _tell(process, psutil.Process.terminate)
        for process in _still_there(carriers):
            _tell(process, psutil.Process.kill)
        _still_there(carriers)
    left = ", ".join(str(process.pid) for process in _carriers(token))
    raise LabError(f"processes of the lab do not end: pid {left}")


def _carriers(token: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            carries = process.environ().get(MARK) == token
        except (psutil.Error, OSError):
            continue  # it has ended, or it is somebody else's
        if carries and process.pid != os.getpid():
            found.append(process)
    return found


def _tell(process: psutil.Process, what: Callable[[psutil.Process], None]) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        what(process)


def _still_there(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Wait until all have ended, for ``PATIENCE`` at most; returns those that have not.

    A zombie has ended: in a container whose first process reaps nobody, it stays one.
    """
    deadline = time.monotonic() + PATIENCE
    left = [process for process in processes if _runs(process)]
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = [process for process in left if _runs(process)]
    return left


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

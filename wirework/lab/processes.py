"""A lab's processes: starting them, and finding and ending them by what only they carry."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil

from wirework.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

MARK = "WIREWORK_LAB"
"""The environment variable that holds the lab's token."""

START_TIMEOUT = 10.0
"""Seconds that a process may take to start."""

PATIENCE = 3.0
"""Seconds between asking a process to end (SIGTERM) and ending it (SIGKILL)."""

_ROUNDS = 5
_START_TOLERANCE = 2.0  # the start time is counted from the boot time, which clock steps move


def runs(pid: int, started: float, folder: Path) -> bool:
    """Whether a recorded process still runs: its pid, its start and its command line agree.

    ``started`` is in seconds since the epoch; a ``pid`` of 0 stands for none.
    """
    if not pid:
        return False
    try:
        process = psutil.Process(pid)
        return (
            abs(process.create_time() - started) < _START_TOLERANCE
            and str(folder) in process.cmdline()
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def launch(
    module: str,
    words: Iterable[str],
    *,
    folder: Path,
    token: str,
    log: str,
    sockets: Sequence[int] = (),
) -> None:
    """Start a Python module that detaches itself as a process of the lab of a folder.

    It is told the folder and then the words, keeps none of our streams open, and writes what it
    says to the file ``log`` there. Raises LabError when it does not start within
    ``START_TIMEOUT``.
    """
    # -P: the folder it stands in is no place to import from.
    command = [sys.executable, "-P", "-m", module, str(folder), *words]
    (folder / log).touch(mode=0o600)
    with (folder / log).open("wb") as file:
        try:
            done = subprocess.run(
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd=folder,
                env={**os.environ, MARK: token},
                pass_fds=sockets,
                start_new_session=True,
                timeout=START_TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            raise LabError(
                f"its server did not start within {START_TIMEOUT:.0f} s", where=folder.name
            ) from None
    if done.returncode:
        raise LabError(f"its server did not start{last_words(folder / log)}", where=folder.name)


def last_words(log: Path) -> str:
    """Return the last line of a log for an error, or nothing."""
    lines = log.read_text(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f": {last}" if last else ""


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

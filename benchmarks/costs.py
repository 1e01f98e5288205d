"""What a command line costs, whole: its children are counted, and ended with it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LEFT_OUT = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
PATIENCE = 900.0
"""Seconds that a command may take, unless a caller says otherwise."""


class Cost(NamedTuple):
    """What one run took: wall time and CPU in seconds, peak memory in MB."""

    wall: float
    cpu: float
    peak: float


def whole(
    name: str,
    words: Sequence[str],
    *,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    patience: float = PATIENCE,
) -> Cost:
    """Run a command line, with ``env`` beside the caller's own, and count all of it."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env=_own_environment() | (env or {}),
            cwd=cwd,
            start_new_session=True,
        )
        late = threading.Timer(patience, _end, [process.pid])
        late.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
            wall = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            late.cancel()
            _end(process.pid)  # what it left behind, or all of it when this run was interrupted
        if process.returncode != 0:
            said.seek(0)
            raise SystemExit(f"{name} failed: {said.read().decode(errors='replace')[-2000:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000)


def _own_environment() -> dict[str, str]:
    # Without compiled modules a tool would be measured as it is on its first day only.
    return {name: value for name, value in os.environ.items() if name not in LEFT_OUT}


def _end(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)

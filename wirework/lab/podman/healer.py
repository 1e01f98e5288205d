"""What ends a fault in time: ``python -m wirework.lab.podman.healer FOLDER HOST KIND UNTIL``.

It detaches itself, and ends when the fault has been healed, by it or by others, or with the lab.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

from wirework.errors import LabError
from wirework.lab import folder as folders
from wirework.lab.podman import faults
from wirework.lab.podman.model import Fault, Record

_WATCH = 1.0
"""Seconds between two looks whether the fault is still there."""
_ATTEMPTS = 60
"""How often it tries, a second apart: a paused host cannot be helped before it goes on."""


def main(folder: Path, fault: Fault) -> None:
    """Heal the fault when its time has come, in a process of its own."""
    if os.fork():
        os._exit(0)
    while _has(folder, fault) and (left := fault.until - time.time()) > 0:
        time.sleep(min(left, _WATCH))
    for _ in range(_ATTEMPTS):
        if not _has(folder, fault):
            return
        with contextlib.suppress(LabError), folders.locked(folder):
            if _has(folder, fault):
                faults.heal(folder, fault.host, only=fault)
            return
        time.sleep(_WATCH)


def _has(folder: Path, fault: Fault) -> bool:
    record = Record.load(folder)
    return record is not None and fault in record.faults


if __name__ == "__main__":
    _, _folder, _host, _kind, _until = sys.argv
    main(Path(_folder), Fault(host=_host, kind=_kind, until=float(_until)))

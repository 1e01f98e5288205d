"""Slowing the disk of a container down, by the kernel's block throttle (cgroups(7))."""

from __future__ import annotations

import os
from pathlib import Path

from wirework.errors import LabError

BYTES = 1024**2
"""Bytes a second that a slow disk reads, and that it writes."""
OPERATIONS = 50
"""Reads a second, and writes a second."""

_SYS_BLOCK = Path("/sys/dev/block")
_CGROUPS = Path("/sys/fs/cgroup")


def slow_down(pid: int, storage: Path) -> None:
    """Slow down what the container of a process reads from its disk, and writes through to it.

    What it only leaves in memory for the kernel to write some time costs it nothing, as ever.
    Raises LabError where the files of containers lie on no disk of their own.
    """
    _limit(pid, _disk_of(storage), BYTES, OPERATIONS)


def full_speed(pid: int, storage: Path) -> None:
    """Take the limits away again."""
    _limit(pid, _disk_of(storage), 0, 0)


def _disk_of(storage: Path) -> str:
    """Return the number (``8:0``) of the disk that holds a folder; limits are for whole disks."""
    number = storage.stat().st_dev
    device = _SYS_BLOCK / f"{os.major(number)}:{os.minor(number)}"
    if not device.exists():
        raise LabError(
            f"{storage} lies on no disk that can be slowed down",
            hint="slow-disk needs a file system on one block device",
        )
    whole = device.resolve()
    if (whole / "partition").exists():
        whole = whole.parent
    return (whole / "dev").read_text().strip()


def _limit(pid: int, disk: str, rate: int, operations: int) -> None:
    """Write the limits into the container's control group; 0 stands for none."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "blkio" in controllers.split(","):
            group = _CGROUPS / "blkio" / path.lstrip("/")
            for name, value in (("bps", rate), ("iops", operations)):
                for way in ("read", "write"):
                    _write(group / f"blkio.throttle.{way}_{name}_device", f"{disk} {value}")
            return
    # The unified hierarchy has one line, and its controllers one file.
    words = (
        f"{name}={value or 'max'}"
        for name, value in (("rbps", rate), ("wbps", rate), ("riops", operations))
    )
    path = Path(f"/proc/{pid}/cgroup").read_text().strip().rpartition(":")[2]
    _write(_CGROUPS / path.lstrip("/") / "io.max", f"{disk} {' '.join(words)}")


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text)
    except OSError as error:
        raise LabError(
            f"the kernel does not slow disks down here: {file.name}: {error.strerror}",
            hint="slow-disk needs its block throttle (CONFIG_BLK_DEV_THROTTLING)",
        ) from error

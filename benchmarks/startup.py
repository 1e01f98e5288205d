"""What ``invoke --list`` costs in this project, beside an empty tasks.py.

Both are run in turn, so that whatever else the machine does falls on both alike. Ends with
status 1 when the difference is over its budget.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

PROJECT = Path(__file__).resolve().parents[1]
BUDGET = 30.0
"""Milliseconds of CPU that this project's tasks may add."""
TIMEOUT = 60.0


def cpu(folder: Path, *, says: str) -> float:
    """Return the CPU, user and system, of ``invoke --list`` in a folder, in milliseconds."""
    # As on people's machines: compiled modules are kept.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "invoke", "--list"],
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if says not in done.stdout + done.stderr:
        raise SystemExit(f"invoke --list in {folder} says: {done.stdout}{done.stderr}")
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    return (user + system) * 1000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=15)
    options = parser.parse_args()
    empty: list[float] = []
    ours: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tasks.py").touch()
        for _ in range(options.pairs + 1):
            empty.append(cpu(Path(folder), says="No tasks found"))
            ours.append(cpu(PROJECT, says="inventory.list"))
    # The first pair fills the caches: of files, and of compiled modules.
    base, full = median(empty[1:]), median(ours[1:])
    added = median(b - a for a, b in zip(empty[1:], ours[1:], strict=True))
    print(f"invoke --list, median CPU of {options.pairs} runs in turn")
    print(f"an empty tasks.py {base:8.1f} ms")
    print(f"this project      {full:8.1f} ms")
    print(f"difference        {added:8.1f} ms, x{full / base:.2f}, budget {BUDGET:.0f} ms")
    return 1 if added > BUDGET else 0


if __name__ == "__main__":
    sys.exit(main())

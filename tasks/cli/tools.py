"""The tools that judge the project itself, run in its own folder and environment."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wirework.errors import BadInput, CommandFailed

ROOT = Path(__file__).resolve().parents[2]

HOUSE: dict[str, tuple[str, ...]] = {
    "lint": ("ruff", "check"),
    "format": ("ruff", "format", "--check"),
    "types": ("mypy",),
    "floors": ("lint-imports",),
}
"""What holds the rules of the house: a name and the command."""

# Tests of one group share a worker, and with it the costly things that they share.
TESTS = (sys.executable, "-m", "pytest", "-n", "auto", "--dist", "loadgroup")


@dataclass(frozen=True)
class Tool:
    """One tool's verdict."""

    check: str
    ok: bool
    seconds: float


def prepare_machine() -> None:
    """Install what the tests need of the machine, or say what will not be tested."""
    _run(sys.executable, "-m", "tests.machine")


def pytest(*options: str) -> None:
    """Run the tests; raises CommandFailed when one fails."""
    status = _run(*TESTS, *options)
    if status:
        raise CommandFailed("the tests did not pass", hint="see above")


def benchmarks(name: str) -> None:
    """Run one benchmark, or all; raises BadInput for a name that is none of them."""
    scripts = {script.stem: script for script in sorted((ROOT / "benchmarks").glob("*.py"))}
    if name and name not in scripts:
        raise BadInput(f"there is no benchmark {name!r}", hint=f"there are {', '.join(scripts)}")
    for script in [scripts[name]] if name else scripts.values():
        status = _run(sys.executable, str(script))
        if status:
            raise CommandFailed(f"{script.name} ended with status {status}", hint="see above")


def check_all() -> Sequence[Tool]:
    """Run every tool, and then the tests that are not such tools themselves."""
    verdicts = []
    for name, command in HOUSE.items():
        verdicts.append(_timed(name, str(Path(sys.executable).with_name(command[0])), *command[1:]))
    return [*verdicts, _timed("tests", *TESTS, "-q", "-m", "not house")]


def _timed(name: str, *command: str) -> Tool:
    started = time.monotonic()
    status = _run(*command)
    return Tool(name, status == 0, round(time.monotonic() - started, 1))


def _run(*command: str) -> int:
    sys.stdout.flush()
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            if os.getpid() == 1:
                _reap_until(process)
            return process.wait()
        except BaseException:
            process.kill()
            raise


def _reap_until(process: subprocess.Popen[bytes]) -> None:
    """Wait as a container's first process: what its children leave behind is ours to bury."""
    while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT):
        if ended.si_pid == process.pid:
            return
        os.waitpid(ended.si_pid, 0)

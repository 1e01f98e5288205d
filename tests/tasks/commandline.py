"""Command lines as people type them: through Invoke's own parser, here or in a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from invoke.program import Program

from tasks.namespace import ns

REPO = Path(__file__).parents[2]
TIMEOUT = 60.0

# A test that runs in the background inherits an ignored SIGINT, which people's terminals do not.
INTERRUPTIBLE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from invoke.main import program
program.run()
"""


@dataclass(frozen=True)
class Said:
    """What a command line ended with and wrote."""

    status: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        """The lines that tell what went wrong."""
        return [line for line in self.err.splitlines() if line.startswith("error:")]


Typed = Callable[..., Said]


def type_in(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> Said:
    """Give words to Invoke in this process; what was written before is dropped."""
    capsys.readouterr()
    status = 0
    try:
        Program(namespace=ns, name="Invoke", binary="invoke").run(["invoke", *words])
    except SystemExit as end:
        status = int(end.code or 0)
    captured = capsys.readouterr()
    return Said(status, captured.out, captured.err)


def command(*words: str, launcher: tuple[str, ...] = ("-m", "invoke")) -> list[str]:
    """Return the argument list of a process that runs Invoke on this project's tasks."""
    return [sys.executable, *launcher, "--search-root", str(REPO), *words]


def run_process(
    argv: list[str], cwd: Path, environment: Mapping[str, str] | None = None, **options: Any
) -> Said:
    """Run a process to its end."""
    done = subprocess.run(
        argv,
        check=False,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        **options,
    )
    return Said(done.returncode, done.stdout, done.stderr)

"""The demo, as a newcomer runs it: it comes out well, is understood, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from tests.tasks.commandline import INTERRUPTIBLE, REPO
from wirework.lab.processes import MARK

PATIENCE = 30.0


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, so that nobody's own lab is in the way."""
    copy = tmp_path / "project"
    copy.mkdir()
    for name in ("tasks.py", "inventory.yaml"):
        shutil.copy(REPO / name, copy)
    for name in ("tasks", "playbooks", "roles", "templates"):
        if (REPO / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(REPO / name, copy / name, ignore=ignore)
    return copy


class Demo:
    """The demo in a process of its own, with the token of its lab once that is known."""

    def __init__(self, project: Path, *words: str) -> None:
        self.lab = project / ".wirework" / "lab-demo"
        self.token = ""
        self._errors = project / "errors"
        with self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", INTERRUPTIBLE, "demo", *words],
                cwd=project,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._out: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout:
            self._out.extend(self.process.stdout)

    @property
    def out(self) -> str:
        return "".join(self._out)

    @property
    def err(self) -> str:
        return self._errors.read_text()

    def until(self, text: str) -> None:
        """Wait until the lab is being made and the demo has said ``text``; learn its token."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            if not self.token:
                self._learn()
            if text in self.out and self.token:
                return
            time.sleep(0.01)
        pytest.fail(f"the demo did not say {text!r}: {self.out}\n{self.err}")

    def end(self) -> int:
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status

    def left(self) -> list[int]:
        """Return the processes of its lab that still run."""
        return [
            process.pid
            for process in psutil.process_iter()
            if process.pid != os.getpid() and self._is_ours(process)
        ]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            ours: bool = process.environ().get(MARK) == self.token
            return ours and process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):
            return False

    def _learn(self) -> None:
        try:
            self.token = json.loads((self.lab / "state.json").read_text())["token"]
        except (OSError, ValueError):
            return


def test_the_demo_comes_out_well_and_leaves_nothing(project: Path) -> None:
    demo = Demo(project)
    demo.until("3. The deployment")
    assert demo.left()
    assert demo.end() == 0, demo.err
    assert demo.err == ""
    out = demo.out
    assert re.search(r"^Plan: Release the website  3 hosts$", out, re.MULTILINE)
    assert re.search(r"^  web\[1-3\]  \d+ changes to make  \d rounds", out, re.MULTILINE)
    assert re.search(r"^        \+<!doctype html>$", out, re.MULTILINE)
    assert re.search(r"^  web1  6 changes  3 rounds", out, re.MULTILINE)
    assert re.search(r"^  web\[2-3\]  6 changes  3 rounds", out, re.MULTILINE)
    assert len(re.findall(r"^    ✓ .*http://127\.0\.0\.1:\d+/  200", out, re.MULTILINE)) == 6
    assert len(re.findall(r"nothing to change  1 round,", out)) == 2
    assert re.search(r"^Done in [\d.]+ s, and the lab is gone again", out, re.MULTILINE)
    assert demo.left() == []
    assert not (project / ".wirework").exists()


def test_the_demo_is_data_for_programs(project: Path) -> None:
    demo = Demo(project, "-o", "json")
    assert demo.end() == 0, demo.err
    told = json.loads(demo.out)
    assert told["hosts"] == ["web1", "web2", "web3"]
    assert (told["changed"], told["changed_again"], told["rounds_again"]) == (18, 0, 1)
    assert not (project / ".wirework").exists()


@pytest.mark.parametrize("moment", ["", "2. The plan", "3. The deployment"])
def test_an_interrupted_demo_leaves_nothing(project: Path, moment: str) -> None:
    demo = Demo(project)
    demo.until(moment)
    demo.process.send_signal(signal.SIGINT)
    assert demo.end() == 130, demo.err
    assert demo.err.splitlines()[-1] == "error: interrupted"
    assert "Traceback" not in demo.err
    assert "Done in" not in demo.out
    assert demo.left() == []
    assert not (project / ".wirework").exists()

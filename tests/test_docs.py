"""What the README and the docs tell people to type works as it stands, in their order."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.machine import require

REPO = Path(__file__).parents[1]
FILES = ("README.md", *sorted(f"docs/{path.name}" for path in (REPO / "docs").glob("*.md")))
TRIED_ELSEWHERE = ("demo", "test", "dev.test", "dev.check")
"""Tasks that other tests run, or that run these."""
FIXED_PORTS = (2201, 2202, 2203, 8001, 8002, 8003)
TIMEOUT = 600.0
"""Seconds for one command line: the first podman lab builds the image of its hosts."""
TURN_TIMEOUT = 300.0
"""Seconds until it is this test's turn with the lab's fixed ports."""

FENCE = re.compile(r"^ *(`{3,}|~{3,})")
EXIT = re.compile(r"#.*\bexit (\d+)")


@dataclass(frozen=True)
class Line:
    """A command line of a document, and the status it has to end with."""

    where: str
    words: tuple[str, ...]
    status: int


def lines_of(file: str) -> list[Line]:
    """Return the command lines in fenced blocks; ``# exit N`` after one names its status."""
    found = []
    fence = ""
    for number, line in enumerate((REPO / file).read_text().splitlines(), 1):
        if mark := FENCE.match(line):
            fence = "" if fence == mark[1] else fence or mark[1]
            continue
        # The tests are root where there is podman, which is what sudo is for in the docs.
        text = line.removeprefix("sudo ")
        words = shlex.split(text, comments=True) if fence and is_command(text) else []
        if words and words[1:2] and words[1] not in TRIED_ELSEWHERE:
            status = EXIT.search(text)
            found.append(
                Line(f"{file}:{number}", tuple(words[1:]), int(status[1]) if status else 0)
            )
    return found


def is_command(text: str) -> bool:
    return text.startswith(("./inv ", "invoke "))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A copy of what git keeps, alone on this machine with the lab's fixed ports."""
    copy = tmp_path / "project"
    ignore = shutil.ignore_patterns(".*", "__pycache__", "fetched")
    shutil.copytree(REPO, copy, ignore=ignore)
    with its_turn():
        taken = [port for port in FIXED_PORTS if is_taken(port)]
        if taken:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(
                f"the lab's fixed ports are in use here ({taken}): ./inv lab.down first"
            )
        yield copy
        type_in(copy, "lab.down")


@contextlib.contextmanager
def its_turn() -> Iterator[None]:
    """Keep other test processes from the lab's fixed ports until the block ends.

    A name of unix(7)'s abstract kind belongs to one process and, as ports do, to one network
    namespace; nothing of it is left when the process ends in whatever way.
    """
    deadline = time.monotonic() + TURN_TIMEOUT
    with socket.socket(socket.AF_UNIX) as turn:
        while True:
            try:
                turn.bind("\0wirework tests: fixed lab ports")
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        yield


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def type_in(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "invoke", "--search-root", str(project), *words],
        check=False,
        cwd=project,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )


@pytest.mark.xdist_group("fixed lab ports")
@pytest.mark.parametrize("file", FILES)
def test_every_command_line_of_a_document_works(file: str, project: Path) -> None:
    lines = lines_of(file)
    if any("podman" in line.words for line in lines):
        require("podman")
    if not any(line.words[0] == "lab.up" for line in lines):
        lines = [Line(file, ("lab.up",), 0), *lines]
    for line in lines:
        done = type_in(project, *line.words)
        told = f"{line.where}: {shlex.join(line.words)}\n{done.stdout}{done.stderr}"
        assert done.returncode == line.status, told
        assert "Traceback" not in done.stderr, told


def test_the_readme_has_command_lines_to_try() -> None:
    words = {line.words[0] for line in lines_of("README.md")}
    assert {"lab.up", "remote.run", "playbook.run", "lab.down"} <= words

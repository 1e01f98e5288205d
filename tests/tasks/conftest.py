from __future__ import annotations

from pathlib import Path

import pytest

from tests.tasks.commandline import Said, Typed, command, run_process, type_in
from wirework.lab import Lab


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing of whoever runs the tests takes part in them: no key, agent, file or variable."""
    folder = tmp_path / "home"
    (folder / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    for name in ("SSH_AUTH_SOCK", "WIREWORK_OUTPUT", "WIREWORK_INVENTORY"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of the test's own, where it stands."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def typed(cwd: Path, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Types a command line: ``typed("remote.ping", "-i", "lab")``."""

    def type_words(*words: str) -> Said:
        return type_in(words, capsys)

    return type_words


@pytest.fixture
def on_lab(typed: Typed, lab: Lab) -> Typed:
    """Types a command line whose fleet is the shared lab."""

    def type_words(task: str, *words: str) -> Said:
        return typed(task, *words, "--inventory", str(lab.inventory))

    return type_words


@pytest.fixture
def process(cwd: Path) -> Typed:
    """Runs a command line in a process of its own."""

    def run(*words: str, **environment: str) -> Said:
        return run_process(command(*words), cwd, environment)

    return run

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.machine import require
from tests.tasks.commandline import Said, command, run_process
from wirework import lab as labs
from wirework.lab import Lab
from wirework.lab.podman.engine import known

TIMEOUT = 60


class OnHosts(Protocol):
    def __call__(self, lab: Lab, task: str, *words: str, timeout: float = ...) -> Said: ...


class Ssh(Protocol):
    def __call__(
        self, lab: Lab, host: str, *command: str
    ) -> subprocess.CompletedProcess[bytes]: ...


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A project's folder for labs that a test makes itself."""
    require("podman")
    yield tmp_path
    for folder in tmp_path.glob(".wirework/lab*"):
        labs.down(tmp_path, folder.name)


@pytest.fixture(scope="session")
def on_hosts(tmp_path_factory: pytest.TempPathFactory) -> OnHosts:
    """Runs a fleet task in a process of its own on a lab's hosts."""
    home = tmp_path_factory.mktemp("home")

    def run(lab: Lab, task: str, *words: str, timeout: float = TIMEOUT) -> Said:
        del timeout
        argv = command(task, *words, "--inventory", str(lab.inventory))
        return run_process(argv, home, {"HOME": str(home), "SSH_AUTH_SOCK": ""})

    return run


@pytest.fixture(scope="session")
def ssh_to() -> Ssh:
    """Runs a command on a host through the system's ssh, as lab.shell would."""
    require("ssh")

    def run(lab: Lab, host: str, *command: str) -> subprocess.CompletedProcess[bytes]:
        argv = labs.shell_command(_root(lab), lab.name, host=host)
        return subprocess.run(
            [*argv, *command],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
        )

    return run


@pytest.fixture(scope="session")
def listed() -> Any:
    """Lists what podman has of a lab: its containers, or its networks."""

    def look(what: str, folder: Path) -> list[str]:
        words = ["ps", "--all"] if what == "containers" else ["network", "ls"]
        label = f"label=wirework.folder={folder}"
        found = known(folder).json(*words, "--filter", label)
        return [each["Names"][0] if what == "containers" else each["name"] for each in found]

    return look


def _root(lab: Lab) -> Path:
    return lab.folder.parents[1]

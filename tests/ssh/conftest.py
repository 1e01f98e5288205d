from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ssh.sshd import Said, Server, running_sshd
from wirework.ssh import Pool, Remote


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture
def pool() -> Iterator[Pool]:
    """Knows no host key but those the hosts bring."""
    with Pool(known_hosts=()) as made:
        yield made


@pytest.fixture
def remote(server: Server, pool: Pool) -> Remote:
    return pool.remote(server.host())


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No key, agent, ssh_config or known_hosts of whoever runs the tests takes part in them."""
    folder = tmp_path / "home"
    (folder / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setattr("wirework.ssh.config.SYSTEM", Path(os.devnull))
    return folder


@pytest.fixture
def execute(remote: Remote) -> Callable[..., Said]:
    """Run a command on the server and keep all it says."""

    def run(command: str | list[str], **options: object) -> Said:
        out, err = bytearray(), bytearray()
        status = remote.execute(
            command,
            stdout=out.extend,
            stderr=err.extend,
            **options,  # type: ignore[arg-type]  # each test passes what it is about
        )
        return Said(status, bytes(out), bytes(err))

    return run

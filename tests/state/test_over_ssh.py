"""The engine over a real sshd: with and without sudo, with large files, and cut in the middle."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.machine import require
from tests.ssh.sshd import Server, running_sshd
from wirework.errors import Unreachable
from wirework.ssh import LocalFile, Pool, Remote
from wirework.state import OPERATIONS, Converged, Item, converge
from wirework.state.arguments import Rendered
from wirework.state.local_tree import LocalTree


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture
def remote(server: Server) -> Iterator[Remote]:
    with Pool(known_hosts=()) as pool:
        yield pool.remote(server.host())


class Files:
    """Sources whose files are local paths."""

    def render(self, name: str) -> Rendered:
        raise AssertionError(name)

    def find_file(self, name: str) -> LocalFile:
        return LocalFile.of(Path(name))

    def find_folder(self, name: str) -> LocalTree:
        raise AssertionError(name)


def play(
    remote: Remote, *wishes: tuple[str, dict[str, Any]], become: bool | None = None
) -> Converged:
    items = [Item(OPERATIONS[name].wish(arguments, Files())) for name, arguments in wishes]
    return converge(remote, items, become=become)


def test_two_hundred_steps_of_a_converged_host_are_one_exec(remote: Remote, tmp_path: Path) -> None:
    wishes: list[tuple[str, dict[str, Any]]] = [("directory", {"path": str(tmp_path / "d")})]
    wishes += [
        ("file", {"dest": str(tmp_path / "d" / f"f{n}"), "content": f"{n}\n" * 50})
        for n in range(200)
    ]
    first = play(remote, *wishes)
    assert [step.problem for step in first.steps if step.problem] == []
    assert (first.ok, first.rounds) == (True, 2)
    assert (tmp_path / "d/f199").read_text() == "199\n" * 50
    again = play(remote, *wishes)
    assert (again.changed, again.rounds) == (False, 1)


def test_a_large_file_streams(remote: Remote, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(20_000_001))
    wish = ("file", {"dest": str(tmp_path / "dest"), "src": str(source)})
    assert play(remote, wish).ok
    assert (tmp_path / "dest").read_bytes() == source.read_bytes()
    assert not play(remote, wish).changed


def test_as_another_user_with_sudo(remote: Remote, tmp_path: Path) -> None:
    require("sudo")
    wishes: list[tuple[str, dict[str, Any]]] = [
        ("directory", {"path": str(tmp_path / "d"), "owner": "nobody", "mode": "0750"}),
        ("file", {"dest": str(tmp_path / "d/f"), "content": "x", "owner": "nobody"}),
        ("line", {"path": str(tmp_path / "d/f"), "line": "y"}),
    ]
    first = play(remote, *wishes, become=True)
    assert [step.problem for step in first.steps if step.problem] == []
    assert first.changed
    assert (tmp_path / "d/f").owner() == "nobody"
    # The line is added to what the file holds, so the file's own step undoes it again.
    assert play(remote, *wishes[2:], become=True).changed is False
    assert play(remote, *wishes[:1], become=True).changed is False


def test_a_host_lost_in_the_middle_is_told_and_the_next_run_goes_on(
    server: Server, tmp_path: Path
) -> None:
    stamp = tmp_path / "started"
    wishes: list[tuple[str, dict[str, Any]]] = [
        ("file", {"dest": str(tmp_path / "a"), "content": "1"}),
        ("command", {"argv": ["sh", "-c", f"touch {stamp}; sleep 3"], "creates": f"{stamp}2"}),
        ("file", {"dest": str(tmp_path / "b"), "content": "2"}),
    ]
    with Pool(known_hosts=()) as pool:
        remote = pool.remote(server.host())
        transport = remote.transport()

        def cut() -> None:
            while not stamp.exists():
                time.sleep(0.01)
            transport.sock.close()

        threading.Thread(target=cut, daemon=True).start()
        with pytest.raises(Unreachable) as caught:
            play(remote, *wishes)
    assert "while this was under way" in str(caught.value)
    assert f"touch {stamp}" in str(caught.value)
    assert caught.value.where == "box"
    (tmp_path / "started2").touch()
    with Pool(known_hosts=()) as pool:
        result = play(pool.remote(server.host()), *wishes)
    assert [step.status.value for step in result.steps] == ["ok", "ok", "changed"]

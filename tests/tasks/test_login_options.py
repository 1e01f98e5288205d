"""Options of every fleet task that say how hosts are reached, on a real lab."""

from __future__ import annotations

import getpass
import json
from pathlib import Path

import pytest

from tests.machine import require
from tests.tasks.commandline import Typed
from wirework.lab import Lab


def test_processes_share_the_hosts_and_nothing_else_changes(process: Typed, lab: Lab) -> None:
    words = ("remote.run", "echo out; echo err >&2", "--hosts", "web", "-i", str(lab.inventory))
    alone, shared = process(*words), process(*words, "--procs", "2")
    assert (shared.status, shared.out) == (alone.status, alone.out)
    assert shared.status == 0
    assert shared.out == "web[1-3] (3 hosts)\n  out\n  err\n"


def test_lines_are_heard_from_other_processes_as_they_come(process: Typed, lab: Lab) -> None:
    words = ("remote.run", "echo $((6*7))", "--hosts", "web", "-i", str(lab.inventory))
    said = process(*words, "--procs", "2", "--live")
    assert sorted(said.out.splitlines()) == ["web1 | 42", "web2 | 42", "web3 | 42"]


def test_a_host_that_is_away_is_told_from_another_process_too(process: Typed, cwd: Path) -> None:
    (cwd / "inventory.yaml").write_text(
        "all: {hosts: {gone: {address: 127.0.0.1, port: 1, ssh_config: none}}}"
    )
    said = process("remote.ping", "--procs", "2", "--connect-retries", "0")
    assert said.status == 4
    assert said.errors == ["error: gone: connection refused (is sshd running on 127.0.0.1 port 1?)"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--procs", "0"), "0 processes do no work (procs is at least 1)"),
        (("--become-method", "runas"), "--become-method is 'runas' (one of sudo, su, doas)"),
        (
            ("--become-password", "hunter2"),
            "a secret names its source, not its value",
        ),
    ],
)
def test_options_of_no_use_are_one_line(on_lab: Typed, words: tuple[str, ...], line: str) -> None:
    said = on_lab("remote.ping", *words)
    assert said.status == 2
    (error,) = said.err.splitlines()
    assert error.startswith(f"error: {line}")
    assert "hunter2" not in error


def test_another_user_is_logged_in_as(on_lab: Typed) -> None:
    said = on_lab("remote.ping", "--user", "nobody-of-that-name", "--hosts", "web1")
    assert said.status == 4
    assert "refused to log in nobody-of-that-name" in said.err


def test_json_is_the_same_from_several_processes(process: Typed, lab: Lab) -> None:
    words = ("remote.ping", "-o", "json", "-i", str(lab.inventory), "--procs", "2")
    outcomes = json.loads(process(*words).out)
    assert [(o["host"], o["status"]) for o in outcomes] == [
        ("web1", "ok"),
        ("web2", "ok"),
        ("web3", "ok"),
    ]


def test_becoming_is_implied_by_naming_whom(on_lab: Typed) -> None:
    require("sudo")
    said = on_lab("remote.run", "id -un", "--become-user", getpass.getuser(), "--hosts", "web1")
    assert (said.status, said.out) == (0, f"web1\n  {getpass.getuser()}\n")

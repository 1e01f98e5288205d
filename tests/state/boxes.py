"""Root on a lab host of one image: what is asked of it by hand, and wishes that come true there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.ssh.sshd import Said
from tests.state.conftest import Nowhere
from wirework.inventory import Host
from wirework.lab import Lab
from wirework.ssh import LocalFile, Pool, Remote
from wirework.state import OPERATIONS, Converged, Item, converge
from wirework.state.converge import Executor

Wished = tuple[str, dict[str, Any]]


class Files(Nowhere):
    def find_file(self, name: str) -> LocalFile:
        return LocalFile.of(Path(name))


@contextlib.contextmanager
def root_of(lab: Lab) -> Iterator[Remote]:
    """Log in as root to the one host of a lab."""
    address = lab.hosts[0].address
    host = Host("web1", address, port=22, user="root", key=lab.key, known_hosts=lab.known_hosts)
    with Pool(known_hosts=()) as pool:
        yield pool.remote(host)


def sh(remote: Executor, script: str) -> Said:
    out, err = bytearray(), bytearray()
    status = remote.execute(["sh", "-c", script], stdout=out.extend, stderr=err.extend)
    return Said(status, bytes(out), bytes(err))


def said(remote: Executor, script: str) -> str:
    """Return what a script that must not fail says."""
    answer = sh(remote, f"set -e\n{script}")
    assert answer.status == 0, answer
    return answer.out.decode()


def play(remote: Executor, *wishes: Wished, check: bool = False) -> Converged:
    items = [Item(OPERATIONS[name].wish(arguments, Files())) for name, arguments in wishes]
    return converge(remote, items, check=check)


def problem(remote: Executor, *wishes: Wished) -> str:
    """Return why the last of the wishes does not come true."""
    return play(remote, *wishes).steps[-1].problem


def done(remote: Executor, *wishes: Wished) -> list[str]:
    """Plan, apply, apply again; return what was said of it."""
    plan = play(remote, *wishes, check=True)
    first = play(remote, *wishes)
    assert [(step.problem, step.output) for step in first.steps if step.problem] == []
    for planned, made in zip(plan.steps, first.steps, strict=True):
        assert planned.uncertain or planned.changes == made.changes
    again = play(remote, *wishes)
    assert ([s.status.value for s in again.steps], again.rounds) == (["ok"] * len(wishes), 1), again
    return [change.says for step in first.steps for change in step.changes]

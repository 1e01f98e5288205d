"""The lab's tasks as people type them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tasks.commandline import Said, command, run_process

pytestmark = pytest.mark.xdist_group("podman-alone")


def test_a_rehearsal_from_up_to_down(root: Path) -> None:
    made = _typed(
        root, "lab.up", "--driver", "podman", "--group", "web=1:busybox", "--group", "db=1:busybox"
    )
    assert made.status == 0, made.err
    told = ["name", "group", "address", "port", "http", "port", "state", "image", "user"]
    assert made.out.split("\n")[0].split() == told
    assert "Reach them with -i lab" in made.err
    assert _typed(root, "remote.ping", "-i", "lab").status == 0

    broken = _typed(root, "lab.fault", "web1", "partition", "--for", "60s", "-o", "json")
    assert _typed(root, "lab.status").out.split("\n")[0].split() == [*told, "faults"]
    web1, db1 = json.loads(broken.out)["hosts"]
    assert (web1["state"], db1["state"]) == ("down", "up")
    assert web1["faults"][0].startswith("partition (")

    healed = _typed(root, "lab.heal", "--host", "web1", "-o", "json")
    assert [host["state"] for host in json.loads(healed.out)["hosts"]] == ["up", "up"]

    assert _typed(root, "lab.down").status == 0
    assert list(root.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "status", "problem"),
    [
        (("lab.up", "--driver", "docker"), 2, "'docker' is no driver of labs"),
        (("lab.up", "--driver", "podman", "--delay", "fast"), 2, "--delay: 'fast' is no duration"),
        (("lab.up", "--driver", "podman", "--group", "web=1:"), 2, "'web=1:' names no image"),
        (("lab.fault", "web1"), 2, "lab.fault needs KIND"),
        (("lab.fault", "web1", "pause", "--for", "soon"), 2, "--for: 'soon' is no duration"),
        (("lab.fault", "web1", "pause"), 2, "there is no lab 'lab' here"),
        (("lab.heal",), 2, "there is no lab 'lab' here"),
        (("lab.shell", "web1"), 2, "there is no lab 'lab' here"),
    ],
)
def test_wrong_words_are_one_line(
    tmp_path: Path, words: tuple[str, ...], status: int, problem: str
) -> None:
    said = _typed(tmp_path, *words)
    assert said.status == status
    assert said.err.startswith(f"error: {problem}")
    assert said.err.count("\n") == 1


def _typed(root: Path, *words: str) -> Said:
    return run_process(command(*words), root)

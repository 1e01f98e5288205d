"""Commands, scripts and checkouts as another user; and whatever takes too long."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.labs import LabImage
from tests.state.conftest import LocalShell
from tests.state.test_converge import NASTY, Folder, items, play, statuses
from wirework.errors import BadInput
from wirework.inventory import load
from wirework.ssh import Pool, Remote
from wirework.state import OPERATIONS, Converged, converge

Wish = tuple[str, dict[str, Any]]
TELL = 'id -un; pwd; echo "$HOME $USER $LOGNAME $A"; for word do printf "<%s>" "$word"; done'
LONG = "sleep 60 & echo $! >child; sleep 60"
STUBBORN = f"trap '' TERM; {LONG}"


def problems(result: Converged) -> list[str]:
    return [step.problem for step in result.steps if step.problem]


@contextmanager
def root_of(lab: Any) -> Iterator[Remote]:
    with Pool() as pool:
        yield pool.remote(load([lab.inventory]).hosts["web1"])


def said(remote: Remote, command: list[str], *, become: bool = False) -> str:
    found = bytearray()
    remote.execute(command, stdout=found.extend, stderr=found.extend, become=become)
    return found.decode("utf-8", "surrogateescape")


@pytest.mark.xdist_group("podman")
@pytest.mark.parametrize("way", ["runuser", "su"])
def test_work_is_done_as_another_user(lab_image: LabImage, tmp_path: Path, way: str) -> None:
    """Everything that a step runs is that user's: guards, environment, files, keys of git."""
    folder, out = f"/srv/{way}", f"/srv/{way}/out"
    script = tmp_path / "work it.sh"
    script.write_text(f"#!/bin/sh\n{{ {TELL}; }} >>{out}\n")
    sources = Folder(file=script)
    hide = ["chmod", "000" if way == "su" else "755", "/usr/sbin/runuser", "/sbin/runuser"]
    home = {"system": True, "home": "/srv/home", "shell": "/bin/false"}
    before: list[Wish] = [
        ("user", {"name": "de-ploy.er", **home}),
        ("directory", {"path": folder, "owner": "de-ploy.er"}),
    ]
    done_by = 'test "$(id -un) $HOME" = "de-ploy.er /srv/home" -a -e "$1"'
    wishes: list[Wish] = [
        (
            "command",
            {
                "argv": ["sh", "-c", f"{{ {TELL}; }} >{out}", "sh", NASTY, "-c", "*"],
                "user": "de-ploy.er",
                "env": {"A": NASTY},
                "unless": ["sh", "-c", done_by, "sh", out],
                "onlyif": ["test", "-O", folder],
                "timeout": 60,
            },
        ),
        (
            "script",
            {
                "src": "work it.sh",
                "args": ["-c"],
                "user": "de-ploy.er",
                "chdir": folder,
                "creates": "script",
            },
        ),
        ("command", {"argv": ["touch", "script"], "user": "de-ploy.er", "chdir": folder,
                     "creates": "script"}),
    ]  # fmt: skip
    with root_of(lab_image("debian")) as remote:
        try:
            said(remote, hide, become=True)
            assert problems(converge(remote, items(*before), become=True)) == []
            plan = converge(remote, items(*wishes, sources=sources), check=True, become=True)
            done = converge(remote, items(*wishes, sources=sources), become=True)
            assert problems(done) == []
            assert [step.changes for step in plan.steps] == [step.changes for step in done.steps]
            again = converge(remote, items(*wishes, sources=sources), become=True)
            assert (problems(again), again.changed, again.rounds) == ([], False, 1)
            who = "/srv/home de-ploy.er de-ploy.er"
            wished = f"de-ploy.er\n/\n{who} {NASTY}\n<{NASTY}><-c><*>"
            wished += f"de-ploy.er\n{folder}\n{who} \n<-c>"
            assert said(remote, ["cat", out], become=True) == wished
            assert (
                said(remote, ["stat", "-c", "%U", f"{folder}/script"], become=True)
                == "de-ploy.er\n"
            )
            assert said(remote, ["find", "/tmp", "-name", "script"], become=True) == ""
            nobody: Wish = ("command", {"argv": ["true"], "user": "no-such"})
            assert problems(converge(remote, items(nobody), become=True)) == [
                "there is no user no-such"
            ]
            as_login = converge(remote, items(("command", {"argv": ["true"], "user": "nobody"})))
            assert "cannot work as nobody (become: true: only root can)" in problems(as_login)[0]
        finally:
            said(remote, ["chmod", "755", "/usr/sbin/runuser", "/sbin/runuser"], become=True)


@pytest.mark.xdist_group("podman")
def test_busybox_works_as_another_user_too(lab_image: LabImage) -> None:
    """It has su alone, and a timeout(1) that ends one process of many."""
    tell = f"{{ {TELL}; }} >/tmp/said"
    wishes: list[Wish] = [
        (
            "command",
            {"argv": ["sh", "-c", tell, "sh", NASTY, "-c"], "user": "ops", "env": {"A": 1}},
        ),
        ("command", {"argv": ["sh", "-c", f"cd /tmp; {LONG}"], "user": "ops", "timeout": 1}),
    ]
    with Pool() as pool:
        remote = pool.remote(load([lab_image("busybox").inventory]).hosts["web1"])
        result = converge(remote, items(*wishes))
        found = said(remote, ["cat", "/tmp/said"])
        left = said(
            remote, ["sh", "-c", 'kill -0 "$(cat /tmp/child)" && echo alive; rm /tmp/child']
        )
    assert problems(result) == ["it took longer than 1 s and was ended (status 124)"]
    assert found == f"ops\n/home/ops\n/home/ops ops ops 1\n<{NASTY}><-c>"
    assert "alive" not in left


def test_the_login_itself_needs_no_root(host: LocalShell) -> None:
    me = subprocess.run(["id", "-un"], check=True, capture_output=True, text=True, timeout=9)
    wish: Wish = ("command", {"argv": ["sh", "-c", "echo x >>out"], "user": me.stdout.strip()})
    result = play(host, wish)
    assert (problems(result), (host.home / "out").read_text()) == ([], "x\n")


@pytest.mark.parametrize(
    ("name", "arguments", "complaint"),
    [
        ("command", {"argv": ["x"], "user": "a b"}, "'a b' is no user name"),
        ("command", {"argv": ["x"], "user": "~"}, "is no user name"),
        ("command", {"argv": ["x"], "user": "-l"}, "is no user name"),
        ("command", {"argv": ["x"], "user": "a", "creates": "b"}, "paths are absolute"),
        ("command", {"argv": ["x"], "user": "a", "chdir": "b"}, "paths are absolute"),
        ("command", {"argv": ["x"], "user": "a", "env": {"HOME": "/"}}, "env: HOME is that of"),
        ("command", {"argv": ["x"], "timeout": 0}, "timeout is 1 to 86400 seconds"),
        ("command", {"argv": ["x"], "timeout": 9, "ok_codes": 124}, "took longer than timeout"),
        ("git", {"repo": "r", "dest": "d", "user": "a"}, "dest is an absolute path"),
        ("git", {"repo": "r", "dest": "/d", "user": "a;b"}, "is no user name"),
        ("git", {"repo": "r", "dest": "/d", "timeout": 0}, "timeout is 1 to"),
    ],
)
def test_wrong_arguments_are_refused(name: str, arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BadInput) as caught:
        OPERATIONS[name].wish(arguments, Folder())
    assert complaint in str(caught.value)


def is_alive(pid: str) -> bool:
    status = Path(f"/proc/{pid.strip()}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("name", ["command", "script"])
def test_what_takes_too_long_is_ended_with_all_that_it_started(
    host: LocalShell, tmp_path: Path, name: str
) -> None:
    (tmp_path / "long.sh").write_text(STUBBORN)
    main = {"argv": ["sh", "-c", LONG]} if name == "command" else {"src": "long.sh"}
    wishes: list[Wish] = [(name, {**main, "timeout": 1}), ("command", {"argv": ["touch", "after"]})]
    result = play(host, *wishes, sources=Folder(file=tmp_path / "long.sh"))
    assert statuses(result) == ["failed", "not run"]
    assert problems(result) == ["it took longer than 1 s and was ended (status 124)"]
    assert not is_alive((host.home / "child").read_text())


@pytest.mark.parametrize("status", [0, 1, 124, 137, 143])
def test_a_limit_that_is_kept_changes_no_status(host: LocalShell, status: int) -> None:
    wish: Wish = ("command", {"argv": ["sh", "-c", f"echo hello; exit {status}"], "timeout": 60})
    result = play(host, wish)
    assert problems(result) == ([f"hello (status {status})"] if status else [])


def test_a_host_without_timeout_does_not_pretend(bare: LocalShell) -> None:
    (Path(bare.path) / "timeout").unlink()
    assert problems(play(bare, ("command", {"argv": ["touch", "x"], "timeout": 7}))) == [
        "not run: this host has no timeout(1) to end it after 7 s (status 125)"
    ]
    assert list(bare.home.iterdir()) == []

"""Checkouts of real repositories, under dash, bash and busybox."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.machine import program, require
from tests.ssh.sshd import running_sshd
from tests.state.conftest import LocalShell
from tests.state.test_converge import NASTY, Folder, items, play, statuses
from tests.state.transfers import Wish, planned_applied_and_converged, problems
from wirework.errors import BadInput
from wirework.ssh import Pool
from wirework.state import OPERATIONS, converge


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    require("transfers")


def run_git(folder: Path, *words: str) -> str:
    named = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *named, *words],
        cwd=folder,
        env=env,
        check=True,
        capture_output=True,
        timeout=30,
        text=True,
    )
    return done.stdout.strip()


def commit(folder: Path, content: str) -> str:
    (folder / "f").write_text(content)
    run_git(folder, "add", "f")
    run_git(folder, "commit", "-qm", content)
    return run_git(folder, "rev-parse", "HEAD")


@pytest.fixture
def origin(tmp_path: Path, host: LocalShell) -> Path:
    """A repository with two commits, a tag of the first and a branch with a third."""
    (host.home.parent / "bin/git").symlink_to(program("git") or "")
    folder = tmp_path / "ori gin"
    folder.mkdir()
    run_git(folder, "init", "-q")
    commit(folder, "one")
    run_git(folder, "tag", "-am", "the first", "v1")
    commit(folder, "two")
    run_git(folder, "checkout", "-qb", "side/line")
    commit(folder, "three")
    run_git(folder, "checkout", "-q", "main")
    return folder


@pytest.mark.parametrize("depth", [None, 1])
@pytest.mark.parametrize(
    ("version", "content"),
    [("HEAD", "two"), ("main", "two"), ("v1", "one"), ("side/line", "three")],
)
def test_a_checkout_of_a_branch_a_tag_and_the_head(
    host: LocalShell, origin: Path, version: str, content: str, depth: int | None
) -> None:
    wish: Wish = ("git", {"repo": origin.as_uri(), "dest": NASTY, "version": version})
    if depth:
        wish[1]["depth"] = depth
    planned_applied_and_converged(host, wish)
    assert (host.home / NASTY / "f").read_text() == content
    assert run_git(host.home / NASTY, "rev-list", "--count", "HEAD") == (
        "1" if depth else {"one": "1", "two": "2", "three": "3"}[content]
    )


def test_a_commit_that_is_checked_out_needs_no_network(host: LocalShell, origin: Path) -> None:
    first = run_git(origin, "rev-parse", "v1^{commit}")
    wish: Wish = ("git", {"repo": str(origin), "dest": "co", "version": first})
    planned_applied_and_converged(host, wish)
    origin.rename(origin.with_name("gone"))
    assert statuses(play(host, wish)) == ["ok"]
    moved: Wish = ("git", {"repo": str(origin), "dest": "co"})
    assert "cannot be asked: fatal: " in problems(play(host, moved))[0]


def test_a_branch_that_moves_is_followed_even_when_it_was_rewritten(
    host: LocalShell, origin: Path
) -> None:
    wish: Wish = ("git", {"repo": origin.as_uri(), "dest": "co", "version": "main", "depth": 1})
    play(host, wish)
    run_git(origin, "reset", "-q", "--hard", "v1")
    new = commit(origin, "other")
    planned_applied_and_converged(host, wish)
    assert run_git(host.home / "co", "rev-parse", "HEAD") == new


def test_local_changes_are_refused_or_thrown_away(host: LocalShell, origin: Path) -> None:
    wish: Wish = ("git", {"repo": str(origin), "dest": "co"})
    play(host, wish)
    (host.home / "co/f").write_text("mine")
    (host.home / "co/new").write_text("stays")
    assert problems(play(host, wish)) == [
        "co has local changes (force: true throws them away)",
    ]
    planned_applied_and_converged(host, ("git", {**wish[1], "force": True}))
    assert (host.home / "co/f").read_text() == "two"
    assert (host.home / "co/new").read_text() == "stays"


CUT = """#!/bin/sh
case " $* " in *" {word} "*) ;; *) exec {git} "$@" ;; esac
: >.git/index.lock; : >.git/shallow.lock; echo half >f
kill -9 $$
"""


@pytest.mark.parametrize("word", ["fetch", "checkout"])
def test_a_checkout_that_was_cut_short_is_finished(
    host: LocalShell, origin: Path, word: str
) -> None:
    wish: Wish = ("git", {"repo": origin.as_uri(), "dest": "co", "version": "v1", "depth": 1})
    play(host, wish)
    git = host.home.parent / "bin/git"
    real = git.readlink()
    git.unlink()
    git.write_text(CUT.format(git=real, word=word))
    git.chmod(0o755)
    wish[1]["version"] = "main"
    assert statuses(play(host, wish)) == ["failed"]
    assert (host.home / "co/f").read_text() == "half\n"
    git.unlink()
    git.symlink_to(real)
    (step,) = play(host, wish, check=True).steps
    assert step.changes[0].says.endswith("(main), which was cut short")
    planned_applied_and_converged(host, wish)
    assert (host.home / "co/f").read_text() == "two"


def test_a_git_that_is_still_at_work_is_not_disturbed(host: LocalShell, origin: Path) -> None:
    wish: Wish = ("git", {"repo": str(origin), "dest": "co"})
    play(host, wish)
    run_git(host.home / "co", "config", "wirework.unfinished", "x")
    lock = host.home / "co/.git/index.lock"
    lock.touch()
    at_work = ["git", "hash-object", "--stdin"]
    with subprocess.Popen(at_work, cwd=host.home / "co", stdin=-1, stdout=-1):
        result = play(host, wish)
        assert statuses(result) == ["failed"]
        assert "git is still at work there" in str(result.steps[0].output)
        assert lock.exists()
    assert statuses(play(host, wish)) == ["changed"]


def test_another_origin_is_set(host: LocalShell, origin: Path, tmp_path: Path) -> None:
    play(host, ("git", {"repo": str(origin), "dest": "co"}))
    other = tmp_path / "other"
    run_git(tmp_path, "clone", "-q", str(origin), str(other))
    planned_applied_and_converged(host, ("git", {"repo": str(other), "dest": "co"}))
    assert run_git(host.home / "co", "remote", "get-url", "origin") == str(other)


def test_what_is_no_checkout_is_left_alone(host: LocalShell, origin: Path) -> None:
    run_git(host.home, "init", "-q")
    (host.home / "full").mkdir()
    (host.home / "full/f").write_text("mine")
    (host.home / "empty").mkdir()
    (host.home / "file").write_text("mine")
    for dest, version, complaint in [
        ("full", "HEAD", "full holds files, but is no checkout"),
        ("file", "HEAD", "file is a file, not a folder"),
        ("no/co", "HEAD", "there is no folder no"),
        ("co", "nope", "there is no branch or tag nope in"),
    ]:
        wish: Wish = ("git", {"repo": str(origin), "dest": dest, "version": version})
        result = play(host, wish)
        assert complaint in problems(result)[0]
        assert result.rounds == 1
    planned_applied_and_converged(host, ("git", {"repo": str(origin), "dest": "empty"}))
    assert (host.home / "empty/f").read_text() == "two"


def test_a_checkout_from_a_daemon_by_a_commit_id(
    host: LocalShell, origin: Path, tmp_path: Path
) -> None:
    first = run_git(origin, "rev-parse", "v1^{commit}")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer:
                    subprocess.run(
                        ["git", "daemon", "--inetd", "--export-all", str(tmp_path)],
                        stdin=peer,
                        stdout=peer,
                        check=False,
                        timeout=30,
                    )

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"git://127.0.0.1:{port}{tmp_path}/ori gin/.git"
        for wish in (
            {"repo": url, "dest": "a", "version": first},
            {"repo": url, "dest": "b", "version": first, "depth": 1},
            {"repo": url, "dest": "c"},
        ):
            planned_applied_and_converged(host, ("git", wish))
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert (host.home / "b/f").read_text() == "one"
    assert (host.home / "c/f").read_text() == "two"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may look into; what others make there goes with it."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="ww-git-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
        subprocess.run(["sudo", "-n", "rm", "-rf", f"{name}/mine"], check=True, timeout=10)


def test_git_works_as_another_user(open_folder: Path, tmp_path: Path) -> None:
    """The repository is nobody's own: git would not read it for root."""
    require("sudo")
    mine = open_folder / "mine"
    (mine / "origin").mkdir(parents=True)
    run_git(mine / "origin", "init", "-q")
    commit(mine / "origin", "one")
    wish: Wish = (
        "git",
        {"repo": f"{mine}/origin", "dest": f"{mine}/co", "user": "nobody", "depth": 1},
    )
    subprocess.run(["sudo", "-n", "chown", "-R", "nobody", str(mine)], check=True, timeout=10)
    with running_sshd(tmp_path) as server, Pool(known_hosts=()) as pool:
        remote = pool.remote(server.host())
        plan = converge(remote, items(wish), become=True, check=True)
        done = converge(remote, items(wish), become=True)
        again = converge(remote, items(wish), become=True)
        (absent,) = problems(
            converge(remote, items(("git", {**wish[1], "user": "no-such"})), become=True)
        )
    assert problems(done) == []
    assert plan.steps == done.steps
    assert (again.changed, again.rounds) == (False, 1)
    assert ((mine / "co/f").read_text(), (mine / "co/f").owner()) == ("one", "nobody")
    assert (mine / "co/.git/config").owner() == "nobody"
    assert absent == "there is no user no-such"


def test_a_fetch_that_takes_too_long_is_ended(host: LocalShell) -> None:
    (host.home.parent / "bin/git").unlink(missing_ok=True)
    (host.home.parent / "bin/git").symlink_to(program("git") or "")
    (host.home / "ssh").write_text("#!/bin/sh\nexec sleep 60\n")
    (host.home / "ssh").chmod(0o755)
    commit_id = "1" * 40
    run_git(host.home, "init", "-q", "co")
    run_git(host.home / "co", "config", "core.sshCommand", str(host.home / "ssh"))
    wish: Wish = (
        "git",
        {"repo": "ssh://h/r", "dest": "co", "version": commit_id, "timeout": 1},
    )
    assert problems(play(host, wish)) == ["it took longer than 1 s and was ended (status 124)"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"repo": "--upload-pack=x", "dest": "d"}, "no URL or path"),
        ({"repo": "https://u:secret@h/r", "dest": "d"}, "repo holds a password"),
        ({"repo": "r", "dest": "d", "version": "--x"}, "no branch, tag"),
        ({"repo": "r", "dest": "d", "version": "a..b"}, "no branch, tag"),
        ({"repo": "r", "dest": "d", "depth": 0}, "depth counts commits"),
    ],
)
def test_wrong_arguments_are_refused_before_the_first_question(
    arguments: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(BadInput) as caught:
        OPERATIONS["git"].wish(arguments, Folder())
    assert complaint in str(caught.value)
    assert "secret" not in str(caught.value)

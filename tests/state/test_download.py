"""Files that the host fetches itself, from a real server, under dash, bash and busybox."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.machine import program, require
from tests.ssh.sshd import Server, running_sshd
from tests.state.conftest import LocalShell
from tests.state.test_converge import NASTY, Folder, items, play, statuses
from tests.state.transfers import (
    APP,
    APP_TREE,
    Wish,
    planned_applied_and_converged,
    problems,
    tar,
    tree,
)
from wirework.errors import BadInput
from wirework.ssh import Pool
from wirework.state import OPERATIONS, Converged, converge


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    require("transfers")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server on loopback: its URL and its folder."""
    folder = tmp_path / "web"
    folder.mkdir()
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", folder
        server.shutdown()
        thread.join()


def checksum(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_a_download_is_fetched_once(host: LocalShell, web: tuple[str, Path]) -> None:
    url, folder = web
    content = os.urandom(300_000)
    (folder / "a b").write_bytes(content)
    wish: Wish = (
        "download",
        {"url": f"{url}/a%20b", "dest": NASTY, "checksum": checksum(content), "mode": "0750"},
    )
    planned_applied_and_converged(host, wish)
    assert (host.home / NASTY).read_bytes() == content
    assert (host.home / NASTY).stat().st_mode & 0o7777 == 0o750
    (folder / "a b").unlink()
    assert play(host, wish).ok
    assert statuses(play(host, ("download", {**wish[1], "mode": "0640"}))) == ["changed"]
    assert (host.home / NASTY).stat().st_mode & 0o7777 == 0o640


def test_a_download_that_is_another_file_leaves_the_old_one(
    host: LocalShell, web: tuple[str, Path]
) -> None:
    url, folder = web
    (folder / "f").write_text("new")
    (host.home / "f").write_text("old")
    (host.home / "f").chmod(0o600)
    wrong: Wish = ("download", {"url": f"{url}/f", "dest": "f", "checksum": checksum(b"other")})
    found = hashlib.sha256(b"new").hexdigest()
    assert problems(play(host, wrong)) == [f"what was fetched has another SHA-256: {found}"]
    gone: Wish = ("download", {"url": f"{url}/none", "dest": "f", "checksum": checksum(b"new")})
    assert f"{url}/none cannot be fetched: " in problems(play(host, gone))[0]
    assert (host.home / "f").read_text() == "old"
    assert [p.name for p in host.home.iterdir()] == ["f"]
    right: Wish = ("download", {"url": f"{url}/f", "dest": "f", "checksum": checksum(b"new")})
    assert statuses(play(host, right)) == ["changed"]
    assert (host.home / "f").read_text() == "new"
    assert (host.home / "f").stat().st_mode & 0o7777 == 0o600


def test_a_host_without_curl_uses_wget_and_one_without_both_says_so(
    tmp_path: Path, web: tuple[str, Path]
) -> None:
    url, folder = web
    (folder / "f").write_text("x")
    tools, home = tmp_path / "few", tmp_path / "few-home"
    tools.mkdir()
    home.mkdir()
    names = "sh mktemp stat sha256sum chmod chown mv rm dd id readlink wget"
    for name in names.split():
        (tools / name).symlink_to(program(name) or "")
    host = LocalShell(home, str(tools))
    wish: Wish = ("download", {"url": f"{url}/f", "dest": "f", "checksum": checksum(b"x")})
    planned_applied_and_converged(host, wish)
    (tools / "wget").unlink()
    (home / "f").unlink()
    assert problems(play(host, wish)) == [
        f"{url}/f cannot be fetched: there is neither curl nor wget"
    ]


def test_what_was_downloaded_is_unpacked_as_the_plan_says(
    host: LocalShell, web: tuple[str, Path]
) -> None:
    url, folder = web
    content = tar(folder / "app.tgz", *APP, mode="w:gz").read_bytes()
    planned_applied_and_converged(
        host,
        ("directory", {"path": "app"}),
        ("download", {"url": f"{url}/app.tgz", "dest": "app.tgz", "checksum": checksum(content)}),
        ("archive", {"dest": "app", "path": "app.tgz", "strip": 1}),
    )
    assert tree(host.home / "app") == APP_TREE


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    require("sudo")
    with running_sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


def test_hands_are_given_over_ssh_with_sudo(
    server: Server, web: tuple[str, Path], tmp_path: Path
) -> None:
    url, folder = web
    content = tar(folder / "app.tar", *APP).read_bytes()
    top = tmp_path / "top"
    (top / "mine").mkdir(parents=True)
    hands = {"owner": "nobody", "group": "daemon"}
    kept = {"url": f"{url}/app.tar", "dest": str(top / "app.tar"), "checksum": checksum(content)}
    wishes: list[Wish] = [
        ("download", {**kept, **hands, "mode": "4750"}),
        ("archive", {"dest": str(top), "path": str(top / "app.tar"), **hands}),
    ]
    with Pool(known_hosts=()) as pool:
        remote = pool.remote(server.host())

        def run(*wishes: Wish, check: bool = False) -> Converged:
            return converge(remote, items(*wishes), become=True, check=check)

        plan, done, again = run(*wishes, check=True), run(*wishes), run(*wishes)
        assert problems(done) == []
        assert plan.steps == done.steps
        assert (again.changed, again.rounds) == (False, 1)
        # New content of a file stays in its hands.
        subprocess.run(["sudo", "-n", "cp", "/dev/null", top / "app.tar"], check=True, timeout=10)
        assert statuses(run(("download", kept))) == ["changed"]
    for path in (top / "app.tar", top / "app-1", top / "app-1/bin/run"):
        assert (path.owner(), path.group()) == ("nobody", "daemon")
    assert (top / "app.tar").stat().st_mode & 0o777 == 0o750
    assert (top / "mine").owner() != "nobody"


SUM = checksum(b"")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"url": "http://h/", "dest": "f"}, "download needs checksum"),
        ({"url": "http://h/", "dest": "f", "checksum": "md5:1"}, "no sha256:…"),
        ({"url": "file:///x", "dest": "f", "checksum": SUM}, "none of http"),
        ({"url": "http://u:p@h/", "dest": "f", "checksum": SUM}, "holds a name"),
        ({"url": "http://h/a b", "dest": "f", "checksum": SUM}, "holds spaces"),
    ],
)
def test_wrong_arguments_are_refused_before_the_first_question(
    arguments: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(BadInput) as caught:
        OPERATIONS["download"].wish(arguments, Folder())
    assert complaint in str(caught.value)
    assert "secret" not in str(caught.value)

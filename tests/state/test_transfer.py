"""Archives, downloads and git checkouts, on real files, under dash, bash and busybox."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import os
import socket
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.machine import program, require
from tests.ssh.sshd import Server, running_sshd
from tests.state.conftest import LocalShell
from tests.state.test_converge import NASTY, Folder, items, play, statuses
from wirework.errors import BadInput
from wirework.ssh import Pool
from wirework.state import OPERATIONS, Converged, converge

Wish = tuple[str, dict[str, Any]]


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    require("transfers")


def problems(result: Converged) -> list[str]:
    return [step.problem for step in result.steps if step.problem]


def planned_applied_and_converged(host: LocalShell, *wishes: Wish, sources: Any = None) -> None:
    """A plan foresees what is done, and a second run finds nothing to do in one round."""
    plan = play(host, *wishes, check=True, sources=sources)
    done = play(host, *wishes, sources=sources)
    assert problems(done) == []
    assert plan.steps == done.steps
    again = play(host, *wishes, sources=sources)
    assert problems(again) == []
    assert (again.changed, again.rounds) == (False, 1)


def tree(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(folder))] = f"-> {path.readlink()}"
        elif path.is_file() and not path.name.startswith(".wirework"):
            found[str(path.relative_to(folder))] = path.read_text()
    return found


# Archives


def member(name: str, content: str = "", *, kind: bytes = tarfile.REGTYPE, to: str = "") -> Any:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.mode = kind, to, len(content.encode()), 0o644
    if kind == tarfile.DIRTYPE:
        info.mode = 0o755
    return info, content.encode()


def tar(path: Path, *members: Any, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]  # the mode is one
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return path


def zip_file(path: Path, **contents: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


APP = (
    member("app-1", kind=tarfile.DIRTYPE),
    member("app-1/bin/run", "#!/bin/sh\n"),
    member("app-1/share/text with spaces", "text"),
    member("app-1/bin/text", kind=tarfile.SYMTYPE, to="../share/text with spaces"),
    member("app-1/.hidden", "h"),
)
APP_TREE = {
    ".hidden": "h",
    "bin/run": "#!/bin/sh\n",
    "bin/text": "-> ../share/text with spaces",
    "share/text with spaces": "text",
}


@pytest.mark.parametrize("packing", ["w", "w:gz", "w:xz", "w:bz2"])
def test_a_tar_is_unpacked_without_its_first_folder(
    host: LocalShell, tmp_path: Path, packing: str
) -> None:
    source = tar(tmp_path / "app", *APP, mode=packing)
    (host.home / "srv").mkdir()
    (host.home / "srv/mine").write_text("kept")
    wish = ("archive", {"dest": "srv", "src": "app", "strip": 1})
    planned_applied_and_converged(host, wish, sources=Folder(file=source))
    assert tree(host.home / "srv") == {**APP_TREE, "mine": "kept"}
    assert [p.name for p in (host.home / "srv").iterdir() if p.name.startswith(".ww")] == []


def test_a_zip_is_unpacked_over_what_is_there(host: LocalShell, tmp_path: Path) -> None:
    top = host.home / "sr v"
    (top / "a/b").mkdir(parents=True)
    (top / "a/b/old").write_text("old")
    (top / "a/b/new").symlink_to("old")
    source = zip_file(tmp_path / "x", **{"a/b/new": "1", "a/c/d": "2", "-n": "3", "e f": "4"})
    wish = ("archive", {"dest": "sr v", "src": "x"})
    planned_applied_and_converged(host, wish, sources=Folder(file=source))
    # A link in the way is replaced, never written through.
    assert tree(top) == {"-n": "3", "a/b/new": "1", "a/b/old": "old", "a/c/d": "2", "e f": "4"}


def test_an_archive_of_the_host_with_odd_names(host: LocalShell) -> None:
    (host.home / NASTY).mkdir()
    tar(host.home / f"{NASTY}.tar", member(f"d/{NASTY}", "x"), member("-rf", "y"))
    wish = ("archive", {"dest": NASTY, "path": f"{NASTY}.tar"})
    planned_applied_and_converged(host, wish)
    assert tree(host.home / NASTY) == {f"d/{NASTY}": "x", "-rf": "y"}


def test_another_archive_or_another_wish_is_unpacked_again(
    host: LocalShell, tmp_path: Path
) -> None:
    (host.home / "d").mkdir()
    one = Folder(file=tar(tmp_path / "1", member("v", "1")))
    two = Folder(file=tar(tmp_path / "2", member("v", "2")))
    for sources in (one, two, one):
        name = sources.file.name if sources.file else ""
        wish = ("archive", {"dest": "d", "src": name})
        assert statuses(play(host, wish, sources=sources)) == ["changed"]
        assert (host.home / "d/v").read_text() == name


def test_creates_stands_for_a_marker(host: LocalShell, tmp_path: Path) -> None:
    (host.home / "d").mkdir()
    sources = Folder(file=tar(tmp_path / "app.tar", *APP))
    wish: Wish = ("archive", {"dest": "d", "src": "app.tar", "creates": "app-1/bin/run"})
    planned_applied_and_converged(host, wish, sources=sources)
    assert [p.name for p in (host.home / "d").iterdir()] == ["app-1"]
    wrong: Wish = ("archive", {"dest": "d", "src": "app.tar", "creates": "app-2/bin"})
    assert problems(play(host, wrong, sources=sources)) == ["there is no app-2/bin in it"]


def evil_zip(path: Path) -> Path:
    return zip_file(path, **{"good": "1", "../evil": "2"})


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda p: tar(p, member("good"), member("/tmp/ww-evil", "x")), "would leave the folder"),
        (lambda p: tar(p, member("good"), member("a/../../evil", "x")), "would leave the folder"),
        (lambda p: tar(p, member("../evil", "x")), "would leave the folder"),
        (lambda p: tar(p, member("..", kind=tarfile.DIRTYPE)), "would leave the folder"),
        (evil_zip, "would leave the folder"),
        (
            lambda p: tar(p, member("good"), member("l", kind=tarfile.SYMTYPE, to="/etc")),
            "its link l leads out of the folder",
        ),
        (
            lambda p: tar(p, member("a/l", kind=tarfile.SYMTYPE, to="../../x")),
            "its link a/l leads out of the folder",
        ),
        (
            lambda p: tar(p, member("a/l", kind=tarfile.SYMTYPE, to="..//../x")),
            "its link a/l leads out of the folder",
        ),
        (
            # Each of the two stays inside when it is looked at alone.
            lambda p: tar(
                p,
                member("a/b/c", "x"),
                member("up", kind=tarfile.SYMTYPE, to="a/b"),
                member("l", kind=tarfile.SYMTYPE, to="up/../../x"),
            ),
            "its link l leads out of the folder",
        ),
        (
            lambda p: tar(p, member("h", kind=tarfile.LNKTYPE, to="../secret")),
            "would leave the folder",
        ),
        (
            lambda p: tar(p, member("h", kind=tarfile.LNKTYPE, to="/etc/passwd")),
            "would leave the folder",
        ),
        (lambda p: tar(p, member("f", kind=tarfile.FIFOTYPE)), "neither file, folder nor link"),
        (lambda p: tar(p, member("mine", kind=tarfile.DIRTYPE)), "mine is a folder in it"),
        (lambda p: tar(p, member("out/f", "x")), "out is a folder in it, but not here"),
        (lambda p: tar(p, member("folder", "x")), "folder is a folder here"),
        (lambda p: p.write_text("no archive at all\n" * 99) and p, "it cannot be read"),
    ],
)
def test_an_archive_that_would_leave_its_folder_leaves_it_as_it_was(
    host: LocalShell, tmp_path: Path, make: Callable[[Path], Path], complaint: str
) -> None:
    top = host.home / "d"
    (top / "folder").mkdir(parents=True)
    (host.home / "secret").write_text("s")
    (host.home / "elsewhere").mkdir()
    (top / "mine").write_text("mine")
    (top / "out").symlink_to("../elsewhere")
    sources = Folder(file=make(tmp_path / "evil"))
    result = play(host, ("archive", {"dest": "d", "src": "evil"}), sources=sources)
    assert len(problems(result)) == 1
    assert complaint in problems(result)[0]
    assert sorted(p.name for p in top.iterdir()) == ["folder", "mine", "out"]
    assert sorted(p.name for p in host.home.iterdir()) == ["d", "elsewhere", "secret"]
    assert list((host.home / "elsewhere").iterdir()) == []
    assert not Path("/tmp/ww-evil").exists()


def test_an_archive_with_hundreds_of_names_and_a_hard_link(
    host: LocalShell, tmp_path: Path
) -> None:
    names = [f"d{n % 7}/f{n}" for n in range(350)]
    same = member("same", kind=tarfile.LNKTYPE, to="d0/f0")
    source = tar(tmp_path / "many", *(member(name, name) for name in names), same)
    (host.home / "d/d3").mkdir(parents=True)
    play(host, ("archive", {"dest": "d", "src": "many"}), sources=Folder(file=source))
    assert tree(host.home / "d") == {**{name: name for name in names}, "same": "d0/f0"}


# Downloads


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


# Git


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


SUM = checksum(b"")


@pytest.mark.parametrize(
    ("name", "arguments", "complaint"),
    [
        ("archive", {"dest": "d"}, "archive needs src or path, one of them"),
        ("archive", {"dest": "d", "path": "a", "strip": -1}, "strip counts folders"),
        ("archive", {"dest": "d", "path": "a", "creates": "x/../.."}, "a path inside dest"),
        ("archive", {"dest": "d", "path": "a", "owner": "a:b"}, "two parameters"),
        ("download", {"url": "http://h/", "dest": "f"}, "download needs checksum"),
        ("download", {"url": "http://h/", "dest": "f", "checksum": "md5:1"}, "no sha256:…"),
        ("download", {"url": "file:///x", "dest": "f", "checksum": SUM}, "none of http"),
        ("download", {"url": "http://u:p@h/", "dest": "f", "checksum": SUM}, "holds a name"),
        ("download", {"url": "http://h/a b", "dest": "f", "checksum": SUM}, "holds spaces"),
        ("git", {"repo": "--upload-pack=x", "dest": "d"}, "no URL or path"),
        ("git", {"repo": "https://u:secret@h/r", "dest": "d"}, "repo holds a password"),
        ("git", {"repo": "r", "dest": "d", "version": "--x"}, "no branch, tag"),
        ("git", {"repo": "r", "dest": "d", "version": "a..b"}, "no branch, tag"),
        ("git", {"repo": "r", "dest": "d", "depth": 0}, "depth counts commits"),
    ],
)
def test_wrong_arguments_are_refused_before_the_first_question(
    name: str, arguments: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(BadInput) as caught:
        OPERATIONS[name].wish(arguments, Folder())
    assert complaint in str(caught.value)
    assert "secret" not in str(caught.value)

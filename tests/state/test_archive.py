"""Archives, unpacked on real files under dash, bash and busybox."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.machine import require
from tests.state.conftest import LocalShell
from tests.state.test_converge import NASTY, Folder, play, statuses
from tests.state.transfers import (
    APP,
    APP_TREE,
    Wish,
    member,
    planned_applied_and_converged,
    problems,
    tar,
    tree,
)
from wirework.errors import BadInput
from wirework.state import OPERATIONS


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    require("transfers")


def zip_file(path: Path, **contents: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


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


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"dest": "d"}, "archive needs src or path, one of them"),
        ({"dest": "d", "path": "a", "strip": -1}, "strip counts folders"),
        ({"dest": "d", "path": "a", "creates": "x/../.."}, "a path inside dest"),
        ({"dest": "d", "path": "a", "owner": "a:b"}, "two parameters"),
    ],
)
def test_wrong_arguments_are_refused_before_the_first_question(
    arguments: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(BadInput) as caught:
        OPERATIONS["archive"].wish(arguments, Folder())
    assert complaint in str(caught.value)
    assert "secret" not in str(caught.value)

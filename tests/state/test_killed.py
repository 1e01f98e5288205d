"""Killed in the middle, then run again: nothing is half done, and nothing stands in the way."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tarfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.machine import require
from tests.state.conftest import LocalShell
from tests.state.test_converge import Folder, items
from wirework.errors import Failed
from wirework.state import Converged, converge
from wirework.state.arguments import Sources

Wish = tuple[str, dict[str, Any]]
Snapshot = dict[str, tuple[str, int, int, bytes]]

LEFT = ".ww."
"""How the name begins of whatever a killed run leaves."""
TOOLS = (
    *("cat", "chgrp", "chmod", "chown", "dd", "find", "head", "ln", "mkdir", "mktemp"),
    *("mv", "readlink", "rm", "rmdir", "sha256sum", "stat", "sync", "tail", "tar", "touch", "tr"),
)
SHIM = """#!/bin/sh
printf x >>'{count}'
read -r done <'{count}'
[ ${{#done}} -lt {fatal} ] || kill -9 0
PATH='{path}'
exec '{real}' "$@"
"""
MOST_CALLS = 200
TEXT = "0123456789abcde\n"
NEW = "new\n" * 17_000
"""Longer than one block of what is received."""


@dataclass
class Mortal:
    """A host whose shell dies with all its programs when it calls the ``fatal``-th of them.

    Only the execs that change something count.
    """

    host: LocalShell
    folder: Path
    fatal: int

    def execute(
        self,
        command: str | Sequence[str],
        *,
        stdout: Callable[[bytes], bool | None],
        stderr: Callable[[bytes], bool | None],
        stdin: bytes | Iterable[bytes] = b"",
        become: bool | None = None,
    ) -> int:
        pieces = [stdin] if isinstance(stdin, bytes) else list(stdin)
        path = self.host.path
        if b"\nww_change 0 " in pieces[0]:
            self.host.path = f"{self._shims()}:{path}"
        try:
            # In a session of its own: its group is all that the shims kill.
            return self.host.execute(
                ["setsid", *command], stdin=pieces, stdout=stdout, stderr=stderr, become=become
            )
        finally:
            self.host.path = path

    @property
    def calls(self) -> int:
        count = self.folder / "count"
        return count.stat().st_size if count.exists() else 0

    def _shims(self) -> Path:
        shims = self.folder / "shims"
        shims.mkdir(exist_ok=True)
        for tool in TOOLS:
            if real := shutil.which(tool, path=self.host.path):
                shim = shims / tool
                shim.write_text(
                    SHIM.format(
                        count=self.folder / "count",
                        fatal=self.fatal,
                        path=self.host.path,
                        real=real,
                    )
                )
                shim.chmod(0o755)
        return shims


def snapshot(top: Path) -> Snapshot:
    """Return all that is there but what killed runs left, and what git keeps for itself."""
    found: Snapshot = {}
    for path in sorted(top.rglob("*")):
        name = str(path.relative_to(top))
        if any(part.startswith(LEFT) or part == ".git" for part in Path(name).parts):
            continue
        status = path.lstat()
        if path.is_symlink():
            found[name] = ("link", 0, status.st_uid, os.fsencode(path.readlink()))
        elif path.is_dir():
            found[name] = ("folder", status.st_mode & 0o7777, status.st_uid, b"")
        else:
            found[name] = ("file", status.st_mode & 0o7777, status.st_uid, path.read_bytes())
    return found


def leftovers(top: Path) -> list[Path]:
    return [path for path in top.rglob("*") if path.name.startswith(LEFT)]


def is_as_private(path: Path, new: Snapshot) -> bool:
    """Tell whether a leftover may be read by its owner only, or as its content may be anyway."""
    mode = path.lstat().st_mode & 0o7777
    if path.is_symlink() or not mode & 0o077:
        return True
    return path.is_file() and any(
        (kind, bits, content) == ("file", mode, path.read_bytes())
        for kind, bits, _, content in new.values()
    )


@dataclass(frozen=True)
class Case:
    """Wishes, what is there before, and the file or folder their source is."""

    wishes: tuple[Wish, ...]
    before: Callable[[Path], object] = lambda _home: None
    source: Callable[[Path], Path] | None = None
    template: str = ""
    least: int = 1
    """How many programs are called at least."""
    root: bool = False
    shells: tuple[str, ...] = ("dash", "busybox")

    def sources(self, folder: Path) -> Sources:
        return Folder(self.template, self.source(folder) if self.source else None)


def old_text(text: str = TEXT, mode: int = 0o640) -> Callable[[Path], None]:
    def before(home: Path) -> None:
        (home / "f").write_text(text)
        (home / "f").chmod(mode)

    return before


def folder_of_files(top: Path) -> None:
    (top / "d/in/deep").mkdir(parents=True)
    for name in ("a", "in/b", "in/deep/c"):
        (top / "d" / name).write_text(name)
        (top / "d" / name).chmod(0o600)


def site(folder: Path) -> Path:
    top = folder / "site"
    (top / "in").mkdir(parents=True)
    (top / "in/b").write_text("new b")
    (top / "run").write_text(NEW)
    (top / "run").chmod(0o755)
    (top / "l").symlink_to("in/b")
    return top


def packed(folder: Path) -> Path:
    with tarfile.open(folder / "app.tar", "w") as archive:
        for name in ("bin/run", "lib/one", "share/two", "zz"):
            info = tarfile.TarInfo(f"app/{name}")
            info.size = len(name)
            archive.addfile(info, io.BytesIO(name.encode()))
    return folder / "app.tar"


def folder_of_an_app(home: Path) -> None:
    for name in ("bin", "lib", "share"):
        (home / "d" / name).mkdir(parents=True)


EDITED = ("dash",)
"""The shells for what an edit writes: on the host it is a file like any other."""
CASES: dict[str, Case] = {
    "new file": Case((("file", {"dest": "f", "content": NEW}),), least=6),
    "new secret file": Case(
        (("file", {"dest": "f", "content": NEW, "sensitive": True, "mode": "0400"}),), shells=EDITED
    ),
    "file changed": Case((("file", {"dest": "f", "content": NEW}),), old_text(), least=6),
    "file given away": Case(
        (("file", {"dest": "f", "content": NEW, "owner": "nobody", "mode": "4755"}),),
        old_text(mode=0o755),
        root=True,
    ),
    "mode": Case((("file", {"dest": "f", "content": TEXT, "mode": "0755"}),), old_text()),
    "template": Case(
        (("template", {"src": "t", "dest": "f"}),), old_text(), template=NEW, least=6, shells=EDITED
    ),
    "line": Case((("line", {"path": "f", "line": "new"}),), old_text(), least=6, shells=EDITED),
    "block": Case(
        (("block", {"path": "f", "content": "new"}),), old_text(), least=6, shells=EDITED
    ),
    "replace": Case(
        (("replace", {"path": "f", "match": "9a", "replacement": "-"}),),
        old_text(),
        least=6,
        shells=EDITED,
    ),
    "ini": Case(
        (("ini", {"path": "f", "section": "s", "option": "o", "value": "2"}),),
        old_text("[s]\no = 1\n"),
        least=5,
        shells=EDITED,
    ),
    "json": Case(
        (("json", {"path": "f", "key": "a.b", "value": [1]}),),
        old_text("{}\n"),
        least=5,
        shells=EDITED,
    ),
    "authorized_key": Case(
        (
            (
                "authorized_key",
                {
                    "key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPmqV0hGBbdCvsU5nlBRJx2bmZ"
                    "M8nZ4rKYqJBkHm3KLs ann@desk",
                    "path": "f",
                },
            ),
        ),
        old_text("# mine\n", 0o600),
        least=5,
        shells=EDITED,
    ),
    "new link": Case((("link", {"path": "l", "to": "f"}),), least=3),
    "link moved": Case(
        (("link", {"path": "l", "to": "new"}),),
        lambda home: (home / "l").symlink_to("old"),
        least=3,
    ),
    "folders": Case((("directory", {"path": "a/b/c", "mode": "0700"}),), least=3),
    "folder as it comes": Case((("directory", {"path": "a/b"}),), least=2),
    "folder recursive": Case(
        (
            (
                "directory",
                {"path": "d", "recursive": True, "mode": "0750", "file_mode": "0640"},
            ),
        ),
        folder_of_files,
        least=3,
    ),
    "absent": Case((("absent", {"path": "f"}),), old_text()),
    "absent recursive": Case((("absent", {"path": "d", "recursive": True}),), folder_of_files),
    "tree": Case(
        (("tree", {"src": "site", "dest": "d", "delete": True}),),
        folder_of_files,
        source=site,
        least=15,
    ),
    "archive": Case(
        (("archive", {"dest": "d", "src": "app.tar", "strip": 1}),),
        folder_of_files,
        source=packed,
        least=15,
        shells=("dash",),
    ),
    "archive until something is there": Case(
        (("archive", {"dest": "d", "src": "app.tar", "strip": 1, "creates": "bin/run"}),),
        folder_of_an_app,
        source=packed,
        least=15,
        shells=("busybox",),
    ),
    "command": Case((("command", {"argv": ["touch", "f"], "creates": "f"}),)),
    "several": Case(
        (
            ("directory", {"path": "e"}),
            ("file", {"dest": "e/f", "content": "1"}),
            ("line", {"path": "e/g", "line": "2", "create": True}),
            ("link", {"path": "e/l", "to": "f"}),
            ("absent", {"path": "f"}),
        ),
        old_text(),
        least=15,
    ),
}


def start(host: LocalShell, folder: Path, case: Case) -> None:
    folder.mkdir()
    host.home = folder / "home"
    host.home.mkdir()
    case.before(host.home)


def wished(host: LocalShell, case: Case, sources: Sources) -> Converged:
    done = converge(host, items(*case.wishes, sources=sources))
    assert [step.problem for step in done.steps if step.problem] == []
    return done


@pytest.mark.parametrize(
    ("host", "name"),
    [(shell, name) for name, case in CASES.items() for shell in case.shells],
    indirect=["host"],
)
def test_wherever_a_run_is_killed_the_next_one_makes_it_right(
    host: LocalShell, tmp_path: Path, name: str
) -> None:
    case = CASES[name]
    if case.root and os.geteuid() != 0:
        pytest.skip("only root gives files away")
    require("transfers")
    sources = case.sources(tmp_path)
    start(host, tmp_path / "0", case)
    old = snapshot(host.home)
    wished(host, case, sources)
    new = snapshot(host.home)
    for fatal in range(1, MOST_CALLS):
        start(host, tmp_path / str(fatal), case)
        mortal = Mortal(host, tmp_path / str(fatal), fatal)
        with contextlib.suppress(Failed):
            converge(mortal, items(*case.wishes, sources=sources))
        now, left = snapshot(host.home), leftovers(host.home)
        for path in {*old, *new, *now}:
            assert now.get(path) in (old.get(path), new.get(path)), f"{path} at call {fatal}"
        assert [path for path in left if not is_as_private(path, new)] == []
        wished(host, case, sources)
        assert snapshot(host.home) == new, f"killed at call {fatal}"
        third = wished(host, case, sources)
        assert (third.changed, third.rounds) == (False, 1), f"killed at call {fatal}"
        if now == new and not left:
            break  # what comes now only looks
    assert case.least < fatal < MOST_CALLS - 1


@pytest.mark.parametrize("host", ["dash", "busybox"], indirect=True)
def test_what_killed_runs_left_goes_a_day_later(host: LocalShell) -> None:
    long_ago = time.time() - 3 * 24 * 3600
    (host.home / "d").mkdir()
    left = [host.home / "d" / f"{LEFT}{name}" for name in ("a1B2c3", "-l ink", "folder", "abcdefg")]
    left[0].write_text("secret")
    left[1].symlink_to("nowhere")
    left[2].mkdir()
    left[3].write_text("of somebody else")
    for path in left:
        os.utime(path, (long_ago, long_ago), follow_symlinks=False)
    now = host.home / "d" / f"{LEFT}xyzxyz"
    now.write_text("still being written")
    assert converge(host, items(("file", {"dest": "d/f", "content": "x"}))).ok
    assert sorted((host.home / "d").iterdir()) == sorted([now, *left[2:], host.home / "d/f"])

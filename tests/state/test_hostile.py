"""Hosts whose logins are set up oddly, and paths of any bytes: the right changes all the same."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.machine import program, require
from tests.state.conftest import SHELLS, LocalShell
from tests.state.test_converge import NASTY, items
from tests.state.test_killed import Snapshot, snapshot
from wirework.ssh import LocalFile
from wirework.state import Converged, converge
from wirework.state.arguments import Rendered
from wirework.state.local_tree import LocalTree

Wish = tuple[str, dict[str, Any]]


@dataclass
class Odd:
    """A host in an odd environment: ``variables`` None are unset; ``before`` are words that come
    before every command, ``says`` is what its profile says on both streams first."""

    host: LocalShell
    variables: dict[str, str | None] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    says: str = ""

    def execute(
        self,
        command: str | Sequence[str],
        *,
        stdout: Callable[[bytes], bool | None],
        stderr: Callable[[bytes], bool | None],
        stdin: bytes | Iterable[bytes] = b"",
        become: bool | None = None,
    ) -> int:
        assert not isinstance(command, str)
        unset = (
            word for name, value in self.variables.items() if value is None for word in ("-u", name)
        )
        given = (f"{name}={value}" for name, value in self.variables.items() if value is not None)
        said = self.says.encode()
        stderr(said)
        self.host.banner = said
        return self.host.execute(
            ["env", *unset, *given, *self.before, *command],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            become=become,
        )


class Shelf:
    """Sources that lie in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if folder.exists():
            return
        (folder / "site/in").mkdir(parents=True)
        (folder / "site/in/page").write_text("page\n")
        (folder / "site/run").write_text("#!/bin/sh\n")
        (folder / "site/run").chmod(0o755)
        (folder / "site/l").symlink_to("in/page")
        (folder / "job").write_text('#!/bin/sh\nprintf "%s\\n" "$@" >job-was-here\n')
        with tarfile.open(folder / "app.tar", "w") as archive:
            for name in ("app/bin/run", "app/.hidden"):
                info = tarfile.TarInfo(name)
                info.size = len(name)
                archive.addfile(info, BytesIO(name.encode()))

    def render(self, name: str) -> Rendered:
        return Rendered(name, b"from a template\n")

    def find_file(self, name: str) -> LocalFile:
        return LocalFile.of(self.folder / name)

    def find_folder(self, name: str) -> LocalTree:
        return LocalTree.of(self.folder / name)


def site_at(top: str) -> list[Wish]:
    """Return wishes of every kind that concerns files, in a folder."""
    return [
        ("directory", {"path": f"{top}/d/e"}),
        ("directory", {"path": f"{top}/private", "mode": "0700"}),
        ("file", {"dest": f"{top}/f", "content": "text\n" * 14_000}),
        ("file", {"dest": f"{top}/secret", "content": "hidden", "sensitive": True}),
        ("file", {"dest": f"{top}/setuid", "content": "x", "mode": "4750"}),
        ("template", {"src": "t", "dest": f"{top}/template"}),
        ("link", {"path": f"{top}/l", "to": "f"}),
        ("line", {"path": f"{top}/lines", "line": "one * ? [a]", "create": True}),
        ("block", {"path": f"{top}/lines", "content": "$HOME `id`\n"}),
        ("replace", {"path": f"{top}/old", "match": "old", "replacement": "new"}),
        (
            "ini",
            {"path": f"{top}/ini", "section": "s", "option": "o", "value": "v", "create": True},
        ),
        ("json", {"path": f"{top}/json", "key": "a.b", "value": [None, "ü"], "create": True}),
        ("tree", {"src": "site", "dest": f"{top}/tree", "delete": True}),
        ("archive", {"dest": f"{top}/d", "src": "app.tar", "strip": 1}),
        ("directory", {"path": f"{top}/open", "recursive": True, "mode": "0750"}),
        ("absent", {"path": f"{top}/gone", "recursive": True}),
        ("command", {"argv": ["touch", "* made"], "chdir": f"{top}/d", "creates": "* made"}),
        (
            "script",
            {"src": "job", "args": ["a b", "-n"], "chdir": f"{top}/d/e", "creates": "job-was-here"},
        ),
        ("command", {"argv": ["false"], "chdir": top, "unless": ["test", "-e", "d/* made"]}),
    ]


def prepare(top: Path) -> None:
    for name in ("open/in", "gone/in"):
        (top / name).mkdir(parents=True)
        (top / name).chmod(0o755)
        (top / name / "file").write_text("")
    (top / "old").write_text("old\n")
    for path in (top, *top.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def told(result: Converged) -> list[tuple[object, ...]]:
    return [
        (step.title, step.status, step.changes, step.problem, step.output) for step in result.steps
    ]


def converged(host: LocalShell, odd: Odd, top: str, shelf: Shelf) -> tuple[Converged, Snapshot]:
    """Plan, apply and apply again; return what the first run did."""
    prepare(host.home / top)
    wishes = items(*site_at(top), sources=shelf)
    plan = converge(odd, wishes, check=True, diff=True)
    done = converge(odd, wishes, diff=True)
    assert [step.problem for step in done.steps if step.problem] == []
    sure = [n for n, step in enumerate(plan.steps) if not step.uncertain]
    assert [told(plan)[n] for n in sure] == [told(done)[n] for n in sure]
    again = converge(odd, wishes)
    assert [step.title for step in again.steps if step.status.value != "ok"] == []
    assert again.rounds == 1
    return done, snapshot(host.home / top)


BANNER = "Welcome!\n\nf00d done\nfact 0\nlast line without an end"
ENVIRONMENTS: dict[str, dict[str, Any]] = {
    "banners": {"says": BANNER},
    "shell options": {"variables": {"SHELLOPTS": "errexit:nounset:noclobber:noglob:pipefail"}},
    "tracing": {"variables": {"SHELLOPTS": "xtrace:verbose", "PS4": "\n+ "}},
    "posix": {"variables": {"POSIXLY_CORRECT": "1"}},
    "another separator": {"variables": {"IFS": "0./:wabcdef"}},
    "search path of cd": {"variables": {"CDPATH": "decoy:/usr:/"}},
    "Japanese": {"variables": {"LANG": "ja_JP.eucJP", "LC_ALL": "ja_JP.eucJP"}},
    "Turkish": {"variables": {"LANG": "tr_TR.UTF-8", "LC_CTYPE": "C.UTF-8", "LANGUAGE": "tr"}},
    "no home": {"variables": {"HOME": None}},
    "a home that is gone": {"variables": {"HOME": "/nonexistent"}},
    "no variables but PATH": {"before": ("env", "-i", "PATH={path}")},
    "nothing is for others": {"before": ("sh", "-c", 'umask 077; exec "$@"', "sh")},
    "everything is for others": {"before": ("sh", "-c", 'umask 000; exec "$@"', "sh")},
    "a file that shells read": {"variables": {"ENV": "{home}/../rc", "BASH_ENV": "{home}/../rc"}},
    "our own names": {
        "variables": dict.fromkeys(
            ("ww_n", "ww_s", "ww_t", "target", "size", "mode", "temp", "stage", "mark"), "taken"
        )
    },
    "tools that look at variables": {
        "variables": {
            "BLOCK_SIZE": "human-readable",
            "QUOTING_STYLE": "shell-always",
            "VERSION_CONTROL": "numbered",
            "SIMPLE_BACKUP_SUFFIX": ".bak",
            "TERM": "xterm-256color",
            "CLICOLOR_FORCE": "1",
        }
    },
}
BASH_ONLY = ("shell options", "tracing")
BASH_TOO = (*BASH_ONLY, "banners", "posix", "search path of cd", "a file that shells read")
PAIRS = [
    (shell, name)
    for name in ENVIRONMENTS
    for shell in SHELLS
    if (name in BASH_TOO if shell == "bash" else name not in BASH_ONLY)
]
RC = """echo hello; echo hello >&2
set -euC
alias mv=false rm=false stat=false '['=false
umask 077
CDPATH=/usr
IFS=abc
"""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Converged, Snapshot]:
    """What comes of it on a plain host, which every other has to equal."""
    require("dash")
    require("transfers")
    folder = tmp_path_factory.mktemp("plain")
    (folder / "bin").mkdir()
    (folder / "bin/sh").symlink_to(str(program("dash")))
    (folder / "home").mkdir()
    host = LocalShell(folder / "home", f"{folder}/bin:/usr/bin:/bin")
    return converged(host, Odd(host), "top", Shelf(folder / "shelf"))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    require("transfers")
    return Shelf(tmp_path / "shelf")


@pytest.mark.parametrize(("host", "name"), PAIRS, indirect=["host"])
def test_an_odd_environment_changes_nothing(
    host: LocalShell, shelf: Shelf, plain: tuple[Converged, Snapshot], name: str
) -> None:
    (host.home / "decoy/top/d/e").mkdir(parents=True)
    (host.home / "../rc").write_text(RC)
    names = {"home": str(host.home), "path": host.path}
    table = ENVIRONMENTS[name]
    variables = table.get("variables", {})
    odd = Odd(
        host,
        {key: value and value.format(**names) for key, value in variables.items()},
        tuple(word.format(**names) for word in table.get("before", ())),
        table.get("says", ""),
    )
    expected, wanted = plain
    done, found = converged(host, odd, "top", shelf)
    if "umask" in str(table):
        wanted, found = without_what_commands_made(wanted), without_what_commands_made(found)
    assert found == wanted
    assert told(done) == told(expected)


def test_programs_are_not_run_where_none_may_be_run(
    host: LocalShell, shelf: Shelf, plain: tuple[Converged, Snapshot], tmp_path: Path
) -> None:
    require("mount")
    (tmp_path / "noexec").mkdir()
    mounted = 'mount -t tmpfs -o noexec none "$TMPDIR" && exec "$@"'
    odd = Odd(
        host,
        {"TMPDIR": str(tmp_path / "noexec")},
        ("unshare", "--mount", "/bin/sh", "-c", mounted, "sh"),
    )
    _, found = converged(host, odd, "top", shelf)
    assert found == plain[1]


def without_what_commands_made(found: Snapshot) -> Snapshot:
    """Leave out what people's own commands made: their umask is the login's."""
    made = ("* made", "job-was-here")
    return {path: it for path, it in found.items() if not path.endswith(made)}


@pytest.mark.parametrize("top", [f"{NASTY}/-rf", "./-n", "* [a-z]?", "a%sb\\c", "\udcff\n"])
def test_paths_of_any_bytes_for_every_operation(
    host: LocalShell, shelf: Shelf, plain: tuple[Converged, Snapshot], top: str
) -> None:
    _, found = converged(host, Odd(host), top, shelf)
    assert found == plain[1]

"""The engine end to end, on real files, under dash, bash and busybox."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.state.conftest import LocalShell
from wirework.errors import ArgumentError, Failed
from wirework.ssh import LocalFile
from wirework.state import OPERATIONS, Converged, Item, StepStatus, converge
from wirework.state.arguments import Rendered
from wirework.state.local_tree import LocalTree

NASTY = "sp ace 'quote\" $HOME `id` \\ tab\tline\nend \udcff"


class Folder:
    """Sources that hold one template and one file."""

    def __init__(self, template: str = "", file: Path | None = None) -> None:
        self.template, self.file = template, file

    def render(self, name: str) -> Rendered:
        return Rendered(name, self.template.encode())

    def find_file(self, name: str) -> LocalFile:
        assert self.file
        assert self.file.name == name
        return LocalFile.of(self.file)

    def find_folder(self, name: str) -> LocalTree:
        assert self.file
        assert self.file.name == name
        return LocalTree.of(self.file)


def items(*wishes: tuple[str, dict[str, Any]], sources: Any = None) -> list[Item]:
    source = sources or Folder()
    return [Item(OPERATIONS[name].wish(arguments, source)) for name, arguments in wishes]


def play(host: LocalShell, *wishes: tuple[str, dict[str, Any]], **options: Any) -> Converged:
    sources = options.pop("sources", None)
    return converge(host, items(*wishes, sources=sources), **options)


def statuses(result: Converged) -> list[str]:
    return [step.status.value for step in result.steps]


WEBSITE: list[tuple[str, dict[str, Any]]] = [
    ("directory", {"path": "site/releases/1"}),
    ("file", {"dest": "site/releases/1/index.html", "content": "one\n", "mode": "0640"}),
    ("link", {"path": "site/current", "to": "releases/1"}),
    ("line", {"path": "site/hosts", "line": "a=1", "create": True}),
    ("line", {"path": "site/hosts", "line": "b=2"}),
    ("absent", {"path": "site/old"}),
    ("command", {"argv": ["touch", "stamp"], "chdir": "site", "creates": "stamp"}),
]


def test_first_run_changes_and_the_second_finds_nothing_in_one_round(host: LocalShell) -> None:
    first = play(host, *WEBSITE)
    assert [s.problem for s in first.steps if s.problem] == []
    assert statuses(first) == ["changed"] * 5 + ["ok", "changed"]
    assert (host.home / "site/current/index.html").read_text() == "one\n"
    assert (host.home / "site/releases/1/index.html").stat().st_mode & 0o7777 == 0o640
    assert (host.home / "site/hosts").read_text() == "a=1\nb=2\n"
    assert (host.home / "site/stamp").exists()
    again = play(host, *WEBSITE)
    assert statuses(again) == ["ok"] * 7
    assert again.rounds == 1
    assert host.execs == first.rounds + 1


def test_many_changes_take_one_exec_to_ask_and_one_to_apply(host: LocalShell) -> None:
    wishes = [("file", {"dest": f"f{n}", "content": str(n)}) for n in range(200)]
    first = play(host, *wishes)
    assert (first.ok, first.rounds) == (True, 2)
    assert play(host, *wishes).rounds == 1


def test_plan_tells_exactly_what_apply_does_and_changes_nothing(host: LocalShell) -> None:
    plan = play(host, *WEBSITE, check=True, diff=True)
    assert list(host.home.iterdir()) == []
    done = play(host, *WEBSITE, diff=True)
    assert plan.steps == done.steps
    assert "+one\n" in plan.steps[1].changes[0].diff


def test_paths_of_any_bytes(host: LocalShell) -> None:
    top = f"{NASTY}/-rf"
    wishes: list[tuple[str, dict[str, Any]]] = [
        ("directory", {"path": top}),
        ("file", {"dest": f"{top}/{NASTY}", "content": "x"}),
        ("file", {"dest": f"{top}/a\\b", "content": "y"}),
        ("file", {"dest": f"{top}/-", "content": "z"}),
        ("link", {"path": f"{top}/l\nink", "to": NASTY}),
        ("directory", {"path": "-p"}),
        ("file", {"dest": "-n", "content": "dash"}),
        ("link", {"path": "--help", "to": "-n"}),
    ]
    first = play(host, *wishes)
    assert [s.problem for s in first.steps if s.problem] == []
    assert statuses(first) == ["changed"] * len(wishes)
    assert (host.home / top / NASTY).read_text() == "x"
    assert str((host.home / top / "l\nink").readlink()) == NASTY
    assert (host.home / "-n").read_text() == "dash"
    again = play(host, *wishes)
    assert statuses(again) == ["ok"] * len(wishes)
    assert again.rounds == 1
    gone = play(
        host, *(("absent", {"path": w[1].get("dest", w[1].get("path"))}) for w in wishes[1:])
    )
    assert gone.ok
    assert sorted(p.name for p in (host.home / top).iterdir()) == []


def test_content_of_any_bytes_and_none(host: LocalShell, tmp_path: Path) -> None:
    source = tmp_path / "blob"
    source.write_bytes(os.urandom(300_001) + b"\n\n\0\n")
    wishes = [
        ("file", {"dest": "blob", "src": "blob"}),
        ("file", {"dest": "empty", "content": ""}),
        ("file", {"dest": "open", "content": "no line end"}),
    ]
    first = play(host, *wishes, sources=Folder(file=source))
    assert first.ok
    assert (host.home / "blob").read_bytes() == source.read_bytes()
    assert (host.home / "empty").read_bytes() == b""
    assert play(host, *wishes, sources=Folder(file=source), diff=True).changed is False


def test_attributes_are_mended_without_sending_the_content(host: LocalShell) -> None:
    play(host, ("file", {"dest": "f", "content": "x"}), ("directory", {"path": "d"}))
    (host.home / "f").chmod(0o4600)
    (host.home / "d").chmod(0o2700)
    result = play(
        host,
        ("file", {"dest": "f", "content": "x", "mode": "0640"}),
        ("directory", {"path": "d", "mode": "0755"}),
    )
    assert [s.problem for s in result.steps if s.problem] == []
    assert [c.says for s in result.steps for c in s.changes] == [
        "f mode 4600 -> 0640",
        "d mode 2700 -> 0755",
    ]
    assert (host.home / "f").stat().st_mode & 0o7777 == 0o640
    assert (host.home / "d").stat().st_mode & 0o7777 == 0o755


def test_a_file_keeps_its_mode_when_only_the_content_is_asked_for(host: LocalShell) -> None:
    (host.home / "f").write_text("old")
    (host.home / "f").chmod(0o600)
    result = play(host, ("file", {"dest": "f", "content": "new"}))
    assert result.ok
    assert (host.home / "f").stat().st_mode & 0o7777 == 0o600
    assert [p.name for p in host.home.iterdir()] == ["f"]


def test_a_failing_change_stops_the_host_and_says_what_was_done(host: LocalShell) -> None:
    result = play(
        host,
        ("file", {"dest": "a", "content": "1"}),
        ("command", {"argv": ["sh", "-c", "echo first; echo the reason >&2; exit 3"]}),
        ("file", {"dest": "b", "content": "2"}),
        ("directory", {"path": "c"}),
    )
    assert statuses(result) == ["changed", "failed", "not run", "not run"]
    assert result.failed_step
    assert result.failed_step.problem == "the reason (status 3)"
    assert result.failed_step.output == "first\nthe reason"
    assert [step.changes for step in result.steps[2:]] == [(), ()]
    assert sorted(p.name for p in host.home.iterdir()) == ["a"]


def test_what_stands_in_the_way_is_not_destroyed(host: LocalShell) -> None:
    (host.home / "dir").mkdir()
    (host.home / "file").write_text("mine")
    (host.home / "link").symlink_to("file")
    for wish, complaint in [
        (("link", {"path": "dir", "to": "x"}), "dir is a directory, not a link"),
        (("file", {"dest": "dir", "content": ""}), "dir is a directory, not a file"),
        (("file", {"dest": "link", "content": ""}), "link is a link, not a file"),
        (("directory", {"path": "file"}), "file is a file, not a folder"),
        (("directory", {"path": "file/x"}), "file is a file, not a folder"),
        (("file", {"dest": "no/x", "content": ""}), "there is no folder no"),
        (("line", {"path": "none", "line": "x"}), "there is no file none"),
    ]:
        result = play(host, wish)
        assert result.failed_step, wish
        assert complaint in result.failed_step.problem
        assert result.rounds == 1
    assert (host.home / "file").read_text() == "mine"


def test_a_folder_is_removed_only_when_empty_or_recursive(host: LocalShell) -> None:
    (host.home / "full").mkdir()
    (host.home / "full/f").write_text("x")
    (host.home / "empty").mkdir()
    result = play(host, ("absent", {"path": "empty"}), ("absent", {"path": "full"}))
    assert statuses(result) == ["changed", "failed"]
    assert (host.home / "full/f").exists()
    assert play(host, ("absent", {"path": "full", "recursive": True})).ok
    assert list(host.home.iterdir()) == []


def test_line_replaces_removes_and_keeps_every_other_byte(host: LocalShell) -> None:
    file = host.home / "conf"
    file.write_bytes(b"\xff first\r\nport 1\nport 2\nlast")
    edit = ("line", {"path": "conf", "line": "port 3", "match": "^port "})
    assert statuses(play(host, edit)) == ["changed"]
    assert file.read_bytes() == b"\xff first\r\nport 1\nport 3\nlast"
    assert play(host, edit).changed is False
    gone = ("line", {"path": "conf", "line": "", "match": "^port ", "present": False})
    assert statuses(play(host, gone)) == ["changed"]
    assert file.read_bytes() == b"\xff first\r\nlast"
    assert statuses(play(host, ("line", {"path": "conf", "line": "end"}))) == ["changed"]
    assert file.read_bytes() == b"\xff first\r\nlast\nend\n"


def test_later_steps_see_what_earlier_ones_change(host: LocalShell) -> None:
    (host.home / "app").mkdir()
    (host.home / "app/old").write_text("1")
    result = play(
        host,
        ("absent", {"path": "app", "recursive": True}),
        ("directory", {"path": "app"}),
        ("file", {"dest": "app/old", "content": "1"}),
        ("command", {"argv": ["sh", "-c", "echo 2 >>app/old; echo made >made"]}),
        ("line", {"path": "made", "line": "made"}),
        ("line", {"path": "app/old", "line": "12"}),
    )
    assert [s.problem for s in result.steps if s.problem] == []
    assert statuses(result) == ["changed"] * 4 + ["ok", "ok"]
    assert (host.home / "app/old").read_text() == "12\n"


def test_a_link_that_moves_takes_what_is_beneath_it_along(host: LocalShell) -> None:
    for release in "12":
        (host.home / release).mkdir()
        (host.home / release / "f").write_text(release)
    (host.home / "current").symlink_to("1")
    result = play(
        host,
        ("link", {"path": "current", "to": "2"}),
        ("file", {"dest": "current/f", "content": "2"}),
    )
    assert statuses(result) == ["changed", "ok"]


def test_handlers_follow_only_a_change_and_in_the_same_exec(host: LocalShell) -> None:
    steps = items(
        ("file", {"dest": "a", "content": "1"}),
        ("file", {"dest": "b", "content": "1"}),
        ("command", {"argv": ["sh", "-c", "echo x >>ran"]}),
    )
    steps[2] = Item(steps[2].wish, after=(1,))
    first = converge(host, steps)
    assert (statuses(first), first.rounds) == (["changed"] * 3, 2)
    again = converge(host, steps)
    assert (statuses(again), again.rounds) == (["ok", "ok", "skipped"], 1)
    (host.home / "a").unlink()
    assert statuses(converge(host, steps)) == ["changed", "ok", "skipped"]
    assert (host.home / "ran").read_text() == "x\n"


def test_unless_is_asked_after_what_comes_before_it(host: LocalShell) -> None:
    guarded = [
        ("file", {"dest": "flag", "content": "on"}),
        ("command", {"argv": ["touch", "ran"], "unless": ["grep", "-q", "on", "flag"]}),
    ]
    plan = play(host, *guarded, check=True)
    assert [(s.status.value, s.uncertain) for s in plan.steps] == [
        ("changed", False),
        ("changed", True),
    ]
    assert statuses(play(host, *guarded)) == ["changed", "ok"]
    assert not (host.home / "ran").exists()


def test_what_an_opaque_change_hides_is_unknown_in_a_plan(host: LocalShell) -> None:
    plan = play(
        host,
        ("command", {"argv": ["mkdir", "made"]}),
        ("file", {"dest": "made/f", "content": "x"}),
        ("file", {"dest": "g", "content": "x"}),
        check=True,
    )
    assert statuses(plan) == ["changed", "unknown", "changed"]
    assert plan.steps[2].uncertain


def test_noise_does_not_confuse_the_reader(host: LocalShell) -> None:
    host.banner = b"Welcome!\n" * 50_000 + b"no line end"
    noisy = "i=0; while [ $i -lt 3000 ]; do echo 01234567890123456789; i=$((i+1)); done"
    result = play(
        host,
        ("command", {"argv": ["sh", "-c", f"{noisy}; printf 'done 0'"]}),
        ("file", {"dest": "f", "content": "x"}),
    )
    assert result.ok
    assert (host.home / "f").read_text() == "x"


def test_a_command_cannot_read_what_follows_it_on_standard_input(host: LocalShell) -> None:
    result = play(
        host,
        ("command", {"argv": ["sh", "-c", "cat >stolen"]}),
        ("file", {"dest": "f", "content": "secret"}),
    )
    assert result.ok
    assert (host.home / "stolen").read_text() == ""
    assert (host.home / "f").read_text() == "secret"


def test_a_daemon_left_behind_does_not_hold_the_run(host: LocalShell) -> None:
    result = play(host, ("command", {"argv": ["sh", "-c", "sleep 4 & echo $! >pid"]}))
    assert result.ok
    assert result.seconds < 3
    os.kill(int((host.home / "pid").read_text()), 9)


def test_secret_content_travels_on_standard_input_only(host: LocalShell) -> None:
    play(host, ("file", {"dest": "f", "content": "hunter2"}))
    scripts = b"".join(piece for piece in host.sent if b"ww_mark" in piece)
    assert b"hunter2" not in scripts
    assert b"hunter2" in b"".join(host.sent)


def test_a_host_without_a_working_shell_is_told_in_one_line(host: LocalShell) -> None:
    host.path = "/nonexistent"
    (host.home / "sh").write_text("#!/bin/sh\necho no such applet >&2\nexit 127\n")
    (host.home / "sh").chmod(0o755)
    host.path = str(host.home)
    with pytest.raises(Failed, match="shell did not finish its work: no such applet"):
        play(host, ("directory", {"path": "x"}))


@pytest.mark.parametrize(
    ("name", "arguments", "complaint"),
    [
        ("link", {"path": "x"}, "link needs to"),
        ("link", {"path": "x", "to": "y", "too": 1}, "link has no parameter 'too'"),
        ("file", {"dest": "x", "content": "y", "mode": 644}, "644 may be octal or not"),
        ("file", {"dest": "x", "content": "y", "mode": "rw"}, 'expected a mode such as "0644"'),
        ("file", {"dest": "", "content": "y"}, "not an empty one"),
        ("file", {"dest": "~/x", "content": "y"}, "only a shell knows"),
        ("command", {"argv": "rm -rf /"}, "expected a list of words"),
        ("command", {"argv": []}, "not an empty list"),
        ("directory", {"path": ["a"]}, "expected text, not a list"),
        ("line", {"path": "x", "line": "y", "create": "maybe"}, "expected true or false"),
    ],
)
def test_wrong_arguments_are_refused_with_the_parameter(
    name: str, arguments: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        OPERATIONS[name].wish(arguments, Folder())
    assert complaint in str(caught.value)
    assert caught.value.parameter in {*arguments, "to"}


def test_status_values_are_those_of_the_report() -> None:
    assert [s.value for s in StepStatus] == [
        "ok",
        "changed",
        "unknown",
        "failed",
        "skipped",
        "not run",
        "due",
    ]

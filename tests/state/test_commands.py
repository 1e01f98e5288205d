"""Commands and scripts: what guards them, what they are given, and whether they count."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.state.conftest import LocalShell
from tests.state.test_converge import NASTY, Folder, items, play, statuses
from wirework.errors import BadInput
from wirework.state import OPERATIONS, Item, converge

Wish = tuple[str, dict[str, Any]]
SHOW = "#!/bin/sh\nfor word do printf '<%s>' \"$word\"; done >>out\npwd >>out\n"


def sh(text: str, **options: Any) -> Wish:
    return "command", {"argv": ["sh", "-c", text], **options}


def read(path: Path) -> str:
    return path.read_text(errors="surrogateescape")


def script(tmp_path: Path, text: str) -> Folder:
    path = tmp_path / "work it.sh"
    path.write_text(text)
    return Folder(file=path)


@pytest.mark.parametrize(
    ("guard", "runs"),
    [
        ({"creates": "there"}, False),
        ({"creates": "not there"}, True),
        ({"removes": "there"}, True),
        ({"removes": "not there"}, False),
        ({"unless": ["true"]}, False),
        ({"unless": ["false"]}, True),
        ({"onlyif": ["true"]}, True),
        ({"onlyif": ["false"]}, False),
        ({"onlyif": ["test", "-e", "there"], "chdir": "."}, True),
        ({"removes": "there", "onlyif": ["false"]}, False),
        ({"creates": "not there", "unless": ["true"]}, False),
    ],
)
@pytest.mark.parametrize("name", ["command", "script"])
def test_guards_decide_in_one_round(
    host: LocalShell, tmp_path: Path, name: str, guard: dict[str, Any], runs: bool
) -> None:
    (host.home / "there").touch()
    sources = script(tmp_path, "touch ran\n")
    main = {"argv": ["touch", "ran"]} if name == "command" else {"src": "work it.sh"}
    plan = play(host, (name, {**main, **guard}), sources=sources, check=True)
    done = play(host, (name, {**main, **guard}), sources=sources)
    assert plan.steps == done.steps
    assert (host.home / "ran").exists() == runs
    assert (done.changed, done.rounds) == (runs, 2 if runs else 1)


def test_env_reaches_the_command_and_no_list_of_processes(host: LocalShell) -> None:
    (host.home / "d").mkdir()
    text = 'printf %s "$SECRET" >out; tr "\\0" "\\n" </proc/self/cmdline >args; echo "$A" >>out'
    env = {"SECRET": NASTY, "A": 1, "ww_n": "2", "ww_w": "3"}
    result = play(host, sh(text, env=env, chdir="d"), sh("exit $ww_w", ok_codes=0))
    assert result.ok
    assert read(host.home / "d/out") == f"{NASTY}1\n"
    assert "sp ace" not in (host.home / "d/args").read_text()
    assert "sp ace" not in repr(result)


def test_a_script_gets_its_words_its_folder_and_nothing_to_read(
    host: LocalShell, tmp_path: Path
) -> None:
    (host.home / "d").mkdir()
    sources = script(tmp_path, "#!/usr/bin/env sh\ncat >stolen\n" + SHOW)
    step: Wish = (
        "script",
        {"src": "work it.sh", "args": [NASTY, "-n", "*"], "chdir": "d", "env": {"A": "b"}},
    )
    result = play(host, step, ("file", {"dest": "f", "content": "next"}), sources=sources)
    assert [s.problem for s in result.steps if s.problem] == []
    assert result.steps[0].title == "script work it.sh"
    assert read(host.home / "d/out") == f"<{NASTY}><-n><*>{host.home}/d\n"
    assert (host.home / "d/stolen").read_text() == ""
    assert (host.home / "f").read_text() == "next"


@pytest.mark.parametrize(
    ("text", "said"),
    [("echo $0; exit 3\n", "script (status 3)"), ("#!/none/such -x\n", "(status 12")],
)
def test_a_script_that_fails_is_told_and_gone(
    host: LocalShell, tmp_path: Path, text: str, said: str
) -> None:
    sources = script(tmp_path, text)
    result = play(host, ("script", {"src": "work it.sh"}), sources=sources)
    assert statuses(result) == ["failed"]
    assert result.failed_step
    assert said in result.failed_step.problem
    assert list(host.temporary.iterdir()) == []


@pytest.mark.parametrize("text", ["#!/bin/sh\r\necho\r\n", "#!\n", "#! \n"])
def test_a_script_that_no_host_can_run_is_refused_here(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(text.encode())
    with pytest.raises(BadInput, match="script: "):
        OPERATIONS["script"].wish({"src": "x"}, Folder(file=path))


def test_a_script_that_did_not_arrive_is_never_taken_for_a_success(
    host: LocalShell, tmp_path: Path
) -> None:
    sources = script(tmp_path, "echo\n")
    step = items(("script", {"src": "work it.sh", "ok_codes": [0, 1]}), sources=sources)
    (tmp_path / "work it.sh").write_text("echo another\n")
    after = items(("file", {"dest": "f", "content": "x"}))
    result = converge(host, [*step, *after])
    assert statuses(result) == ["failed", "not run"]
    assert result.failed_step
    assert "another SHA-256" in result.failed_step.problem
    with pytest.raises(BadInput, match="did not reach the host"):
        OPERATIONS["script"].wish({"src": "work it.sh", "ok_codes": 125}, sources)


def test_statuses_that_are_no_failure(host: LocalShell) -> None:
    result = play(host, sh("exit 3", ok_codes=[0, 3]), sh("touch after"), sh("exit 4", ok_codes=3))
    assert statuses(result) == ["changed", "changed", "failed"]
    assert (host.home / "after").exists()


@pytest.mark.parametrize(
    ("changed_when", "status"),
    [
        (False, "ok"),
        ([2], "changed"),
        (2, "changed"),
        ([0, 1], "ok"),
        ("^made 3$", "changed"),
        ("made 4", "ok"),
        ([], "ok"),
    ],
)
def test_a_command_tells_whether_it_has_changed_anything(
    host: LocalShell, changed_when: Any, status: str
) -> None:
    text = "echo look; echo made 3 >&2; exit 2"
    wish = sh(text, changed_when=changed_when, ok_codes=2)
    plan = play(host, wish, check=True)
    assert (statuses(plan), plan.steps[0].uncertain) == (["changed"], True)
    done = play(host, wish)
    assert statuses(done) == [status]
    assert len(done.steps[0].changes) == (status == "changed")


@pytest.mark.parametrize("counts", [True, False])
def test_a_handler_waits_until_its_command_has_told(host: LocalShell, counts: bool) -> None:
    steps = items(
        sh("echo 1 >>log", changed_when=[0] if counts else False),
        ("file", {"dest": "f", "content": "x"}),
        sh("echo handled >>log"),
        sh("echo 2 >>log"),
    )
    steps[2] = Item(steps[2].wish, after=(0,))
    result = converge(host, steps)
    assert result.ok
    assert statuses(result) == [
        "changed" if counts else "ok",
        "changed",
        "changed" if counts else "skipped",
        "changed",
    ]
    assert (host.home / "log").read_text().split() == ["1", *["handled"] * counts, "2"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"env": ["A"]}, "expected a mapping of names to texts"),
        ({"env": {"A B": "x"}}, "is no name of an environment variable"),
        ({"env": {"A": {"secret": 1}}}, "A is no text"),
        ({"env": {"A": "secret\0"}}, "A holds a NUL"),
        ({"env": {"A": True}}, "A is no text"),
        ({"ok_codes": []}, "expected exit statuses"),
        ({"ok_codes": [256]}, "expected exit statuses"),
        ({"changed_when": True}, "expected false, exit statuses or a pattern"),
        ({"changed_when": "("}, "is no regular expression"),
        ({"removes": ""}, "expected a path"),
        ({"onlyif": "true"}, "expected a list of words"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BadInput) as caught:
        OPERATIONS["command"].wish({"argv": ["x"], **arguments}, Folder())
    assert complaint in str(caught.value)
    assert "secret" not in json.dumps(str(caught.value))

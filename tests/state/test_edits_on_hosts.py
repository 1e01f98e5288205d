"""Edits of real files under every shell: planned, checked, done, and then nothing to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.state.conftest import LocalShell
from tests.state.test_converge import NASTY, play, statuses
from tests.state.test_edits import BEGIN, END


def test_edits_for_real_are_planned_done_and_then_there(host: LocalShell) -> None:
    (host.home / "conf").write_text("Port 1\n")
    (host.home / "conf").chmod(0o640)
    wishes: list[tuple[str, dict[str, Any]]] = [
        ("block", {"path": "conf", "content": "x\ny", "validate": ["grep", "-q", "^y", "%s"]}),
        ("replace", {"path": "conf", "match": "^Port .*", "replacement": "Port 22"}),
        ("ini", {"path": "-i", "section": "a", "option": "x", "value": "1", "create": True}),
        ("json", {"path": NASTY, "key": "a.b", "value": [1], "create": True}),
        ("yaml", {"path": "stack", "key": "a.b", "value": "no", "create": True}),
        ("yaml", {"path": "stack", "key": "a.c", "value": [1], "validate": ["grep", "b:", "%s"]}),
    ]
    plan = play(host, *wishes, check=True, diff=True)
    first = play(host, *wishes, diff=True)
    assert [step.problem for step in first.steps if step.problem] == []
    assert first.steps == plan.steps
    assert (statuses(first), first.rounds) == (["changed"] * 6, 2)
    assert (host.home / "conf").read_text() == f"Port 22\n{BEGIN}\nx\ny\n{END}\n"
    assert (host.home / "conf").stat().st_mode & 0o7777 == 0o640
    assert json.loads((host.home / NASTY).read_text()) == {"a": {"b": [1]}}
    assert (host.home / "stack").read_text() == 'a:\n  b: "no"\n  c:\n    - 1\n'
    again = play(host, *wishes, diff=True)
    assert (statuses(again), again.rounds) == (["ok"] * 6, 1)


def test_a_file_that_fails_its_check_is_not_put_in_place(host: LocalShell) -> None:
    top = host.home / "100%s '"
    top.mkdir()
    file = top / "f"
    file.write_text("good\n")
    check = 'test "$1" = "-$2" && ! grep bad "$2" || { echo "line 1: $(cat "$2")"; exit 3; }'
    validate = ["sh", "-c", check, "check", "-%s", "%s"]
    step = ("file", {"dest": "100%s '/f", "content": "bad\n", "validate": validate})
    result = play(host, step, ("directory", {"path": "d"}))
    assert statuses(result) == ["failed", "not run"]
    assert result.failed_step
    assert (
        result.failed_step.problem == "not put in place, its check failed: line 1: bad (status 3)"
    )
    assert [each.name for each in top.iterdir()] == ["f"]
    assert file.read_text() == "good\n"
    fine = ("file", {"dest": "100%s '/f", "content": "better\n", "validate": validate})
    assert statuses(play(host, fine)) == ["changed"]
    assert file.read_text() == "better\n"


@pytest.mark.parametrize("validate", [["exit", "0", "%s"], ["no-such-program", "%s"]])
def test_a_check_is_never_the_shells_own(host: LocalShell, validate: list[str]) -> None:
    result = play(host, ("file", {"dest": "f", "content": "x", "validate": validate}))
    assert statuses(result) == ["failed"]
    assert list(host.home.iterdir()) == []


def test_a_check_does_not_eat_what_comes_after_it(host: LocalShell) -> None:
    result = play(
        host,
        ("file", {"dest": "a", "content": "1", "validate": ["sh", "-c", "cat; : %s"]}),
        ("file", {"dest": "b", "content": "2"}),
    )
    assert statuses(result) == ["changed"] * 2
    assert (host.home / "b").read_text() == "2"


def test_a_secret_in_the_file_is_shown_nowhere(host: LocalShell) -> None:
    (host.home / "f").write_text("password = hunter2\n")
    show = ["sh", "-c", "cat %s; exit 1"]
    for step in [
        ("line", {"path": "f", "line": "x = 1"}),
        ("block", {"path": "f", "content": "x"}),
        ("replace", {"path": "f", "match": "^p", "replacement": "q"}),
        ("ini", {"path": "f", "option": "x", "value": "1"}),
        ("file", {"dest": "f", "content": "x"}),
    ]:
        wish = (step[0], {**step[1], "sensitive": True, "validate": show})
        for check in (True, False):
            assert "hunter2" not in repr(play(host, wish, check=check, diff=True))
    assert (host.home / "f").read_text() == "password = hunter2\n"

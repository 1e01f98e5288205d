"""``remote.script`` and variables for commands, on a real lab."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tasks.commandline import Typed
from wirework.lab import Lab


@pytest.fixture
def job(cwd: Path) -> Path:
    path = cwd / "job"
    path.write_text('#!/bin/sh\nprintf "[%s]" "$@" "$A"; echo; exit "${STATUS-0}"\n')
    return path


def test_a_script_s_answers_are_shown_once(on_lab: Typed, job: Path) -> None:
    said = on_lab("remote.script", "job", "--args", "-v 'two words'", "--hosts", "web")
    assert (said.status, said.out) == (0, "web[1-3] (3 hosts)\n  [-v][two words][]\n")


def test_a_script_that_fails_fails_the_hosts(on_lab: Typed, job: Path) -> None:
    said = on_lab("remote.script", "job", "--env", "STATUS=3", "--hosts", "web")
    assert (said.status, said.out) == (1, "web[1-3] (3 hosts)  status 3\n  []\n")


def test_a_script_s_output_is_saved(on_lab: Typed, job: Path, cwd: Path) -> None:
    said = on_lab("remote.script", "job", "--hosts", "web1", "--save", "kept")
    assert said.status == 0
    assert (cwd / "kept" / "web1.out").read_text() == "[]\n"


def test_a_check_shows_where_a_script_would_run(on_lab: Typed, job: Path, lab: Lab) -> None:
    job.write_text("#!/usr/bin/env -S sh -eu\ntouch ran\n")
    said = on_lab("remote.script", "job", "--hosts", "web", "--check")
    assert said.status == 0
    heading, row = said.out.splitlines()
    assert heading.split() == ["host", "status", "script", "interpreter", "user"]
    assert row.split()[:3] == ["web[1-3]", "ok", "job"]
    assert row.split()[3].endswith("/sh")
    assert not list(lab.folder.glob("hosts/*/ran"))


def test_a_check_tells_of_an_interpreter_that_is_not_there(on_lab: Typed, job: Path) -> None:
    job.write_text("#!/usr/bin/env nosuch\n")
    said = on_lab("remote.script", "job", "--hosts", "web1", "--check", "-o", "json")
    (answer,) = json.loads(said.out)
    assert (said.status, answer["result"]["interpreter"]) == (1, "-")


def test_a_check_asks_for_no_secret(on_lab: Typed, job: Path) -> None:
    words = ("remote.script", "job", "--hosts", "web1", "--env", "A=secret:env:NOT_SET")
    assert on_lab(*words, "--check").status == 0
    said = on_lab(*words)
    assert (said.status, said.out) == (2, "")
    assert said.errors == ["error: the environment variable NOT_SET is not set (export NOT_SET=…)"]


def test_a_command_gets_variables(on_lab: Typed) -> None:
    words = ("--env", "A=two words", "--env", "B=it's")
    said = on_lab("remote.run", "echo $A $B", *words, "--hosts", "web")
    assert (said.status, said.out) == (0, "web[1-3] (3 hosts)\n  two words it's\n")


def test_a_secret_reaches_the_command_and_nothing_else(
    on_lab: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "hunter2")
    look = "cat /proc/[0-9]*/cmdline 2>/dev/null | grep -c 'hunte[r]2'; echo ${#TOKEN}; false"
    words = ("--env", "TOKEN=secret:env:TOKEN", "--hosts", "web1", "--debug", "-o", "json")
    said = on_lab("remote.run", look, *words)
    (answer,) = json.loads(said.out)
    assert answer["result"]["stdout"] == "0\n7\n"
    assert "hunter2" not in said.out + said.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("remote.run", "true", "--env", "hunter2"),
            "a variable is given as NAME=VALUE (--env STAGE=test)",
        ),
        (
            ("remote.run", "true", "--env", "A-B=1"),
            "'A-B' is no name of a variable (letters, digits and _, no digit first)",
        ),
        (
            ("remote.script", "none"),
            "none: cannot read it: No such file or directory",
        ),
        (
            ("remote.script", "job", "--args", "it's"),
            "cannot split --args into words: No closing quotation",
        ),
        (
            ("remote.script", "dos"),
            (
                "dos:1: its lines end as on Windows (CR LF), which shells take for a part of the"
                " words (sed -i 's/\\r$//' dos)"
            ),
        ),
    ],
)
def test_wrong_input_is_one_line(
    on_lab: Typed, job: Path, words: tuple[str, ...], says: str
) -> None:
    (job.parent / "dos").write_bytes(b"#!/bin/sh\r\nid\r\n")
    said = on_lab(*words, "--hosts", "web")
    assert (said.status, said.out, said.err) == (2, "", f"error: {says}\n")


def test_a_script_has_to_be_told_where(on_lab: Typed, job: Path) -> None:
    said = on_lab("remote.script", "job")
    assert (said.status, said.err) == (
        2,
        "error: say on which hosts (--hosts web, or --hosts all)\n",
    )

"""How a command line ends: its code, its one line on standard error, and Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from invoke.exceptions import Exit

from tasks.cli.exits import code_of, guarded
from tests.tasks.commandline import INTERRUPTIBLE, Said, command, run_process
from wirework.errors import (
    AuthenticationFailed,
    CommandFailed,
    DocumentError,
    HostKeyChanged,
    LabError,
    PlaybookError,
    TimedOut,
    Unreachable,
)
from wirework.lab import Lab

END_WITHIN = 3.0
"""Seconds after Ctrl-C until the prompt is back."""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DocumentError("no"), 2),
        (PlaybookError("no"), 2),
        (CommandFailed("no"), 1),
        (TimedOut("no"), 1),
        (LabError("no"), 1),
        (Unreachable("no"), 4),
        (HostKeyChanged("no"), 4),
        (AuthenticationFailed("no"), 4),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("no"), 1),
    ],
)
def test_every_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert code_of(error) == code


def raised(error: BaseException, *, debug: bool = False) -> int:
    with pytest.raises(Exit) as ended, guarded(debug=debug):
        raise error
    return int(ended.value.code)


def test_an_error_is_one_line_with_place_and_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    error = PlaybookError("it is\nbroken", where="site.yaml:3", hint="mend it")
    assert raised(error) == 2
    assert capsys.readouterr() == ("", "error: site.yaml:3: it is broken (mend it)\n")


def test_paths_below_here_are_told_from_here(capsys: pytest.CaptureFixture[str]) -> None:
    raised(PlaybookError("broken", where=f"{Path.cwd()}/plays/site.yaml:3"))
    assert capsys.readouterr().err == "error: plays/site.yaml:3: broken\n"


def test_a_bug_of_ours_is_one_line_that_says_how_to_see_more(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert raised(KeyError("site")) == 1
    line = "error: internal error: KeyError: 'site' (--debug shows where)\n"
    assert capsys.readouterr() == ("", line)


@pytest.mark.parametrize("error", [KeyError("site"), PlaybookError("broken")])
def test_debug_adds_the_traceback(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    raised(error, debug=True)
    said = capsys.readouterr().err
    assert said.startswith("Traceback (most recent call last):\n")
    assert "in raised" in said
    assert said.splitlines()[-1].startswith("error: ")


def test_a_failed_task_keeps_the_next_from_running(lab: Lab, tmp_path: Path) -> None:
    run = ("remote.run", "false", "--hosts", "web1")
    away = {"WIREWORK_INVENTORY": str(lab.inventory)}
    said = run_process(command(*run, "lab.up", "--hosts=1", "--free-ports"), tmp_path, away)
    assert said.status == 1
    assert not (tmp_path / ".wirework").exists()


def test_a_reader_that_has_seen_enough_is_no_error(lab: Lab, tmp_path: Path) -> None:
    run = ("remote.run", "seq 100000", "--hosts", "web1", "-i", str(lab.inventory))
    said = piped(command(*run), tmp_path, lines=1)
    assert said.out == "web1\n"
    assert "rror" not in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("form", ["table", "json", "jsonl"])
def test_a_reader_that_wants_nothing_is_no_error(lab: Lab, tmp_path: Path, form: str) -> None:
    said = piped(command("inventory.list", "-o", form, "-i", str(lab.inventory)), tmp_path, lines=0)
    assert said.err == ""


def piped(argv: list[str], cwd: Path, *, lines: int) -> Said:
    """Run ``argv | head -n LINES``."""
    errors = cwd / "errors"
    with errors.open("wb") as err:
        process = subprocess.Popen(
            argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err
        )
        assert process.stdout is not None
        with process.stdout:
            read = b"".join(process.stdout.readline() for _ in range(lines)).decode()
        status = process.wait(30)
    return Said(status, read, errors.read_text())


@pytest.fixture
def interrupted(lab: Lab, tmp_path: Path) -> Iterator[Any]:
    """Types a command line, presses Ctrl-C when a file is there on the lab, waits for the end."""
    started: list[subprocess.Popen[str]] = []

    def run(*words: str, once: Path) -> tuple[Said, float]:
        argv = command(*words, "-i", str(lab.inventory), launcher=("-c", INTERRUPTIBLE))
        process = subprocess.Popen(
            argv,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        deadline = time.monotonic() + 20
        while not once.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert once.exists(), process.stderr
        process.send_signal(signal.SIGINT)
        pressed = time.monotonic()
        out, err = process.communicate(timeout=20)
        return Said(process.returncode, out, err), time.monotonic() - pressed

    yield run
    for process in started:
        process.kill()
        process.wait(10)


def test_ctrl_c_ends_soon_with_130_and_a_true_report(
    interrupted: Any, lab: Lab, tmp_path: Path
) -> None:
    mark = lab.home("web1") / "ctrl-c"
    # Ctrl-C comes once web2 has answered: web1 says when, a second after it.
    script = (
        "case $PWD in *web2) echo done; touch ctrl-c ;; "
        "*) while [ ! -e ../web2/ctrl-c ]; do sleep 0.05; done; "
        "sleep 1; touch ctrl-c; exec sleep 30 ;; esac"
    )
    done = lab.home("web2") / "ctrl-c"
    said, seconds = interrupted("remote.run", script, "--hosts", "web[1-2]", once=mark)
    mark.unlink()
    done.unlink()
    assert said.status == 130
    assert seconds < END_WITHIN
    assert said.out == "web2\n  done\n"
    assert said.errors == ["error: web1: interrupted"]
    last = said.err.splitlines()[-1]
    assert last.startswith("2 hosts: 1 ok, 1 failed in ")
    assert last.endswith(", interrupted")


def test_ctrl_c_starts_no_further_batch(interrupted: Any, lab: Lab) -> None:
    mark = lab.home("web1") / "ctrl-c-batch"
    said, seconds = interrupted(
        "remote.run", "touch ctrl-c-batch; sleep 30", "--hosts", "web", "--batch", "1", once=mark
    )
    mark.unlink()
    assert (said.status, seconds < END_WITHIN) == (130, True)
    assert "3 hosts: 1 failed, 2 skipped in " in said.err
    assert not (lab.home("web2") / "ctrl-c-batch").exists()


def test_ctrl_c_leaves_json_whole(interrupted: Any, lab: Lab) -> None:
    mark = lab.home("web1") / "ctrl-c-json"
    said, _ = interrupted(
        "remote.run", "touch ctrl-c-json; sleep 30", "--hosts", "web1", "-o", "jsonl", once=mark
    )
    mark.unlink()
    assert said.status == 130
    assert '"host": "web1", "status": "failed"' in said.out


def test_ctrl_c_ends_a_playbook_too(interrupted: Any, lab: Lab, tmp_path: Path) -> None:
    mark = lab.home("web1") / "ctrl-c-play"
    play = "[{hosts: web1, steps: [{command: {argv: [sh, -c, touch ctrl-c-play; sleep 30]}}]}]\n"
    (tmp_path / "play.yaml").write_text(play)
    said, seconds = interrupted("playbook.run", "play.yaml", once=mark)
    mark.unlink()
    assert (said.status, seconds < END_WITHIN) == (130, True)
    assert said.err.splitlines()[-1].startswith("1 host of 1 did not get there: web1. Interrupted")

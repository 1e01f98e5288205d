"""A wrong command line: status 2, one line, the next step, and no task runs."""

from __future__ import annotations

import pytest

from tests.tasks.commandline import Typed

WRONG = {
    "unknown task": (
        "nosuch",
        "there is no task nosuch (see ./inv --list)",
    ),
    "misspelt task": (
        "remote.rum uptime",
        "there is no task remote.rum (did you mean remote.run?)",
    ),
    "unknown option": (
        "demo --xyzzy",
        "demo has no option --xyzzy (see ./inv demo --help)",
    ),
    "misspelt option": (
        "remote.run uptime --hostz web",
        "remote.run has no option --hostz (did you mean --hosts?)",
    ),
    "unknown option before any task": (
        "--xyzzy",
        "there is no option --xyzzy (see ./inv --help)",
    ),
    "one word too many": (
        "remote.run uptime extra --hosts web",
        "remote.run takes no more words, and there is no task extra (see ./inv remote.run --help)",
    ),
    "missing argument": (
        "remote.run",
        "remote.run needs COMMAND (see ./inv remote.run --help)",
    ),
    "two missing arguments": (
        "remote.put",
        "remote.put needs SOURCE, DEST (see ./inv remote.put --help)",
    ),
    "option without its value, at the end": (
        "remote.run uptime --hosts",
        "--hosts needs a value (see ./inv remote.run --help)",
    ),
    "option without its value, of two words": (
        "remote.run uptime --max-fail",
        "--max-fail needs a value (see ./inv remote.run --help)",
    ),
    "a word for a whole number": (
        "remote.ping --forks many",
        "--forks needs a whole number, not 'many'",
    ),
    "a fraction for a whole number": (
        "http.check http://127.0.0.1:1/ --status 1.5",
        "--status needs a whole number, not '1.5'",
    ),
    "a word for a number, by its short option": (
        "remote.ping -t soon",
        "--timeout needs a number, not 'soon'",
    ),
    "no number at all": (
        "remote.ping --timeout nan",
        "--timeout needs a number, not 'nan'",
    ),
    "a number without end": (
        "remote.ping --timeout inf",
        "--timeout needs a number, not 'inf'",
    ),
}


@pytest.mark.parametrize(("line", "says"), WRONG.values(), ids=WRONG)
def test_a_wrong_command_line_ends_with_2_and_one_line(typed: Typed, line: str, says: str) -> None:
    said = typed(*line.split())
    assert (said.status, said.out, said.err) == (2, "", f"error: {says}\n")


def test_a_wrong_second_task_keeps_the_first_from_running(typed: Typed) -> None:
    said = typed("lab.status", "nosuch")
    assert (said.status, said.out) == (2, "")


def test_it_is_the_same_in_a_process_of_its_own(process: Typed) -> None:
    said = process("remote.ping", "--forks", "many")
    assert (said.status, said.out) == (2, "")
    assert said.err == "error: --forks needs a whole number, not 'many'\n"

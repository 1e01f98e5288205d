"""``do.<operation>``: each operation typed by hand, made of its signature."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest

from tasks.namespace import ns
from tests.tasks.commandline import Typed
from wirework.lab import Lab
from wirework.state import OPERATIONS

TASKS = {name.replace("-", "_"): task for name, task in ns.collections["do"].tasks.items()}


def test_every_operation_is_a_task_with_its_own_summary() -> None:
    said = {name: (inspect.getdoc(task) or "").splitlines()[0] for name, task in TASKS.items()}
    assert said == {
        name: operation.summary.replace("``", "") for name, operation in OPERATIONS.items()
    }


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_parameter_of_an_operation_is_an_option_with_help(name: str) -> None:
    options = {str(a.attr_name or a.name): a for a in TASKS[name].get_arguments()}
    for parameter in OPERATIONS[name].parameters:
        option = options[parameter.name]
        assert len(option.help or "") > 3
        assert option.positional == parameter.required
    assert {"check", "diff", "hosts", "output"} <= set(options)


def test_a_wish_is_planned_made_true_and_then_true(on_lab: Typed) -> None:
    wish = ("do.directory", "do/a b", "--mode", "0750", "--hosts", "web")
    planned = on_lab(*wish, "--check")
    assert planned.status == 0
    assert planned.out.startswith("  web[1-3]  1 change to make  1 round, ")
    assert planned.out.endswith("    + folder do/a b\n")
    made, again = on_lab(*wish), on_lab(*wish)
    assert made.out.startswith("  web[1-3]  1 change  2 rounds, ")
    assert made.err.splitlines()[-1].startswith("3 hosts: 3 changed in ")
    assert again.out.startswith("  web[1-3]  nothing to change  1 round, ")
    assert again.err.splitlines()[-1].startswith("3 hosts: 3 ok in ")


def test_a_template_is_filled_in_for_each_host(on_lab: Typed, cwd: Path) -> None:
    (cwd / "motd.j2").write_text("this is {{ host.name }} on {{ http_port }}\n")
    said = on_lab("do.template", "motd.j2", "do-motd", "--hosts", "web", "--diff")
    assert said.status == 0, said.err
    assert "+this is web1 on " in said.out
    for name in ("web1", "web2", "web3"):
        assert f"this is {name} on " in on_lab("remote.run", "cat do-motd", "--hosts", name).out


def test_a_file_and_a_command_take_words_as_people_write_them(
    on_lab: Typed, cwd: Path, lab: Lab
) -> None:
    (cwd / "local").write_text("content\n")
    assert on_lab("do.file", "do-file", "--src", "local", "--hosts", "web1").status == 0
    said = on_lab("do.command", "cp do-file 'do copy'", "--creates", "do copy", "--hosts", "web1")
    assert said.status == 0
    assert on_lab("remote.run", "cat 'do copy'", "--hosts", "web1").out == "web1\n  content\n"


def test_a_wish_that_fails_says_which_and_why(on_lab: Typed) -> None:
    assert on_lab("do.directory", "do-folder", "--hosts", "web1").status == 0
    said = on_lab("do.link", "do-folder", "elsewhere", "--hosts", "web1")
    assert said.status == 1
    assert "✗ link do-folder: do-folder is a directory, not a link (remove it first)" in said.out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("do.directory", "x", "--mode", "99"),
            "do.directory --mode: expected a mode such as \"0644\", not '99'",
        ),
        (
            ("do.directory", "~/x"),
            "do.directory --path: '~/x' starts with ~, which only a shell knows",
        ),
        (("do.command", "echo 'x"), "do.command --argv: No closing quotation"),
        (("do.file", "x", "--src", "absent"), "absent: cannot read it: No such file or directory"),
        (("do.file", "x"), "file needs content or src, one of them"),
    ],
)
def test_bad_input_is_one_line_and_touches_nothing(
    on_lab: Typed, words: tuple[str, ...], line: str
) -> None:
    said = on_lab(*words, "--hosts", "web1")
    assert said.status == 2
    (error,) = said.err.splitlines()
    assert error.startswith("error: ")
    assert line in error


def test_programs_get_what_was_done(on_lab: Typed) -> None:
    said = on_lab("do.link", "do-link", "target", "--hosts", "web1", "-o", "json")
    (outcome,) = json.loads(said.out)
    (step,) = outcome["result"]["converged"]["steps"]
    assert (outcome["host"], outcome["status"], step["title"]) == (
        "web1",
        "changed",
        "link do-link",
    )

"""The tasks as a whole: named, described, helped, and without two options of one letter."""

from __future__ import annotations

import inspect
from types import ModuleType

import pytest

from tasks.cli.parameters import SHORT, CliTask
from tasks.namespace import COLLECTIONS, TOP_LEVEL, ns
from tests.tasks.commandline import Typed

LINE = 80
TASKS: dict[str, CliTask] = {name: ns[name] for name in ns.task_names}


@pytest.mark.parametrize("name", TASKS)
def test_a_task_says_in_one_line_what_it_does(name: str) -> None:
    doc = inspect.getdoc(TASKS[name]) or ""
    first, *rest = doc.splitlines()
    assert len(first) <= LINE
    assert first.endswith(".")
    assert first[0].isupper()
    assert not rest or rest[0] == ""


@pytest.mark.parametrize("name", TASKS)
def test_every_parameter_has_a_help(name: str) -> None:
    for argument in TASKS[name].get_arguments():
        assert argument.help, argument.name
        assert argument.help.endswith("."), argument.help


@pytest.mark.parametrize("name", TASKS)
def test_no_two_options_share_a_name(name: str) -> None:
    names = [each for argument in TASKS[name].get_arguments() for each in argument.names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", TASKS)
def test_a_short_option_means_the_same_everywhere(name: str) -> None:
    for argument in TASKS[name].get_arguments():
        short = [each for each in argument.names if len(each) == 1]
        assert short == ([SHORT[argument.names[0]]] if argument.names[0] in SHORT else [])


def test_short_options_differ() -> None:
    assert len(set(SHORT.values())) == len(SHORT)


@pytest.mark.parametrize("name", TASKS)
def test_help_names_every_option(typed: Typed, name: str) -> None:
    said = typed(name, "--help")
    assert (said.status, said.err) == (0, "")
    assert (inspect.getdoc(TASKS[name]) or "").splitlines()[0] in said.out
    for argument in TASKS[name].get_arguments():
        option = argument.names[0].replace("_", "-")
        assert f"--{option}" in said.out or f"--[no-]{option}" in said.out


@pytest.mark.parametrize("name", TASKS)
def test_help_after_the_task_is_help_too(typed: Typed, name: str) -> None:
    before, after = typed("--help", name), typed(name, "-h")
    assert (after.status, after.out) == (0, before.out)


@pytest.mark.parametrize(("name", "module"), COLLECTIONS, ids=[name for name, _ in COLLECTIONS])
def test_a_collection_says_what_it_is_for(name: str, module: ModuleType) -> None:
    doc = inspect.getdoc(ns.collections[name]) or ""
    assert doc == inspect.getdoc(module)
    assert len(doc.splitlines()[0]) <= LINE
    assert doc.splitlines()[0].endswith(".")


def test_every_task_of_a_collection_s_module_is_reached() -> None:
    for name, module in COLLECTIONS:
        made = {id(each) for each in vars(module).values() if isinstance(each, CliTask)}
        assert made == {id(task) for task in ns.collections[name].tasks.values()}
        assert made


def test_names_are_listed_in_order_and_once() -> None:
    names = [name for name, _ in COLLECTIONS]
    assert names == sorted(set(names))
    assert {task.name for task in TOP_LEVEL}.isdisjoint(names)


def test_a_task_without_a_help_for_a_parameter_is_refused() -> None:
    from tasks.cli import task

    def body(c: object, size: int = 1) -> None:
        """Do it."""

    with pytest.raises(TypeError, match="the parameter size has no help"):
        task()(body).get_arguments()

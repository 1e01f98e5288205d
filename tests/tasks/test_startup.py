"""Start-up is a feature: the command line loads next to nothing, wherever it is started."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.tasks.commandline import REPO, command, run_process

HEAVY = {
    "asyncssh",
    "cryptography",
    "dns",
    "fabric",
    "jinja2",
    "lxml",
    "mysql",
    "paramiko",
    "requests",
    "rich",
    "scapy",
}
"""Too slow to load for a list; yaml is not among them because Invoke loads it anyway."""
OTHERS = 5
"""Modules beyond Invoke and our own ``tasks`` that start-up may load; three are needed today."""
DECORATORS = 6
"""Modules of ``tasks.cli`` that start-up may load: the decorators, and what makes options."""

LOADED = """
import json, sys
import invoke.main
before = set(sys.modules)
from tasks.namespace import COLLECTIONS, ns
collections = [module.__name__ for _, module in COLLECTIONS]
print(json.dumps([sorted(set(sys.modules) - before), collections]))
"""


@pytest.fixture(scope="module")
def loaded() -> tuple[set[str], set[str]]:
    """The modules that the namespace loads beyond Invoke, and those that are collections."""
    said = run_process([sys.executable, "-c", LOADED], REPO)
    assert said.status == 0, said.err
    modules, collections = json.loads(said.out)
    return set(modules), set(collections)


def test_the_namespace_loads_nothing_heavy(loaded: tuple[set[str], set[str]]) -> None:
    modules, _ = loaded
    assert not {name.partition(".")[0] for name in modules} & HEAVY


def test_the_namespace_loads_hardly_anything(loaded: tuple[set[str], set[str]]) -> None:
    modules, collections = loaded
    ours = {name for name in modules if name.partition(".")[0] == "tasks"}
    cli = {name for name in ours if name.startswith("tasks.cli.")}
    assert ours - cli == collections | {"tasks", "tasks.cli", "tasks.demo", "tasks.namespace"}
    assert len(cli) <= DECORATORS, sorted(cli)
    assert len(modules - ours) <= OTHERS, sorted(modules - ours)


@pytest.mark.parametrize("task", ["inventory.graph", "inventory.list"])
def test_a_task_loads_only_what_it_needs(task: str) -> None:
    code = (
        "import sys; from invoke.main import program\n"
        f"try: program.run(['invoke', {task!r}])\n"
        "finally: print(*sorted({m.partition('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    said = run_process([sys.executable, "-c", code], REPO)
    assert said.status == 0, said.err
    assert not set(said.err.split()) & (HEAVY - {"rich"})


def test_a_list_makes_no_task_s_arguments() -> None:
    code = (
        "import sys; from invoke.main import program\n"
        "from tasks.cli.parameters import CliTask\n"
        "def refuse(*_): raise AssertionError('arguments were made')\n"
        "CliTask.get_arguments = refuse\n"
        "program.run(['invoke', '--list'])"
    )
    said = run_process([sys.executable, "-c", code], REPO)
    assert (said.status, said.err) == (0, "")
    assert "remote.run" in said.out


def test_helpers_are_not_loaded_for_a_list() -> None:
    code = (
        "import sys; from invoke.main import program\n"
        "try: program.run(['invoke', '--list'])\n"
        "finally: print(*sorted(m for m in sys.modules if m.startswith('wirework')))"
    )
    said = run_process([sys.executable, "-c", code], REPO)
    assert said.status == 0
    assert said.out.splitlines()[-1] == "wirework wirework.errors"


def test_the_door_gives_the_package_its_name_back() -> None:
    code = (
        "from invoke.main import program\n"
        "try: program.run(['invoke', '--list'])\n"
        "finally:\n"
        "    import tasks, sys\n"
        "    print(tasks.__path__[0], any(p.endswith('/tasks') for p in sys.path))"
    )
    said = run_process([sys.executable, "-c", code], REPO)
    assert said.out.splitlines()[-1] == f"{REPO / 'tasks'} False"


@pytest.mark.parametrize("folder", [".", "tests/tasks", "tasks", "tasks/cli", "wirework/ssh"])
def test_tasks_are_found_from_every_folder_of_the_project(folder: str) -> None:
    said = run_process([sys.executable, "-m", "invoke", "--list"], REPO / folder)
    assert (said.status, "remote.ping" in said.out) == (0, True), said.err


def test_tasks_are_found_from_elsewhere_when_told_where(tmp_path: Path) -> None:
    said = run_process(command("--list"), tmp_path)
    assert (said.status, "remote.ping" in said.out) == (0, True), said.err


def test_the_namespace_can_be_imported() -> None:
    code = "from tasks.namespace import ns; print('remote.ping' in ns.task_names)"
    assert run_process([sys.executable, "-c", code], REPO).out == "True\n"

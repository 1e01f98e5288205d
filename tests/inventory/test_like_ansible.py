"""The same hosts, groups and variables as the real ``ansible-inventory --list`` gives."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests import peers
from tests.machine import require
from wirework.inventory import Inventory, load
from wirework.secrets import Secret
from wirework.secrets.vault import Passwords, decrypt

DATA = Path(__file__).parents[1] / "data" / "inventories"
PASSWORD = DATA / "vault-password"
TIMEOUT = 60.0

# By name of the folder: the sources in it.
CASES = {
    "nesting": ["inventory.yaml"],
    "diamond": ["inventory.yaml"],
    "priorities": ["inventory.yaml"],
    "group_vars": ["inventory.yaml"],
    "folders": ["hosts.yaml"],
    "host_vars": ["hosts.yml"],
    "two_files": ["prod/hosts.yaml", "extra/more.ini"],
    "folder_source": ["."],
    "ini_values": ["hosts"],
    "ini_groups": ["hosts.ini"],
    "ranges": ["inventory.yaml"],
    "ungrouped": ["inventory.yaml"],
    "script": ["fleet.sh"],
    "script_without_meta": ["fleet"],
    "ssh_names": ["inventory.yaml"],
    "vaulted": ["hosts.yaml"],
    "vaulted_whole": ["hosts"],
}

Ask = Callable[[Sequence[Path]], dict[str, Any]]


@pytest.fixture
def ansible(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Ask ansible-inventory what it makes of inventories, with nobody's configuration."""
    require("ansible-core")
    home = tmp_path_factory.mktemp("home")
    (home / "ansible.cfg").touch()
    for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(PASSWORD))
    environment = {
        **os.environ,
        "HOME": str(home),
        "ANSIBLE_CONFIG": str(home / "ansible.cfg"),
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1",
        "LC_ALL": "C.UTF-8",
    }

    def ask(sources: Sequence[Path]) -> dict[str, Any]:
        program = peers.program(peers.ANSIBLE, "ansible-inventory")
        done = subprocess.run(
            [str(program), *(f"--inventory={source}" for source in sources), "--list"],
            check=False,
            cwd=home,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return ask


@pytest.mark.parametrize("case", CASES)
def test_an_inventory_says_what_ansible_says_it_does(ansible: Ask, case: str) -> None:
    sources = [DATA / case / name for name in CASES[case]]
    _compare(load(sources), ansible(sources))


def test_every_inventory_among_the_data_is_compared() -> None:
    assert {path.name for path in DATA.iterdir() if path.is_dir()} == set(CASES)


GROUPS = ("all", "a", "b", "c", "d", "e", "ungrouped")
HOSTS = ("h1", "h2", "h3", "h4")
VARIABLES = tuple("uvwxyz")

_names_of_hosts = st.lists(st.sampled_from(HOSTS), unique=True, max_size=3)
_said = st.lists(st.sampled_from(VARIABLES), unique=True, max_size=4)


@st.composite
def _trees(draw: st.DrawFn, mark: str) -> dict[str, Any]:
    """Groups of which each holds later ones only, so that none holds itself."""
    tree: dict[str, Any] = {}
    for number, name in enumerate(GROUPS):
        below = [] if name == "ungrouped" else GROUPS[number + 1 : -1]
        children = draw(st.lists(st.sampled_from(below), unique=True, max_size=2)) if below else []
        variables = dict.fromkeys(draw(_said), f"{mark} {name}")
        if name != "all" and draw(st.booleans()):
            variables["ansible_group_priority"] = draw(st.sampled_from(["-1", "1", "2", "10"]))
        hosts = {
            host: dict.fromkeys(draw(_said)[:2], f"{mark} {name} {host}")
            for host in draw(_names_of_hosts)
        }
        tree[name] = {"children": {key: {} for key in children}, "vars": variables, "hosts": hosts}
    names = draw(st.permutations(GROUPS))
    tree["all"]["hosts"]["h0"] = {}
    return {name: tree[name] for name in names}


@st.composite
def _files(draw: st.DrawFn) -> dict[str, Any]:
    """Two inventories, each with files of variables beside it: path to what it holds."""
    files: dict[str, Any] = {}
    for mark in ("one", "two"):
        files[f"{mark}/inventory.yaml"] = draw(_trees(mark))
        for kind, names in (("group_vars", GROUPS), ("host_vars", HOSTS)):
            for name in draw(st.lists(st.sampled_from(names), unique=True, max_size=4)):
                ending = draw(st.sampled_from(["", ".yml", ".yaml", ".json", "/x.yml"]))
                files[f"{mark}/{kind}/{name}{ending}"] = dict.fromkeys(
                    draw(_said), f"{mark} {kind} {name}"
                )
    return files


# No shrinking: each try costs a second. What failed is printed whole.
@settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(files=_files())
def test_any_two_inventories_say_what_ansible_says_they_do(
    ansible: Ask, tmp_path_factory: pytest.TempPathFactory, files: dict[str, Any]
) -> None:
    root = tmp_path_factory.mktemp("made")
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content) if name.endswith("json") else yaml.safe_dump(content))
    sources = [root / "one" / "inventory.yaml", root / "two" / "inventory.yaml"]
    _compare(load(sources), ansible(sources))


def _compare(ours: Inventory, theirs: dict[str, Any]) -> None:
    hostvars = theirs.pop("_meta")["hostvars"]
    # They leave out what is empty, and who else all holds.
    hosts = {key: set[str]() for key in ours.groups}
    hosts |= {name: set(group.get("hosts", ())) for name, group in theirs.items()}
    children = {key: set[str]() for key in ours.groups}
    children |= {name: set(group.get("children", ())) for name, group in theirs.items()}
    listed = {name: set(group.hosts) for name, group in ours.groups.items()}
    assert listed | {"all": set()} == hosts
    assert {name: set(group.children) for name, group in ours.groups.items()} == children
    assert set(ours.hosts) == set[str]().union(*hosts.values())
    for host in ours.hosts.values():
        known = _plain(hostvars.get(host.name, {}))
        assert _opened(dict(host.vars), known) == known


def _plain(value: Any) -> Any:
    """Return what they say without its wrappings."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "__ansible_vault" in value:
        passwords = Passwords.from_environment()
        return decrypt(value["__ansible_vault"], where="", passwords=passwords).decode()
    return value.get("__ansible_unsafe", {key: _plain(item) for key, item in value.items()})


def _opened(ours: Any, theirs: Any) -> Any:
    """Return what we say without secrets; a vault's numbers are text to us."""
    if isinstance(ours, Secret):
        return theirs if ours.reveal() == str(theirs) else ours.reveal()
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return {key: _opened(item, theirs.get(key)) for key, item in ours.items()}
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [_opened(item, other) for item, other in zip(ours, theirs, strict=True)]
    return ours

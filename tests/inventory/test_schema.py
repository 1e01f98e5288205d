from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tasks.cli.schemas import SCHEMAS, text, write
from tests.inventory import test_connection
from wirework import documents
from wirework.errors import WireworkError
from wirework.inventory import load
from wirework.inventory.schema import schema
from wirework.inventory.settings import NAMES

WriteAll = Callable[[Mapping[str, str]], Path]

REPO = Path(__file__).parents[2]
DATA = REPO / "tests" / "data" / "inventories"
TAGS = {tag: lambda text, _where: text for tag in ("!vault", "!unsafe", "!vault-encrypted")}
VALIDATOR = jsonschema.Draft7Validator(schema())
VARIABLES = jsonschema.Draft7Validator({**schema(), "$ref": "#/definitions/vars"})


def _plain(path: Path) -> Any:
    return documents.parse(path.read_text(encoding="utf-8"), str(path), tags=TAGS).value


def _is_vault(path: Path) -> bool:
    return path.read_text(encoding="utf-8").startswith("$ANSIBLE_VAULT")


YAML = sorted(path for path in DATA.rglob("*") if path.suffix in (".yaml", ".yml"))
INVENTORIES = [path for path in YAML if "vars" not in path.parent.as_posix()]
VARS_FILES = [path for path in YAML if path not in INVENTORIES]


def _named(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(DATA)) for path in paths]


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(schema())


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_is_committed_is_what_is_made(name: str) -> None:
    committed = (REPO / "schemas" / name).read_text(encoding="utf-8")
    assert committed == text(name), "./inv dev.schemas writes it anew"


def test_writing_says_what_has_changed(tmp_path: Path) -> None:
    assert [each.changed for each in write(tmp_path / "schemas")] == [True] * len(SCHEMAS)
    assert [each.changed for each in write(tmp_path / "schemas")] == [False] * len(SCHEMAS)
    assert json.loads((tmp_path / "schemas" / "inventory.json").read_text()) == schema()


def test_the_example_names_its_schema_and_keeps_to_it() -> None:
    example = REPO / "inventory.yaml"
    first = example.read_text(encoding="utf-8").splitlines()[0]
    mark, _, file = first.partition("=")
    assert mark == "# yaml-language-server: $schema"
    assert (example.parent / file).is_file()
    VALIDATOR.validate(_plain(example))


def test_every_name_of_a_setting_is_described() -> None:
    described = schema()["definitions"]["vars"]["properties"]
    assert sorted(described) == sorted(NAMES)
    assert all(each["description"].endswith(".") for each in described.values())


@pytest.mark.parametrize("path", INVENTORIES, ids=_named(INVENTORIES))
def test_inventories_that_load_keep_to_the_schema(path: Path) -> None:
    assert _is_vault(path) or VALIDATOR.validate(_plain(path)) is None


@pytest.mark.parametrize("path", VARS_FILES, ids=_named(VARS_FILES))
def test_files_of_variables_keep_to_the_schema_of_variables(path: Path) -> None:
    assert _is_vault(path) or VARIABLES.validate(_plain(path)) is None


READ_AS_ANSIBLE_DOES = test_connection.test_ansibles_names_are_read_as_ansible_reads_them
CASES = next(
    mark.args[1]
    for mark in READ_AS_ANSIBLE_DOES.pytestmark  # type: ignore[attr-defined]  # pytest's own
    if mark.name == "parametrize"
)


@pytest.mark.parametrize("line", [line for line, *_ in CASES])
def test_what_ansible_takes_is_taken(line: str) -> None:
    given = documents.parse(line, "x", tags=TAGS).value
    VARIABLES.validate(given)
    VALIDATOR.validate({"web": {"hosts": {"web1": given}}})


@pytest.mark.parametrize(
    "text",
    [
        "web: {hosts: {'web[01:20]': , 'rack[a:f]-[1,3-5]': , '2001:db8::1': , '[::1]:22': }}",
        "web: {hosts: web1, children: db, vars: }\ndb: {hosts: 'web[1:3]'}",
        "büro: {hosts: {bär.example: {x: [1, {y: null}]}}}",
        "web: {hosts: {a: {port: '{{ 2000 + 22 }}', user: null, become: '{{ true }}'}}}",
        "web: {hosts: {a: {token: {secret: 'env:X'}, x: {secret: hunter2, other: 1}}}}",
        "web: {hosts: {a: {password: {secret: 'prompt:the word'}, ansible_become_pass: 12345}}}",
        "web: {hosts: {a: {ssh_options: {ForwardAgent: yes, Port: 5}, ansible_become: 1}}}",
    ],
)
def test_what_loads_keeps_to_the_schema(write_all: WriteAll, text: str) -> None:
    path = write_all({"i.yaml": text}) / "i.yaml"
    load(path)
    VALIDATOR.validate(_plain(path))


BROKEN = yaml.safe_load(Path(__file__).with_name("broken.yaml").read_text(encoding="utf-8"))
ONLY_LOAD_TELLS = (
    "there are no hosts in it",
    "the brackets in",
    "does not count upwards",
    "described nowhere",
    "each other's children",
    "'ungrouped' cannot have children",
    "is the name of a host and of a group",
    "means the same as",
    "no host of this inventory",
    "gateways lead in a circle",
    "home folder of nobody",
    "'a\\n' cannot be",
    "a\\x00b",
    "not inf",
)


@pytest.mark.parametrize("case", BROKEN, ids=[case["says"] for case in BROKEN])
def test_what_load_refuses_is_refused_unless_it_takes_more_than_one_place(
    write_all: WriteAll, case: dict[str, Any]
) -> None:
    path = write_all({"i.yaml": case["text"]}) / "i.yaml"
    with pytest.raises(WireworkError):
        load(path)
    hidden = any(words in case["says"] for words in ONLY_LOAD_TELLS)
    assert hidden or not VALIDATOR.is_valid(_plain(path))


@pytest.mark.parametrize(
    "line",
    [
        "ansible_port: many",
        "ansible_port: [22]",
        "ansible_user: [a]",
        "ansible_become: {a: 1}",
        "ansible_ssh_common_args: [-v]",
        "become_method: enable",
        "host_keys: off",
        "ssh_options: [a]",
        "ssh_options: {Port: [1]}",
        "connect_retries: -1",
        "connect_retries: 101",
        "password: hunter2",
        "password: {secret: hunter2}",
        "token: {secret: hunter2}",
        "mail: [{auth: {secret: 5}}]",
        "connection: ''",
    ],
)
def test_what_is_no_setting_is_refused_by_both(write_all: WriteAll, line: str) -> None:
    given = documents.parse(line, "x").value
    path = write_all({"i.yaml": f"web:\n  hosts:\n    a: {{}}\n  vars:\n    {line}\n"}) / "i.yaml"
    with pytest.raises(WireworkError):
        load(path)
    assert not VARIABLES.is_valid(given)

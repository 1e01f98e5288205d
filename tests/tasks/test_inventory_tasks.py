"""inventory.explain and inventory.check as people type them."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest

from tests.tasks.commandline import Typed

INVENTORY = """\
all:
  vars:
    port: 22
    key: id
  children:
    web:
      vars: {net: 10.0.0, ansible_host: "{{ net }}.{{ number }}"}
      hosts:
        web1:
          port: 2201
          number: 7
          ansible_password: hunter2
          mail: {port: 25}
        web2: {number: 8}
"""
CONFIG = """\
Host 10.*

  Port 2222
"""


@pytest.fixture(autouse=True)
def _files(cwd: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wirework.ssh.config.SYSTEM", Path("/nowhere/ssh_config"))
    (cwd / "inventory.yaml").write_text(INVENTORY)
    (cwd / "id").write_text("key")
    (cwd / "id").chmod(0o600)
    (home / ".ssh" / "config").write_text(CONFIG)
    (home / ".ssh" / "config").chmod(0o600)


def _block(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


@pytest.mark.parametrize("words", [("web1", "port"), ("web1", "--var", "ansible_port")])
def test_a_value_is_explained_with_all_its_places(typed: Typed, words: tuple[str, ...]) -> None:
    said = typed("inventory.explain", *words)
    assert (said.status, said.err) == (0, "")
    assert said.out == _block("""
        web1: port = 2201
          inventory.yaml:10   host         2201
          inventory.yaml:3    all            22   loses
          ~/.ssh/config:3     ssh_config   2222   loses
        """)


def test_a_template_shows_with_what_it_becomes(typed: Typed) -> None:
    assert typed("inventory.explain", "web2", "address").out == _block("""
        web2: address = 10.0.0.8
          inventory.yaml:7   group web   ansible_host   {{ net }}.{{ number }}
        """)


def test_what_nobody_says_is_the_default(typed: Typed) -> None:
    assert typed("inventory.explain", "web1", "become").out == _block("""
        web1: become = false
          default   false   nobody says otherwise
        """)
    assert typed("inventory.explain", "web2", "password").out == _block("""
        web2: password = none
          default   null   nobody says otherwise
        """)


def test_a_secret_shows_its_place_only(typed: Typed) -> None:
    said = typed("inventory.explain", "web1", "password")
    assert "web1: password = <secret inventory.yaml:12>\n" in said.out
    for form in ("table", "json"):
        for words in ((), ("ansible_password",)):
            assert "hunter2" not in typed("inventory.explain", "web1", *words, "-o", form).out


def test_without_a_variable_all_are_told_one_a_line(typed: Typed) -> None:
    said = typed("inventory.explain", "web1")
    assert said.status == 0
    assert said.out == _block("""
        address    10.0.0.7                     inventory.yaml:7    group web
        port       2201                         inventory.yaml:10   host
        key        id                           inventory.yaml:4    all
        password   <secret inventory.yaml:12>   inventory.yaml:12   host
        mail       {"port": 25}                 inventory.yaml:13   host
        net        10.0.0                       inventory.yaml:7    group web
        number     7                            inventory.yaml:11   host
        """)


def test_programs_get_everything(typed: Typed, cwd: Path) -> None:
    explained = json.loads(typed("inventory.explain", "web1", "mail.port", "-o", "json").out)
    assert explained == {
        "host": "web1",
        "name": "mail.port",
        "value": 25,
        "sources": [
            {
                "where": f"{cwd}/inventory.yaml:13",
                "layer": "host",
                "name": "mail.port",
                "value": 25,
                "wins": True,
                "note": "",
            }
        ],
    }
    everything = json.loads(typed("inventory.explain", "web1", "-o", "json").out)
    assert [each["name"] for each in everything["vars"]] == ["mail", "net", "number"]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("web1", "prot"), "error: web1: nobody says 'prot' of this host (did you mean port?)"),
        (
            ("web1", "mail.prot"),
            "error: inventory.yaml:13: mail has no key 'prot' (did you mean port?)",
        ),
        (
            ("web3", "port"),
            "error: inventory.yaml: there is no host 'web3' (did you mean 'web2'?)",
        ),
        ((), "error: inventory.explain needs HOST (see ./inv inventory.explain --help)"),
        (
            ("web1", "--prot"),
            "error: inventory.explain has no option --prot (did you mean --host?)",
        ),
    ],
)
def test_what_is_not_there_is_one_line_and_bad_input(
    typed: Typed, words: tuple[str, ...], error: str
) -> None:
    said = typed("inventory.explain", *words)
    assert (said.status, said.out, said.err) == (2, "", f"{error}\n")


def test_options_may_stand_before_the_variable(typed: Typed) -> None:
    said = typed("inventory.explain", "web1", "-i", "inventory.yaml", "port", "-o", "jsonl")
    assert json.loads(said.out)["value"] == 2201
    assert json.loads(typed("inventory.explain", "-o", "jsonl", "web1", "port").out)["host"]


def test_a_check_tells_what_is_odd(typed: Typed) -> None:
    said = typed("inventory.check")
    assert said.status == 1
    assert said.out == _block("""
        inventory.yaml:12   warning   ansible_password stands here in plain text \
(write ansible_password: {secret: "env:NAME"}, or encrypt it)
        1 warning in inventory.yaml
        """)
    data = json.loads(typed("inventory.check", "-o", "json").out)
    assert {key: data[key] for key in ("loads", "hosts", "groups", "errors", "warnings", "ok")} == {
        "loads": True,
        "hosts": 2,
        "groups": 1,
        "errors": 0,
        "warnings": 1,
        "ok": False,
    }


def test_a_check_of_what_does_not_load_tells_all(typed: Typed, cwd: Path) -> None:
    text = "web:\n  hosts:\n    a: {port: 0, user: 7}\n    b: {password: hunter2}\n"
    (cwd / "bad.yaml").write_text(text)
    said = typed("inventory.check", "-i", "bad.yaml")
    assert said.status == 2
    assert said.out == _block("""
        bad.yaml:3   error   port must be a number from 1 to 65535, not 0
        bad.yaml:3   error   user must be the name of a user, not 7
        bad.yaml:4   error   password must not be written out in an inventory \
(write password: {secret: "env:NAME"})
        3 errors in bad.yaml
        """)
    assert typed("inventory.check", "-i", "bad.yaml", "-o", "json").status == 2


def test_a_check_finds_nothing_wrong_with_what_is_right(typed: Typed, cwd: Path) -> None:
    (cwd / "good.yaml").write_text("web: {hosts: {'web[1:3]': }}")
    said = typed("inventory.check", "-i", "good.yaml")
    assert (said.status, said.out, said.err) == (
        0,
        "good.yaml: 3 hosts in 1 group, nothing wrong\n",
        "",
    )


def test_what_an_inventory_holds_does_not_reach_the_terminal_as_it_is(
    typed: Typed, cwd: Path
) -> None:
    (cwd / "evil.yaml").write_text('web: {hosts: {a: {x: "\\e[31mred\\n2", "\\ey": 1}}}')
    said = typed("inventory.explain", "a", "-i", "evil.yaml")
    assert "\x1b" not in said.out
    assert len(said.out.splitlines()) == 2


def test_the_schemas_are_up_to_date(typed: Typed) -> None:
    said = typed("dev.schemas", "-o", "json")
    assert json.loads(said.out) == [{"file": "inventory.json", "changed": False}]

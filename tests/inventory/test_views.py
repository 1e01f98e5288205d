from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from wirework.errors import InventoryError
from wirework.inventory import Host, Inventory, load
from wirework.inventory.views import GroupTree, HostRow, graph, rows, show
from wirework.secrets import Secret

FLEET = """\
all:
  hosts: {gate: , web1: }
  children:
    prod: {children: {web: , db: {hosts: {db1: }}}}
    web:
      vars:
        token: {secret: "env:TOKEN"}
        mail: {hosts: [a, {secret: "env:MAIL"}], port: 25}
      hosts:
        web1: {address: 192.0.2.1, port: 2222, user: ops, key: /k, password: {secret: "env:PW"}}
    test: {children: {web: }}
"""


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inventory:
    for name in ("TOKEN", "MAIL", "PW"):
        monkeypatch.setenv(name, "hunter2")
    (tmp_path / "inventory.yaml").write_text(FLEET)
    return load(tmp_path / "inventory.yaml")


def test_rows_are_one_a_host(fleet: Inventory) -> None:
    assert rows(fleet.select("web1,gate")) == (
        HostRow("gate", "gate", None, None, ("ungrouped",)),
        HostRow("web1", "192.0.2.1", 2222, "ops", ("prod", "test", "web")),
    )


def test_a_host_is_shown_as_plain_data_without_its_secrets(fleet: Inventory) -> None:
    host = fleet.hosts["web1"]
    assert host.password is not None
    assert host.password.reveal() == "hunter2"
    shown = dataclasses.asdict(show(host))
    assert json.loads(json.dumps(shown)) == {
        "host": "web1",
        "settings": {
            "address": "192.0.2.1",
            "port": 2222,
            "user": "ops",
            "key": "/k",
            "password": "<secret env:PW>",
            "become": False,
            "become_user": "root",
            "become_method": "sudo",
            "connection": "ssh",
        },
        "groups": ["prod", "test", "web"],
        "vars": {
            "token": "<secret env:TOKEN>",
            "mail": {"hosts": ["a", "<secret env:MAIL>"], "port": 25},
        },
    }


def test_the_graph_shows_groups_below_each_of_their_parents(fleet: Inventory) -> None:
    web = GroupTree("web", ("web1",), ())
    db = GroupTree("db", ("db1",), ())
    assert graph(fleet) == GroupTree(
        "all",
        (),
        (
            GroupTree("prod", (), (web, db)),
            web,
            GroupTree("test", (), (web,)),
            GroupTree("ungrouped", ("gate",), ()),
        ),
    )


def test_the_graph_may_start_at_a_group(fleet: Inventory) -> None:
    assert graph(fleet, "test") == GroupTree("test", (), (GroupTree("web", ("web1",), ()),))


def test_the_graph_leaves_out_an_empty_ungrouped(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("web: {hosts: {web1: }}")
    assert graph(load(tmp_path / "x.yaml")).children == (GroupTree("web", ("web1",), ()),)


def test_the_graph_of_an_unknown_group_is_refused(fleet: Inventory) -> None:
    with pytest.raises(InventoryError) as caught:
        graph(fleet, "wep")
    assert str(caught.value) == (
        f"{fleet.source}: there is no group 'wep' (groups: all, prod, web, db, test, ungrouped)"
    )


def test_hosts_are_their_names(fleet: Inventory) -> None:
    assert Host("a", "192.0.2.1") == Host("a", "192.0.2.2", port=1)
    assert Host("a", "x") != Host("b", "x")
    assert {Host("a", "x"): 1}[Host("a", "y", vars={"k": []})] == 1
    assert str(Host("a", "x")) == "a"


def test_the_repr_of_a_host_has_no_secret() -> None:
    secret = Secret("env:PW", lambda: "hunter2")
    assert secret.reveal() == "hunter2"
    assert "hunter2" not in repr(Host("a", "x", password=secret, vars={"x": [secret]}))

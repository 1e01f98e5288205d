from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from wirework.errors import BadInput, InventoryError
from wirework.inventory import Inventory, load
from wirework.ssh import Pool
from wirework.ssh.explain import explain, explain_all

Fleet = Callable[[str, str], Inventory]


@pytest.fixture
def fleet(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """Write an inventory with these variables of its only host web1, and an ssh_config."""
    monkeypatch.setattr("getpass.getuser", lambda: "me")

    def write(variables: str, config: str) -> Inventory:
        lines = "".join(f"      {line}\n" for line in variables.splitlines()) or "      {}\n"
        path = tmp_path / "i.yaml"
        path.write_text(f"all:\n  hosts:\n    web1:\n{lines}    gate:\n", encoding="utf-8")
        own = home / ".ssh" / "config"
        own.write_text(textwrap.dedent(config), encoding="utf-8")
        own.chmod(0o600)
        return load(path)

    return write


# The setting, the inventory's line 4, lines 2 and 3 of ssh_config, what it comes to, the sources.
CASES = [
    ("port", "x: 1", "", 22, ["*  default 22"]),
    ("port", "x: 1", "Port 2222", 2222, ["* c:2 ssh_config 2222"]),
    ("port", "port: 1", "Port 2", 1, ["* i:4 host 1", "- c:2 ssh_config 2"]),
    ("port", "ansible_port: 1", "Port 2", 1, ["* i:4 host 1", "- c:2 ssh_config 2"]),
    (
        *("port", "ssh_options: {port: 3}", "Port 2", 3),
        ["* i:4 host 3", "- c:2 ssh_config 2"],
    ),
    (
        *("port", "port: null", "Port 2", 2),
        ["* c:2 ssh_config 2", "- i:4 host None takes back the others"],
    ),
    ("user", "x: 1", "", "me", ["*  default me"]),
    ("user", "user: a", "User b", "a", ["* i:4 host a", "- c:2 ssh_config b"]),
    ("address", "x: 1", "", "web1", ["*  default web1"]),
    ("address", "address: 10.0.0.1", "", "10.0.0.1", ["* i:4 host 10.0.0.1"]),
    (
        *("address", "address: alias", "HostName 10.0.0.2", "10.0.0.2"),
        [
            "* c:2 ssh_config 10.0.0.2",
            "- i:4 host alias is the name that ssh_config is asked for",
        ],
    ),
    ("key", "x: 1", "", None, ["*  default your agent's keys and ~/.ssh/id_*"]),
    ("key", "key: /a", "IdentityFile /b", "/a", ["* i:4 host /a", "- c:2 ssh_config /b"]),
    (
        *("key", "ansible_ssh_common_args: -i /a", "IdentityFile /b", ["/a", "/b"]),
        ["* i:4 host /a", "* c:2 ssh_config /b"],
    ),
    ("host_keys", "x: 1", "", "strict", ["*  default strict"]),
    (
        *("host_keys", "x: 1", "StrictHostKeyChecking no", "strict"),
        ["*  default strict", "- c:2 ssh_config off is not followed: host keys are checked"],
    ),
    (
        *("host_keys", "host_keys: accept-new", "StrictHostKeyChecking yes", "accept-new"),
        ["* i:4 host accept-new", "- c:2 ssh_config strict"],
    ),
    ("gateway", "x: 1", "", None, ["*  default None"]),
    ("gateway", "gateway: gate", "ProxyJump a", "gate", ["* i:4 host gate", "- c:2 ssh_config a"]),
    ("gateway", "gateway: null", "ProxyJump a", None, ["* i:4 host None", "- c:2 ssh_config a"]),
    (
        *("gateway", "x: 1", "ProxyJump a,b:22", ["a", "b:22"]),
        ["* c:2 ssh_config ['a', 'b:22']"],
    ),
    ("gateway", "x: 1", "ProxyCommand nc %h 22", "nc web1 22", ["* c:2 ssh_config nc web1 22"]),
    (
        *("gateway", "ansible_ssh_common_args: -J b", "ProxyJump a", "b"),
        ["* i:4 host b", "- c:2 ssh_config a"],
    ),
    ("connect_timeout", "x: 1", "", 10.0, ["*  default 10.0"]),
    (
        *("connect_timeout", "x: 1", "ConnectTimeout 0", 10.0),
        ["*  default 10.0", "- c:2 ssh_config 0.0 is no limit, which there has to be"],
    ),
    (
        *("connect_timeout", "ansible_ssh_timeout: 4", "ConnectTimeout 3", 4),
        ["* i:4 host 4", "- c:2 ssh_config 3.0"],
    ),
    ("connect_retries", "x: 1", "ConnectionAttempts 9", 2, ["*  default 2"]),
    (
        *("known_hosts", "known_hosts: /a", "UserKnownHostsFile /b /c", ["/a", "/b", "/c", "/s"]),
        ["* i:4 host /a", "* c:2 ssh_config ['/b', '/c']", "*  default ['/s']"],
    ),
    ("become_method", "x: 1", "", "sudo", ["*  default sudo"]),
    ("become_password", "x: 1", "", None, ["*  default None"]),
    ("ssh_config", "x: 1", "", None, ["*  default ~/.ssh/config and /etc/ssh/ssh_config"]),
    ("port", "ssh_config: none", "Port 2", 22, ["*  default 22"]),
    ("port", "ansible_connection: local", "Port 2", None, ["*  default None"]),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{each[0]}, {each[1]}, {each[2]}" for each in CASES])
def test_a_setting_is_explained_down_to_the_default(
    fleet: Fleet,
    monkeypatch: pytest.MonkeyPatch,
    home: Path,
    case: tuple[str, str, str, object, list[str]],
) -> None:
    name, variables, config, value, told = case
    usual = home / ".ssh" / "known_hosts"
    for module in ("wirework.ssh.explain", "wirework.ssh.pool"):
        monkeypatch.setattr(f"{module}.default_known_hosts", lambda: (usual, Path("/s")))
    inventory = fleet(variables, f"\n{config}\n")
    explained = explain(inventory, inventory.hosts["web1"], name)
    places = {str(home / ".ssh" / "config"): "c", inventory.source: "i"}
    lines = [
        f"{'*' if each.wins else '-'} {each.where} {each.layer} {each.value} {each.note}".rstrip()
        for each in explained.sources
    ]
    for place, letter in places.items():
        lines = [line.replace(place, letter) for line in lines]
    assert (explained.value, lines) == (value, told)


def test_what_is_explained_is_what_is_connected_to(fleet: Fleet) -> None:
    inventory = fleet(
        "ansible_user: '{{ x }}'\nx: ops\naddress: 10.0.0.1",
        """\
        Match user ops
          Port 2222
        Host 10.*
          ConnectTimeout 4
        """,
    )
    host = inventory.hosts["web1"]
    with Pool() as pool:
        target = pool.remote(host).target
    for name in ("address", "port", "user", "host_keys", "connect_timeout", "connect_retries"):
        explained = explain(inventory, host, name)
        assert explained.value == getattr(target, name)
        assert explained.sources[0].value in (explained.value, "{{ x }}")


def test_all_that_anybody_says_is_told(fleet: Fleet) -> None:
    inventory = fleet("port: 1\nansible_user: ops\nmail: {port: 25}", "ConnectTimeout 3\n")
    everything = explain_all(inventory, inventory.hosts["web1"])
    assert everything.host == "web1"
    assert [each.name for each in everything.settings] == ["port", "user", "connect_timeout"]
    assert [each.name for each in everything.vars] == ["mail"]


def test_what_is_no_setting_is_a_variable(fleet: Fleet) -> None:
    inventory = fleet("mail: {port: 25}", "")
    host = inventory.hosts["web1"]
    assert explain(inventory, host, "mail.port").value == 25
    with pytest.raises(InventoryError, match="did you mean mail"):
        explain(inventory, host, "mial")


def test_a_broken_ssh_config_is_told_with_its_line(fleet: Fleet, home: Path) -> None:
    inventory = fleet("x: 1", "Port many\n")
    with pytest.raises(BadInput) as caught:
        explain(inventory, inventory.hosts["web1"], "port")
    assert caught.value.where == f"{home}/.ssh/config:1"

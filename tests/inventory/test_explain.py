from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from wirework.errors import InventoryError
from wirework.inventory import Inventory, load
from wirework.inventory.explain import Explanation, setting, variable, variables
from wirework.inventory.settings import NAMES

WriteAll = Callable[[Mapping[str, str]], Path]

FLEET = {
    "inventory.yaml": """\
        all:
          vars:
            port: 22
            site: old
            mail: {host: mx, users: [{name: ops, pass: {secret: "env:MAIL"}}]}
        web:
          vars:
            ansible_user: deploy
            ansible_host: "{{ net }}.{{ number }}"
          hosts:
            "web1:2222":
              site: new
              number: 7
            gate:
              number: 1
              gateway: null
    """,
    "group_vars/web.yml": "net: 10.0.0\nsite: blue\nansible_port: 2201\n",
    "host_vars/web1.yml": 'ansible_password: hunter2\nmail: {host: "{{ net }}"}\n',
}


@pytest.fixture
def fleet(write_all: WriteAll) -> Inventory:
    return load(write_all(FLEET) / "inventory.yaml")


def _told(explained: Explanation, root: Path) -> list[str]:
    """Write sources as one reads them; those that win are marked."""
    return [
        f"{'*' if each.wins else '-'} {each.where.replace(f'{root}/', '')} {each.layer}"
        f" {each.name}={each.value!r}{f' {each.note}' if each.note else ''}"
        for each in explained.sources
    ]


def _setting(inventory: Inventory, host: str, name: str) -> Explanation:
    return setting(inventory, inventory.hosts[host], NAMES[name][0])


def test_a_variable_has_all_its_places_the_nearest_first(fleet: Inventory, tmp_path: Path) -> None:
    explained = variable(fleet, fleet.hosts["web1"], "site")
    assert (explained.host, explained.name, explained.value) == ("web1", "site", "new")
    assert _told(explained, tmp_path) == [
        "* inventory.yaml:12 host site='new'",
        "- group_vars/web.yml:2 group_vars/web.yml site='blue'",
        "- inventory.yaml:4 all site='old'",
    ]


@pytest.mark.parametrize(
    ("asked", "value", "told"),
    [
        # Ours wins over Ansible's, however near that stands.
        (
            "web1 port",
            22,
            [
                "* inventory.yaml:3 all port=22",
                "- inventory.yaml:11 host ansible_port=2222",
                "- group_vars/web.yml:3 group_vars/web.yml ansible_port=2201",
            ],
        ),
        ("web1 user", "deploy", ["* inventory.yaml:8 group web ansible_user='deploy'"]),
        # What is written, and what becomes of it.
        (
            "web1 address",
            "10.0.0.7",
            ["* inventory.yaml:9 group web ansible_host='{{ net }}.{{ number }}'"],
        ),
        (
            "web1 ansible_ssh_pass",
            "<secret host_vars/web1.yml:1>",
            [
                (
                    "* host_vars/web1.yml:1 host_vars/web1.yml ansible_password="
                    "'<secret host_vars/web1.yml:1>'"
                )
            ],
        ),
        ("gate gateway", "", ["* inventory.yaml:16 host gateway=None"]),
        ("web1 gateway", None, []),
        ("web1 become", False, []),
    ],
)
def test_a_setting_is_explained_by_any_of_its_names(
    fleet: Inventory, tmp_path: Path, asked: str, value: Any, told: list[str]
) -> None:
    explained = _setting(fleet, *asked.split())
    shown = explained.value
    assert (shown.replace(f"{tmp_path}/", "") if isinstance(shown, str) else shown) == value
    assert [line.replace(f"{tmp_path}/", "") for line in _told(explained, tmp_path)] == told
    assert "hunter2" not in repr(explained)


@pytest.mark.parametrize(
    ("variables", "name", "told"),
    [
        (
            ("port: 1", "port: null"),
            "port",
            ["- i:7 host port=None takes back the others", "- i:3 group web port=1"],
        ),
        (
            ("ansible_port: 1", "ansible_port: ''"),
            "port",
            ["* i:3 group web ansible_port=1", "- i:7 host ansible_port='' says nothing"],
        ),
        (
            ("x: 1", "ansible_user: '{{ none_at_all | default() }}'"),
            "user",
            ["- i:7 host ansible_user='{{ none_at_all | default() }}' says nothing"],
        ),
        (
            ("gateway: web1", "x: 1"),
            "gateway",
            ["- i:3 group web gateway='web1' is the host itself"],
        ),
        (
            ("ansible_ssh_common_args: -C", "ansible_ssh_extra_args: -o A=1"),
            "ssh_options",
            [
                "* i:3 group web ansible_ssh_common_args='-C'",
                "* i:7 host ansible_ssh_extra_args='-o A=1'",
            ],
        ),
        (
            ("ansible_ssh_common_args: -F none -C", "x: 1"),
            "ssh_config",
            ["* i:3 group web ansible_ssh_common_args='-F none -C'"],
        ),
        (
            ("ansible_ssh_common_args: -F none", "ssh_config: mine"),
            "ssh_config",
            ["* i:7 host ssh_config='mine'", "- i:3 group web ansible_ssh_common_args='-F none'"],
        ),
        (
            ("ansible_password: \"{{ 'hunter2' }}\"", 'ansible_password: "{{ word }}"'),
            "password",
            [
                "* i:7 host ansible_password='{{ word }}'",
                "- i:3 group web ansible_password='<secret i:3>'",
            ],
        ),
    ],
)
def test_what_does_not_count_says_why(
    write_all: WriteAll, variables: tuple[str, str], name: str, told: list[str]
) -> None:
    text = "web:\n  vars:\n    {}\n  hosts:\n    web2:\n    web1:\n      {}\n"
    root = write_all({"i": text.format(*variables)})
    explained = _setting(load(root / "i"), "web1", name)
    assert [line.replace(f"{root}/", "") for line in _told(explained, root)] == told


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("mail.host", "mx", ["* inventory.yaml:5 all mail.host='mx'"]),
        ("mail.users.0.name", "ops", ["* inventory.yaml:5 all mail.users.0.name='ops'"]),
        (
            "mail.users.0.pass",
            "<secret env:MAIL>",
            ["* inventory.yaml:5 all mail.users.0.pass='<secret env:MAIL>'"],
        ),
    ],
)
def test_keys_lead_into_mappings_and_lists(
    fleet: Inventory, tmp_path: Path, name: str, value: str, told: list[str]
) -> None:
    explained = variable(fleet, fleet.hosts["gate"], name)
    assert explained.value == value
    assert _told(explained, tmp_path) == told


def test_of_a_mapping_the_nearest_counts_in_full(fleet: Inventory, tmp_path: Path) -> None:
    host = fleet.hosts["web1"]
    assert _told(variable(fleet, host, "mail.host"), tmp_path) == [
        "* host_vars/web1.yml:2 host_vars/web1.yml mail.host='{{ net }}'",
        "- inventory.yaml:5 all mail.host='mx'",
    ]
    with pytest.raises(InventoryError, match=r"web1.yml:2: mail has no key 'users'"):
        variable(fleet, host, "mail.users")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("sit", "gate: nobody says 'sit' of this host (did you mean site?)"),
        ("prot", "gate: nobody says 'prot' of this host (did you mean port?)"),
        ("ansible_hots", "gate: nobody says 'ansible_hots' of this host (did you mean"),
        ("zzz", "gate: nobody says 'zzz' of this host (./inv inventory.explain gate shows"),
        ("mail.hots", "inventory.yaml:5: mail has no key 'hots' (did you mean host?)"),
        ("mail.users.1", "inventory.yaml:5: mail.users is a list of 1: there is no '1' in it"),
        ("mail.users.0.pass.x", "mail.users.0.pass is a secret: there is no 'x' in it"),
        ("site.x", "inventory.yaml:4: site is a single value"),
    ],
)
def test_what_nobody_says_is_refused_with_the_nearest_name(
    write_all: WriteAll, name: str, says: str
) -> None:
    fleet = load(write_all({"inventory.yaml": FLEET["inventory.yaml"].replace("{{ net }}", "10")}))
    with pytest.raises(InventoryError) as caught:
        variable(fleet, fleet.hosts["gate"], name)
    assert says in str(caught.value)


def test_a_name_with_a_dot_in_it_is_a_name(write_all: WriteAll) -> None:
    fleet = load(write_all({"i.yaml": "web: {hosts: {a: {x.y: 1, x: {y: 2}}}}"}) / "i.yaml")
    assert variable(fleet, fleet.hosts["a"], "x.y").value == 1


def test_all_variables_are_those_that_are_no_settings(fleet: Inventory) -> None:
    explained = variables(fleet, fleet.hosts["web1"])
    assert [each.name for each in explained] == ["mail", "net", "number", "site"]


def test_what_counts_is_what_the_host_has(fleet: Inventory) -> None:
    """The explanation and the host are made in two places, and must agree."""
    for host in fleet.hosts.values():
        for each in variables(fleet, host):
            assert each.sources[0].wins
            assert each.value == each.sources[0].value
        for name in ("port", "user"):
            explained = _setting(fleet, host.name, name)
            assert explained.value == getattr(host, name) == explained.sources[0].value

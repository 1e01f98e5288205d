from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from wirework.errors import InventoryError, SecretError
from wirework.inventory import Host, Inventory, load
from wirework.inventory.settings import NAMES, SETTINGS
from wirework.secrets import Secret

WriteAll = Callable[[Mapping[str, str]], Path]


def _host(write_all: WriteAll, *lines: str, **files: str) -> Host:
    text = "\n".join(["all:", "  hosts:", "    gate:", "    web1:", *(f"      {x}" for x in lines)])
    return load(write_all({"inv.yaml": text, **files}) / "inv.yaml").hosts["web1"]


def test_the_table_has_every_field_of_a_host_and_no_name_twice() -> None:
    fields = {field.name for field in dataclasses.fields(Host)} - {"name", "groups", "vars"}
    assert {setting.name for setting in SETTINGS} == fields
    names = [name for setting in SETTINGS for name in (*setting.ansible, setting.name)]
    assert sorted(names) == sorted(NAMES)


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("ansible_host: 192.0.2.7", "address", "192.0.2.7"),
        ("ansible_ssh_host: web", "address", "web"),
        ("ansible_host: 7", "address", "7"),
        ("ansible_host: ''", "address", "web1"),
        ("ansible_host:", "address", "web1"),
        ("ansible_port: 2222", "port", 2222),
        ("ansible_port: '2222'", "port", 2222),
        ("ansible_port: 22.0", "port", 22),
        ("ansible_ssh_port: ' 22 '", "port", 22),
        ("ansible_user: ops", "user", "ops"),
        ("ansible_ssh_user: 1000", "user", "1000"),
        ("ansible_ssh_private_key_file: id", "key", "ROOT/id"),
        ("ansible_private_key_file: /id", "key", "/id"),
        ("ansible_become: 'yes'", "become", True),
        ("ansible_become: 1", "become", True),
        ("ansible_become: off", "become", False),
        ("ansible_become: 'False'", "become", False),
        ("ansible_become_user: app", "become_user", "app"),
        ("ansible_become_method: su", "become_method", "su"),
        ("ansible_become_method: ansible.builtin.sudo", "become_method", "sudo"),
        ("ansible_become_method: enable", "become_method", "enable"),
        ("ansible_ssh_timeout: 5", "connect_timeout", 5),
        ("ansible_ssh_timeout: '2.5'", "connect_timeout", 2.5),
        ("ansible_ssh_retries: '3'", "connect_retries", 3),
        ("ansible_connection: smart", "connection", "ssh"),
        ("ansible_connection: ansible.builtin.paramiko_ssh", "connection", "ssh"),
        ("ansible_connection: community.docker.docker", "connection", "community.docker.docker"),
        ("ansible_ssh_common_args: ''", "ssh_options", {}),
        ("ansible_ssh_common_args: -F none", "ssh_config", os.devnull),
        ("ansible_ssh_common_args: -F conf -J a", "ssh_config", "ROOT/conf"),
        ("ssh_config: ~/conf", "ssh_config", "/home/ops/conf"),
        ("ssh_config: none", "ssh_config", os.devnull),
    ],
)
def test_ansibles_names_are_read_as_ansible_reads_them(
    write_all: WriteAll, monkeypatch: pytest.MonkeyPatch, line: str, field: str, value: Any
) -> None:
    monkeypatch.setenv("HOME", "/home/ops")
    found = getattr(_host(write_all, line), field)
    if isinstance(found, Path):
        found = str(found).replace(str(write_all({})), "ROOT")
    assert found == value


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("ansible_port: many", "ansible_port must be a number from 1 to 65535, not 'many'"),
        ("ansible_port: 22.5", "ansible_port must be a number from 1 to 65535, not 22.5"),
        ("ansible_become: perhaps", "ansible_become must be true or false, not 'perhaps'"),
        ("ansible_ssh_common_args: -o", "ansible_ssh_common_args ends in -o, which needs a value"),
        (
            'ansible_ssh_common_args: "-o \'X"',
            "ansible_ssh_common_args has a quote that is opened and never closed",
        ),
        ("ansible_user: [a]", "ansible_user must be the name of a user, not ['a']"),
        ("become_method: enable", "become_method must be sudo, su or doas, not 'enable'"),
        ("host_keys: off", "host_keys must be strict or accept-new, not False"),
        (
            "ssh_options: [a]",
            "ssh_options must be a mapping of ssh_config keywords to their values",
        ),
        ("ssh_options: {a-b: 1}", "ssh_options has 'a-b', which is no keyword of ssh_config"),
        ("ssh_options: {Port: [1]}", "ssh_options must give Port a single value"),
        ("connect_retries: -1", "connect_retries must be a number from 0 to 100, not -1"),
    ],
)
def test_what_is_no_setting_is_refused_with_its_place(
    write_all: WriteAll, tmp_path: Path, line: str, says: str
) -> None:
    with pytest.raises(InventoryError) as caught:
        _host(write_all, line)
    assert str(caught.value).startswith(f"{tmp_path}/inv.yaml:5: {says}")


@pytest.mark.parametrize(
    ("args", "options"),
    [
        ("-J gate", {"ProxyJump": "gate"}),
        ("-Jgate -p 22 -l ops", {"ProxyJump": "gate", "Port": "22", "User": "ops"}),
        (
            "-o ProxyCommand='ssh -W %h:%p -q gate'",
            {"ProxyCommand": "ssh -W %h:%p -q gate"},
        ),
        (
            "-o 'ProxyCommand ssh gate' -oStrictHostKeyChecking=no",
            {"ProxyCommand": "ssh gate", "StrictHostKeyChecking": "no"},
        ),
        ("-o Port=1 -o port=2 -p 3", {"Port": "1"}),
        ("-i id -i /other", {"IdentityFile": "ROOT/id"}),
        ("-i ~/id", {"IdentityFile": "~/id"}),
    ],
)
def test_options_of_ssh_become_keywords(
    write_all: WriteAll, tmp_path: Path, args: str, options: dict[str, str]
) -> None:
    found = _host(write_all, f'ansible_ssh_common_args: "{args}"').ssh_options
    assert {key: value.replace(str(tmp_path), "ROOT") for key, value in found.items()} == options


def test_our_options_win_over_common_ones_and_those_over_extra_ones(write_all: WriteAll) -> None:
    host = _host(
        write_all,
        "ansible_ssh_extra_args: -o A=extra -o B=extra -o C=extra",
        "ansible_ssh_common_args: -o A=common -o b=common",
        "ssh_options: {a: ours}",
    )
    assert host.ssh_options == {"a": "ours", "b": "common", "C": "extra"}


def test_options_that_say_nothing_we_know_are_noted(write_all: WriteAll) -> None:
    root = write_all(
        {"i.yaml": "a: {vars: {ansible_ssh_common_args: -v -R 1:a:2 -C}, hosts: {h: , i: }}"}
    )
    assert load(root / "i.yaml").notes == (
        f"{root}/i.yaml:1: ansible_ssh_common_args has -v -R 1:a:2 -C, which is not used",
    )


@pytest.mark.parametrize(
    ("levels", "port"),
    [
        (("port: 1", "ansible_port: 2"), 1),
        (("ansible_port: 1", "port: 2"), 2),
        (("ansible_port: 1", "ansible_port: 2"), 2),
        (("ansible_ssh_port: 1", "ansible_port: 2"), 1),
        (("ansible_port: 1", "port: null"), None),
        (("port: 1", "ansible_port: null"), 1),
    ],
)
def test_our_name_wins_over_ansibles_whatever_the_level(
    write_all: WriteAll, levels: tuple[str, str], port: int | None
) -> None:
    text = "web: {vars: {%s}, hosts: {web1: {%s}}}" % levels  # noqa: UP031 — braces
    assert load(write_all({"i.yaml": text}) / "i.yaml").hosts["web1"].port == port


def test_two_names_beside_each_other_may_say_the_same(write_all: WriteAll) -> None:
    host = _host(write_all, "port: 22", "ansible_port: '22'", "ansible_ssh_port: 22")
    assert host.port == 22


@pytest.mark.parametrize(
    ("first", "second"),
    [("port: 22", "ansible_port: 23"), ("ansible_host: a", "ansible_ssh_host: b")],
)
def test_two_names_beside_each_other_that_differ_are_refused(
    write_all: WriteAll, tmp_path: Path, first: str, second: str
) -> None:
    with pytest.raises(InventoryError) as caught:
        _host(write_all, first, second)
    ours, theirs = first.partition(":")[0], second.partition(":")[0]
    assert str(caught.value) == (
        f"{tmp_path}/inv.yaml:6: {theirs} means the same as {ours}, which {tmp_path}/inv.yaml:5"
        " gives (keep one of the two)"
    )


def test_templates_see_ansibles_names_and_not_ours(write_all: WriteAll) -> None:
    host = _host(write_all, "ansible_host: a", "port: 22", "x: 1")
    assert dict(host.vars) == {"ansible_host": "a", "x": 1}


@pytest.mark.parametrize(
    "name",
    [
        "ansible_password",
        "ansible_ssh_pass",
        "ansible_become_pass",
        "ansible_ssh_private_key_passphrase",
    ],
)
@pytest.mark.parametrize(("written", "value"), [("hunter2", "hunter2"), ("12345", "12345")])
def test_a_password_of_ansibles_that_is_written_out_never_shows(
    write_all: WriteAll, tmp_path: Path, name: str, written: str, value: str
) -> None:
    text = f"all:\n  hosts:\n    h:\n      {name}: {written}\n"
    fleet = load(write_all({"i.yaml": text}) / "i.yaml")
    host = fleet.hosts["h"]
    held = getattr(host, NAMES[name][0].name)
    assert (held.reveal(), held.source) == (value, f"{tmp_path}/i.yaml:4")
    assert value not in f"{host.vars!r}{fleet.layers(host)!r}{fleet!r}"
    assert host.vars[name] is held


@pytest.mark.parametrize("name", ["password", "become_password", "key_passphrase"])
def test_a_password_of_ours_must_not_be_written_out(write_all: WriteAll, name: str) -> None:
    for written in ("hunter2", "'{{ hunter2 }}'", "[hunter2]", "12345"):
        with pytest.raises(InventoryError) as caught:
            _host(write_all, f"{name}: {written}")
        assert f"{name} must not be written out in an inventory" in str(caught.value)
        assert "hunter2" not in str(caught.value)


def test_files_of_secrets_are_below_the_inventorys_folder(
    write_all: WriteAll, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    files = {"group_vars/all.yml": 'token: {secret: "file:token"}\nkey: id\n', "token": "hunter2\n"}
    host = _host(write_all, "x: 1", **files)
    assert host.vars["token"].reveal() == "hunter2"
    assert host.key == tmp_path / "id"


# Filled in for each host


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("{{ inventory_hostname }}.example.com", "web1.lan.example.com"),
        ("{{ inventory_hostname_short }}", "web1"),
        ("{{ group_names | join('-') }}", "prod-web"),
        ("{{ net }}.{{ number }}", "10.0.0.7"),
        ("{{ nested }}", "10.0.0.7"),
        ("{{ places.first[0] }}", "10.0.0.7"),
        ("{% if number == 7 %}seven{% else %}other{% endif %}", "seven"),
        ("{{ unset | default('other') }}", "other"),
        ("{{ lookup('env', 'PLACE') }}", "here"),
        ("{{ inventory_dir | replace('/', '.') | truncate(3, True, '') }}x", None),
    ],
)
def test_a_setting_is_filled_in_from_the_hosts_variables(
    write_all: WriteAll, monkeypatch: pytest.MonkeyPatch, text: str, address: str | None
) -> None:
    monkeypatch.setenv("PLACE", "here")
    inventory = f"""\
        prod: {{children: {{web: }}}}
        web:
          vars:
            net: 10.0.0
            nested: "{{{{ net }}}}.{{{{ number }}}}"
            places: {{first: ["{{{{ nested }}}}"]}}
            ansible_host: "{text}"
          hosts:
            web1.lan: {{number: 7}}
            web2.lan: {{number: 8, ansible_host: 192.0.2.8}}
    """
    path = write_all({"i.yaml": inventory}) / "i.yaml"
    if address is None:
        with pytest.raises(InventoryError, match="ansible_host must be a host name or an IP"):
            load(path)
    else:
        fleet = load(path)
        assert [host.address for host in fleet.hosts.values()] == [address, "192.0.2.8"]
        assert fleet.hosts["web1.lan"].vars["ansible_host"] == text


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ('ansible_port: "{{ 2000 + 22 }}"', "port", 2022),
        ('port: "{{ 22 }}"', "port", 22),
        ('ansible_become: "{{ true }}"', "become", True),
        ("ansible_user: \"{{ nobody | default('') }}\"", "user", None),
        ('ansible_ssh_common_args: "-J {{ x }}"', "ssh_options", {"ProxyJump": "7"}),
        ("user: !unsafe '{{x}}'", "user", "{{x}}"),
    ],
)
def test_every_kind_of_setting_may_be_filled_in(
    write_all: WriteAll, line: str, field: str, value: Any
) -> None:
    assert getattr(_host(write_all, "x: 7", line), field) == value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{{ nobody }}", "cannot be filled in: 'nobody' is undefined"),
        ("{{ x.y }}", "cannot be filled in: 'int object' has no attribute 'y'"),
        ("{{ x", "cannot be filled in: unexpected end of template"),
        ("{{ x | to_nice }}", "cannot be filled in: No filter named 'to_nice'."),
        ("{{ loop }}", "variables refer to each other more than 10 times deep"),
        ("{{ x.__class__ }}", "access to attribute '__class__' of 'int' object is unsafe"),
        ("{{ token }}", "must not hold <secret env:TOKEN>: only passwords may be secret"),
        ("{{ token | upper }}", "must not hold <secret env:TOKEN>: only passwords may be secret"),
        ("{{ [token] | first }}", "must not hold <secret env:TOKEN>: only passwords may be secret"),
        ("{{ lookup('pipe', 'id') }}", "there is no lookup of 'pipe' here, only of 'env'"),
        ("a {{ x }}", "must be a host name or an IP address, not 'a 7', once filled in"),
    ],
)
def test_what_cannot_be_filled_in_is_told_once_with_its_place(
    write_all: WriteAll, monkeypatch: pytest.MonkeyPatch, text: str, says: str
) -> None:
    monkeypatch.setenv("TOKEN", "hunter2")
    root = write_all(
        {
            "i.yaml": f"""\
        all:
          vars:
            x: 7
            token: {{secret: "env:TOKEN"}}
            loop: "{{{{ loop }}}}"
            ansible_host: "{text}"
          hosts: {{a: , b: , c: }}
        """
        }
    )
    with pytest.raises(InventoryError) as caught:
        load(root / "i.yaml")
    assert str(caught.value).startswith(f"{root}/i.yaml:6: ansible_host ")
    assert says in str(caught.value)
    assert "more: ./inv" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_password_is_filled_in_when_it_is_used_and_stays_a_secret(
    write_all: WriteAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PW", raising=False)
    host = _host(
        write_all, 'token: {secret: "env:PW"}', 'ansible_password: "{{ token }}-{{ x }}"', "x: 1"
    )
    assert isinstance(host.password, Secret)
    assert "inv.yaml:6" in str(host.password)
    monkeypatch.setenv("PW", "hunter2")
    assert host.password.reveal() == "hunter2-1"


def test_a_password_that_cannot_be_filled_in_is_an_error_of_the_secret(write_all: WriteAll) -> None:
    host = _host(write_all, 'ansible_password: "{{ int(nobody) }}"')
    assert host.password is not None
    with pytest.raises(
        SecretError, match=r"inv.yaml:5: ansible_password cannot be filled in: 'int"
    ):
        host.password.reveal()


@pytest.mark.parametrize("text", ["{{ {}[token] }}", "{{ 7 + token }}", "{{ token.nothing }}"])
def test_an_error_about_a_secret_does_not_repeat_it(
    write_all: WriteAll, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("PW", "hunter2")
    host = _host(write_all, 'token: {secret: "env:PW"}', f'ansible_password: "{text}"')
    assert host.password is not None
    with pytest.raises(SecretError) as caught:
        host.password.reveal()
    assert str(caught.value).endswith("inv.yaml:6: ansible_password cannot be filled in")


# Gateways


def test_a_gateway_can_be_taken_back(write_all: WriteAll) -> None:
    text = "all: {vars: {gateway: gate}, hosts: {gate: , a: {gateway: null}, b: }}"
    fleet = load(write_all({"i.yaml": text}) / "i.yaml")
    assert [host.gateway for host in fleet.hosts.values()] == [None, "", "gate"]


def test_the_layers_of_a_host_are_in_the_order_in_which_they_win(write_all: WriteAll) -> None:
    root = write_all(
        {
            "hosts.yaml": """\
            all: {vars: {x: 1}}
            prod: {children: {web: }, vars: {port: 1}}
            web: {vars: {x: 2}, hosts: {"web1:22": {x: 3}}}
        """,
            "group_vars/all.yml": "x: 4",
            "group_vars/web/a.yml": "x: 5",
            "group_vars/web/b/c.yml": "port: 6",
            "host_vars/web1": "x: 7",
        }
    )
    fleet: Inventory = load(root / "hosts.yaml")
    host = fleet.hosts["web1"]
    assert [(layer.name, dict(layer.vars)) for layer in fleet.layers(host)] == [
        ("all", {"x": 1}),
        ("group prod", {"port": 1}),
        ("group web", {"x": 2}),
        ("group_vars/all.yml", {"x": 4}),
        ("group_vars/web/a.yml", {"x": 5}),
        ("group_vars/web/b/c.yml", {"port": 6}),
        ("host", {"ansible_port": 22}),
        ("host", {"x": 3}),
        ("host_vars/web1", {"x": 7}),
    ]
    assert fleet.layers(host)[1].vars.where("port") == f"{root}/hosts.yaml:2"
    assert (host.port, host.vars["x"]) == (6, 7)

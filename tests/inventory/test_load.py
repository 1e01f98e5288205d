from __future__ import annotations

import os
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from wirework.errors import DocumentError, InventoryError, SecretError, WireworkError
from wirework.inventory import Host, Inventory, load
from wirework.secrets import Secret

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "inv.yaml"
        path.write_text(textwrap.dedent(text))
        return path

    return write


def _vars(inventory: Inventory, host: str) -> dict[str, Any]:
    return dict(inventory.hosts[host].vars)


def test_hosts_and_groups_of_the_usual_shape(write: Write) -> None:
    path = write("""\
        all:
          hosts:
            gate: {address: 192.0.2.1}
          children:
            web:
              hosts:
                web[01:03]:
                web10: {port: 2222, site: blue}
            prod:
              children:
                web:
                db:
                  hosts: {db1: }
    """)
    fleet = load(path)
    assert list(fleet.hosts) == ["gate", "web01", "web02", "web03", "web10", "db1"]
    assert (fleet.sources, fleet.source) == ((path,), str(path))
    assert fleet.hosts["gate"].address == "192.0.2.1"
    assert fleet.hosts["web02"].address == "web02"
    assert fleet.hosts["web10"].port == 2222
    assert _vars(fleet, "web10") == {"site": "blue"}
    assert {host.name: host.groups for host in fleet.hosts.values()} == {
        "gate": ("ungrouped",),
        "web01": ("prod", "web"),
        "web02": ("prod", "web"),
        "web03": ("prod", "web"),
        "web10": ("prod", "web"),
        "db1": ("prod", "db"),
    }
    assert {name: (group.hosts, group.children) for name, group in fleet.groups.items()} == {
        "all": (("gate",), ("web", "prod", "ungrouped")),
        "web": (("web01", "web02", "web03", "web10"), ()),
        "prod": ((), ("web", "db")),
        "db": (("db1",), ()),
        "ungrouped": (("gate",), ()),
    }


def test_every_connection_setting_by_our_names(write: Write, tmp_path: Path) -> None:
    path = write("""\
        web:
          hosts:
            gate:
            web1:
              address: "2001:db8::1"
              port: 2222
              user: ops
              key: keys/id
              known_hosts: /etc/known
              gateway: gate
              become: yes
              become_user: app
              become_method: doas
              become_password: {secret: "env:BECOME"}
              password: {secret: "env:WEB1"}
              key_passphrase: {secret: "env:KEY"}
              host_keys: accept-new
              connect_timeout: 2.5
              connect_retries: 3
              ssh_config: none
              ssh_options: {ForwardAgent: yes, ServerAliveInterval: 5, identityFile: keys/more}
              connection: local
              site: blue
    """)
    host = load(path).hosts["web1"]
    assert {name: getattr(host, name) for name in Host.__slots__ if name != "vars"} == {
        "name": "web1",
        "address": "2001:db8::1",
        "port": 2222,
        "user": "ops",
        "key": tmp_path / "keys" / "id",
        "known_hosts": Path("/etc/known"),
        "gateway": "gate",
        "become": True,
        "become_user": "app",
        "become_method": "doas",
        "become_password": Secret("env:BECOME", str),
        "password": Secret("env:WEB1", str),
        "key_passphrase": Secret("env:KEY", str),
        "host_keys": "accept-new",
        "connect_timeout": 2.5,
        "connect_retries": 3,
        "ssh_config": Path(os.devnull),
        "ssh_options": {
            "ForwardAgent": "yes",
            "ServerAliveInterval": "5",
            "identityFile": str(tmp_path / "keys" / "more"),
        },
        "connection": "local",
        "groups": ("web",),
    }
    assert dict(host.vars) == {"site": "blue"}


def test_what_nobody_says_is_left_open(write: Write) -> None:
    host = load(write("web: {hosts: {web1: }}")).hosts["web1"]
    plain = Host(name="web1", address="web1", groups=("web",))
    assert {name: getattr(host, name) for name in Host.__slots__} == {
        name: getattr(plain, name) for name in Host.__slots__
    }


def test_paths_may_be_below_the_home_folder(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ops")
    host = load(write("web: {hosts: {web1: {key: ~/.ssh/id}}}")).hosts["web1"]
    assert host.key == Path("/home/ops/.ssh/id")


def test_paths_are_absolute_for_a_relative_inventory_too(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("web: {hosts: {web1: {key: id}}}")
    monkeypatch.chdir(tmp_path)
    assert load(Path("inv.yaml")).hosts["web1"].key == tmp_path / "id"


@pytest.mark.parametrize("setting", ["var", "user"])
@pytest.mark.parametrize(
    ("levels", "winner"),
    [
        ("all", "all"),
        ("all ungrouped", "all"),
        ("all parent", "parent"),
        ("all parent other", "parent"),
        ("parent other child", "child"),
        ("other parent", "parent"),
        ("zeta child", "zeta"),
        ("child alpha", "child"),
        ("all parent child host", "host"),
    ],
)
def test_the_nearest_level_wins(write: Write, levels: str, winner: str, setting: str) -> None:
    """``zeta`` and ``alpha`` are as deep as ``child``; ``other`` is as deep as ``parent``."""

    def vars_of(level: str) -> str:
        return f"{{{setting}: from_{level}}}" if level in levels.split() else "{}"

    fleet = load(
        write(f"""\
        zmore:
          children:
            zeta: {{vars: {vars_of("zeta")}, hosts: {{h: }}}}
            alpha: {{vars: {vars_of("alpha")}, hosts: {{h: }}}}
        parent:
          vars: {vars_of("parent")}
          children:
            child: {{vars: {vars_of("child")}, hosts: {{h: {vars_of("host")}}}}}
        other: {{vars: {vars_of("other")}, hosts: {{h: }}}}
        all: {{vars: {vars_of("all")}}}
        ungrouped: {{vars: {vars_of("ungrouped")}}}
    """)
    )
    host = fleet.hosts["h"]
    assert (host.user if setting == "user" else host.vars["var"]) == f"from_{winner}"


def test_depth_is_that_of_the_longest_way_down(write: Write) -> None:
    fleet = load(
        write("""\
        a: {children: {b: {children: {c: {vars: {x: c}, hosts: {h: }}}}, c: }}
        d: {children: {z: {vars: {x: z}, hosts: {h: }}}}
    """)
    )
    assert fleet.hosts["h"].groups == ("a", "d", "b", "z", "c")
    assert fleet.hosts["h"].vars["x"] == "c"


def test_ungrouped_hosts_have_their_own_variables(write: Write) -> None:
    fleet = load(
        write("""\
        all: {hosts: {a: , b: }}
        ungrouped: {vars: {x: 1}, hosts: {c: , b: }}
        web: {hosts: {b: }}
    """)
    )
    assert [_vars(fleet, name) for name in "abc"] == [{"x": 1}, {}, {"x": 1}]
    assert fleet.groups["ungrouped"].hosts == ("a", "c")


def test_null_takes_back_what_a_wider_level_says(write: Write) -> None:
    fleet = load(
        write("""\
        all:
          vars: {gateway: gate, user: ops, key: id}
          hosts: {gate: , b: {gateway: , user: ~, key: null}}
    """)
    )
    host = fleet.hosts["b"]
    assert (host.gateway, host.user, host.key) == ("", None, None)


def test_a_gateway_is_not_its_own_gateway(write: Write) -> None:
    fleet = load(write("all: {vars: {gateway: gate}, hosts: {gate: , web1: }}"))
    assert (fleet.hosts["gate"].gateway, fleet.hosts["web1"].gateway) == (None, "gate")


def test_a_group_and_a_host_may_be_described_in_several_places(write: Write) -> None:
    fleet = load(
        write("""\
        web: {hosts: {web1: {a: 1, b: 1}}, vars: {x: 1}}
        prod: {children: {web: {hosts: {web2: }, vars: {y: 2}}}, hosts: {web1: {b: 2}}}
    """)
    )
    assert fleet.groups["web"].hosts == ("web1", "web2")
    assert _vars(fleet, "web1") == {"x": 1, "y": 2, "a": 1, "b": 2}


def test_variables_cannot_be_changed(write: Write) -> None:
    fleet = load(write("web: {vars: {x: 1}, hosts: {web1: , web2: {y: 2}}}"))
    for holder in (fleet.hosts["web1"], fleet.hosts["web2"], fleet.groups["web"]):
        with pytest.raises(TypeError):
            holder.vars["x"] = 2  # type: ignore[index] # that it cannot be done is the point


def test_secrets_are_made_at_any_depth_and_one_for_each_source(write: Write) -> None:
    fleet = load(
        write("""\
        all:
          vars:
            token: {secret: "env:TOKEN"}
            mail: {auth: [{user: me, pass: {secret: "env:TOKEN"}}]}
            plain: {secret: "env:TOKEN", other: 1}
          hosts: {web1: {password: {secret: "env:TOKEN"}}}
    """)
    )
    host = fleet.hosts["web1"]
    token = host.vars["token"]
    assert isinstance(token, Secret)
    assert token.source == "env:TOKEN"
    assert host.vars["mail"]["auth"][0]["pass"] is token  # so that a prompt asks once
    assert host.password is token
    assert host.vars["plain"] == {"secret": "env:TOKEN", "other": 1}


def test_aliases_and_merges_describe_hosts_as_well(write: Write) -> None:
    fleet = load(
        write("""\
        web:
          hosts:
            web1: &web {port: 2222, password: {secret: "env:X"}}
            web2: *web
            web3: {<<: *web, port: 22}
    """)
    )
    assert [host.port for host in fleet.hosts.values()] == [2222, 2222, 22]
    assert {host.password for host in fleet.hosts.values()} == {Secret("env:X", str)}


BROKEN = yaml.safe_load(Path(__file__).with_name("broken.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", BROKEN, ids=[case["says"] for case in BROKEN])
def test_what_describes_no_fleet_is_refused_with_its_place(
    write: Write, case: dict[str, Any]
) -> None:
    path = write(case["text"])
    with pytest.raises(InventoryError) as caught:
        load(path)
    assert str(caught.value) == f"{path}:{case['line']}: {case['says']}".replace("FILE", str(path))
    assert "hunter2" not in str(caught.value)


def test_a_secret_written_out_is_refused_without_repeating_it(write: Write) -> None:
    path = write("a:\n  hosts:\n    h:\n      token:\n        secret: hunter2\n")
    with pytest.raises(SecretError) as caught:
        load(path)
    assert f"{path}:5: a secret names its source, not its value" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n\thosts: {h: }", "2: a tab is used for indentation (use spaces)"),
        ("a:\n  hosts:\n    h:\n    h:\n", "4: the key 'h' is given twice; line 3 has it"),
    ],
)
def test_what_is_no_strict_yaml_is_refused_with_its_place(
    write: Write, text: str, message: str
) -> None:
    path = write(text)
    with pytest.raises(DocumentError) as caught:
        load(path)
    assert str(caught.value) == f"{path}:{message}"


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(WireworkError) as caught:
        load(tmp_path / "none.yaml")
    assert str(caught.value) == f"{tmp_path}/none.yaml: there is no such file"


def test_two_thousand_hosts_are_read_and_chosen_from_quickly(write: Write) -> None:
    lines = ["all:", "  vars: {ntp: 192.0.2.1}", "  children:"]
    for group in range(40):
        lines += [f"    g{group:02}:", f"      vars: {{rack: {group}}}", "      hosts:"]
        lines += [
            f"        g{group:02}-h{host:02}: {{address: 10.0.{group}.{host}, site: x{host}}}"
            for host in range(50)
        ]
    path = write("\n".join(lines))
    began = time.process_time()
    chosen = load(path).select("g0*:&all:!g01")
    spent = time.process_time() - began
    assert len(chosen) == 450
    assert spent < 1.5  # 0.15 s where this was written

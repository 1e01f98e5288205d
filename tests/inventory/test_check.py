from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from wirework.inventory import check as checks
from wirework.inventory.check import Checked, Finding, Kind
from wirework.inventory.exposed import in_plain_text

WriteAll = Callable[[Mapping[str, str]], Path]


def _told(result: Checked, root: Path) -> list[str]:
    """Write findings as lines, each hint on one of its own."""
    lines = []
    for each in result.findings:
        lines.append(f"{each.kind.value} {each.where}: {each.what}")
        lines += [f"  {each.hint}"] * bool(each.hint)
    return [line.replace(f"{root}/", "") for line in lines]


def _check(write_all: WriteAll, text: str, **files: str) -> list[str]:
    root = write_all({"i.yaml": text, **files})
    return _told(checks.check([root / "i.yaml"]), root)


def test_a_clean_inventory_is_ok_and_counted(write_all: WriteAll) -> None:
    root = write_all({"i.yaml": "web: {hosts: {'web[1:3]': }}\nprod: {children: {web: }}"})
    result = checks.check([root / "i.yaml"])
    assert result == Checked(f"{root}/i.yaml", True, 3, 2, 0, 0, ())
    assert (result.ok, result.is_bad_input) == (True, False)


def test_all_mistakes_are_told_at_once_by_line(write_all: WriteAll) -> None:
    root = write_all(
        {
            "i.yaml": """\
            web:
              hosts:
                web1: {port: 0}
                web1: {}
                web2: {user: 7, ansible_password: hunter2, gateway: nobody}
              children: {db: }
            a: {children: {b: {children: {a: }}}}
            """
        }
    )
    result = checks.check([root / "i.yaml"])
    lines = [each.where.rpartition(":")[2] for each in result.findings if each.kind is Kind.ERROR]
    assert lines == sorted(lines)
    assert {"3", "4", "5", "6", "7"} == set(lines)
    assert (result.ok, result.loads, result.is_bad_input) == (False, False, True)
    assert "hunter2" not in repr(result)


CASES = {
    "two hosts in one place": (
        """\
        web:
          hosts:
            a: {address: 10.0.0.1}
            b: {address: 10.0.0.1, port: 22}
            c: {address: 10.0.0.1, port: 23}
            d: {address: 10.0.0.1, gateway: a}
            e: {address: 10.0.0.1, ansible_ssh_common_args: -J x}
            f: {address: 10.0.0.1, ansible_connection: local}
            g: {ansible_host: a}
            h:
        """,
        [
            "warning i.yaml:4: b is at 10.0.0.1 port 22, as a is",
            "  what is done on both is done twice there",
            "warning i.yaml:8: hosts with the connection 'local' are not worked on",
            "  Wirework works on hosts over SSH",
        ],
    ),
    "a name that another overrules": (
        """\
        all: {vars: {port: 22, ansible_user: a, ansible_ssh_user: b}}
        web:
          vars: {ansible_port: 2222, user: ops}
          hosts: {a: , b: {ansible_port: 22, ansible_user: other}}
        """,
        [
            "error i.yaml:1: ansible_ssh_user means the same as ansible_user, which i.yaml:1 gives",
            "  keep one of the two",
            "warning i.yaml:3: ansible_port does not count: port at i.yaml:1 wins",
            "  write port here, too",
            "warning i.yaml:4: ansible_user does not count: user at i.yaml:3 wins",
            "  write user here, too",
        ],
    ),
    "groups without hosts": (
        """\
        web: {hosts: {a: }}
        old: {children: {older: {}}}
        """,
        [
            "warning i.yaml:2: the group 'old' has no hosts",
            "warning i.yaml:2: the group 'older' has no hosts",
        ],
    ),
    "files that are not there": (
        """\
        web:
          vars: {key: no/key, known_hosts: .wirework/lab/known_hosts, ssh_config: conf}
          hosts: {a: , b: , c: {known_hosts: known}}
        """,
        [
            "error i.yaml:2: the key no/key cannot be used: no such file or directory",
            "warning i.yaml:2: there is no file .wirework/lab/known_hosts",
            "  ./inv lab.up makes it",
            "warning i.yaml:2: there is no file conf",
            "  check the path",
            "warning i.yaml:3: there is no file known",
            "  ./inv inventory.trust makes it",
        ],
    ),
    "passwords": (
        """\
        web:
          vars:
            ansible_become_pass: hunter2
            ansible_password: "{{ word }}"
            mail: {users: [{password: hunter2}]}
            word: {secret: "env:WORD"}
            api_token: "{{ word }}"
          hosts: {a: }
        """,
        [
            "warning i.yaml:3: ansible_become_pass stands here in plain text",
            '  write ansible_become_pass: {secret: "env:NAME"}, or encrypt it',
            "warning i.yaml:5: mail.users.0.password stands here in plain text",
            '  write password: {secret: "env:NAME"}, or encrypt it',
        ],
    ),
    "options that are not used": (
        "web: {hosts: {a: {ansible_ssh_common_args: -C}}}",
        ["warning i.yaml:1: ansible_ssh_common_args has -C, which is not used"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_odd_is_told_with_its_place(write_all: WriteAll, case: str) -> None:
    text, told = CASES[case]
    assert _check(write_all, text) == told


def test_files_for_nobody_are_told(write_all: WriteAll) -> None:
    files = {"group_vars/wbe.yml": "x: 1", "host_vars/a.yml": "x: 1", "host_vars/b.yml": "x: 1"}
    assert _check(write_all, "web: {hosts: {a: }}", **files) == [
        "warning group_vars/wbe.yml: is for no group or host of this inventory",
        "warning host_vars/b.yml: is for no group or host of this inventory",
    ]


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        (0o600, []),
        (0o400, []),
        (
            0o644,
            ["error i.yaml:1: the key id can be read by others (mode 0644)", "  chmod 600 id"],
        ),
    ],
)
def test_a_key_that_others_can_read_is_told(
    write_all: WriteAll, mode: int, says: list[str]
) -> None:
    (write_all({"id": "key"}) / "id").chmod(mode)
    assert _check(write_all, "web: {vars: {key: id}, hosts: {a: , b: }}") == says


def test_a_folder_is_no_key(write_all: WriteAll) -> None:
    (write_all({}) / "keys").mkdir()
    says = ["error i.yaml:1: the key keys is no file"]
    assert _check(write_all, "web: {hosts: {a: {key: keys}}}") == says


def test_what_was_left_out_is_not_missed(write_all: WriteAll) -> None:
    text = "web: {hosts: {a: }}\ndb: {hosts: {'-x': }}"
    told = _check(write_all, text, **{"host_vars/x.yml": "y: 1"})
    assert [line.partition(":")[0] for line in told if line[0] != " "] == ["error i.yaml"]


def test_others_may_look_at_what_loads(write_all: WriteAll) -> None:
    root = write_all({"good": "web: {hosts: {a: }}", "bad": "web: {hosts: {a: {port: 0}}}"})
    seen: list[str] = []

    def look(inventory: object) -> list[Finding]:
        seen.append(str(inventory))
        return [Finding(Kind.WARNING, "there", "odd")] * 2

    (root / "good").rename(root / "good.yaml")
    (root / "bad").rename(root / "bad.yaml")
    assert _told(checks.check([root / "good.yaml"], also=look), root) == ["warning there: odd"]
    assert len(checks.check([root / "bad.yaml"], also=look).findings) == 1
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("db_password", "hunter2", True),
        ("DB_PASSWD", "hunter2", True),
        ("dbPassword", 12345, True),
        ("api_key", "k", True),
        ("apikey", "k", True),
        ("pass", "hunter2", True),
        ("smtp_pass", "hunter2", True),
        ("client-secret", "x", True),
        ("tls_private_key", "-----BEGIN", True),
        ("aws_secret_access_key", "/+abc", False),  # which a path may look like as well
        ("tls_private_key", "/etc/tls/key.pem", False),
        ("tls_private_key", "tls.pem", False),
        ("token_ttl", 60, False),
        ("use_token", True, False),
        ("password", "", False),
        ("password_file", "/etc/pw", False),
        ("compass", "north", False),
        ("token", "{{ other }}", False),
        ("public_key", "ssh-ed25519 AAAA", False),
    ],
)
def test_secrets_are_told_by_their_names(
    write_all: WriteAll, name: str, value: object, shown: bool
) -> None:
    from wirework.documents import Map

    variables = Map("i.yaml", 1)
    variables[name] = value
    assert list(in_plain_text(variables)) == ([(name, "i.yaml:1")] if shown else [])


def test_what_a_vault_closes_is_not_in_plain_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = Path(__file__).parents[1] / "data" / "inventories"
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(data / "vault-password"))
    for source in (data / "vaulted" / "hosts.yaml", data / "vaulted_whole" / "hosts"):
        result = checks.check([source])
        assert result.loads
        assert not [each for each in result.findings if "plain text" in each.what]


def test_a_large_fleet_is_checked_quickly(write_all: WriteAll) -> None:
    lines = ["all:", "  vars: {key: id}", "  children:"]
    for group in range(40):
        lines += [f"    g{group}:", "      vars: {port: 22}", "      hosts:"]
        lines += [
            f"        g{group}h{host}: {{address: 10.0.{group}.{host}, ansible_port: 22}}"
            for host in range(50)
        ]
    root = write_all({"i.yaml": "\n".join(lines), "id": "key"})
    (root / "id").chmod(0o600)
    began = os.times().user
    assert checks.check([root / "i.yaml"]).ok
    assert os.times().user - began < 3.0  # 0.3 s where this was written

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from wirework.ssh.check import check

Check = Callable[[str, str], list[str]]


@pytest.fixture
def told(tmp_path: Path, home: Path) -> Check:
    """Check an inventory of these hosts that meets an ssh_config; returns what is found."""

    def check_hosts(hosts: str, config: str) -> list[str]:
        path = tmp_path / "i.yaml"
        path.write_text(f"all:\n  hosts: {{{hosts}}}\n", encoding="utf-8")
        own = home / ".ssh" / "config"
        own.write_text(config, encoding="utf-8")
        own.chmod(0o600)
        return [
            f"{each.kind.value} {each.where}: {each.what}".replace(str(own), "c").replace(
                str(path), "i"
            )
            for each in check([path]).findings
        ]

    return check_hosts


CASES = [
    ("a: , b: ", "Host b\n  Port 22\n", []),
    (
        *("a: , b: ", "\nStrictHostKeyChecking no\n"),
        ["warning c:2: StrictHostKeyChecking no is not followed: host keys are checked"],
    ),
    ("a: {host_keys: strict}", "Host b\n  StrictHostKeyChecking no\n", []),
    (
        *("a: {ansible_ssh_common_args: -o StrictHostKeyChecking=no}", ""),
        ["warning i:2: StrictHostKeyChecking no is not followed: host keys are checked"],
    ),
    (
        *("a: , b: ", "Match exec true\n  Port 1\nCanonicalizeHostname yes\n"),
        [
            "warning c:1: Match exec never applies here: no command is run",
            "warning c:3: CanonicalizeHostname is passed over: no DNS is asked",
        ],
    ),
    ("a: , b: ", "\n\nPort many\n", ["error c:3: port: 'many' is no port between 1 and 65535"]),
    ("a: , b: {ssh_config: none}", "Host x\n  Port 1\n", []),
    (
        *("a: {gateway: b}, b: {address: 10.0.0.1}", "Host 10.*\n  ProxyJump 10.0.0.1\n"),
        [
            "error a: gateways lead in a circle: a > b > 10.0.0.1 > 10.0.0.1",
            "error b: gateways lead in a circle: b > 10.0.0.1 > 10.0.0.1",
        ],
    ),
    ("a: {port: 0}", "Port many\n", ["error i:2: port must be a number from 1 to 65535, not 0"]),
    (
        *("a: {connection: local}", "Port many\n"),
        ["warning i:2: hosts with the connection 'local' are not worked on"],
    ),
]


@pytest.mark.parametrize(
    ("hosts", "config", "finds"), CASES, ids=[f"{hosts} {config}" for hosts, config, _ in CASES]
)
def test_what_ssh_config_adds_is_found(
    told: Check, hosts: str, config: str, finds: list[str]
) -> None:
    assert told(hosts, config) == finds

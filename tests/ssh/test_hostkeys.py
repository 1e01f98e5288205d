from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path
from typing import Any

import paramiko
import pytest

from tests.machine import require
from tests.ssh.sshd import make_key
from wirework.errors import HostKeyChanged, HostKeyUnknown
from wirework.inventory import Host
from wirework.ssh.hostkeys import HostKeys, default_known_hosts, entry_name, fingerprint
from wirework.ssh.target import Target, Targets

OFFERED = ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[paramiko.PKey, paramiko.PKey]:
    require("ssh")
    folder = tmp_path_factory.mktemp("keys")
    return (
        paramiko.PKey.from_path(make_key(folder / "one")),
        paramiko.PKey.from_path(make_key(folder / "rsa", "rsa")),
    )


def line(names: str, key: paramiko.PKey) -> str:
    return f"{names} {key.get_name()} {key.get_base64()}\n"


def target(*files: Path, name: str = "web1", port: int = 22, **settings: Any) -> Target:
    host = Host("h", name, port, ssh_config=Path(os.devnull), **settings)
    return Targets(known_hosts=files, connect_timeout=1.0).of(host)


def check(key: paramiko.PKey, *files: Path, **settings: Any) -> None:
    HostKeys().check(target(*files, **settings), key)


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(lines))
    return path


@pytest.mark.parametrize(
    ("names", "address", "port"),
    [
        ("web1", "web1", 22),
        ("web1", "WEB1", 22),
        ("Web1,10.0.0.1", "10.0.0.1", 22),
        ("[10.0.0.1]:2222", "10.0.0.1", 2222),
        ("[::1]:2222", "::1", 2222),
        ("web*", "web7", 22),
        ("[web?]:2222", "web7", 2222),
        ("*,!web2", "web7", 22),
        ("web1", "web1", 2222),
        ("web*", "web1", 2222),
    ],
)
def test_names_are_matched_as_ssh_does(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey], names: str, address: str, port: int
) -> None:
    check(pair[0], write(tmp_path / "known", line(names, pair[0])), name=address, port=port)


@pytest.mark.parametrize(
    ("names", "address", "port"),
    [
        ("web1", "web2", 22),
        ("[10.0.0.1]:2222", "10.0.0.1", 22),
        ("[10.0.0.1]:2222", "10.0.0.1", 2223),
        ("web*,!web2", "web2", 22),
        ("web?", "web10", 22),
        ("|1|broken", "web1", 22),
    ],
)
def test_names_of_other_hosts_do_not_count(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey], names: str, address: str, port: int
) -> None:
    with pytest.raises(HostKeyUnknown):
        check(pair[0], write(tmp_path / "known", line(names, pair[0])), name=address, port=port)


def test_names_hashed_by_ssh_keygen_are_found(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey]
) -> None:
    path = tmp_path / "known"
    path.write_text(line("web1,[web1]:2222", pair[0]))
    subprocess.run(
        ["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, timeout=10, capture_output=True
    )
    assert "web1" not in path.read_text()
    check(pair[0], path)
    check(pair[0], path, port=2222)
    with pytest.raises(HostKeyUnknown):
        check(pair[0], path, name="web2")


def test_lines_that_are_no_host_key_do_not_end_the_run(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey]
) -> None:
    noise = [
        "\n",
        "# note\n",
        "web1\n",
        "web1 ssh-ed25519 !!!not-base64!!!\n",
        "|1|broken ssh-ed25519 AAAA\n",
        f"|1|AAAA|AAAA {line('', pair[1])}",
        "\udcff\udcfe\n",
        f"web1 ssh-ed25519 {pair[1].get_base64()}\n",
        f"@cert-authority {line('web1', pair[1])}",
        f"@unheard-of {line('web1', pair[1])}",
    ]
    path = tmp_path / "known"
    path.write_text("".join([*noise, line("web1", pair[0])]), errors="surrogateescape")
    check(pair[0], path)
    with pytest.raises(HostKeyChanged):
        check(pair[1], path)


def test_an_unknown_key_is_refused_with_what_to_do(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey]
) -> None:
    with pytest.raises(HostKeyUnknown) as caught:
        check(pair[0], tmp_path / "known", port=2222)
    assert str(caught.value) == (
        f"h: its host key ssh-ed25519 {fingerprint(pair[0].asbytes())} is in no known_hosts file"
        " (./inv inventory.trust --hosts h)"
    )


def test_an_ssh_config_that_turns_the_check_off_is_named_and_not_followed(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey]
) -> None:
    config = write(tmp_path / "config", "Host *\n  StrictHostKeyChecking no\n")
    host = Host("h", "web1", ssh_config=config)
    with pytest.raises(HostKeyUnknown) as caught:
        HostKeys().check(Targets(known_hosts=(), connect_timeout=1.0).of(host), pair[0])
    assert f"({config}:2 turns its check off, which is not followed; " in str(caught.value)


def test_the_fingerprint_is_that_of_ssh_keygen(tmp_path: Path) -> None:
    require("ssh")
    path = make_key(tmp_path / "key")
    said = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(path)], check=True, timeout=10, capture_output=True
    )
    blob = base64.b64decode(path.with_suffix(".pub").read_text().split()[1])
    assert fingerprint(blob) in said.stdout.decode()


def test_a_changed_key_names_both_and_the_line(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey]
) -> None:
    path = tmp_path / "known"
    write(path, "# note\n", line("web1", pair[1]))
    with pytest.raises(HostKeyChanged) as caught:
        check(pair[0], path)
    text = str(caught.value)
    assert text.startswith(
        f"h: its host key has changed: it shows ssh-ed25519 {fingerprint(pair[0].asbytes())},"
        f" but {path}:2 has ssh-rsa {fingerprint(pair[1].asbytes())} ("
    )
    assert text.endswith(f"before you type: ssh-keygen -R web1 -f {path})")


def test_a_changed_key_of_a_pattern_names_the_line_to_remove(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey]
) -> None:
    path = write(tmp_path / "known", line("web*", pair[1]))
    with pytest.raises(HostKeyChanged, match=rf"before you remove line 1 of {path}\)$"):
        check(pair[0], path)


def test_a_key_of_the_very_port_comes_before_one_of_the_mere_name(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey]
) -> None:
    path = write(tmp_path / "known", line("web1", pair[0]), line("[web1]:2222", pair[1]))
    check(pair[1], path, port=2222)
    with pytest.raises(HostKeyChanged, match=f"{path}:2 has"):
        check(pair[0], path, port=2222)


def test_another_server_behind_the_mere_name_is_no_change(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey]
) -> None:
    path = write(tmp_path / "known", line("web1", pair[0]))
    with pytest.raises(HostKeyUnknown):
        check(pair[1], path, port=2222)


def test_an_alias_is_looked_for_without_a_port(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey]
) -> None:
    path = write(tmp_path / "known", line("other", pair[0]))
    check(pair[0], path, port=2222, ssh_options={"HostKeyAlias": "Other"})


def test_a_revoked_key_is_refused_wherever_else_it_is_trusted(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey]
) -> None:
    path = tmp_path / "known"
    write(path, line("web1", pair[0]), f"@revoked {line('*', pair[0])}")
    with pytest.raises(HostKeyChanged, match=f"is revoked in {path}:2"):
        check(pair[0], path)


def test_any_file_may_vouch_for_a_host(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey]
) -> None:
    mine, shared = tmp_path / "mine", tmp_path / "shared"
    mine.write_text(line("web1", pair[0]))
    shared.write_text(line("web1", pair[1]))
    check(pair[0], shared, tmp_path / "absent", known_hosts=mine)
    check(pair[1], shared, tmp_path / "absent", known_hosts=mine)
    with pytest.raises(HostKeyChanged):
        check(pair[0], shared)


def test_algorithms_of_known_keys_are_asked_for_first(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey]
) -> None:
    path = write(tmp_path / "known", line("web1", pair[1]))
    assert HostKeys().algorithms(target(path), OFFERED) == (
        "rsa-sha2-512",
        "rsa-sha2-256",
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
    )
    assert HostKeys().algorithms(target(path, name="web2"), OFFERED) == OFFERED


def test_certificates_are_asked_for_where_an_authority_is_known(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey]
) -> None:
    path = write(tmp_path / "known", f"@cert-authority {line('web*', pair[1])}")
    asked = HostKeys().algorithms(target(path, port=2222), OFFERED)
    assert asked == (*(f"{name}-cert-v01@openssh.com" for name in OFFERED), *OFFERED)
    assert HostKeys().algorithms(target(path, name="db1"), OFFERED) == OFFERED


def test_the_projects_file_is_found_from_below(home: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    below = project / "a" / "b"
    below.mkdir(parents=True)
    user, system = home / ".ssh" / "known_hosts", Path("/etc/ssh/ssh_known_hosts")
    (project / ".wirework").mkdir()
    (project / ".wirework" / "known_hosts").touch()
    assert default_known_hosts(below) == (user, system, project / ".wirework" / "known_hosts")


def test_port_22_stands_without_brackets() -> None:
    assert entry_name("Web1", 22) == "web1"
    assert entry_name("::1", 2222) == "[::1]:2222"

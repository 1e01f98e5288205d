from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import paramiko
import pytest

from tests.machine import require
from tests.ssh.sshd import make_key
from wirework.errors import HostKeyChanged, HostKeyUnknown
from wirework.inventory import Host
from wirework.ssh.hostkeys import HostKeys, default_known_hosts, entry_name, fingerprint

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


def keys(path: Path, *lines: str) -> HostKeys:
    path.write_text("".join(lines))
    return HostKeys([path])


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
    ],
)
def test_names_are_matched_as_ssh_does(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey], names: str, address: str, port: int
) -> None:
    keys(tmp_path / "known", line(names, pair[0])).check(Host("h", address, port), pair[0])


@pytest.mark.parametrize(
    ("names", "address", "port"),
    [
        ("web1", "web2", 22),
        ("10.0.0.1", "10.0.0.1", 2222),
        ("[10.0.0.1]:2222", "10.0.0.1", 22),
        ("web*,!web2", "web2", 22),
        ("web?", "web10", 22),
        ("|1|broken", "web1", 22),
    ],
)
def test_names_of_other_hosts_do_not_count(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey], names: str, address: str, port: int
) -> None:
    with pytest.raises(HostKeyUnknown):
        keys(tmp_path / "known", line(names, pair[0])).check(Host("h", address, port), pair[0])


def test_names_hashed_by_ssh_keygen_are_found(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey]
) -> None:
    path = tmp_path / "known"
    path.write_text(line("web1,[web1]:2222", pair[0]))
    subprocess.run(
        ["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, timeout=10, capture_output=True
    )
    assert "web1" not in path.read_text()
    known = HostKeys([path])
    known.check(Host("h", "web1"), pair[0])
    known.check(Host("h", "web1", 2222), pair[0])
    with pytest.raises(HostKeyUnknown):
        known.check(Host("h", "web2"), pair[0])


def test_lines_that_are_no_host_key_do_not_end_the_run(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey]
) -> None:
    noise = [
        "\n",
        "# note\n",
        "web1\n",
        "web1 ssh-ed25519 !!!not-base64!!!\n",
        "\udcff\udcfe\n",
        f"@cert-authority {line('web1', pair[1])}",
        f"@unheard-of {line('web1', pair[1])}",
    ]
    path = tmp_path / "known"
    path.write_text("".join([*noise, line("web1", pair[0])]), errors="surrogateescape")
    known = HostKeys([path])
    known.check(Host("h", "web1"), pair[0])
    with pytest.raises(HostKeyChanged):
        known.check(Host("h", "web1"), pair[1])


def test_an_unknown_key_is_refused_with_what_to_do(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey]
) -> None:
    with pytest.raises(HostKeyUnknown) as caught:
        HostKeys([tmp_path / "known hosts"]).check(Host("h", "10.0.0.1", 2222), pair[0])
    assert str(caught.value) == (
        f"h: its host key ssh-ed25519 {fingerprint(pair[0].asbytes())} is in no known_hosts file"
        " (compare the fingerprint with the host's owner, then:"
        f" ssh-keyscan -p 2222 10.0.0.1 >> '{tmp_path}/known hosts')"
    )


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
    known = keys(path, "# note\n", line("web1", pair[1]))
    with pytest.raises(HostKeyChanged) as caught:
        known.check(Host("h", "web1"), pair[0])
    text = str(caught.value)
    assert text.startswith(
        f"h: its host key has changed: it shows ssh-ed25519 {fingerprint(pair[0].asbytes())},"
        f" but {path}:2 has ssh-rsa {fingerprint(pair[1].asbytes())} ("
    )


def test_a_revoked_key_is_refused_wherever_else_it_is_trusted(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey]
) -> None:
    path = tmp_path / "known"
    known = keys(path, line("web1", pair[0]), f"@revoked {line('*', pair[0])}")
    with pytest.raises(HostKeyChanged, match=f"is revoked in {path}:2"):
        known.check(Host("h", "web1"), pair[0])


def test_any_file_may_vouch_for_a_host(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey]
) -> None:
    mine, shared = tmp_path / "mine", tmp_path / "shared"
    mine.write_text(line("web1", pair[0]))
    shared.write_text(line("web1", pair[1]))
    known = HostKeys([shared, tmp_path / "absent"])
    known.check(Host("h", "web1", known_hosts=mine), pair[0])
    known.check(Host("h", "web1", known_hosts=mine), pair[1])
    with pytest.raises(HostKeyChanged):
        known.check(Host("h", "web1"), pair[0])


def test_algorithms_of_known_keys_are_asked_for_first(
    tmp_path: Path, pair: tuple[paramiko.PKey, paramiko.PKey]
) -> None:
    known = keys(tmp_path / "known", line("web1", pair[1]))
    assert known.algorithms(Host("h", "web1"), OFFERED) == (
        "rsa-sha2-512",
        "rsa-sha2-256",
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
    )
    assert known.algorithms(Host("h", "web2"), OFFERED) == OFFERED


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

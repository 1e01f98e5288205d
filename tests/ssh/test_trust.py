"""The keys that hosts show to whoever asks, and the pinning of them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.running import free_port
from tests.ssh.sshd import Server, make_key, running_sshd
from tests.ssh.test_host_certificates import GOOD, sign
from wirework.errors import BadInput, Failed, HostKeyUnknown, Unreachable
from wirework.inventory import Host
from wirework.ssh import Pool
from wirework.ssh.hostkeys import State
from wirework.ssh.trust import is_trusted, new, offered, pin

TYPES = ("ssh-ed25519", "ecdsa-sha2-nistp384", "ssh-rsa")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An sshd with keys of every type, of which the one for ECDSA is certified."""
    folder = tmp_path_factory.mktemp("many")
    ca = make_key(folder / "ca")
    key = folder / "ecdsa"
    argv = ["ssh-keygen", "-q", "-t", "ecdsa", "-b", "384", "-N", "", "-f", str(key)]
    subprocess.run(argv, check=True, timeout=10)
    certificate = sign(key, ca, *GOOD)
    with running_sshd(folder, f"HostKey {key}", f"HostCertificate {certificate}") as server:
        yield server


def asking(server: Server, known: Path, name: str = "box", **changes: object) -> Host:
    """A host on which nobody could log in."""
    return server.host(name, user="nobody", key=known, known_hosts=known, **changes)


def test_every_type_of_key_is_shown_and_nobody_logs_in(
    many: Server, pool: Pool, tmp_path: Path
) -> None:
    remote = pool.remote(asking(many, tmp_path / "none"))
    keys = offered(remote)
    assert tuple(key.type for key in keys) == TYPES
    assert {key.state for key in keys} == {State.NEW}
    assert {(key.host, key.address) for key in keys} == {("box", f"[127.0.0.1]:{many.port}")}
    said = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(many.folder / "ecdsa.pub")],
        check=True,
        capture_output=True,
        timeout=10,
    )
    assert keys[1].fingerprint == said.stdout.split()[1].decode()
    assert keys[1].key == (many.folder / "ecdsa.pub").read_text().split()[1]
    assert not (tmp_path / "none").exists()


def test_pinned_keys_are_those_that_ssh_keyscan_finds(
    many: Server, pool: Pool, tmp_path: Path
) -> None:
    known = tmp_path / "known"
    remote = pool.remote(asking(many, known))
    assert not is_trusted(remote)
    assert pin((remote, key) for key in new(offered(remote))) == {known: 3}
    assert is_trusted(remote)
    assert {key.state for key in offered(remote)} == {State.KNOWN}
    said = subprocess.run(
        ["ssh-keyscan", "-p", str(many.port), "127.0.0.1"],
        check=True,
        capture_output=True,
        timeout=20,
    )
    scanned = [line for line in said.stdout.decode().splitlines() if line[0] != "#"]
    assert sorted(known.read_text().splitlines()) == sorted(scanned)
    pool.remote(many.host("in", known_hosts=known)).connect()


def test_keys_are_written_once(many: Server, pool: Pool, tmp_path: Path) -> None:
    known = tmp_path / "known"
    remote = pool.remote(asking(many, known))
    keys = [(remote, key) for key in offered(remote)]
    assert pin([*keys, *keys]) == {known: 3}
    assert pin(keys) == {known: 0}
    assert len(known.read_text().splitlines()) == 3


def test_another_type_of_a_known_host_is_new(many: Server, pool: Pool, tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text((many.folder / "known_hosts").read_text())
    keys = offered(pool.remote(asking(many, known)))
    assert [key.state for key in keys] == [State.KNOWN, State.NEW, State.NEW]
    assert keys[0].line == f"{known}:1"
    assert [key.type for key in new(keys)] == list(TYPES[1:])


def test_a_changed_key_keeps_the_others_of_its_host_out(
    many: Server, pool: Pool, tmp_path: Path
) -> None:
    known = tmp_path / "known"
    other = make_key(tmp_path / "other")
    known.write_text(f"[127.0.0.1]:{many.port} {Path(f'{other}.pub').read_text()}")
    keys = offered(pool.remote(asking(many, known)))
    # None of them is the one we know: each may be somebody else's.
    assert [key.state for key in keys] == [State.CHANGED] * 3
    assert new(keys) == ()
    assert f"{known}:1 has ssh-ed25519 {keys[0].expected} (ask" in keys[0].note
    assert f"ssh-keygen -R '[127.0.0.1]:{many.port}' -f {known})" in keys[0].note


def test_one_changed_key_among_known_ones_is_told(many: Server, pool: Pool, tmp_path: Path) -> None:
    known = tmp_path / "known"
    other = make_key(tmp_path / "other", "rsa")
    wrong = f"[127.0.0.1]:{many.port} {Path(f'{other}.pub').read_text()}"
    known.write_text((many.folder / "known_hosts").read_text() + wrong)
    keys = offered(pool.remote(asking(many, known)))
    assert [key.state for key in keys] == [State.KNOWN, State.NEW, State.CHANGED]
    assert new(keys) == ()


def test_a_revoked_key_is_told(many: Server, pool: Pool, tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text(f"@revoked * {(many.folder / 'host_rsa.pub').read_text()}")
    keys = offered(pool.remote(asking(many, known)))
    assert [key.state for key in keys] == [State.NEW, State.NEW, State.REVOKED]
    assert new(keys) == ()


def test_a_certified_key_is_its_authoritys(many: Server, pool: Pool, tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text(f"@cert-authority * {(many.folder / 'ca.pub').read_text()}")
    states = {key.type: key.state for key in offered(pool.remote(asking(many, known)))}
    assert states == dict(zip(TYPES, (State.NEW, State.AUTHORITY, State.NEW), strict=True))


def test_a_certificate_of_no_use_is_noted(many: Server, pool: Pool, tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text(f"@cert-authority * {(many.folder / 'ca.pub').read_text()}")
    host = asking(many, known, ssh_options={"HostKeyAlias": "db1"})
    notes = {key.type: key.note for key in offered(pool.remote(host))}
    assert notes[TYPES[1]].endswith("is no good: it is for 127.0.0.1, web1, not for db1")
    assert notes[TYPES[0]] == ""


def test_a_host_behind_a_gateway_is_asked_through_it(many: Server, tmp_path: Path) -> None:
    known = tmp_path / "known"
    hosts = {"door": many.host("door", known_hosts=known)}
    inner = asking(many, tmp_path / "inner", "inner", gateway="door")
    with Pool(known_hosts=(), gateways=hosts.__getitem__) as pool:
        remote = pool.remote(inner)
        door = remote.gateway
        assert door is not None
        assert door.host.name == "door"
        with pytest.raises(Unreachable) as caught:
            offered(remote)
        assert isinstance(caught.value.__cause__, HostKeyUnknown)
        assert "./inv inventory.trust --hosts inner" in str(caught.value)
        pin((door, key) for key in offered(door))
        assert len(offered(remote)) == 3


def test_a_host_that_is_away_is_unreachable(pool: Pool) -> None:
    with pytest.raises(Unreachable, match="connection refused"):
        offered(pool.remote(Host("away", "127.0.0.1", free_port(), connect_retries=0)))


def test_keys_for_a_place_that_holds_none_are_refused(
    many: Server, pool: Pool, tmp_path: Path
) -> None:
    known = tmp_path / "known"
    good = pool.remote(asking(many, known))
    bad = pool.remote(asking(many, Path("/dev/null"), "bad"))
    keys = offered(good)
    with pytest.raises(BadInput, match="nothing would be remembered"):
        pin([(good, keys[0]), (bad, keys[0])])
    assert not known.exists()
    (tmp_path / "file").touch()
    remote = pool.remote(asking(many, tmp_path / "file" / "known", "other"))
    with pytest.raises(Failed, match="host keys cannot be pinned: Not a directory"):
        pin([(remote, keys[0])])

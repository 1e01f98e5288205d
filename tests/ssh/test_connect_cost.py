"""What connections share, and what a login costs."""

from __future__ import annotations

import base64
import os
import time
from pathlib import Path

import pytest

from tests.ssh.sshd import Server, running_sshd
from wirework.inventory import Host
from wirework.ssh import Pool, Remote
from wirework.ssh.hostkeys import HostKeys
from wirework.ssh.hostkeys.known import KnownHosts, KnownKey, hashed
from wirework.ssh.hostkeys.pin import KnownFile
from wirework.ssh.target import Targets

ED25519 = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"


def test_a_login_leaves_the_config_that_threads_share_alone(server: Server, pool: Pool) -> None:
    config = pool._connector._config
    merged = config._config  # a new one is made by each merge, and filled while threads read it
    pool.remote(server.host()).connect()
    assert config._config is merged


def test_the_quickest_cipher_of_both_is_used(remote: Remote) -> None:
    transport = remote.transport()
    assert transport.local_cipher == transport.remote_cipher == "aes128-gcm@openssh.com"


def test_a_host_without_that_cipher_is_reached_all_the_same(tmp_path: Path, pool: Pool) -> None:
    with running_sshd(tmp_path, "Ciphers aes256-ctr") as server:
        transport = pool.remote(server.host()).transport()
        assert transport.local_cipher == "aes256-ctr"


def test_a_known_hosts_file_is_searched_once_for_a_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def search(content: KnownHosts, name: str) -> list[KnownKey]:
        asked.append(name)
        return []

    monkeypatch.setattr(KnownHosts, "of", search)
    keys = HostKeys()
    targets = Targets(known_hosts=[tmp_path / "absent"], connect_timeout=1.0)
    for name in ("web1", "web2", "web1"):
        keys.known(targets.of(Host(name, name, ssh_config=Path(os.devnull))))
    assert asked == ["web1", "web2"]


def test_a_host_is_found_quickly_among_hashed_names(tmp_path: Path) -> None:
    path = tmp_path / "known"
    blob = ED25519 + bytes(32)
    line = f"ssh-ed25519 {base64.b64encode(blob).decode()}\n"
    path.write_text("".join(f"{hashed(f'web{n}', os.urandom(20))} {line}" for n in range(5000)))
    file = KnownFile(path)
    assert len(file.of("web1")) == 1
    began = time.process_time()
    for number in range(2, 12):
        assert len(file.of(f"web{number}")) == 1
    # 4 ms each; hmac.digest for each line takes 18.
    assert time.process_time() - began < 10 * 5 * 0.004

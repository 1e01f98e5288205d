"""What connections share, and what a login costs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ssh.sshd import Server, running_sshd
from wirework.inventory import Host
from wirework.ssh import Pool, Remote
from wirework.ssh.hostkeys import HostKeys, KnownHosts, KnownKey


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
    keys = HostKeys([tmp_path / "absent"])
    for name in ("web1", "web2", "web1"):
        keys.known(Host(name, name))
    assert asked == ["web1", "web2"]

"""Pings over a real sshd: how long it takes to get in and be answered, and who is not."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.ssh.sshd import Server
from wirework.errors import AuthenticationFailed, CommandFailed, HostKeyUnknown, Unreachable
from wirework.inventory import Host
from wirework.ssh import Pool, Remote
from wirework.ssh.ping import Pong, ping


def test_a_host_answers_with_two_times_that_add_up(remote: Remote) -> None:
    started = time.monotonic()
    pong = ping(remote)
    passed = (time.monotonic() - started) * 1000
    assert pong.login_ms > 0
    assert pong.command_ms > 0
    assert pong.login_ms + pong.command_ms <= passed + 0.2


def test_a_connection_that_stands_is_not_logged_in_on_again(remote: Remote) -> None:
    first, second = ping(remote), ping(remote)
    assert second.login_ms < first.login_ms / 2


def test_a_port_that_is_closed_is_unreachable(server: Server, pool: Pool) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can take it
        with pytest.raises(Unreachable, match=r"^box: "):
            ping(pool.remote(server.host(port=held.getsockname()[1])))


def test_a_host_of_an_unknown_key_is_not_logged_in_on(server: Server, pool: Pool) -> None:
    with pytest.raises(HostKeyUnknown):
        ping(pool.remote(server.host(known_hosts=None)))


def test_a_key_that_is_refused_is_told(server: Server, pool: Pool) -> None:
    with pytest.raises(AuthenticationFailed):
        ping(pool.remote(server.host(key=server.folder / "host_ed25519")))


@dataclass
class Shellless:
    """A host that lets one in, but has no ``true``."""

    host: Host
    connected: int = 0

    def connect(self) -> None:
        self.connected += 1

    def execute(self, command: list[str], *, stdout: Callable[..., Any], stderr: Any) -> int:
        assert command == ["true"]
        stdout(b"This account is not available.\n")
        stderr(b"noise")
        return 1


def test_a_host_without_a_usable_shell_is_told_from_one_that_is_away() -> None:
    remote = Shellless(Host(name="web1", address="192.0.2.1"))
    with pytest.raises(CommandFailed) as caught:
        ping(remote)  # type: ignore[arg-type]  # the two methods that a ping needs
    assert str(caught.value) == "web1: `true` ended with status 1"
    assert remote.connected == 1


def test_a_pong_is_plain_data() -> None:
    assert Pong(1.0, 2.0) == Pong(login_ms=1.0, command_ms=2.0)

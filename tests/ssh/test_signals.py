from __future__ import annotations

import signal
import socket
from collections.abc import Iterator

import paramiko
import pytest

from tests.ssh.sshd import Server
from wirework.ssh.signals import Transport, signal_of


@pytest.fixture
def transport(server: Server) -> Iterator[Transport]:
    host = server.host()
    made = Transport(socket.create_connection((host.address, server.port), timeout=10))
    made.connect(
        username=str(host.user), pkey=paramiko.Ed25519Key.from_private_key_file(str(server.key))
    )
    yield made
    made.close()


@pytest.mark.parametrize(
    ("command", "status", "number"),
    [
        ("kill -KILL $$", -1, signal.SIGKILL),
        ("kill -TERM $$", -1, signal.SIGTERM),
        ("kill -SEGV $$", -1, signal.SIGSEGV),
        ("exit 137", 137, 0),
        ("true", 0, 0),
    ],
)
def test_the_signal_that_ended_a_command_is_heard(
    transport: Transport, command: str, status: int, number: int
) -> None:
    channel = transport.open_session(timeout=10)
    channel.exec_command(command)
    channel.status_event.wait(10)
    assert channel.exit_status == status
    assert signal_of(channel) == number


def test_nothing_is_known_of_other_connections(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
        other = paramiko.Transport(sock)
        channel = paramiko.Channel(0)
        channel._set_transport(other)
        assert signal_of(channel) == 0
        other.close()

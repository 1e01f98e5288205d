"""Reaching a host, from the socket to its key, and each way in which that goes wrong."""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.ssh.peers import answering, closed_port, trouble
from tests.ssh.sshd import Server, make_key
from wirework.errors import (
    BadInput,
    HostKeyChanged,
    HostKeyUnknown,
    Unreachable,
    WireworkError,
)
from wirework.inventory import Host
from wirework.secrets import Secret
from wirework.ssh import Pool, run


def local(port: int, *, connect_retries: int | None = None) -> Host:
    return Host("box", "127.0.0.1", port, user="ann", connect_retries=connect_retries)


def test_a_closed_port_is_told(pool: Pool) -> None:
    with closed_port() as port:
        error = trouble(pool, local(port, connect_retries=0))
    assert type(error) is Unreachable
    assert str(error) == f"box: connection refused (is sshd running on 127.0.0.1 port {port}?)"


def test_a_host_that_accepts_and_says_nothing_is_told_in_time() -> None:
    with answering(None) as port, Pool(known_hosts=(), connect_timeout=0.5) as pool:
        began = time.monotonic()
        error = trouble(pool, local(port))
        assert time.monotonic() - began < 3
    assert type(error) is Unreachable
    assert str(error) == (
        f"box: accepts connections but sends no SSH greeting within 0.5 s (127.0.0.1 port {port})"
    )


def test_a_hosts_own_timeout_comes_first(pool: Pool) -> None:
    with answering(None) as port:
        host = Host("box", "127.0.0.1", port, connect_timeout=0.3)
        assert "no SSH greeting within 0.3 s" in str(trouble(pool, host))


def test_a_host_that_greets_and_then_says_nothing_is_told() -> None:
    with answering(b"SSH-2.0-x\r\n") as port, Pool(known_hosts=(), connect_timeout=0.5) as pool:
        error = trouble(pool, local(port))
    assert "did not finish the SSH key exchange within 0.5 s" in str(error)


def test_a_host_that_hangs_up_is_told(pool: Pool) -> None:
    with answering(None, close=True) as port:
        error = trouble(pool, local(port))
    assert type(error) is Unreachable
    assert "closed the connection without an SSH greeting" in str(error)


def test_a_host_that_is_no_ssh_server_is_told(pool: Pool) -> None:
    with answering(b"220 mail.example ESMTP\r\n" * 100) as port:
        error = trouble(pool, local(port))
    assert "what answers is not an SSH server" in str(error)


def test_an_address_that_does_not_exist_is_told(pool: Pool) -> None:
    error = trouble(pool, Host("box", "no-such-host.invalid"))
    assert type(error) is Unreachable
    assert str(error).startswith("box: cannot find the address of 'no-such-host.invalid' (")
    assert "cannot find the address" in str(trouble(pool, Host("long", "x" * 70 + ".invalid")))


def test_nothing_is_logged_to_stderr(pool: Pool, capfd: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("paramiko")
    # What Python does by itself for loggers without handlers, which pytest has.
    assert any(isinstance(handler, logging.NullHandler) for handler in logger.handlers)
    with answering(None, close=True) as port:
        trouble(pool, local(port))
    assert capfd.readouterr() == ("", "")


def test_an_unknown_host_key_is_refused(server: Server, pool: Pool, tmp_path: Path) -> None:
    error = trouble(pool, server.host(known_hosts=tmp_path / "none"))
    assert type(error) is HostKeyUnknown
    said = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(server.folder / "host_ed25519.pub")],
        check=True,
        capture_output=True,
        timeout=10,
    )
    assert said.stdout.split()[1].decode() in str(error)
    assert "inventory.trust --hosts box" in error.hint


def test_a_changed_host_key_is_refused_before_any_secret_is_sent(
    server: Server, pool: Pool, tmp_path: Path
) -> None:
    make_key(tmp_path / "other")
    public = (tmp_path / "other.pub").read_text()
    (tmp_path / "known").write_text(f"[127.0.0.1]:{server.port} {public}")
    password = Secret("env:NEVER", lambda: pytest.fail("the password was fetched"))
    error = trouble(pool, server.host(known_hosts=tmp_path / "known", key=None, password=password))
    assert type(error) is HostKeyChanged
    assert f"{tmp_path}/known:1 has ssh-ed25519 SHA256:" in str(error)


def test_a_host_known_by_its_rsa_key_alone_is_asked_for_that(
    server: Server, pool: Pool, tmp_path: Path
) -> None:
    public = (server.folder / "host_rsa.pub").read_text()
    (tmp_path / "known").write_text(f"[127.0.0.1]:{server.port} {public}")
    pool.remote(server.host(known_hosts=tmp_path / "known")).connect()


def test_the_pools_own_files_are_asked_too(server: Server) -> None:
    with Pool(known_hosts=[server.known_hosts]) as pool:
        pool.remote(server.host(known_hosts=None)).connect()


def test_a_lost_connection_is_made_again(server: Server, pool: Pool) -> None:
    remote = pool.remote(server.host())
    first = run(remote, "echo $PPID").stdout
    remote.transport().close()
    second = run(remote, "echo $PPID").stdout
    assert first != second


def test_a_host_has_one_remote(server: Server, pool: Pool) -> None:
    assert pool.remote(server.host("a")) is pool.remote(server.host("a"))
    assert pool.remote(server.host("a")) is not pool.remote(server.host("b"))


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_everything_is_closed_at_the_end(server: Server) -> None:
    before = open_files()
    with Pool(known_hosts=()) as pool:
        remotes = [pool.remote(server.host(f"h{number}")) for number in range(3)]
        transports = [remote.transport() for remote in remotes]
        assert open_files() >= before + 3
    assert not any(transport.is_alive() for transport in transports)
    assert open_files() <= before
    with pytest.raises(BadInput, match="the connections of this run are closed"):
        pool.remote(server.host("late"))


def test_giving_up_a_host_that_says_nothing_ends_the_wait() -> None:
    with answering(None) as port, Pool(known_hosts=(), connect_timeout=20) as pool:
        caught: list[WireworkError] = []
        thread = threading.Thread(target=lambda: caught.append(trouble(pool, local(port))))
        thread.start()
        time.sleep(0.3)
        began = time.monotonic()
        error = pool.give_up(local(port))
        thread.join(5)
        assert not thread.is_alive()
        assert time.monotonic() - began < 3
    assert type(error) is Unreachable
    assert str(error) == "box: not connected when the time was up"
    assert isinstance(caught[0], Unreachable)

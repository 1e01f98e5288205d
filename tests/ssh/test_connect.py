"""Reaching a host and logging in, and each way in which that goes wrong."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ssh.sshd import Server, make_key, running_sshd
from wirework.errors import (
    AuthenticationFailed,
    BadInput,
    HostKeyChanged,
    HostKeyUnknown,
    Unreachable,
    WireworkError,
)
from wirework.inventory import Host
from wirework.secrets import Secret
from wirework.ssh import Pool, run


@contextlib.contextmanager
def answering(reply: bytes | None, *, close: bool = False) -> Iterator[int]:
    """Listen on a port and say ``reply`` to whoever connects; None says nothing."""
    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    sock, _ = listener.accept()
                    kept.append(sock)
                    if reply:
                        sock.sendall(reply)
                    if close:
                        sock.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for sock in kept:
                sock.close()


def local(port: int) -> Host:
    return Host("box", "127.0.0.1", port, user="ann")


def trouble(pool: Pool, host: Host) -> WireworkError:
    with pytest.raises(WireworkError) as caught:
        pool.remote(host).connect()
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_closed_port_is_told(pool: Pool) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        error = trouble(pool, local(port))
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
    assert f"ssh-keyscan -p {server.port} 127.0.0.1 >> {tmp_path}/none" in str(error)


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


def test_a_key_that_the_host_does_not_accept_is_told(
    server: Server, pool: Pool, tmp_path: Path
) -> None:
    key = make_key(tmp_path / "other")
    error = trouble(pool, server.host(key=key, user="root"))
    assert type(error) is AuthenticationFailed
    assert str(error) == (
        f"box: 127.0.0.1 refused to log in root (tried {key}) (add {key}.pub to"
        " ~root/.ssh/authorized_keys there, or correct user or key in the inventory)"
    )


def test_a_password_is_tried_after_the_key_and_never_shown(
    server: Server, pool: Pool, tmp_path: Path
) -> None:
    key = make_key(tmp_path / "other")
    password = Secret("env:PW", lambda: "hunter2")
    error = trouble(pool, server.host(key=key, password=password))
    assert type(error) is AuthenticationFailed
    assert f"(tried {key}, password)" in str(error)
    assert "hunter2" not in str(error)


def test_a_key_of_no_use_is_told_as_bad_input(server: Server, pool: Pool, tmp_path: Path) -> None:
    error = trouble(pool, server.host(key=tmp_path / "none"))
    assert type(error) is BadInput
    assert str(error) == f"{tmp_path}/none: the private key does not exist"


def test_default_keys_log_in_when_the_host_names_none(
    server: Server, pool: Pool, home: Path
) -> None:
    make_key(home / ".ssh" / "id_ed25519")
    (home / ".ssh" / "id_rsa").write_bytes(server.key.read_bytes())
    (home / ".ssh" / "id_rsa").chmod(0o600)
    pool.remote(server.host(key=None)).connect()


def test_nothing_to_log_in_with_is_told(server: Server, pool: Pool) -> None:
    error = trouble(pool, server.host(key=None))
    assert type(error) is AuthenticationFailed
    assert "(tried nothing) (name a key in the inventory" in str(error)


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    path = tmp_path / "agent"
    process = subprocess.Popen(
        ["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 10
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        yield
    finally:
        process.terminate()
        process.wait(10)


def _add(path: Path) -> None:
    subprocess.run(["ssh-add", "-q", str(path)], check=True, timeout=10, capture_output=True)


@pytest.mark.usefixtures("agent")
def test_an_agents_key_logs_in(server: Server, pool: Pool) -> None:
    _add(server.key)
    pool.remote(server.host(key=None)).connect()


@pytest.mark.usefixtures("agent")
def test_only_a_few_of_an_agents_keys_are_tried(server: Server, pool: Pool, tmp_path: Path) -> None:
    for number in range(5):
        _add(make_key(tmp_path / str(number)))
    error = trouble(pool, server.host(key=None))
    assert type(error) is AuthenticationFailed
    assert "(tried agent key, agent key, agent key)" in str(error)


@pytest.mark.usefixtures("agent")
def test_an_agent_unlocks_the_hosts_own_key(server: Server, pool: Pool, tmp_path: Path) -> None:
    _add(server.key)
    locked = tmp_path / "locked"
    locked.write_bytes(server.key.read_bytes())
    locked.chmod(0o600)
    (tmp_path / "locked.pub").write_bytes((server.folder / "client.pub").read_bytes())
    subprocess.run(
        ["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", str(locked)],
        check=True,
        timeout=10,
        capture_output=True,
    )
    pool.remote(server.host(key=locked)).connect()


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


class Gateways:
    def __init__(self, *hosts: Host) -> None:
        self._hosts = {host.name: host for host in hosts}

    def __call__(self, name: str) -> Host:
        return self._hosts[name]


def test_hosts_behind_a_gateway_share_one_connection_to_it(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with running_sshd(tmp_path_factory.mktemp("gate")) as gate:
        gateways = Gateways(gate.host("gate"))
        with Pool(known_hosts=(), gateways=gateways) as pool:
            for name in ("a", "b"):
                ran = run(pool.remote(server.host(name, gateway="gate")), "echo $SSH_CONNECTION")
                assert ran.ok
            assert (gate.folder / "log").read_text().count("Accepted publickey") == 1


def test_a_gateway_that_refuses_is_named(server: Server) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        gateways = Gateways(server.host("gate"), Host("dead", "127.0.0.1", port))
        with Pool(known_hosts=(), gateways=gateways) as pool:
            error = trouble(pool, Host("box", "127.0.0.1", port, gateway="gate"))
            assert type(error) is Unreachable
            assert str(error).startswith(
                f"box: gateway gate cannot connect to 127.0.0.1 port {port}: "
            )
            error = trouble(pool, server.host("behind", gateway="dead"))
    assert type(error) is Unreachable
    assert str(error).startswith("behind: its gateway dead cannot be reached: connection refused")


def test_a_chain_of_gateways_is_refused(server: Server) -> None:
    gateways = Gateways(server.host("one", gateway="two"), server.host("two"))
    with Pool(known_hosts=(), gateways=gateways) as pool:
        error = trouble(pool, server.host("box", gateway="one"))
    assert type(error) is BadInput
    assert "its gateway one is itself behind two" in str(error)


def test_a_gateway_that_nobody_knows_is_named(server: Server) -> None:
    with Pool(known_hosts=(), gateways=Gateways()) as pool:
        error = trouble(pool, server.host("box", gateway="nowhere"))
    assert type(error) is BadInput
    assert str(error) == "box: its gateway nowhere is not in the inventory"


@pytest.fixture(scope="module")
def password_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that takes the password "right" from anyone; sshd would need PAM for that."""
    import asyncssh

    connections: list[asyncssh.SSHServerConnection] = []

    class Doorkeeper(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            connections.append(conn)

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            del username
            return password == "right"

    folder = tmp_path_factory.mktemp("password")
    key = make_key(folder / "host_ed25519")
    loop = asyncio.new_event_loop()
    listener = loop.run_until_complete(
        asyncssh.create_server(Doorkeeper, "127.0.0.1", 0, server_host_keys=[str(key)])
    )
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    port = listener.get_port()
    public = (folder / "host_ed25519.pub").read_text()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}")
    yield Server(port=port, folder=folder)

    async def close() -> None:
        listener.close()
        await listener.wait_closed()
        for connection in connections:
            connection.abort()
            await connection.wait_closed()

    asyncio.run_coroutine_threadsafe(close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def test_a_password_logs_in(password_server: Server, pool: Pool, tmp_path: Path) -> None:
    right = Secret("env:PW", lambda: "right")
    pool.remote(password_server.host("a", key=None, password=right)).connect()
    pool.remote(
        password_server.host("b", key=make_key(tmp_path / "other"), password=right)
    ).connect()


def test_a_host_that_hangs_up_on_the_first_refusal_hears_the_next_way(
    tmp_path: Path, pool: Pool, home: Path
) -> None:
    with running_sshd(tmp_path, "MaxAuthTries 1") as server:
        make_key(home / ".ssh" / "id_ed25519")
        (home / ".ssh" / "id_rsa").write_bytes(server.key.read_bytes())
        (home / ".ssh" / "id_rsa").chmod(0o600)
        pool.remote(server.host("known", key=None)).connect()
        error = trouble(pool, server.host("unknown", key=home / ".ssh" / "id_ed25519"))
        assert type(error) is Unreachable
        assert "hung up during the login of" in str(error)


def test_a_wrong_password_is_refused(password_server: Server, pool: Pool) -> None:
    wrong = Secret("env:PW", lambda: "wrong")
    error = trouble(pool, password_server.host(key=None, password=wrong))
    assert type(error) is AuthenticationFailed
    assert "(tried password)" in str(error)

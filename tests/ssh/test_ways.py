"""The ways to a host: retries, slow DNS, ssh_config's ProxyCommand and ProxyJump, and pace."""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.ssh.peers import Gateways, trouble
from tests.ssh.sshd import Server, running_sshd
from wirework.errors import AuthenticationFailed, BadInput, Unreachable
from wirework.inventory import Host
from wirework.ssh import Pool, run
from wirework.ssh.pace import FIRST_WAIT, LONGEST_WAIT, backoff

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, zero seconds: closing such a socket resets its connection (socket(7))."""
PIPE = """
import os, select, socket, sys
sock = socket.create_connection((sys.argv[1], int(sys.argv[2])))
ends = {0: sock.sendall, sock.fileno(): lambda data: os.write(1, data)}
while True:
    for ready in select.select(list(ends), [], [])[0]:
        data = os.read(ready, 65536)
        if not data:
            sys.exit()
        ends[ready](data)
"""


class Door:
    """Stands before a server and turns the first connections away."""

    def __init__(self, server: Server, turned_away: int, *, reset: bool) -> None:
        self._server = server
        self._left = turned_away
        self._reset = reset
        self._open: list[socket.socket] = []
        self.knocks: list[float] = []

    def serve(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                self.knocks.append(time.monotonic())
                if len(self.knocks) <= self._left:
                    if self._reset:
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    sock.close()
                    continue
                behind = socket.create_connection(("127.0.0.1", self._server.port))
                self._open += [sock, behind]
                for one, other in ((sock, behind), (behind, sock)):
                    threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()

    def close(self) -> None:
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65_536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def door(server: Server, turned_away: int, *, reset: bool = False) -> Iterator[tuple[Door, Host]]:
    """Give a door before ``server``, and the host that stands behind it."""
    made = Door(server, turned_away, reset=reset)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        known = server.folder / f"known_hosts_{port}"
        known.write_text(server.known_hosts.read_text().replace(str(server.port), str(port)))
        thread = threading.Thread(target=made.serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield made, server.host(port=port, known_hosts=known)
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            made.close()


@pytest.mark.parametrize("reset", [False, True], ids=["hangs up", "resets"])
def test_a_server_that_turns_connections_away_is_asked_again(server: Server, reset: bool) -> None:
    with (
        door(server, 2, reset=reset) as (seen, host),
        Pool(known_hosts=(), connect_retries=2) as pool,
    ):
        assert run(pool.remote(host), "true").ok
    assert len(seen.knocks) == 3
    first, second = (b - a for a, b in zip(seen.knocks, seen.knocks[1:], strict=False))
    assert first >= FIRST_WAIT / 2
    assert second >= FIRST_WAIT


def test_after_the_last_attempt_their_number_is_told(server: Server) -> None:
    with (
        door(server, 9) as (seen, host),
        Pool(known_hosts=(), connect_retries=1) as pool,
    ):
        error = trouble(pool, host)
    assert type(error) is Unreachable
    assert ", 2 times" in error.message
    assert len(seen.knocks) == 2


def test_the_hosts_own_number_of_retries_comes_first(server: Server) -> None:
    with door(server, 9) as (seen, _), Pool(known_hosts=(), connect_retries=5) as pool:
        trouble(pool, server.host(port=_.port, known_hosts=_.known_hosts, connect_retries=0))
    assert len(seen.knocks) == 1


def test_a_refused_login_and_an_unknown_key_are_not_tried_again(
    server: Server, tmp_path: Path
) -> None:
    with door(server, 0) as (seen, host), Pool(known_hosts=(), connect_retries=5) as pool:
        nobody = server.host(
            "nobody", port=host.port, known_hosts=host.known_hosts, user="nobody-at-all"
        )
        assert isinstance(trouble(pool, nobody), AuthenticationFailed)
        logins = len(seen.knocks)
        unknown = server.host("unknown", port=host.port, known_hosts=tmp_path / "none")
        assert isinstance(trouble(pool, unknown), Unreachable)
    assert logins == 1
    assert len(seen.knocks) == 2


def test_giving_up_ends_the_wait_for_the_next_attempt(server: Server) -> None:
    with door(server, 99) as (seen, host), Pool(known_hosts=(), connect_retries=99) as pool:
        caught: list[BaseException] = []
        thread = threading.Thread(target=lambda: caught.append(trouble(pool, host)))
        thread.start()
        while not seen.knocks:
            time.sleep(0.01)
        pool.give_up(host)
        thread.join(5)
        assert not thread.is_alive()
    assert str(caught[0]) == "box: the connection was closed by this run"


def test_waits_grow_up_to_a_limit_and_are_spread() -> None:
    assert all(FIRST_WAIT / 2 <= backoff(1) <= FIRST_WAIT * 1.5 for _ in range(50))
    assert all(LONGEST_WAIT / 2 <= backoff(n) <= LONGEST_WAIT * 1.5 for n in (10, 100, 2000))
    assert len({backoff(1) for _ in range(10)}) > 1


def test_dns_that_never_answers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = threading.Event()

    def hangs(*_: object, flags: int = 0, **__: object) -> list[object]:
        if not flags & socket.AI_NUMERICHOST:
            ends.wait(30)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    with Pool(known_hosts=(), connect_timeout=0.2) as pool:
        error = trouble(pool, Host("box", "box.invalid"))
    ends.set()
    assert str(error) == (
        "box: DNS gave no address of 'box.invalid' within 0.2 s"
        " (check its address in the inventory, and DNS)"
    )


def test_every_address_of_a_name_is_tried(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        dead = ("127.0.0.1", nobody.getsockname()[1])
        places = [dead, ("127.0.0.1", server.port)]
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", at) for at in places],
        )
        known = server.folder / "known_by_name"
        key = server.known_hosts.read_text().split(maxsplit=1)[1]
        known.write_text(f"[box.test]:{server.port} {key}")
        with Pool(known_hosts=()) as pool:
            assert run(pool.remote(server.host(address="box.test", known_hosts=known)), "true").ok


def config(home: Path, *lines: str) -> None:
    (home / ".ssh" / "config").write_text("\n".join([*lines, ""]))


def test_ssh_config_says_what_the_inventory_does_not(server: Server, home: Path) -> None:
    config(
        home,
        "Host shortname",
        "  HostName 127.0.0.1",
        f"  Port {server.port}",
        f"  IdentityFile {server.key}",
        f"  UserKnownHostsFile {server.known_hosts}",
    )
    with Pool() as pool:
        assert run(pool.remote(Host("shortname", "shortname")), "true").ok
        said = pool.remote(Host("other", "shortname", port=1, user="ann")).target
    assert (said.address, said.port, said.user) == ("127.0.0.1", 1, "ann")


def test_a_proxy_command_is_the_way_to_the_host(server: Server, home: Path, tmp_path: Path) -> None:
    (tmp_path / "pipe.py").write_text(PIPE)
    words = shlex.join([sys.executable, str(tmp_path / "pipe.py")])
    config(home, "Host *", f"  ProxyCommand {words} %h %p")
    with Pool(known_hosts=()) as pool:
        assert run(pool.remote(server.host()), "echo over a pipe").stdout == b"over a pipe\n"


def test_a_proxy_command_that_fails_is_named(server: Server, home: Path) -> None:
    config(home, "Host *", "  ProxyCommand exit 3")
    with Pool(known_hosts=(), connect_retries=0) as pool:
        error = trouble(pool, server.host())
    assert type(error) is Unreachable
    assert "ProxyCommand" in str(error)


def test_a_proxy_command_that_says_nothing_does_not_outlive_the_attempt(
    server: Server, home: Path, tmp_path: Path
) -> None:
    config(home, "Host *", f"  ProxyCommand sh -c 'echo $$ >{tmp_path}/pid; exec sleep 60'")
    with Pool(known_hosts=(), connect_timeout=1, connect_retries=0) as pool:
        error = trouble(pool, server.host())
    assert type(error) is Unreachable
    program = int((tmp_path / "pid").read_text())
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(program).wait(10)
    assert not psutil.pid_exists(program)


def test_the_inventory_can_refuse_ssh_configs_way(server: Server, home: Path) -> None:
    config(home, "Host *", "  ProxyCommand exit 3")
    with Pool(known_hosts=(), connect_retries=0) as pool:
        assert run(pool.remote(server.host(gateway="")), "true").ok
        hermetic = server.host("hermetic", ssh_config=Path(os.devnull))
        assert run(pool.remote(hermetic), "true").ok


def test_proxy_jump_goes_through_each_hop(
    server: Server, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with (
        running_sshd(tmp_path_factory.mktemp("first")) as first,
        running_sshd(tmp_path_factory.mktemp("second")) as second,
    ):
        lines = []
        for name, hop in (("one", first), ("two", second)):
            lines += [
                f"Host {name}",
                "  HostName 127.0.0.1",
                f"  Port {hop.port}",
                f"  IdentityFile {hop.key}",
                f"  UserKnownHostsFile {hop.known_hosts}",
            ]
        config(home, *lines, "Host 127.0.0.1", "  ProxyJump one,two")
        with Pool() as pool:
            for name in ("a", "b", "c"):
                assert run(pool.remote(server.host(name)), "true").ok
        for hop in (first, second):
            assert (hop.folder / "log").read_text().count("Accepted publickey") == 1


def test_gateways_of_the_inventory_form_a_chain(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with running_sshd(tmp_path_factory.mktemp("outer")) as outer:
        gateways = Gateways(outer.host("outer"), server.host("inner", gateway="outer"))
        with Pool(known_hosts=(), gateways=gateways) as pool:
            assert run(pool.remote(server.host("box", gateway="inner")), "true").ok
        log = (outer.folder / "log").read_text()
    assert log.count("Accepted publickey") == 1


@pytest.mark.parametrize(
    ("lines", "way"),
    [
        (["Host *", "  ProxyJump bastion"], "box > bastion > bastion"),
        (
            ["Host one", "  ProxyJump two", "Host *", "  ProxyJump one"],
            "box > one > two > one",
        ),
    ],
)
def test_jumps_that_lead_in_a_circle_are_told(
    server: Server, home: Path, lines: list[str], way: str
) -> None:
    config(home, *lines)
    with Pool(known_hosts=()) as pool:
        error = trouble(pool, server.host())
    assert type(error) is BadInput
    assert f"gateways lead in a circle: {way}" in str(error)


def test_many_names_of_one_server_do_not_all_knock_at_once(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    # What sshd drops by chance from its tenth login on, it drops for certain here.
    with running_sshd(tmp_path_factory.mktemp("strict"), "MaxStartups 10") as strict:
        hosts = [strict.host(f"h{number}") for number in range(48)]
        with Pool(known_hosts=(), connect_retries=0) as pool:
            errors: list[BaseException] = []

            def log_in(host: Host) -> None:
                try:
                    pool.remote(host).connect()
                except Exception as error:  # noqa: BLE001 - told below
                    errors.append(error)

            threads = [threading.Thread(target=log_in, args=(host,)) for host in hosts]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
    assert errors == []


def test_other_connections_than_ssh_are_refused_by_name(pool: Pool) -> None:
    error = trouble(pool, Host("box", "127.0.0.1", connection="local"))
    assert str(error) == (
        "box: its ansible_connection is 'local' (Wirework works on hosts over SSH)"
    )

"""Where a server listens, and what it says when it cannot."""

from __future__ import annotations

import os
import socket
import stat
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.machine import require
from tests.serving.talk import ECHO, MODELS, Quiet, answers, client, descriptors, read, serving
from wirework.errors import BadInput
from wirework.serving import Wire
from wirework.serving.listen import Listener, Place, listening
from wirework.serving.running import running


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("127.0.0.1:80", Place("127.0.0.1", 80)),
        ("[::1]:0", Place("::1", 0)),
        (":7", Place("*", 7)),
        ("*:7", Place("*", 7)),
        ("localhost:7", Place("localhost", 7)),
        ("unix:/run/x.sock", Place("", path="/run/x.sock")),
    ],
)
def test_places_are_read_as_people_write_them(text: str, place: Place) -> None:
    assert Place.parse(text) == place


@pytest.mark.parametrize("text", ["", "x", "::1:80", "::1", "1.2.3.4:", "a:b", "a:-1", "a:\u0663"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="is no place to listen"):
        Place.parse(text)


@pytest.mark.parametrize("text", ["127.0.0.1:8080", "[::1]:8080", "*:1", "unix:/a"])
def test_a_place_is_written_as_it_is_read(text: str) -> None:
    assert str(Place.parse(text)) == text


@pytest.mark.parametrize("model", MODELS)
def test_everywhere_is_both_families_on_one_port(model: str) -> None:
    with running(ECHO, [Place("*")], model=model) as server:
        assert [place.host for place in server.places] == ["0.0.0.0", "::"]  # noqa: S104
        assert server.places[0].port == server.places[1].port > 0
        port = server.places[0].port
        for host in ("127.0.0.1", "127.0.0.7", "::1"):
            with socket.create_connection((host, port), 10) as sock:
                sock.sendall(b"x")
                assert read(sock, 1) == b"x"


def test_all_addresses_of_one_family_leave_the_other_alone() -> None:
    with running(ECHO, [Place("::")]) as server:
        port = server.places[0].port
        socket.create_connection(("::1", port), 10).close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 10)


def test_several_places_are_served_by_one_server(tmp_path: Path) -> None:
    path = str(tmp_path / "echo")
    with running(ECHO, [Place("127.0.0.1"), Place("127.0.0.2"), Place("", path=path)]) as server:
        assert [place.host for place in server.places] == ["127.0.0.1", "127.0.0.2", ""]
        for place in server.places:
            with socket.socket(socket.AF_UNIX if place.path else socket.AF_INET) as sock:
                sock.connect(place.path or (place.host, place.port))
                sock.sendall(b"x")
                assert read(sock, 1) == b"x"
    assert server.served is not None
    assert server.served.clients == 3


def test_a_port_in_use_names_its_owner() -> None:
    with (
        running(ECHO) as server,
        pytest.raises(BadInput) as caught,
        running(ECHO, server.places),
    ):
        pass
    assert caught.value.where == f"127.0.0.1:{server.places[0].port}"
    assert f"(pid {os.getpid()})" in caught.value.message


def test_a_port_that_has_just_been_served_can_be_served_again() -> None:
    with running(ECHO) as server, client(server) as sock:
        sock.sendall(b"x")
        read(sock, 1)
    with running(ECHO, server.places) as again:  # our side closed first: it is in TIME_WAIT
        assert answers(again)


def test_a_privileged_port_says_what_to_do() -> None:
    if not os.geteuid():
        require("setpriv")
    program = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from wirework.net.services import service
from wirework.serving.listen import Place
from wirework.serving.serve import serve
try:
    serve(service("echo"), [Place("127.0.0.1", 7)])
except Exception as error:
    print(error)
"""
    # Root without this right is nobody special, and may still read its own Python.
    without = ["setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service"]
    done = subprocess.run(
        [*(without if not os.geteuid() else []), sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout.startswith("127.0.0.1:7: ports below 1024 are for root (")
    assert "ip_unprivileged_port_start" in done.stdout


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (Place("192.0.2.1", 8000), "no address of this machine"),
        (Place("no.such.invalid", 8000), "is not known"),
        (Place("127.0.0.1", 70000), "between 0 and 65535"),
        (Place("", path="/no/such/folder/x"), "there is no folder"),
        (Place("", path="/tmp/" + "x" * 200), "has at most 107"),
    ],
)
def test_where_nobody_can_listen_is_said_in_one_line(place: Place, message: str) -> None:
    with pytest.raises(BadInput, match=message), listening([place], backlog=1):
        pass


def test_one_place_that_fails_closes_all_others() -> None:
    before = descriptors(os.getpid())
    with pytest.raises(BadInput), listening([Place("127.0.0.1"), Place("192.0.2.1")], backlog=1):
        pass
    assert descriptors(os.getpid()) == before


class Credentials(Quiet):
    """It tells who its client is."""

    def opened(self, wire: Wire) -> None:
        peer = wire.peer
        wire.write(struct.pack("3i", peer.pid, peer.uid, peer.gid))
        wire.finish()


@pytest.mark.parametrize("model", MODELS)
def test_a_unix_socket_tells_its_clients_process(model: str, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with running(serving(Credentials), [Place("", path=str(path))], model=model) as server:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with client(server) as sock:
            told = struct.unpack("3i", read(sock, 100))
        assert told == (os.getpid(), os.getuid(), os.getgid())
    assert not path.exists()


def test_a_stale_unix_socket_is_replaced_and_a_live_one_is_not(tmp_path: Path) -> None:
    place = Place("", path=str(tmp_path / "s"))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(place.path)
    with running(ECHO, [place]) as server:
        assert answers(server)
        with pytest.raises(BadInput, match="listens there"), running(ECHO, [place]):
            pass
        assert answers(server)


def test_a_path_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine"
    path.write_text("precious")
    with (
        pytest.raises(BadInput, match="there is a file"),
        running(ECHO, [Place("", path=str(path))]),
    ):
        pass
    assert path.read_text() == "precious"


def test_a_listener_that_is_given_is_used_as_it_is() -> None:
    sock = socket.create_server(("127.0.0.1", 0))
    place = Place(*sock.getsockname())
    with running(ECHO, [Listener(sock, place)]) as server:
        assert server.places == (place,)
        assert answers(server)
    assert sock.fileno() == -1

"""What holds for a server under every model."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serving.talk import (
    ECHO,
    MODELS,
    Quiet,
    answers,
    both_ways,
    client,
    descriptors,
    eventually,
    read,
    read_all,
    serving,
)
from wirework.net.services import Echo
from wirework.serving import Wire
from wirework.serving.limits import Limits
from wirework.serving.running import Running, running
from wirework.serving.watch import Served

BIG = random.Random(5).randbytes(10_000_000)  # noqa: S311  (not a secret)


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def echo(model: str):  # noqa: ANN201
    """An echo server that the tests of one model share."""
    with running(ECHO, model=model, limits=Limits(quiet=0.05)) as server:
        yield server


def served(server: Running) -> Served:
    assert server.served is not None
    return server.served


def fill(sock: socket.socket) -> int:
    """Send and read nothing, until nothing moves any more; return how much was sent."""
    sock.settimeout(0.15)
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < 200_000_000:
            sent += sock.send(BIG[:1_000_000])
    sock.settimeout(10)
    return sent


@settings(
    deadline=None,
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(pieces=st.lists(st.binary(min_size=1, max_size=5000), max_size=20))
def test_pieces_of_any_size_come_back_as_they_were(echo: Running, pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    with client(echo) as sock:
        for piece in pieces:
            sock.sendall(piece)
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock) == whole


def test_bytes_that_come_one_by_one_come_back(echo: Running) -> None:
    with client(echo) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for value in range(256):
            sock.sendall(bytes([value]))
        assert read(sock, 256) == bytes(range(256))


def test_ten_megabytes_go_both_ways_at_once(echo: Running) -> None:
    with client(echo) as sock:
        assert both_ways(sock, BIG) == BIG
        assert read_all(sock) == b""


def test_after_the_clients_end_everything_still_comes(echo: Running) -> None:
    # The client ends before it reads a thing; what it has sent is in buffers everywhere.
    data = BIG[:100_000]
    with client(echo) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock) == data


def test_a_slow_reader_loses_nothing(echo: Running) -> None:
    data = BIG[:1_000_000]
    with client(echo, SO_RCVBUF=4096) as sock:
        sock.setblocking(False)
        got, sent = bytearray(), 0
        while len(got) < len(data):
            with contextlib.suppress(BlockingIOError):
                sent += sock.send(data[sent : sent + 65536])
            with contextlib.suppress(BlockingIOError):
                got += sock.recv(16384)
        assert bytes(got) == data


def test_a_client_that_never_reads_is_not_read_from_and_others_are_served(echo: Running) -> None:
    with client(echo, SO_RCVBUF=4096) as sock:
        assert fill(sock) < 32_000_000  # what the kernel's buffers hold
        assert answers(echo)


def test_a_client_that_resets_troubles_nobody(model: str) -> None:
    with running(ECHO, model=model, limits=Limits(quiet=0.05)) as server, client(server) as other:
        with client(server) as sock:
            sock.sendall(b"x" * 100_000)
            read(sock, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        other.sendall(b"still there")
        assert read(other, 11) == b"still there"
        other.shutdown(socket.SHUT_WR)
        assert read_all(other) == b""
    assert served(server).endings == {"reset by the client": 1, "done": 1}


def test_two_hundred_clients_are_served_at_once(model: str) -> None:
    with (
        running(ECHO, model=model) as server,
        contextlib.ExitStack() as stack,
    ):
        socks = [stack.enter_context(client(server)) for _ in range(200)]
        for turn in range(2):
            for number, sock in enumerate(socks):
                sock.sendall(f"{turn}:{number}".encode())
            for number, sock in enumerate(socks):
                wanted = f"{turn}:{number}".encode()
                assert read(sock, len(wanted)) == wanted
    assert served(server).at_once == 200
    assert served(server).clients == 200
    assert served(server).endings == {"done": 200}
    assert served(server).bytes_in == served(server).bytes_out


def test_an_idle_client_is_let_go_and_a_busy_one_is_not(model: str) -> None:
    with (
        running(ECHO, model=model, limits=Limits(idle=0.25)) as server,
        client(server) as idle,
        client(server) as busy,
    ):
        start = time.monotonic()
        idle.setblocking(False)
        ended = 0.0
        while time.monotonic() < start + 0.5:
            busy.sendall(b".")
            assert read(busy, 1) == b"."
            with contextlib.suppress(BlockingIOError):
                if not ended and idle.recv(1) == b"":
                    ended = time.monotonic() - start
            time.sleep(0.01)
        assert ended >= 0.25
        busy.shutdown(socket.SHUT_WR)
        assert read_all(busy) == b""
    assert served(server).endings == {"idle": 1, "done": 1}


def test_a_client_that_stops_reading_is_idle_too(model: str) -> None:
    with (
        running(ECHO, model=model, limits=Limits(idle=0.3)) as server,
        client(server, SO_RCVBUF=4096) as sock,
    ):
        sock.setblocking(False)
        with pytest.raises(ConnectionError):  # noqa: PT012
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                with contextlib.suppress(BlockingIOError):
                    sock.send(BIG[:1_000_000])
    assert served(server).endings == {"idle": 1}


def test_more_clients_than_allowed_wait_until_one_leaves(model: str) -> None:
    with (
        running(ECHO, model=model, limits=Limits(clients=2, quiet=0.05)) as server,
        client(server) as first,
        client(server) as second,
        client(server) as third,
    ):
        for sock in (first, second, third):
            sock.sendall(b"x")
        assert (read(first, 1), read(second, 1)) == (b"x", b"x")
        third.settimeout(0.2)
        with pytest.raises(TimeoutError):
            third.recv(1)
        first.close()
        third.settimeout(10)
        assert third.recv(1) == b"x"
    assert served(server).clients == 3
    assert served(server).at_once == 2


def test_a_stop_lets_what_is_under_way_come_to_its_end(model: str) -> None:
    from wirework.serving.serve import Stop

    stop = Stop()
    with running(ECHO, model=model, stop=stop) as server:
        with client(server) as busy, client(server) as idle:
            busy.sendall(BIG[:200_000])
            assert read(busy, 1) == BIG[:1]
            idle.sendall(b"x")
            assert read(idle, 1) == b"x"
            stop.press()
            assert read_all(idle) == b""
            assert BIG[:1] + read(busy, 199_999) == BIG[:200_000]
            assert read_all(busy) == b""
            with pytest.raises(ConnectionRefusedError):
                answers(server)
        start = time.monotonic()
    assert time.monotonic() - start < 5
    assert served(server).endings in (
        {"let go at the stop": 2},
        {"let go at the stop": 1, "done": 1},
    )


def test_clients_that_hang_are_cut_off_when_the_time_for_that_is_over(model: str) -> None:
    with contextlib.ExitStack() as stack:
        with running(ECHO, model=model, limits=Limits(drain=0.3)) as server:
            hangs = stack.enter_context(client(server))
            fill(hangs)
            start = time.monotonic()
        assert 0.3 <= time.monotonic() - start < 5
        assert served(server).endings == {"cut off after the stop": 1}
        with pytest.raises(ConnectionResetError):  # it must not look like a regular end
            read_all(hangs)


def test_a_second_stop_ends_at_once(model: str) -> None:
    with contextlib.ExitStack() as later:
        with running(ECHO, model=model, limits=Limits(drain=60)) as server:
            hangs = later.enter_context(client(server))  # it outlives the server
            fill(hangs)
            start = time.monotonic()
            server.stop.press()
            time.sleep(0.1)  # signals that come together are one signal
            server.stop.press()
        assert time.monotonic() - start < 10
        assert served(server).endings == {"cut off after the stop": 1}


def test_no_descriptor_is_left_open(model: str) -> None:
    before = descriptors(os.getpid())
    with running(ECHO, model=model) as server:
        assert answers(server)
        few = descriptors(server.pid)
        for _ in range(30):
            assert answers(server)
        assert eventually(lambda: descriptors(server.pid) <= few)
    assert descriptors(os.getpid()) == before


class Broken(Quiet):
    """A session with a bug."""

    def received(self, data: bytes) -> None:
        if data == b"bug":
            raise ZeroDivisionError
        self.wire.write(data)


def test_a_bug_in_a_session_ends_its_client_and_no_other(model: str) -> None:
    with (
        running(serving(Broken), model=model, limits=Limits(quiet=0.05)) as server,
        client(server) as unlucky,
        client(server) as other,
    ):
        unlucky.sendall(b"bug")
        with pytest.raises(ConnectionResetError):
            unlucky.recv(1)
        other.sendall(b"fine")
        assert read(other, 4) == b"fine"
        other.shutdown(socket.SHUT_WR)
        assert read_all(other) == b""
    assert served(server).endings == {"the service failed": 1, "done": 1}


class Flood(Quiet):
    """Ten megabytes, a piece whenever there is room: what drained is for."""

    def opened(self, wire: Wire) -> None:
        self.wire, self.left = wire, list(range(0, len(BIG), 40_000))
        self.drained()

    def drained(self) -> None:
        while self.left and self.wire.pending <= 65_536:
            start = self.left.pop(0)
            self.wire.write(BIG[start : start + 40_000])
        if not self.left:
            self.wire.finish()


def test_a_session_that_writes_much_goes_on_whenever_there_is_room(model: str) -> None:
    with running(serving(Flood), model=model) as server, client(server) as sock:
        assert read_all(sock) == BIG


class Leaves(Quiet):
    """It says something long and closes, while the client is still sending."""

    def received(self, data: bytes) -> None:
        del data
        self.wire.write(BIG[:500_000])
        self.wire.finish()


def test_what_was_sent_before_the_end_is_not_destroyed_by_a_reset(model: str) -> None:
    with running(serving(Leaves), model=model) as server, client(server) as sock:
        sock.sendall(BIG[:300_000])
        assert read_all(sock) == BIG[:500_000]


class Throws(Quiet):
    """It closes at once, with much unsent."""

    def received(self, data: bytes) -> None:
        del data
        self.wire.write(BIG)
        self.wire.abort()


def test_an_abort_is_a_reset_and_no_regular_end(model: str) -> None:
    with running(serving(Throws), model=model) as server, client(server) as sock:
        sock.sendall(b"x")
        with pytest.raises(ConnectionResetError):
            read_all(sock)
    assert served(server).endings == {"dropped by the service": 1}


class Told(Echo):
    """It tells the client, beside its echo, of the process that serves it."""

    def opened(self, wire: Wire) -> None:
        super().opened(wire)
        wire.write(f"{wire.peer} by {os.getpid()}\n".encode())


def test_a_session_knows_its_client_from_the_start(model: str) -> None:
    with running(serving(Told), model=model) as server, client(server) as sock:
        host, port = sock.getsockname()
        line = sock.makefile("rb").readline().decode()
        assert line.startswith(f"{host}:{port} by ")
        child = int(line.split()[-1]) != server.pid
        assert child is (model == "fork")

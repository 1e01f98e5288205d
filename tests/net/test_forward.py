"""Forwarding: every byte both ways, ends and resets as they were, and networks as asked for."""

from __future__ import annotations

import contextlib
import os
import queue
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.machine import require
from tests.serving.talk import ECHO, both_ways, descriptors, eventually, read, read_all
from wirework.errors import BadInput
from wirework.net import forward as forwarding
from wirework.net.forward import Crossing, Forwarded, Route, Shape, stores
from wirework.serving.connection import CUT, IDLE, RESET, STOPPED, Visit
from wirework.serving.limits import Limits
from wirework.serving.listen import Listener, Place, listening
from wirework.serving.running import running
from wirework.serving.serve import Stop
from wirework.serving.service import Peer

BIG = random.Random(6).randbytes(8_000_000)  # noqa: S311  (not a secret)
TIMEOUT = 20.0
SLOW = Shape(delay=0.04, jitter=0.01)


class Forwarder:
    """A forwarder that runs, what it said, and at the end what it was."""

    def __init__(self) -> None:
        self.places: tuple[Place, ...] = ()
        self.troubles: list[str] = []
        self.visits: list[Visit] = []
        self.stop = Stop()
        self.told: Forwarded | None = None

    def listening(self, places: tuple[Place, ...]) -> None:
        self.places = places

    def opened(self, peer: Peer, by: str) -> None:
        pass

    def closed(self, visit: Visit) -> None:
        self.visits.append(visit)

    def trouble(self, line: str) -> None:
        self.troubles.append(line)

    def connect(self, **options: int) -> socket.socket:
        """Connect to the first of its places."""
        return connect(self.places[0], **options)

    @property
    def endings(self) -> list[str]:
        return [visit.ending for visit in self.visits]


def connect(place: Place, **options: int) -> socket.socket:
    family = socket.AF_UNIX if place.path else socket.AF_INET6 if ":" in place.host else None
    sock = socket.socket(family or socket.AF_INET)
    sock.settimeout(TIMEOUT)
    for option, value in options.items():
        sock.setsockopt(socket.SOL_SOCKET, getattr(socket, option), value)
    try:
        sock.connect(place.path or (place.host, place.port))
    except OSError:  # a reset may come that early
        sock.close()
        raise
    return sock


@contextlib.contextmanager
def forwarder(
    target: object,
    listen: str = "0",
    *,
    shape: Shape | None = None,
    limits: Limits | None = None,
    allow: str = "",
) -> Iterator[Forwarder]:
    """Forward for as long as the block lasts."""
    one = Forwarder()
    ended: queue.SimpleQueue[Forwarded | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            ended.put(
                forwarding.forward(
                    [forwarding.place(listen)],
                    forwarding.target(str(target)),
                    shape=shape or Shape(),
                    limits=limits or Limits(drain=0.2),
                    allow=forwarding.networks(allow),
                    stop=one.stop,
                    watch=one,
                )
            )
        except Exception as error:  # noqa: BLE001  (raised below)
            ended.put(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert eventually(lambda: bool(one.places) or not thread.is_alive())
    try:
        if one.places:
            yield one
    finally:
        one.stop.press()
        end = ended.get(timeout=TIMEOUT)
        thread.join()
        if isinstance(end, Exception):
            raise end
        one.told = end


@contextlib.contextmanager
def target() -> Iterator[tuple[str, Callable[[], socket.socket]]]:
    """Listen as a target does; yields where, and what accepts its next client."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(TIMEOUT)

        def accept() -> socket.socket:
            sock, _ = listener.accept()
            sock.settimeout(TIMEOUT)
            return sock

        yield f"127.0.0.1:{listener.getsockname()[1]}", accept


@contextlib.contextmanager
def joined(
    shape: Shape | None = None, limits: Limits | None = None, **options: int
) -> Iterator[tuple[Forwarder, socket.socket, socket.socket]]:
    """Yield a forwarder and the two ends of a connection through it."""
    with target() as (where, accept), forwarder(where, shape=shape, limits=limits) as one:
        client = one.connect(**options)
        server = accept()
        with client, server:
            yield one, client, server


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@pytest.fixture(params=["spliced", "copied", "delayed"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Shape:
    """Every way that bytes take: through pipes, through our memory, and held for a while."""
    if request.param == "copied":
        monkeypatch.setattr(stores, "HAS_SPLICE", False)
    return SLOW if request.param == "delayed" else Shape()


def test_every_byte_comes_through_both_ways_at_once(way: Shape) -> None:
    with (
        running(ECHO) as server,
        forwarder(server.places[0], shape=way) as one,
        one.connect() as client,
    ):
        assert both_ways(client, BIG) == BIG
    assert one.told is not None
    assert (one.told.bytes_in, one.told.bytes_out) == (len(BIG), len(BIG))
    assert one.told.endings == {"done": 1}
    assert one.told.connections == 1


@pytest.mark.parametrize("first", ["client", "server"])
def test_after_the_end_of_one_direction_the_other_goes_on(way: Shape, first: str) -> None:
    with joined(way) as (one, client, server):
        ends, goes_on = (client, server) if first == "client" else (server, client)
        ends.sendall(b"question")
        ends.shutdown(socket.SHUT_WR)
        assert read_all(goes_on) == b"question"
        threading.Thread(target=goes_on.sendall, args=(BIG,), daemon=True).start()
        assert read(ends, len(BIG)) == BIG
        goes_on.shutdown(socket.SHUT_WR)
        assert read_all(ends) == b""
        assert eventually(lambda: bool(one.visits))
    assert one.endings == [""]


@pytest.mark.parametrize("listen", ["0", "[::1]:0", "unix"])
@pytest.mark.parametrize("serve", ["127.0.0.1:0", "[::1]:0", "unix"])
def test_any_kind_of_socket_leads_to_any(listen: str, serve: str, tmp_path: Path) -> None:
    serve = f"unix:{tmp_path}/target" if serve == "unix" else serve
    listen = f"unix:{tmp_path}/door" if listen == "unix" else listen
    with (
        running(ECHO, [Place.parse(serve)]) as server,
        forwarder(server.places[0], listen) as one,
        one.connect() as client,
    ):
        assert both_ways(client, b"x" * 100_000) == b"x" * 100_000
    assert not (tmp_path / "door").exists()
    assert one.visits[0].by == str(server.places[0])


def test_a_target_that_is_down_resets_the_client_at_once_and_is_told_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with forwarder(f"127.0.0.1:{port}") as one:
        for _ in range(2):
            with pytest.raises(ConnectionResetError), one.connect() as client:
                client.recv(1)
        with (
            running(ECHO, [Place(port=port)]),
            one.connect() as client,
        ):
            assert both_ways(client, b"there") == b"there"
    assert one.endings[:2] == ["the target is down: connection refused"] * 2
    assert one.troubles == [
        f"127.0.0.1:{port} is down: connection refused",
        f"127.0.0.1:{port} is up again",
    ]


def test_every_address_of_a_target_is_tried() -> None:
    with running(ECHO) as server:
        host, port = server.address
        both = forwarding.Target(
            "twofold", ((socket.AF_INET6, ("::1", port, 0, 0)), (socket.AF_INET, (host, port)))
        )
        stop, one = Stop(), Forwarder()
        with listening([Place()], backlog=8) as listeners:
            routes = [Route(listener, both) for listener in listeners]
            thread = threading.Thread(
                target=forwarding.carry, args=(routes,), kwargs={"stop": stop, "watch": one}
            )
            thread.start()
            with connect(listeners[0].place) as client:
                assert both_ways(client, b"there") == b"there"
            stop.press()
            thread.join()
    assert one.visits[0].by == f"{host}:{port}"


def test_only_clients_of_allowed_networks_are_handed_on() -> None:
    with running(ECHO) as server:
        with (
            forwarder(server.places[0], allow="10.0.0.0/8,::1") as one,
            pytest.raises(ConnectionResetError),
            one.connect() as client,
        ):
            client.recv(1)
        assert one.endings == ["not allowed"]
        with forwarder(server.places[0], allow="127.0.0.0/8") as one, one.connect() as client:
            assert both_ways(client, b"there") == b"there"


def test_a_target_that_reads_nothing_holds_its_client_back_and_nobody_else(way: Shape) -> None:
    with (
        target() as (where, accept),
        forwarder(where, shape=way) as one,
        one.connect(SO_SNDBUF=65536) as client,
        accept(),
    ):
        client.settimeout(0.5)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 100_000_000:
                sent += client.send(BIG[:1_000_000])
        # The buffers of four sockets, which the kernel tunes, and ours.
        assert sent < 40_000_000
        with one.connect() as other, accept() as its:
            other.sendall(b"still here")
            assert read(its, 10) == b"still here"


def test_a_slow_reader_gets_everything(way: Shape) -> None:
    with joined(way, SO_RCVBUF=8192) as (_, client, server):
        threading.Thread(
            target=lambda: (server.sendall(BIG[:2_000_000]), server.shutdown(socket.SHUT_WR)),
            daemon=True,
        ).start()
        got = bytearray()
        while piece := client.recv(50_000):
            got += piece
            if len(got) % 7 == 0:
                time.sleep(0.001)
        assert got == BIG[:2_000_000]


def test_a_reset_reaches_the_other_end_after_what_was_sent(way: Shape) -> None:
    with joined(way) as (one, client, server):
        server.sendall(BIG[:3_000])
        assert read(client, 1) == BIG[:1]
        reset(server)
        assert read(client, 2_999) == BIG[1:3_000]
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        assert eventually(lambda: bool(one.visits))
    assert one.endings == ["reset by the target"]


def test_a_client_that_resets_is_told(way: Shape) -> None:
    with joined(way) as (one, client, server):
        client.sendall(b"x")
        assert read(server, 1) == b"x"
        reset(client)
        with pytest.raises(ConnectionResetError):
            server.recv(1)
        assert eventually(lambda: bool(one.visits))
    assert one.endings == [RESET]


def test_three_hundred_connections_at_once_lose_nothing() -> None:
    require("descriptors")
    with (
        running(ECHO) as server,
        forwarder(server.places[0]) as one,
        contextlib.ExitStack() as stack,
    ):
        clients = [stack.enter_context(one.connect()) for _ in range(300)]
        for number, client in enumerate(clients):
            client.sendall(b"%05d" % number * 100)
        for number, client in enumerate(clients):
            assert read(client, 500) == b"%05d" % number * 100
    assert one.told is not None
    assert one.told.at_once == 300
    assert one.told.bytes_in == one.told.bytes_out == 300 * 500
    assert len(one.told.last) == 300


def test_a_delay_is_felt_by_every_round_trip_and_not_by_throughput() -> None:
    with (
        running(ECHO) as server,
        forwarder(server.places[0], shape=Shape(delay=0.1)) as one,
        one.connect() as client,
    ):
        began = time.monotonic()
        client.sendall(b"x")
        read(client, 1)
        assert time.monotonic() - began >= 0.1
        began = time.monotonic()
        assert both_ways(client, BIG) == BIG
        # One pipe's worth a round trip would take 12 seconds.
        assert time.monotonic() - began < 6


def test_a_rate_is_kept_each_way_by_each_connection() -> None:
    shape = Shape(rate=400_000)
    with running(ECHO) as server, forwarder(server.places[0], shape=shape) as one:
        began = time.monotonic()
        with one.connect() as first, one.connect() as second:
            threads = [
                threading.Thread(target=both_ways, args=(sock, BIG[:200_000]))
                for sock in (first, second)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        took = time.monotonic() - began
    assert 0.45 <= took < 2.5


@pytest.mark.parametrize("at", [1, 70_000, 1_000_000])
def test_a_cut_comes_after_just_so_many_bytes(at: int, way: Shape) -> None:
    shape = Shape(delay=way.delay, cut_bytes=at)
    with joined(shape) as (one, client, server):
        threading.Thread(target=_send, args=(client, BIG[:3_000_000]), daemon=True).start()
        assert read(server, at) == BIG[:at]
        with pytest.raises(ConnectionResetError):
            server.recv(1)
        assert eventually(lambda: bool(one.visits))
    assert one.endings == ["cut as asked"]
    assert one.visits[0].bytes_in == at


def _send(sock: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        sock.sendall(data)


def test_a_cut_comes_after_its_time() -> None:
    with joined(Shape(cut_seconds=0.2)) as (one, client, server):
        began = time.monotonic()
        client.sendall(b"x")
        assert read(server, 1) == b"x"
        for sock in (client, server):
            with pytest.raises(ConnectionResetError):
                sock.recv(1)
        assert time.monotonic() - began >= 0.15
    assert one.endings == ["cut as asked"]


def test_an_idle_connection_is_ended_and_a_busy_one_is_not() -> None:
    limits = Limits(idle=0.3, drain=0.2)
    with (
        running(ECHO) as server,
        forwarder(server.places[0], limits=limits) as one,
        one.connect() as idle,
        one.connect() as busy,
    ):
        until = time.monotonic() + 0.8
        while time.monotonic() < until:
            busy.sendall(b"x")
            assert read(busy, 1) == b"x"
            time.sleep(0.02)
        assert one.endings == [IDLE]
        with pytest.raises(ConnectionResetError):
            idle.recv(1)


def test_a_stop_lets_busy_connections_finish_and_quiet_ones_go() -> None:
    limits = Limits(drain=10.0, quiet=0.05)
    shape = Shape(rate=400_000)
    with (
        target() as (where, accept),
        forwarder(where, shape=shape, limits=limits) as one,
        one.connect() as quiet,
        accept(),
        one.connect() as busy,
        accept() as its,
    ):
        busy.sendall(BIG[:200_000])
        busy.shutdown(socket.SHUT_WR)
        read(its, 1)
        one.stop.press()
        assert quiet.recv(1) == b""
        assert read_all(its) == BIG[1:200_000]
    assert max(one.endings) == STOPPED


def test_a_stop_cuts_off_what_does_not_end() -> None:
    limits = Limits(drain=0.1, quiet=5.0)
    with joined(limits=limits) as (one, client, _):
        one.stop.press()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert one.endings == [CUT]


def test_clients_beyond_the_limit_wait_for_a_place() -> None:
    limits = Limits(clients=1, drain=0.2)
    with (
        running(ECHO) as server,
        forwarder(server.places[0], limits=limits) as one,
        one.connect() as first,
        one.connect() as second,
    ):
        assert both_ways(first, b"first") == b"first"
        second.sendall(b"second")
        first.close()
        assert read(second, 6) == b"second"
    assert one.told is not None
    assert one.told.at_once == 1


def test_no_descriptor_is_left(way: Shape) -> None:
    before = descriptors(os.getpid())
    with joined(way) as (_, client, _):
        client.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            client.sendall(BIG)  # cut off while pipes are full
    assert eventually(lambda: descriptors(os.getpid()) <= before)


def test_one_process_has_many_routes() -> None:
    with running(ECHO) as here, running(ECHO) as there, contextlib.ExitStack() as stack:
        doors = stack.enter_context(listening([Place(), Place()], backlog=8))
        servers = (here, there)
        routes = [
            Route(door, forwarding.target(str(server.places[0])))
            for door, server in zip(doors, servers, strict=True)
        ]
        stop, one = Stop(), Forwarder()
        thread = threading.Thread(
            target=forwarding.carry, args=(routes,), kwargs={"stop": stop, "watch": one}
        )
        thread.start()
        for route in routes:
            with connect(route.listener.place) as client:
                assert both_ways(client, b"there") == b"there"
        stop.press()
        thread.join()
    assert [visit.by for visit in one.visits] == [str(server.places[0]) for server in servers]


def test_one_port_leads_to_one_target() -> None:
    with listening([Place()], backlog=1) as (door,):
        twice = [Route(door, forwarding.target(f"127.0.0.1:{port}")) for port in (1, 2)]
        with pytest.raises(BadInput, match=r"it leads to 127\.0\.0\.1:1 already"):
            forwarding.carry(twice)


def test_a_crossing_tells_both_ends() -> None:
    with joined() as (one, client, server):
        name = "{}:{}".format(*client.getsockname())
        at = "{}:{}".format(*server.getsockname())
        client.sendall(b"12345")
        client.close()
        read_all(server)
        server.close()
        assert eventually(lambda: bool(one.visits))
    assert one.told is not None
    crossing = one.told.last[0]
    assert crossing == Crossing(
        client=name,
        target=at,
        bytes_in=5,
        bytes_out=0,
        seconds=crossing.seconds,
        ending="done",
    )


def test_a_listener_that_was_handed_over_is_used() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door, running(ECHO) as server:
        door.settimeout(0.0)
        place = Place(*door.getsockname())
        route = Route(Listener(door, place), forwarding.target(str(server.places[0])))
        told = forwarding.carry([route], timeout=0.05)
    assert told.connections == 0
    assert told.listen == (str(place),)

"""Asking time servers: chrony, beside ntplib, and servers that answer wrongly."""

from __future__ import annotations

import dataclasses
import datetime as dt
import socket
import time
from collections.abc import Callable, Iterator

import ntplib
import pytest

from tests.net.datagrams import answering, silent, unused
from tests.net.ntp.time_answers import good
from tests.servers.chronyd import Chronyd, running_chronyd
from wirework.errors import BadInput
from wirework.net.ntp import Asking, Packet, Reading, Status, decode, query
from wirework.net.ntp.readings import reference_of

QUICK = Asking(timeout=0.6)
PATIENT = Asking(timeout=10.0)
YEAR = 31_557_600


@pytest.fixture(scope="module")
def ahead() -> Iterator[Chronyd]:
    with running_chronyd(clock="+30s", stratum=1) as server:
        yield server


def one(port: int, asking: Asking = QUICK, host: str = "127.0.0.1") -> Reading:
    [reading] = query(host, port=port, asking=asking).servers
    return reading


def test_chrony_tells_the_time(chronyd: Chronyd) -> None:
    reading = one(chronyd.port, PATIENT)

    assert (reading.ok, reading.status, reading.problem) == (True, Status.ANSWER, "")
    assert abs(reading.offset or 9) < (reading.root_distance or 0) < 1
    assert (reading.stratum, reading.version, reading.leap) == (3, 4, "none")
    assert (reading.reference_id, reading.reference_kind) == ("127.127.1.1", "own clock")
    assert reading.server_time
    assert abs(reading.server_time.timestamp() - time.time()) < 10
    assert (reading.sent, len(reading.samples)) == (1, 1)


@pytest.mark.parametrize("clock", ["right", "ahead"])
def test_figures_are_those_of_ntplib(clock: str, chronyd: Chronyd, ahead: Chronyd) -> None:
    server, offset = (chronyd, 0) if clock == "right" else (ahead, 30)
    theirs = ntplib.NTPClient().request(server.host, version=4, port=server.port, timeout=10)
    ours = one(server.port, PATIENT)

    assert ours.offset == pytest.approx(theirs.offset, abs=0.2)
    assert ours.offset == pytest.approx(offset, abs=0.2)
    assert (ours.stratum, ours.version) == (theirs.stratum, theirs.version)
    assert (ours.root_delay, ours.root_dispersion) == (theirs.root_delay, theirs.root_dispersion)
    assert ours.precision == 2**theirs.precision
    assert ours.reference_time
    assert ours.reference_time.timestamp() == pytest.approx(
        ntplib.ntp_to_system_time(theirs.ref_timestamp), abs=64
    )


def test_a_server_beyond_2036_is_understood_where_ntplib_is_not() -> None:
    with running_chronyd(clock="@2040-01-01 00:00:00") as server:
        theirs = ntplib.NTPClient().request(server.host, version=4, port=server.port, timeout=10)
        ours = one(server.port, PATIENT)

    first_day = dt.datetime(2040, 1, 1, tzinfo=dt.UTC)
    assert theirs.offset < 0
    assert ours.offset == pytest.approx(first_day.timestamp() - time.time(), abs=60)
    assert ours.server_time
    assert abs((ours.server_time - first_day).total_seconds()) < 60


def test_a_server_over_ipv6() -> None:
    with running_chronyd(host="::1") as server:
        [reading] = query(f"[::1]:{server.port}", asking=PATIENT).servers
    assert (reading.ok, reading.address) == (True, "::1")


def test_several_servers_are_told_in_the_order_given(chronyd: Chronyd, ahead: Chronyd) -> None:
    dead = unused()
    told = query(
        f"127.0.0.1:{ahead.port}, localhost:{chronyd.port},127.0.0.1:{dead}", asking=PATIENT
    )
    assert [each.status for each in told.servers] == ["answer", "answer", "unreachable"]
    assert [each.stratum for each in told.servers] == [1, 3, None]
    assert told.servers[2].problem == "nothing listens there (connection refused)"
    assert not told.ok


def test_the_sample_of_the_shortest_round_trip_counts() -> None:
    delays = [0.3, 0.0, 0.3]

    def reply(request: bytes, number: int) -> list[bytes]:
        answer = good(request, off=5.0).encode()
        time.sleep(delays[number])
        return [answer]

    with answering(reply) as port:
        reading = one(port, Asking(samples=3, interval=0.01, timeout=10.0))

    by_delay = [sample.delay for sample in reading.samples]
    assert len(by_delay) == 3
    assert reading.delay == min(by_delay) == by_delay[1]
    assert reading.offset == pytest.approx(5.0, abs=0.1)
    # The answers were written at once, so that half of what came after is an error.
    assert reading.jitter
    assert reading.jitter > 0.05


def test_a_lost_request_is_sent_again() -> None:
    with answering(lambda request, sent: [good(request).encode()] if sent else []) as port:
        reading = one(port, Asking(timeout=3.0))
    assert (reading.ok, reading.sent) == (True, 2)


def test_an_answer_to_an_earlier_request_is_dropped() -> None:
    earlier: list[bytes] = []

    def late(request: bytes, number: int) -> list[bytes]:
        earlier.append(good(request, off=99).encode())
        return [] if number == 0 else [earlier[0], good(request).encode()]

    with answering(late) as port:
        reading = one(port, Asking(timeout=3.0))
    assert reading.ok
    assert abs(reading.offset or 9) < 1
    assert reading.dropped == {"forged": 1}


def test_forged_and_short_answers_are_dropped_and_waiting_goes_on() -> None:
    def reply(request: bytes, number: int) -> list[bytes]:
        forged = good(request, off=3600, origin=decode(request).transmit ^ 1).encode()
        return [forged, b"", forged[:47], request, good(request).encode()]

    with answering(reply) as port:
        reading = one(port, PATIENT)
    assert reading.ok
    assert abs(reading.offset or 9) < 1
    assert reading.dropped == {"forged": 2, "short": 2}


def test_requests_say_nothing_of_this_machine() -> None:
    asked: list[bytes] = []

    def reply(request: bytes, number: int) -> list[bytes]:
        asked.append(request)
        return [good(request).encode()]

    with answering(reply) as port:
        one(port, Asking(samples=3, interval=0, timeout=10))
    numbers = {decode(request).transmit for request in asked}
    assert len(numbers) == 3
    assert {dataclasses.replace(decode(each), transmit=0) for each in asked} == {Packet()}


def test_an_answer_from_another_address_is_dropped_and_told() -> None:
    def reply(request: bytes, asker: tuple[str, int]) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.2", 0))
            other.sendto(good(request).encode(), asker)

    with answering(lambda *_: [], told=reply) as port:
        reading = one(port)
    assert reading.status == "elsewhere"
    assert reading.problem.startswith("no answer within 0.6 s; dropped: ")
    assert reading.problem.endswith(" came from another address")


WRONG: dict[str, tuple[Callable[[bytes], bytes], str, str]] = {
    "forged": (
        lambda request: good(request, origin=1).encode(),
        "forged",
        "forged or late (the origin timestamp is not ours)",
    ),
    "short": (
        lambda request: good(request).encode()[:47],
        "short",
        "shorter than 48 bytes",
    ),
    "its own request back": (lambda request: request, "forged", "forged or late"),
    "client mode": (
        lambda request: good(request, mode=3).encode(),
        "malformed",
        "it answers in mode 3, not as a server (4)",
    ),
    "broadcast mode": (
        lambda request: good(request, mode=5).encode(),
        "malformed",
        "it answers in mode 5, not as a server (4)",
    ),
    "version 7": (
        lambda request: good(request, version=7).encode(),
        "malformed",
        "it answers in version 7, asked in 4",
    ),
    "version 0": (
        lambda request: good(request, version=0).encode(),
        "malformed",
        "it answers in version 0, asked in 4",
    ),
    "DENY": (
        lambda request: good(request, stratum=0, leap=3, reference_id=b"DENY").encode(),
        "kiss-o'-death",
        "kiss-o'-death DENY: it denies us its time: do not ask it again",
    ),
    "RATE": (
        lambda request: good(request, stratum=0, reference_id=b"RATE", transmit=0).encode(),
        "kiss-o'-death",
        "kiss-o'-death RATE: it is asked too often: ask more rarely",
    ),
    "RSTR": (
        lambda request: good(request, stratum=0, reference_id=b"RSTR").encode(),
        "kiss-o'-death",
        "kiss-o'-death RSTR: its rules deny us its time: do not ask it again",
    ),
    "unknown kiss": (
        lambda request: good(request, stratum=0, reference_id=b"XFOO").encode(),
        "kiss-o'-death",
        "kiss-o'-death XFOO: it gives no time",
    ),
    "INIT": (
        lambda request: good(request, stratum=0, leap=3, reference_id=b"INIT").encode(),
        "unsynchronised",
        "its own clock is not synchronised (leap 3, stratum 0, INIT)",
    ),
    "leap 3": (
        lambda request: good(request, leap=3).encode(),
        "unsynchronised",
        "its own clock is not synchronised (leap 3, stratum 2)",
    ),
    "stratum 16": (
        lambda request: good(request, stratum=16).encode(),
        "unsynchronised",
        "its own clock is not synchronised (leap 0, stratum 16)",
    ),
    "stratum 0 without a code": (
        lambda request: good(request, stratum=0, reference_id=bytes(4)).encode(),
        "unsynchronised",
        "its own clock is not synchronised (leap 0, stratum 0)",
    ),
    "no transmit time": (
        lambda request: good(request, transmit=0).encode(),
        "malformed",
        "it does not say when the request came and the answer left",
    ),
    "no receive time": (
        lambda request: good(request, receive=0).encode(),
        "malformed",
        "it does not say when the request came and the answer left",
    ),
    "set after it answered": (
        lambda request: good(request, reference=good(request).transmit + (9 << 32)).encode(),
        "malformed",
        "its clock was set after the answer left",
    ),
    "too far from a clock": (
        lambda request: good(request, root_delay=2 << 16, root_dispersion=3 << 15).encode(),
        "too-far",
        "its time may be wrong by 2.5 s (root distance above 1 s)",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_an_answer_is_told(case: str) -> None:
    make, status, problem = WRONG[case]
    with answering(lambda request, _: [make(request)]) as port:
        reading = one(port, QUICK if status in {"forged", "short"} else PATIENT)
    assert (reading.ok, reading.status) == (False, status)
    assert problem in reading.problem


def test_a_kiss_ends_the_asking_and_what_came_before_counts() -> None:
    def reply(request: bytes, number: int) -> list[bytes]:
        kiss = {"stratum": 0, "reference_id": b"RATE"} if number == 2 else {}
        return [good(request, **kiss).encode()]

    with answering(reply) as port:
        reading = one(port, Asking(samples=8, interval=0.01, timeout=10))
    assert (reading.ok, reading.sent, len(reading.samples)) == (True, 3, 2)


def test_silence_is_told_when_the_time_is_up() -> None:
    with silent() as port:
        started = time.monotonic()
        reading = one(port)
    assert (reading.status, reading.sent) == ("timeout", 3)  # it may have been lost
    assert reading.problem == "no answer within 0.6 s"
    assert 0.5 < time.monotonic() - started < 3


def test_an_unknown_host_is_told() -> None:
    assert one(123, host="no-such-host.invalid").status in {"unknown-host", "timeout"}


def test_a_clock_that_is_further_off_than_asked_is_told() -> None:
    with answering(lambda request, _: [good(request, off=-2).encode()]) as port:
        near = one(port, Asking(timeout=5, max_offset=3))
        far = one(port, Asking(timeout=5, max_offset=1))
    assert near.ok
    assert (far.ok, far.status) == (False, Status.OFF)
    assert far.problem.startswith("this clock is off by ")


@pytest.mark.parametrize(
    ("fields", "identifier", "kind"),
    [
        ({"stratum": 1, "reference_id": b"GPS\0"}, "GPS", "clock"),
        ({"stratum": 1, "reference_id": b"\xff\0\x01\x02"}, "ff000102", "clock"),
        ({"stratum": 2, "reference_id": bytes([10, 0, 0, 1])}, "10.0.0.1", "address"),
        ({"stratum": 2, "reference_id": b"\x7f\x7f\x01\x01"}, "127.127.1.1", "own clock"),
    ],
)
def test_what_a_server_follows(fields: dict[str, object], identifier: str, kind: str) -> None:
    with answering(lambda request, _: [good(request, **fields).encode()]) as port:
        reading = one(port, PATIENT)
    assert (reading.reference_id, reading.reference_kind) == (identifier, kind)


def test_what_a_server_follows_over_ipv6_may_be_the_hash_of_an_address() -> None:
    packet = Packet(stratum=2, reference_id=b"\xab\xcd\x01\x02")
    assert reference_of(packet, over_ipv6=True) == ("abcd0102", "hash")
    assert reference_of(packet, over_ipv6=False) == ("171.205.1.2", "address")


@pytest.mark.parametrize(
    ("servers", "port", "asking", "where"),
    [
        ("", 123, QUICK, "SERVERS"),
        (" , ", 123, QUICK, "SERVERS"),
        ("a:0", 123, QUICK, "SERVERS"),
        ("a:x", 123, QUICK, "SERVERS"),
        ("1:2:3", 123, QUICK, "SERVERS"),
        ("[10.0.0.1]:5", 123, QUICK, "SERVERS"),
        (",".join(f"h{n}" for n in range(65)), 123, QUICK, "SERVERS"),
        ("a", 0, QUICK, "--port"),
        ("a", 65536, QUICK, "--port"),
        ("a", 123, Asking(timeout=0), "--timeout"),
        ("a", 123, Asking(timeout=float("inf")), "--timeout"),
        ("a", 123, Asking(samples=0), "--samples"),
        ("a", 123, Asking(samples=65), "--samples"),
        ("a", 123, Asking(samples=10), "--samples"),
        ("a", 123, Asking(interval=-1), "--interval"),
        ("a", 123, Asking(max_offset=-1), "--max-offset"),
    ],
)
def test_bad_input_is_refused(servers: str, port: int, asking: Asking, where: str) -> None:
    with pytest.raises(BadInput) as error:
        query(servers, port=port, asking=asking)
    assert error.value.where == where

"""A probe against servers that refuse, reset, are silent, late or end; in every socket mode."""

from __future__ import annotations

import socket
import time

import pytest

from tests.net.small_servers import (
    Handler,
    answers,
    ends,
    full,
    reset,
    says,
    serving,
    silent,
)
from tests.servers.running import free_port
from wirework.errors import BadInput
from wirework.net.probe import Asking, Probe, probe

MODES = ("blocking", "timeout", "nonblocking")
PATIENT = 10.0


def probed(port: int, **options: object) -> Probe:
    return probe("127.0.0.1", str(port), Asking(**{"timeout": PATIENT, **options}))  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", MODES)
def test_a_connection_is_made_in_stages_that_have_times(mode: str) -> None:
    with serving(says(b"220 ready\r\n")) as port:
        found = probed(port, mode=mode, expect="^220 ")
    assert found.ok, found.problem
    assert [stage.name for stage in found.stages] == ["resolve", "connect", "receive"]
    assert all(stage.ok and 0 <= stage.began <= found.seconds for stage in found.stages)
    assert found.received == b"220 ready\r\n"
    assert found.address == f"127.0.0.1:{port}"
    assert found.local.startswith("127.0.0.1:")
    assert "says '220 ready" in found.summary


@pytest.mark.parametrize("mode", MODES)
def test_a_refusal_is_told(mode: str) -> None:
    found = probed(free_port(), mode=mode)
    assert (found.failed, found.cause, found.errno) == ("connect", "refused", "ECONNREFUSED")
    assert "\n" not in found.summary
    assert (found.address, found.local) == ("", "")


@pytest.mark.parametrize("mode", MODES)
def test_a_server_that_answers_no_connection_times_out(mode: str) -> None:
    with full() as port:
        began = time.monotonic()
        found = probed(port, mode=mode, timeout=0.3)
        took = time.monotonic() - began
    assert (found.failed, found.cause, found.errno) == ("connect", "timed out", "")
    assert 0.25 < took < 3


FAULTS: list[tuple[str, Handler, dict[str, object], tuple[str, str, str]]] = [
    ("reset", reset, {"send": "x"}, ("receive", "reset", "ECONNRESET")),
    ("silent", silent, {"expect": "x", "timeout": 0.2}, ("receive", "timed out", "")),
    (
        "silent to what was sent",
        silent,
        {"send": "x", "timeout": 0.2},
        ("receive", "timed out", ""),
    ),
    ("gone at once", ends(), {"expect": "x"}, ("receive", "ended", "")),
    ("gone too soon", ends(b"220"), {"expect": "ready"}, ("receive", "unexpected", "")),
    (
        "other words",
        says(b"500 no"),
        {"expect": "220", "timeout": 0.2},
        ("receive", "unexpected", ""),
    ),
    ("endless", says(b"x" * 99_000), {"expect": "220"}, ("receive", "unexpected", "")),
    ("no handshake", silent, {"tls": True, "timeout": 0.2}, ("tls", "timed out", "")),
    ("gone in the handshake", answers(b""), {"tls": True}, ("tls", "ended", "")),
    ("reset in the handshake", reset, {"tls": True}, ("tls", "reset", "ECONNRESET")),
    ("plain text first", says(b"220 hi\r\n"), {"tls": True}, ("tls", "not TLS", "")),
    ("plain text back", answers(b"HTTP/1.1 400 Bad\r\n"), {"tls": True}, ("tls", "not TLS", "")),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("handler", "options", "told"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS]
)
def test_the_stage_and_the_cause_are_named(
    handler: Handler, options: dict[str, object], told: tuple[str, str, str], mode: str
) -> None:
    with serving(handler) as port:
        found = probed(port, mode=mode, **options)
    assert (found.failed, found.cause, found.errno) == told, found.problem
    assert not found.ok
    assert found.stages[-1].name == found.failed
    assert len(found.summary) < 160
    assert "\n" not in found.summary


def test_what_was_said_instead_is_told() -> None:
    with serving(ends(b"554 go \x1b[31maway\r\n")) as port:
        found = probed(port, expect="^220")
    assert found.problem.startswith(r"said '554 go \x1b[31maway\r\n', then ended")
    assert found.received == b"554 go \x1b[31maway\r\n"


def test_words_that_come_in_pieces_are_put_together() -> None:
    def dribble(client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"well, 220 ready":
            client.sendall(bytes([byte]))
            time.sleep(0.001)
        silent(client)

    with serving(dribble) as port:
        assert probed(port, expect="220 r.ady").ok


def test_what_is_sent_has_escapes() -> None:
    with serving(lambda client: client.sendall(client.recv(100))) as port:
        found = probed(port, send=r"a\r\n\x00\\é")
    assert found.received == b"a\r\n\x00\\\xc3\xa9"
    assert found.sent == 7


def test_a_server_that_takes_nothing_times_out_while_we_send() -> None:
    def deaf(client: socket.socket) -> None:
        time.sleep(0.5)

    with serving(deaf) as port:
        found = probed(port, send="x" * 20_000_000, timeout=0.3)
    assert (found.failed, found.cause) == ("send", "timed out")


BAD = [
    (("localhost", "0"), {}),
    (("localhost", "65536"), {}),
    (("localhost", "http"), {}),
    (("localhost", ""), {}),
    (("localhost:22", "23"), {}),
    (("http://localhost/", "80"), {}),
    (("", "80"), {}),
    (("a..b", "80"), {}),
    (("a b", "80"), {}),
    (("a\0b", "80"), {}),
    ((f"{'a' * 64}.test", "80"), {}),
    (("::1:80:z", ""), {}),
    (("localhost", "80"), {"timeout": 0}),
    (("localhost", "80"), {"family": "5"}),
    (("localhost", "80"), {"mode": "asleep"}),
    (("localhost", "80"), {"expect": "("}),
    (("localhost", "80"), {"send": r"\q"}),
    (("localhost", "80"), {"send": "\\"}),
    (("localhost", "80"), {"starttls": "gopher"}),
    (("localhost", "80"), {"ca": "/nowhere"}),
    (("localhost", "80"), {"ca": "/nowhere", "tls": True}),
    (("localhost", "80"), {"ca": "/etc/passwd", "tls": True}),
    (("localhost", "80"), {"server_name": "a b", "tls": True}),
]


@pytest.mark.parametrize(("target", "options"), BAD)
def test_bad_input_is_refused(target: tuple[str, str], options: dict[str, object]) -> None:
    with pytest.raises(BadInput) as caught:
        probe(*target, Asking(**options))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert caught.value.where

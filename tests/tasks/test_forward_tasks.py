"""sock.forward and sock.options as people type them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.talk import ECHO, both_ways
from tests.tasks.commandline import INTERRUPTIBLE, TIMEOUT, Typed, command
from wirework.serving.running import running


@pytest.fixture
def echo() -> Iterator[str]:
    """Where an echo server is."""
    with running(ECHO) as server:
        yield str(server.places[0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_forwarder_tells_where_it_is_who_came_and_the_sum(
    echo: str, number: signal.Signals, cwd: Path
) -> None:
    words = ("sock.forward", "0", echo, "--verbose", "--delay", "10ms")
    process = subprocess.Popen(
        command(*words, launcher=("-c", INTERRUPTIBLE)),
        cwd=cwd,
        env=os.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        first = process.stderr.readline()
        door, _, rest = first.partition(" -> ")
        assert rest == f"{echo}, with 10 ms of delay; Ctrl-C ends it\n"
        host, _, port = door.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=TIMEOUT) as client:
            name = "{}:{}".format(*client.getsockname())
            assert both_ways(client, b"x" * 2048) == b"x" * 2048
            assert client.recv(1) == b""
        line = process.stderr.readline()
        assert line.startswith(f"{name} -> {echo}: 2.0 KiB there, 2.0 KiB back, ")
        assert line.endswith(", done\n")
        process.send_signal(number)
        out, err = process.communicate(timeout=TIMEOUT)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, err) == (0, "")
    facts = dict(each.split(maxsplit=1) for each in out.splitlines())
    assert facts["from"] == door
    assert (facts["to"], facts["connections"], facts["ended"]) == (echo, "1", "done 1")


def test_a_forwarder_ends_after_its_time_with_data_for_programs(typed: Typed, echo: str) -> None:
    said = typed("sock.forward", "0", echo, "--timeout", "0.05", "--output", "json")
    told = json.loads(said.out)
    assert said.status == 0
    assert (told["target"], told["connections"], told["bytes_in"], told["last"]) == (
        [echo],
        0,
        0,
        [],
    )


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("x", "127.0.0.1:1"), "'x' is no place to listen"),
        (("99999", "127.0.0.1:1"), "a port is between 0 and 65535"),
        (("192.0.2.1:80", "127.0.0.1:1"), "192.0.2.1:80: no address of this machine"),
        (("0", "127.0.0.1"), "TARGET: '127.0.0.1' has no port"),
        (("0", "nosuch.invalid:80"), "TARGET: 'nosuch.invalid' is not known"),
        (("0", "127.0.0.1:1", "--delay", "fast"), "--delay: 'fast' is no duration"),
        (("0", "127.0.0.1:1", "--rate", "much"), "--rate: 'much' is no number of bytes"),
        (("0", "127.0.0.1:1", "--cut-after", "ten"), "--cut-after: 'ten' is no number of bytes"),
        (("0", "127.0.0.1:1", "--jitter", "1ms"), "--jitter: 1ms is more than the delay of 0"),
        (("0", "127.0.0.1:1", "--allow", "all"), "--allow: 'all' is no network"),
        (("0", "127.0.0.1:1", "--max-clients", "-1"), "--max-clients: clients are counted from 1"),
        (("0", "127.0.0.1:1", "--max-clients", "9999999"), "connections take two descriptors"),
        (("0", "127.0.0.1:1", "--timeout", "-1"), "--timeout: a time limit is a number"),
        (("unix:x", "127.0.0.1:1", "--allow", "::/0"), "who comes to a Unix socket has no network"),
    ],
)
def test_bad_input_of_a_forwarder_is_one_line(
    typed: Typed, words: tuple[str, ...], error: str
) -> None:
    said = typed("sock.forward", *words)
    assert said.status == 2
    assert len(said.errors) == 1
    assert error in said.errors[0]


def test_a_port_in_use_is_told_with_the_process_that_has_it(typed: Typed, echo: str) -> None:
    said = typed("sock.forward", echo, "127.0.0.1:1")
    assert said.status == 2
    assert f"(pid {os.getpid()})" in said.errors[0]


def test_options_of_a_fresh_socket_are_listed(typed: Typed) -> None:
    said = typed("sock.options")
    assert said.status == 0
    rows = {line.split()[0]: line.split()[1:3] for line in said.out.splitlines()}
    assert rows["TCP_NODELAY"] == ["IPPROTO_TCP", "off"]
    assert rows["blocking"] == ["Python", "on"]


def test_options_that_are_set_are_told_before_and_after(typed: Typed) -> None:
    said = typed("sock.options", "--set", "nodelay=on", "--set", "SO_RCVBUF=50000")
    assert said.status == 0
    nodelay, buffer = (line.split() for line in said.out.splitlines()[1:])
    assert nodelay == ["TCP_NODELAY", "on", "off", "on"]
    assert buffer[:3] == ["SO_RCVBUF", "50000", "bytes"]
    assert "doubles" in buffer


def test_an_option_that_is_refused_ends_with_one(typed: Typed) -> None:
    said = typed("sock.options", "--set", "TCP_CONGESTION=nonesuch", "--output", "json")
    told = json.loads(said.out)
    assert said.status == 1
    assert not told["ok"]
    assert told["changes"][0]["refused"].startswith("there is none of that name; there are ")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--set", "nodlay=1"), "--set: 'nodlay' is no option (perhaps TCP_NODELAY)"),
        (("--set", "SO_RCVBUF"), "--set: 'SO_RCVBUF' is not NAME=VALUE"),
        (("--type", "sctp"), "--type: 'sctp' is no type of socket (tcp or udp)"),
        (("--family", "5"), "--family: 5 is no address family (4 or 6)"),
        (("--type", "udp", "--set", "nodelay=1"), "TCP_NODELAY is no option of a udp socket"),
    ],
)
def test_bad_input_of_options_is_one_line(typed: Typed, words: tuple[str, ...], error: str) -> None:
    said = typed("sock.options", *words)
    assert said.status == 2
    assert len(said.errors) == 1
    assert error in said.errors[0]

"""``unix.serve``, ``unix.send`` and ``unix.pair`` as people type them."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tasks.commandline import INTERRUPTIBLE, Typed, command

WAIT = 20.0


@pytest.fixture(params=["stream", "datagram"])
def server(cwd: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    words = ("unix.serve", "s", "--type", request.param)
    with subprocess.Popen(
        command(*words, launcher=("-c", INTERRUPTIBLE)), cwd=cwd, stderr=-1, stdout=-1, text=True
    ) as process:
        assert process.stderr
        assert process.stderr.readline() == f"echo ({request.param}) on unix:s; Ctrl-C ends it\n"
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_tells_who_comes_and_ends_well(
    server: subprocess.Popen[str], typed: Typed, number: int
) -> None:
    kind = str(server.args).partition("'--type', '")[2].partition("'")[0]
    said = typed("unix.send", "s", "--text", "hello", "--type", kind, "--expect-echo")
    assert (said.status, said.out) == (0, "hello")
    assert "5 B sent, 5 B received" in said.err
    assert "every byte came back" in said.err
    said = typed("unix.serve", "s", "--type", kind)
    assert said.status == 2
    assert f"(pid {server.pid}" in said.errors[0]
    server.send_signal(number)
    out, err = server.communicate(timeout=WAIT)
    assert server.returncode == 0
    assert "user root" in err or "user" in err
    assert out.split()[:2] == ["served", "echo"]
    assert not Path("s").exists()


def test_a_server_s_life_as_json(typed: Typed) -> None:
    said = typed("unix.serve", "s", "--timeout", "0.1", "-o", "json")
    assert said.status == 0
    assert json.loads(said.out)["places"] == ["unix:s"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("unix.serve", "file"), "file: there is a file"),
        (("unix.serve", "x" * 108), "the path has 108 bytes"),
        (("unix.serve", "nowhere/s"), "nowhere/s: there is no folder nowhere"),
        (("unix.serve", "s", "--mode", "rw"), "--mode: a mode has up to three octal digits"),
        (("unix.serve", "s", "--type", "raw"), "--type: 'raw' is no type"),
        (("unix.serve", "s", "--service", "chess"), "'chess' is no service"),
        (("unix.serve", "s", "--model", "magic"), "'magic' is no model"),
        (("unix.serve", "s", "--timeout", "-1"), "--timeout: a time limit is"),
        (("unix.serve", "d", "--type", "datagram", "--service", "line"), "--service: 'line'"),
        (("unix.send", "file", "--text", "x"), "file: it is no socket"),
        (("unix.send", "s", "--text", "x", "--type", "raw"), "--type: 'raw' is no type"),
        (("unix.send", "s", "--text", "x", "--timeout", "0"), "--timeout: a time limit is"),
        (("unix.pair", "nosuch", "--text", "x"), "nosuch: cannot be run"),
        (("unix.pair", "'", "--text", "x"), "cannot split the command"),
        (("unix.pair", "cat", "--text", "x", "--pass-fd", "none"), "none: cannot be opened"),
    ],
)
def test_bad_input_is_one_line(typed: Typed, words: tuple[str, ...], told: str) -> None:
    Path("file").touch()
    said = typed(*words)
    assert (said.status, len(said.errors)) == (2, 1)
    assert told in said.errors[0]
    assert [each.name for each in Path().iterdir()] == ["file"]


def test_a_stale_socket_is_nobody(typed: Typed) -> None:
    with socket.socket(socket.AF_UNIX) as old:
        old.bind("s")
    said = typed("unix.send", "s", "--text", "x")
    assert (said.status, said.errors) == (1, ["error: s: nobody listens there"])


def test_a_child_converses(typed: Typed) -> None:
    assert typed("unix.pair", "tr a-z A-Z", "--text", "hello").out == "HELLO\n"
    said = typed("unix.pair", "cat", "--text", "hello", "-o", "json")
    assert json.loads(said.out) == [{"text": "hello"}]


@pytest.mark.parametrize(
    ("script", "told"),
    [("exit 3", "ended with status 3"), ("kill -KILL $$", "was ended by SIGKILL")],
)
def test_a_child_s_fate_is_one_line(typed: Typed, script: str, told: str) -> None:
    said = typed("unix.pair", f"sh -c '{script}'", "--text", "x")
    assert (said.status, said.errors) == (1, [f"error: sh: {told}"])


def test_a_child_that_takes_too_long_is_ended(typed: Typed) -> None:
    said = typed("unix.pair", "sleep 60", "--text", "x", "--timeout", "0.2")
    assert (said.status, said.errors) == (1, ["error: sleep: not done within 0.2 s, and ended"])

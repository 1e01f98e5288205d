"""sock.serve and sock.connect as people type them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.serving.talk import ECHO, TIMEOUT
from tests.tasks.commandline import Typed, command
from wirework.serving.limits import Limits
from wirework.serving.running import running


def started(*words: str, cwd: Path) -> tuple[subprocess.Popen[str], int]:
    """Start a server and return it with its port."""
    server = subprocess.Popen(
        command("sock.serve", *words),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    line = server.stderr.readline()
    assert line.endswith("; Ctrl-C ends it\n"), line + server.stderr.read()
    return server, int(line.split(";")[0].rpartition(":")[2])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_serves_and_a_signal_ends_it_well(number: int, cwd: Path) -> None:
    server, port = started("echo", "--verbose", "--output", "json", cwd=cwd)
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as sock:
        sock.sendall(b"hello")
        assert sock.recv(5) == b"hello"
        mine = f"127.0.0.1:{sock.getsockname()[1]}"
        server.send_signal(number)
        assert sock.recv(5) == b""
    out, err = server.communicate(timeout=TIMEOUT)
    assert server.returncode == 0
    told = json.loads(out)
    assert told["places"] == [f"127.0.0.1:{port}"]
    assert (told["clients"], told["bytes_in"], told["bytes_out"]) == (1, 5, 5)
    assert told["endings"] == {"let go at the stop": 1}
    first, last = err.splitlines()
    assert first == f"{mine}: connected, served by pid {server.pid}"
    assert last.startswith(f"{mine}: let go at the stop after ")


def test_a_server_ends_by_itself_when_its_time_is_over(typed: Typed) -> None:
    said = typed("sock.serve", "line", "--timeout", "0.1", "--model", "asyncio")
    assert said.status == 0
    assert said.err.startswith("line (asyncio) on 127.0.0.1:")
    assert "clients   0\n" in said.out


def test_several_places_are_listened_on(typed: Typed, cwd: Path) -> None:
    said = typed(
        *("sock.serve", "daytime", "--timeout", "0.1", "--output", "json"),
        *("--listen", "[::1]:0", "--listen", f"unix:{cwd}/s"),
    )
    places = json.loads(said.out)["places"]
    assert places[0].startswith("[::1]:")
    assert places[1] == f"unix:{cwd}/s"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("ecko",), "'ecko' is no service"),
        (("echo", "--model", "green"), "'green' is no model"),
        (("echo", "--port", "65536"), "127.0.0.1:65536: a port is between 0 and 65535"),
        (("echo", "--listen", "nowhere"), "'nowhere' is no place to listen"),
        (("echo", "--host", "192.0.2.1"), "192.0.2.1:0: no address of this machine"),
        (("echo", "--max-clients", "-1"), "--max-clients: clients are counted from 1"),
        (("echo", "--max-clients", "5000", "--model", "select"), "select cannot wait"),
        (("echo", "--max-clients", "99999999"), "99999999 clients take"),
        (("echo", "--timeout", "-1"), "--timeout: a time limit is"),
        (("echo", "--idle-timeout", "inf"), "--idle-timeout "),
        (("echo", "--tls-key", "k.pem"), "--tls-key: a key without its certificate"),
        (("echo", "--tls-cert", "c.pem"), "c.pem: cannot be read: No such file"),
    ],
)
def test_a_server_that_cannot_be_says_so_in_one_line(
    typed: Typed, words: tuple[str, ...], error: str
) -> None:
    said = typed("sock.serve", *words)
    assert said.status == 2
    assert said.err.count("\n") == 1
    assert said.err.startswith(f"error: {error}")


def test_a_port_in_use_is_told_with_its_process(typed: Typed) -> None:
    with running(ECHO) as server:
        said = typed("sock.serve", "echo", "--port", str(server.address[1]))
    assert said.status == 2
    assert "the port is in use by " in said.err
    assert f"(pid {os.getpid()})" in said.err


def test_text_is_sent_and_what_comes_is_shown(typed: Typed) -> None:
    with running(ECHO) as server:
        host, port = server.address
        words = ("--text", "hello\n", "--expect-echo", "--output", "json")
        said = typed("sock.connect", f"{host}:{port}", *words)
    assert said.status == 0
    told = json.loads(said.out)
    assert (told["data"], told["echoed"], told["sent"], told["ok"]) == ("hello\n", True, 6, True)


def test_standard_input_is_sent_and_the_answer_is_standard_output(cwd: Path) -> None:
    data = bytes(range(256)) * 1000
    with running(ECHO) as server:
        host, port = server.address
        done = subprocess.run(
            command("sock.connect", host, str(port), "--expect-echo"),
            cwd=cwd,
            input=data,
            capture_output=True,
            check=False,
            timeout=60,
        )
    assert (done.returncode, done.stdout) == (0, data)
    assert b"250.0 KiB sent, 250.0 KiB received" in done.stderr
    assert done.stderr.endswith(b"every byte came back\n")


def test_a_refused_connection_is_a_failure_in_words(typed: Typed) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        said = typed("sock.connect", "127.0.0.1", str(port), "--text", "x")
    assert said.status == 1
    assert said.err == (f"error: 127.0.0.1 port {port}: refused: nothing listens there\n")


def test_an_answer_that_does_not_end_is_given_up_in_time(typed: Typed) -> None:
    from tests.serving.talk import Quiet, serving

    class Silent(Quiet):
        def ended(self) -> None:
            pass

    with running(serving(Silent), limits=Limits(quiet=0.05)) as server:
        host, port = server.address
        said = typed("sock.connect", host, str(port), "--text", "x", "--timeout", "0.2")
    assert said.status == 1
    assert "the other end did not end within the time limit" in said.err


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("127.0.0.1",), "127.0.0.1: no port is given (like 127.0.0.1 443)"),
        (("127.0.0.1:7", "8"), "PORT: 127.0.0.1:7 has a port of its own, and 8 is another"),
        (("127.0.0.1", "0"), "PORT: a port is a number from 1 to 65535, not '0'"),
        (("127.0.0.1", "7", "--timeout", "-1"), "--timeout: a time limit is"),
        (("127.0.0.1", "7", "--tls-ca", "none.pem"), "none.pem: cannot be read: No such file"),
    ],
)
def test_what_cannot_be_asked_is_refused(typed: Typed, words: tuple[str, ...], error: str) -> None:
    said = typed("sock.connect", *words, "--text", "x")
    assert said.status == 2
    assert said.err.startswith(f"error: {error}")

"""``chat.serve`` and ``chat.join`` as people type them, in pipes and on a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from tests.tasks.commandline import INTERRUPTIBLE, Typed, command
from wirework.net.chat import Chat
from wirework.serving.running import Running, running
from wirework.serving.tls import server_context

WAIT = 10.0


@pytest.fixture
def room() -> Iterator[Running]:
    with running(Chat()) as server:
        yield server


def join(*words: str, said: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("chat.join", *words),
        cwd=cwd,
        input=said,
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT,
    )


def place(server: Running) -> tuple[str, str]:
    return server.address[0], str(server.address[1])


def test_a_pipe_says_its_lines_and_leaves(room: Running, cwd: Path) -> None:
    done = join(*place(room), "--nick", "ann", said="hello\n/nosuch\n/who\nlast", cwd=cwd)
    assert (done.returncode, done.stderr) == (0, "")
    welcome, *heard = done.stdout.splitlines()
    assert welcome.startswith("* you are ann, alone so far")
    assert "* 1 here: ann" in heard
    assert any(line.startswith("! there is no /nosuch") for line in heard)
    assert [line for line in heard if line.startswith("<")] == ["<ann> hello", "<ann> last"]
    assert heard[-1] == "* bye"


def test_more_than_the_allowance_is_said_slowly_and_whole(room: Running, cwd: Path) -> None:
    lines = "".join(f"{number}\n" for number in range(43))
    done = join(*place(room), "--nick", "ann", "-o", "jsonl", said=lines, cwd=cwd)
    heard = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["text"] for each in heard if each["type"] == "said"] == lines.split()


def test_a_taken_name_is_told_with_a_free_one(room: Running, cwd: Path) -> None:
    with socket.create_connection(room.address) as other:
        other.sendall(b"ann\n")
        file = other.makefile("rb")
        file.readline()
        file.readline()
        done = join(*place(room), "--nick", "Ann", said="x\n", cwd=cwd)
        file.close()
    host, port = place(room)
    assert done.returncode == 1
    assert done.stderr == f"error: {host}:{port}: Ann is taken (Ann2 is free)\n"


@contextmanager
def someone(room: Running, nick: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """A pipe client that is in and says nothing until it is told to."""
    with subprocess.Popen(
        command("chat.join", *place(room), "--nick", nick),
        cwd=cwd,
        stdin=-1,
        stdout=-1,
        stderr=-1,
        text=True,
    ) as process:
        assert process.stdout
        assert f"you are {nick}" in process.stdout.readline()
        yield process
        process.kill()


def test_a_server_that_ends_is_one_line(room: Running, cwd: Path) -> None:
    host, port = place(room)
    with someone(room, "ann", cwd) as ann:
        room.stop.press()
        assert ann.wait(WAIT) == 1
        assert ann.stderr
        assert ann.stderr.read() == f"error: {host}:{port}: the server is ending\n"


def test_the_end_of_the_time_is_a_goodbye(room: Running, cwd: Path) -> None:
    with someone(room, "ann", cwd):
        done = subprocess.Popen(
            command("chat.join", *place(room), "--nick", "bob", "--timeout", "0.3"),
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert done.wait(WAIT) == 0
        for stream in (done.stdin, done.stdout):
            assert stream
            stream.close()


@pytest.fixture
def authority(cwd: Path) -> trustme.CA:
    authority = trustme.CA()
    authority.cert_pem.write_to_path("ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path("server.pem")
    return authority


def test_tls_is_trusted_by_its_authority_only(authority: trustme.CA, cwd: Path) -> None:
    with running(Chat(), tls=server_context(Path("server.pem"))) as server:
        ours = join(*place(server), "--nick", "ann", "--tls-ca", "ca.pem", said="hi\n", cwd=cwd)
        others = join(*place(server), "--nick", "ann", "--tls", said="hi\n", cwd=cwd)
        wrong = "00" * 32
        words = ("--nick", "ann", "--tls-fingerprint", wrong)
        pinned = join(*place(server), *words, said="hi\n", cwd=cwd)
    assert ours.returncode == 0
    assert "<ann> hi" in ours.stdout
    assert others.returncode == 1
    assert "its certificate is not trusted" in others.stderr
    assert pinned.returncode == 1
    assert "the certificate's fingerprint is" in pinned.stderr
    assert "ann" not in pinned.stdout


@contextmanager
def serving(cwd: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A server in a process, and the words that its log gives for joining it."""
    argv = command("chat.serve", *words, launcher=("-c", INTERRUPTIBLE))
    with subprocess.Popen(argv, cwd=cwd, stderr=-1, stdout=-1, text=True) as process:
        assert process.stderr
        process.stderr.readline()
        invitation = process.stderr.readline().partition("chat.join ")[2]
        yield process, invitation.replace("NAME", "ann").split()
        process.kill()


@pytest.mark.parametrize("words", [(), ("--tls-self-signed", "--model", "asyncio")])
def test_a_served_room_is_joined_as_its_log_tells(words: tuple[str, ...], cwd: Path) -> None:
    with serving(cwd, *words, "-o", "json") as (server, invitation):
        done = join(*invitation, said="hello\n", cwd=cwd)
        assert (done.returncode, done.stderr) == (0, "")
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=WAIT)
    assert server.returncode == 0
    assert json.loads(out)["clients"] == 1
    assert "* ann joined (127.0.0.1:" in err
    assert "* ann left (127.0.0.1:" in err
    assert "hello" not in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("chat.serve", "--max-clients", "0"), "--max-clients: a room is for one at least"),
        (("chat.serve", "--model", "fork"), "fork gives each a process"),
        (("chat.serve", "--model", "select", "--max-clients", "2000"), "select cannot wait"),
        (("chat.serve", "--port", "70000"), "a port is between 0 and 65535"),
        (("chat.serve", "--tls-key", "k"), "--tls-key: a key without its certificate"),
        (("chat.serve", "--tls-cert", "none"), "none: cannot be read"),
        (("chat.serve", "--tls-cert", "c", "--tls-self-signed"), "not both"),
        (("chat.serve", "--timeout", "-1"), "--timeout: a time limit is"),
        (("chat.join", "127.0.0.1"), "127.0.0.1: no port is given (like 127.0.0.1 443)"),
        (("chat.join", "127.0.0.1", "0"), "PORT: a port is a number from 1 to 65535, not '0'"),
        (("chat.join", "127.0.0.1", "9", "--nick", "a b"), "--nick: a nickname has letters"),
        (("chat.join", "127.0.0.1", "9", "--tls-fingerprint", "1"), "--tls-fingerprint: it has 64"),
        (("chat.join", "127.0.0.1", "9", "--tls-ca", "none"), "none: cannot be read"),
    ],
)
def test_bad_input_is_one_line(typed: Typed, words: tuple[str, ...], told: str) -> None:
    said = typed(*words)
    assert (said.status, len(said.errors)) == (2, 1)
    assert told in said.errors[0]


def test_nobody_there_is_one_line(cwd: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        done = join("127.0.0.1", str(port), "--nick", "ann", said="", cwd=cwd)
    assert done.returncode == 1
    assert done.stderr == f"error: 127.0.0.1:{port}: cannot connect: connection refused\n"


class Terminal:
    """A process on a terminal of its own."""

    def __init__(self, argv: list[str], cwd: Path) -> None:
        self.seen = b""
        self.pid, self._fd = pty.fork()
        if not self.pid:
            try:
                os.chdir(cwd)
                os.execve(argv[0], argv, {**os.environ, "TERM": "xterm"})  # noqa: S606
            finally:
                os._exit(127)
        termios.tcsetwinsize(self._fd, (40, 120))

    def types(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def until(self, pattern: str) -> str:
        """Read until the screen's text shows it; return what was seen since the last time."""
        deadline = time.monotonic() + WAIT
        while not (found := re.search(pattern.encode(), self.seen)):
            assert time.monotonic() < deadline, self.seen
            if select.select([self._fd], [], [], 0.5)[0]:
                try:
                    self.seen += os.read(self._fd, 65536)
                except OSError:
                    assert re.search(pattern.encode(), self.seen), self.seen
                    continue
                if b"\x1b[6n" in self.seen:  # where is the cursor? (ECMA-48, DSR)
                    self.seen = self.seen.replace(b"\x1b[6n", b"")
                    self.types("\x1b[1;1R")
        seen, self.seen = self.seen[: found.end()], self.seen[found.end() :]
        return seen.decode(errors="replace")

    def status(self) -> int:
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline:
            # What it still writes has to be read, or it never ends.
            if select.select([self._fd], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self._fd, 65536)
                except OSError:
                    break
        os.close(self._fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_a_terminal_s_prompt_is_not_torn(room: Running, cwd: Path) -> None:
    screen = Terminal(command("chat.join", *place(room), "--nick", "ann"), cwd)
    screen.until("you are ann")
    screen.until("ann>")
    with socket.create_connection(room.address) as other:
        other.sendall(b"bob\n")
        screen.until("bob joined")
        screen.types("half a tho")
        screen.until("half a tho")
        other.sendall(b"in between\n")
        screen.until("<bob>.*in between")
        screen.until("ann>.*half a tho")  # the prompt is drawn again, with what was typed
        screen.types("ught\r")
        screen.until("<ann>.*half a thought")
        file = other.makefile("rb")
        while file.readline() != b"<ann> half a thought\n":
            pass
        screen.types("/nick eve\r")
        screen.until("eve>")
        screen.types("\x04")
        while file.readline() != b"* eve left\n":
            pass
        file.close()
    assert screen.status() == 0
    assert b"rror" not in screen.seen


def test_a_server_that_goes_ends_the_prompt(room: Running, cwd: Path) -> None:
    screen = Terminal(command("chat.join", *place(room), "--nick", "ann"), cwd)
    screen.until("ann>")
    room.stop.press()
    screen.until("error:.*the server is ending")
    assert screen.status() == 1


def test_ctrl_c_on_a_terminal_is_130(room: Running, cwd: Path) -> None:
    screen = Terminal(command("chat.join", *place(room), "--nick", "ann"), cwd)
    screen.until("ann>")
    screen.types("\x03")
    assert screen.status() == 130

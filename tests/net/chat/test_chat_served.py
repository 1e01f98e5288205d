"""The chat on real servers of every model: hundreds of people, slow ones among them, nc, TLS."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.machine import require
from tests.net.chat.crowd import WAIT, Crowd
from wirework.errors import ArgumentError
from wirework.net.chat import Chat, RoomLimits
from wirework.serving.listen import Listener, Place
from wirework.serving.running import running
from wirework.serving.serve import serve

# A thread for each client is woken for each line: many more would be a test of patience.
SIZES = {"epoll": 500, "asyncio": 500, "thread": 200}
SLOW = 5


@contextmanager
def narrow_listener() -> Iterator[Listener]:
    """A listener whose clients have a small buffer in the kernel, so that slowness shows soon."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 * 1024)
        sock.bind(("127.0.0.1", 0))
        sock.listen(1000)
        yield Listener(sock, Place("127.0.0.1", sock.getsockname()[1]))


@pytest.mark.parametrize("model", SIZES)
def test_hundreds_hear_one_and_slow_readers_delay_nobody(model: str) -> None:
    size = SIZES[model]
    limits = RoomLimits(clients=size, slow=64 * 1024, burst=1000, rate=1000)
    with (
        narrow_listener() as listener,
        running(Chat(limits), [listener], model=model) as server,
        Crowd(server.address, size, narrow=SLOW) as crowd,
    ):
        members = crowd.members
        for number, sock in enumerate(members):
            sock.sendall(b"c%d\n" % number)
        crowd.until(b"you are c", members)
        speaker, *others = members
        crowd.forget()
        speaker.sendall(b"first\n")
        seconds = crowd.until(b"<c0> first\n", others)
        assert seconds < 5, seconds
        quick, slow = others[:-SLOW], others[-SLOW:]
        for sock in slow:
            crowd.deaf(sock)
        dropped = [b"* c%d left: too slow to read\n" % (size - 1 - each) for each in range(SLOW)]
        for number in range(100):
            speaker.sendall(b"%04d" % number + b"x" * 4000 + b"\n")
            crowd.until(b"<c0> %04d" % number, quick)
            if all(line in crowd.heard[quick[0]] for line in dropped):
                break
        speaker.sendall(b"last\n")
        crowd.until(b"<c0> last\n", quick)
        for line in dropped:
            crowd.until(line, quick)
        assert not crowd.gone
    assert server.served is not None
    assert server.served.at_once == size


def test_a_process_for_each_client_is_no_room() -> None:
    with pytest.raises(ArgumentError, match="shares memory"):
        serve(Chat(), [Place()], model="fork")


@pytest.mark.parametrize("model", SIZES)
def test_the_end_is_told_to_everybody(model: str) -> None:
    with running(Chat(), model=model) as server:
        ann, bob, nameless = (socket.create_connection(server.address, WAIT) for _ in range(3))
        lines = [sock.makefile("rb") for sock in (ann, bob, nameless)]
        ann.sendall(b"ann\n")
        bob.sendall(b'{"type":"join","nick":"bob"}\n')
        for file in lines:
            file.readline()
        lines[0].readline()
        lines[1].readline()
        server.stop.press()
        ends = [file.read().splitlines()[-1] for file in lines]
    assert ends[0] == ends[2] == b"* bye: the server is ending"
    assert ends[1] == b'{"type":"bye","reason":"the server is ending"}'
    for sock, file in zip((ann, bob, nameless), lines, strict=True):
        file.close()
        sock.close()


@pytest.mark.parametrize("model", SIZES)
def test_netcat_and_a_program_talk(model: str) -> None:
    require("netcat")
    with running(Chat(), model=model) as server:
        host, port = server.address
        netcat = subprocess.Popen(
            ["nc", "-N", host, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        program = socket.create_connection(server.address, WAIT)
        file = program.makefile("rb")
        assert netcat.stdin
        assert netcat.stdout
        netcat.stdin.write(b"ann\n")
        netcat.stdin.flush()
        assert netcat.stdout.readline() == b"Wirework chat 1. Your nickname?\n"
        assert netcat.stdout.readline().startswith(b"* you are ann, alone so far (/msg")
        program.sendall(b'{"type":"join","nick":"bob"}\n{"type":"say","text":"hi"}\n')
        assert netcat.stdout.readline() == b"* bob joined\n"
        assert netcat.stdout.readline() == b"<bob> hi\n"
        rest, _ = netcat.communicate(b"hello\nhalf", timeout=WAIT)
        assert rest == b"! the last line had no end and was dropped\n* bye\n"
        heard = [file.readline() for _ in range(5)]
        assert heard[3].startswith(b'{"type":"said","nick":"ann","text":"hello","time":')
        assert heard[4] == b'{"type":"left","nick":"ann"}\n'
        file.close()
        program.close()

"""The chat on real servers of every model: hundreds of people, slow ones among them, nc, TLS."""

from __future__ import annotations

import socket

import pytest

from tests.net.chat.crowd import Crowd
from wirework.net.chat import Chat, RoomLimits
from wirework.serving.running import running

MODELS = ("epoll", "asyncio", "thread")
SIZE = 500


@pytest.mark.parametrize("model", MODELS)
def test_five_hundred_hear_one_and_slow_readers_delay_nobody(model: str) -> None:
    slow_ones, lines = 5, 40
    limits = RoomLimits(clients=SIZE, slow=64 * 1024, burst=1000, rate=1000)
    with running(Chat(limits), model=model) as server, Crowd(server.address, SIZE) as crowd:
        members = crowd.members
        for number, sock in enumerate(members):
            sock.sendall(b"c%d\n" % number)
        crowd.until(b"you are c", members)
        crowd.until(b"\n", members)
        speaker, *others = members
        crowd.forget()
        speaker.sendall(b"first\n")
        seconds = crowd.until(b"<c0> first\n", others)
        assert seconds < 5, seconds
        slow = others[:slow_ones]
        for sock in slow:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            crowd.deaf(sock)
        quick = others[slow_ones:]
        # Loopback's own buffers take megabytes before anything is left with the server.
        for number in range(lines * 30):
            speaker.sendall(b"%04d" % number + b"x" * 4000 + b"\n")
            if number % 40 == 39:
                crowd.until(b"<c0> %04d" % number, quick)
                if all(
                    b"c%d left: too slow" % each in crowd.heard[quick[0]] for each in range(1, 6)
                ):
                    break
                for heard in crowd.heard.values():
                    del heard[:-100_000]
        for number in range(1, slow_ones + 1):
            crowd.until(b"* c%d left: too slow to read\n" % number, quick)
        speaker.sendall(b"last\n")
        crowd.until(b"<c0> last\n", quick)
        assert not crowd.gone

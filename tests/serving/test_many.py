"""Thousands of clients at once; benchmarks/servers.py has ten thousand, and what they cost."""

from __future__ import annotations

import contextlib
import selectors
import socket

import pytest

from tests.machine import require
from tests.serving.talk import ECHO, TIMEOUT
from wirework.serving.limits import Limits
from wirework.serving.running import running

CLIENTS = 2000
ROUNDS = 3


@pytest.mark.parametrize("model", ["epoll", "asyncio"])
def test_two_thousand_clients_are_there_at_once_and_each_is_answered(model: str) -> None:
    require("descriptors")
    with (
        running(ECHO, model=model, limits=Limits(idle=60)) as server,
        contextlib.ExitStack() as stack,
    ):
        selector = stack.enter_context(selectors.DefaultSelector())
        crowd = [stack.enter_context(_connected(server.address)) for _ in range(CLIENTS)]
        for sock in crowd:
            selector.register(sock, selectors.EVENT_READ)
        for turn in range(ROUNDS):
            wanted = {sock: f"{turn} {n:06}".encode() for n, sock in enumerate(crowd)}
            for sock, data in wanted.items():
                sock.sendall(data)
            while wanted:
                ready = selector.select(TIMEOUT)
                assert ready, f"{len(wanted)} are not answered"
                for key, _ in ready:
                    assert isinstance(key.fileobj, socket.socket)
                    assert key.fileobj.recv(100) == wanted.pop(key.fileobj)
    assert server.served is not None
    assert server.served.at_once == CLIENTS
    assert server.served.endings == {"done": CLIENTS}


def _connected(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, TIMEOUT)

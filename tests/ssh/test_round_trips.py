"""How often a login and a command wait for the host: on a slow line, that is what they cost."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator

from tests.ssh.sshd import Server
from wirework.ssh import Pool, run

DELAY = 0.3
"""Seconds that a server's words take; whatever goes out meanwhile did not wait for them."""
LONGEST = 30.0


@contextlib.contextmanager
def slow_line(port: int) -> Iterator[tuple[int, list[str]]]:
    """Give a port that leads to another one, and what passes there: "out" and "in" in turn."""
    passed: list[str] = []

    def note(way: str) -> None:
        if passed[-1:] != [way]:
            passed.append(way)

    def carry() -> None:
        client, _ = listener.accept()
        with client, socket.create_connection(("127.0.0.1", port), LONGEST) as server:
            late: list[tuple[float, bytes]] = []
            ends = time.monotonic() + LONGEST
            while time.monotonic() < ends:
                ready, _, _ = select.select([client, server], [], [], 0.01)
                if client in ready:
                    data = client.recv(65_536)
                    if not data:
                        return
                    note("out")
                    server.sendall(data)
                if server in ready and (data := server.recv(65_536)):
                    late.append((time.monotonic() + DELAY, data))
                while late and late[0][0] <= time.monotonic():
                    note("in")
                    client.sendall(late.pop(0)[1])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=carry, daemon=True)
        thread.start()
        yield listener.getsockname()[1], passed
        thread.join(LONGEST)


def test_a_login_and_a_command_with_its_input_wait_six_times(server: Server) -> None:
    with slow_line(server.port) as (port, passed):
        known = server.known_hosts.read_text().replace(f":{server.port} ", f":{port} ")
        server.known_hosts.write_text(f"{server.known_hosts.read_text()}{known}")
        with Pool(known_hosts=()) as pool:
            ran = run(pool.remote(server.host(port=port)), ["cat"], stdin=b"what it reads")
            waited = passed.count("in")
    assert ran.stdout == b"what it reads"
    # Greeting, keys, login, channel, command, and its output: each needs what came before it.
    assert waited <= 6

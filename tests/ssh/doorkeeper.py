"""A server that asks for what sshd cannot be made to ask without PAM, and notes what it hears."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from tests.ssh.sshd import Server, make_key

Round = Sequence[tuple[str, bool]]
"""The questions asked at once, each with whether the answer may be seen."""


@dataclass
class Door:
    """What opens a door, and what was tried on it.

    ``rounds`` are asked one after another by keyboard-interactive, each once the one before was
    answered with ``right``, whatever its last question was.
    """

    password: bool = True
    rounds: Sequence[Round] = ()
    right: str = "right"
    expired: bool = False
    passwords: list[str] = field(default_factory=list)
    answers: list[list[str]] = field(default_factory=list)


class Doorkeeper(asyncssh.SSHServer):
    def __init__(self, door: Door, connections: list[asyncssh.SSHServerConnection]) -> None:
        self._door = door
        self._connections = connections
        self._round = 0

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connections.append(conn)

    def password_auth_supported(self) -> bool:
        return self._door.password

    def validate_password(self, username: str, password: str) -> bool:
        del username
        self._door.passwords.append(password)
        if self._door.expired:
            raise asyncssh.PasswordChangeRequired("choose another")
        return password == self._door.right

    def kbdint_auth_supported(self) -> bool:
        return bool(self._door.rounds)

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> object:
        del username, lang, submethods
        self._round = 0
        return self._ask()

    def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> object:
        del username
        self._door.answers.append(list(responses))
        if responses and responses[-1] != self._door.right:
            return False
        self._round += 1
        return self._ask() if self._round < len(self._door.rounds) else True

    def _ask(self) -> object:
        return "", "", "", list(self._door.rounds[self._round])


@contextlib.contextmanager
def doorkeeper(folder: Path, door: Door) -> Iterator[Server]:
    connections: list[asyncssh.SSHServerConnection] = []
    key = make_key(folder / "host_ed25519")
    make_key(folder / "client")
    loop = asyncio.new_event_loop()
    listener = loop.run_until_complete(
        asyncssh.create_server(
            lambda: Doorkeeper(door, connections), "127.0.0.1", 0, server_host_keys=[str(key)]
        )
    )
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    port = listener.get_port()
    public = (folder / "host_ed25519.pub").read_text()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}")
    try:
        yield Server(port=port, folder=folder)
    finally:

        async def close() -> None:
            listener.close()
            for connection in connections:
                connection.abort()
                await connection.wait_closed()
            await listener.wait_closed()  # since Python 3.12 for its connections, too

        asyncio.run_coroutine_threadsafe(close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()

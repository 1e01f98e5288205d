"""A client of the chat: connected, welcomed, and paced as the server wants it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wirework.errors import BadInput, Failed, TimedOut
from wirework.net.chat.allowance import Allowance
from wirework.net.chat.framing import Lines, TooLong
from wirework.net.chat.messages import (
    PROTOCOL,
    Bye,
    Event,
    Join,
    Malformed,
    Ping,
    Pong,
    Request,
    Welcome,
    Wrong,
    encode,
    event,
)

if TYPE_CHECKING:
    from wirework.net.chat.tls import Trust

LINE = 1024 * 1024
"""Bytes of the longest line that a server may send: the names of a full room."""
CONNECTED = 10.0
"""Seconds until the server has to have welcomed us."""
FAREWELL = 5.0
"""Seconds that a server has for its goodbye."""
_PIECE = 64 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """Where a chat is served; ``trust`` stands for TLS."""

    host: str
    port: int
    trust: Trust | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class Talk:
    """A conversation under a nickname; ``welcome`` is what the server said first."""

    def __init__(
        self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.server = server
        self._reader = reader
        self._writer = writer
        self._lines = Lines(LINE)
        self._came: list[bytes | TooLong] = []
        self._allowance: Allowance
        self.welcome: Welcome
        self.goodbye: Bye | None = None

    @classmethod
    async def begin(cls, server: Server, nick: str) -> Talk:
        """Connect and come in.

        Raises BadInput for a host that is no name, TimedOut, and Failed when nothing listens
        there, when it is no chat or not the one that is trusted, and when the nickname is taken.
        """
        context = server.trust.context() if server.trust else None
        try:
            async with asyncio.timeout(CONNECTED):
                reader, writer = await _connect(server, context)
                talk = cls(server, reader, writer)
                try:
                    await talk._enter(nick)
                except BaseException:
                    writer.transport.abort()
                    raise
        except TimeoutError:
            hint = "" if context else "if it is served with TLS: --tls"
            message = f"no welcome within {CONNECTED:g} s"
            raise TimedOut(message, where=str(server), hint=hint) from None
        return talk

    async def receive(self) -> Event | None:
        """Return what the server says next, or None when it is gone.

        Its pings are answered; what is not understood is passed over, as newer servers may say
        more.
        """
        while (line := await self._line()) is not None:
            try:
                said = event(line)
            except Malformed:
                continue
            if isinstance(said, Ping):
                await self.send(Pong(said.id))
                continue
            if isinstance(said, Bye):
                self.goodbye = said
            return said
        return None

    async def send(self, request: Request) -> None:
        """Say something, as soon as the server's allowance is large enough for it."""
        await asyncio.sleep(self._allowance.reserve())
        self._writer.write(encode(request))
        # That the server is gone is what ``receive`` tells.
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    async def close(self) -> None:
        """Let go of the connection."""
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()

    async def _enter(self, nick: str) -> None:
        where = str(self.server)
        if self.server.trust:
            encrypted: ssl.SSLObject = self._writer.get_extra_info("ssl_object")
            self.server.trust.check(encrypted.getpeercert(binary_form=True), where)
        banner = await self._line()
        if banner is None or not banner.startswith(PROTOCOL.encode()):
            hint = "" if self.server.trust else "if it is served with TLS: --tls"
            raise Failed("what answers there is no chat", where=where, hint=hint)
        self._writer.write(encode(Join(nick)))
        said = await self._answer()
        match said:
            case Welcome():
                self.welcome = said
                # A little less than is allowed: time runs differently on the way there.
                self._allowance = Allowance(
                    max(said.rate * 0.9, 0.1), max(said.burst - 2, 1), time.monotonic
                )
            case Wrong():
                free = f"{said.suggestion} is free" if said.suggestion else ""
                raise Failed(said.text, where=where, hint=free)
            case _:
                raise Failed("the chat ended before it began", where=where)

    async def _answer(self) -> Event | None:
        """Return the first event; nothing can be asked back yet."""
        while (line := await self._line()) is not None:
            with contextlib.suppress(Malformed):
                return event(line)
        return None

    async def _line(self) -> bytes | None:
        while True:
            while self._came:
                line = self._came.pop(0)
                if not isinstance(line, TooLong):
                    return line
            try:
                piece = await self._reader.read(_PIECE)
            except OSError:
                return None
            if not piece:
                return None
            self._came += self._lines.feed(piece)


async def _connect(
    server: Server, context: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    where = str(server)
    try:
        return await asyncio.open_connection(
            server.host,
            server.port,
            ssl=context,
            server_hostname=server.host if context else None,
            happy_eyeballs_delay=0.25,
        )
    except ssl.SSLCertVerificationError as error:
        raise Failed(
            f"its certificate is not trusted: {error.verify_message}",
            where=where,
            hint="--tls-ca FILE, or --tls-fingerprint of a certificate that you know",
        ) from None
    except ssl.SSLError as error:
        why = (error.reason or str(error)).lower().replace("_", " ")
        raise Failed(f"TLS failed: {why}", where=where, hint="is it served with TLS?") from None
    except UnicodeError:
        raise BadInput(f"{server.host!r} is no host name") from None
    except OSError as error:
        why = _words(error)
        raise Failed(f"cannot connect: {why}", where=where) from None


def _words(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return (error.strerror or str(error)).lower()

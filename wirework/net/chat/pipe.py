"""The chat for a pipe: lines in, events out."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING

from wirework.errors import Failed
from wirework.net.chat.client import FAREWELL, Server, Talk
from wirework.net.chat.framing import Lines, TooLong
from wirework.net.chat.messages import Event, Malformed, Quit, Say, Wrong
from wirework.net.chat.plain import typed
from wirework.net.chat.words import seemly

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator

_AHEAD = 64
"""Lines that are read ahead of what the server's allowance lets through."""
_PIECE = 64 * 1024

Typed = bytes | TooLong | None


def converse(server: Server, nick: str, lines: int, *, timeout: float = 0) -> Iterator[Event]:
    """Come in, say what stands in the descriptor ``lines``, and yield what is said.

    The end of ``lines`` is a goodbye, and so is the end of ``timeout`` seconds (0: none). Raises
    what ``Talk.begin`` does, and Failed when the server goes first.
    """
    with asyncio.Runner() as runner:
        events = _converse(server, nick, lines, timeout)
        try:
            while (said := runner.run(_next(events))) is not None:
                yield said
        finally:
            runner.run(events.aclose())


async def _next(events: AsyncIterator[Event]) -> Event | None:
    return await anext(events, None)


async def _converse(
    server: Server, nick: str, lines: int, seconds: float
) -> AsyncGenerator[Event, None]:
    talk = await Talk.begin(server, nick)
    heard: asyncio.Queue[Event | None] = asyncio.Queue()
    listening = asyncio.create_task(_listen(talk, heard))
    saying = asyncio.create_task(_say(talk, lines, heard, seconds))
    try:
        yield talk.welcome
        while (said := await heard.get()) is not None:
            yield said
        if not saying.done() or talk.goodbye is None:
            why = talk.goodbye.reason if talk.goodbye else ""
            raise Failed(why or "the server is gone", where=str(server))
    finally:
        for task in (listening, saying):
            task.cancel()
        await asyncio.gather(listening, saying, return_exceptions=True)
        await talk.close()


async def _listen(talk: Talk, heard: asyncio.Queue[Event | None]) -> None:
    while (said := await talk.receive()) is not None:
        heard.put_nowait(said)
    heard.put_nowait(None)


async def _say(
    talk: Talk, descriptor: int, heard: asyncio.Queue[Event | None], seconds: float
) -> None:
    """Say every line, then goodbye; wrong commands are told on this side."""
    try:
        async with asyncio.timeout(seconds or None):
            async for line in _typed(descriptor, talk.welcome.line):
                try:
                    request = typed(_text(line, talk.welcome.line))
                except Malformed as malformed:
                    heard.put_nowait(Wrong(malformed.code, str(malformed)))
                    continue
                if request == Say(""):
                    continue
                await talk.send(request)
                if isinstance(request, Quit):
                    break
            else:
                await talk.send(Quit())
    except TimeoutError:
        await talk.send(Quit())
    asyncio.get_running_loop().call_later(FAREWELL, heard.put_nowait, None)


def _text(line: bytes | TooLong, limit: int) -> str:
    if isinstance(line, TooLong):
        raise Malformed("long", f"the line was not sent: a line has at most {limit} bytes")
    try:
        return seemly(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise Malformed("utf8", "the line was not sent: it is not UTF-8") from None


async def _typed(descriptor: int, limit: int) -> AsyncIterator[bytes | TooLong]:
    """Yield the lines of a descriptor of any kind: a file cannot be waited for by a loop."""
    loop = asyncio.get_running_loop()
    came: asyncio.Queue[Typed] = asyncio.Queue()
    room = threading.Semaphore(_AHEAD)

    def hand_over(line: Typed) -> None:
        room.acquire()
        loop.call_soon_threadsafe(came.put_nowait, line)

    def read() -> None:
        lines = Lines(limit)
        try:
            while piece := os.read(descriptor, _PIECE):
                for line in lines.feed(piece):
                    hand_over(line)
            if lines.unfinished and not lines.dropped:
                for line in lines.feed(b"\n"):
                    hand_over(line)
            hand_over(None)
        except (OSError, RuntimeError):
            return  # the loop has ended, and nobody waits for lines any more

    # Nothing can wake a thread that reads a terminal, so it must not be waited for.
    threading.Thread(target=read, name="chat input", daemon=True).start()
    while (line := await came.get()) is not None:
        room.release()
        yield line

"""The chat on a terminal: a prompt that incoming lines do not tear, and lines for a pipe."""

from __future__ import annotations

import asyncio
import sys
import zlib
from collections.abc import Iterator

from prompt_toolkit import PromptSession, print_formatted_text
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.patch_stdout import patch_stdout

from wirework.errors import Failed
from wirework.net.chat.client import FAREWELL, Server, Talk
from wirework.net.chat.messages import (
    Bye,
    Event,
    Malformed,
    Quit,
    Renamed,
    Request,
    Said,
    Say,
    Told,
    Wrong,
)
from wirework.net.chat.plain import readable, typed
from wirework.net.chat.words import key, seemly

from .render import Form

COLOURS = ("ansicyan", "ansigreen", "ansiyellow", "ansiblue", "ansimagenta", "ansired")
"""Those that can be read on a dark and on a light background; a nickname has always one."""

Styled = list[tuple[str, str]]


class Screen:
    """Where a conversation is held: a terminal with a prompt, or a pipe with lines."""

    @classmethod
    def of(cls, form: Form) -> Screen | None:
        """Return a screen for people; programs get none."""
        return cls() if form is Form.TABLE else None

    @property
    def is_terminal(self) -> bool:
        """Whether somebody can be asked."""
        return sys.stdin.isatty() and sys.stdout.isatty()

    def lines(self, events: Iterator[Event]) -> None:
        """Print a conversation line by line as it goes."""
        for event in events:
            print(readable(event), flush=True)

    def converse(self, server: Server, nick: str, *, timeout: float = 0) -> None:
        """Hold a conversation on this terminal, until its end or ours; 0 seconds are no bound.

        Ctrl-D says goodbye. Raises what ``Talk.begin`` does, Failed when the server goes first,
        and KeyboardInterrupt for Ctrl-C.
        """
        asyncio.run(_converse(server, nick, timeout))


async def _converse(server: Server, nick: str, seconds: float) -> None:
    talk = await Talk.begin(server, nick)
    mine = [talk.welcome.nick]
    prompt: PromptSession[str] = PromptSession(
        lambda: FormattedText([("bold", f"{mine[0]}> ")]),
        # What was said comes back from the server: everybody sees the same lines.
        erase_when_done=True,
        history=InMemoryHistory(),
    )
    with patch_stdout():
        _show(talk.welcome)
        hearing = asyncio.create_task(_hear(talk, mine))
        saying = asyncio.create_task(_say(talk, prompt))
        try:
            async with asyncio.timeout(seconds or None):
                await asyncio.wait((hearing, saying), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            await talk.send(Quit())
        is_ours = saying.done() or not hearing.done()
        if is_ours:
            await asyncio.wait((hearing,), timeout=FAREWELL)
        for task in (hearing, saying):
            task.cancel()
        *_, ended = await asyncio.gather(hearing, saying, return_exceptions=True)
        await talk.close()
    if isinstance(ended, KeyboardInterrupt):
        raise ended
    if not is_ours:
        why = talk.goodbye.reason if talk.goodbye else ""
        raise Failed(why or "the server is gone", where=str(server))


async def _hear(talk: Talk, mine: list[str]) -> None:
    while (event := await talk.receive()) is not None:
        if isinstance(event, Renamed) and key(event.nick) == key(mine[0]):
            mine[0] = event.to
        if not isinstance(event, Bye):
            _show(event)


async def _say(talk: Talk, prompt: PromptSession[str]) -> None:
    while True:
        try:
            line = seemly(await prompt.prompt_async(handle_sigint=False))
            request: Request = typed(line)
        except Malformed as malformed:
            _show(Wrong(malformed.code, str(malformed)))
            continue
        except EOFError:
            request = Quit()
        if request == Say(""):
            continue
        await talk.send(request)
        if isinstance(request, Quit):
            return


def _show(event: Event) -> None:
    print_formatted_text(FormattedText(styled(event)))


def styled(event: Event) -> Styled:
    """Return an event's line with its colours: one for each nickname."""
    match event:
        case Said():
            return [(_colour(event.nick), f"<{event.nick}>"), ("", f" {event.text}")]
        case Told():
            return [(f"{_colour(event.nick)} bold", readable(event))]
        case Wrong():
            return [("ansired", readable(event))]
        case _:
            return [("ansibrightblack", readable(event))]


def _colour(nick: str) -> str:
    return COLOURS[zlib.crc32(key(nick).encode()) % len(COLOURS)]

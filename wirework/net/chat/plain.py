"""The chat as plain text: what people type, and what they read, with nc as with chat.join."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wirework.net.chat.messages import (
    Bye,
    Event,
    Here,
    Joined,
    Left,
    Malformed,
    Ping,
    Pong,
    Quit,
    Rename,
    Renamed,
    Request,
    Said,
    Say,
    Tell,
    Told,
    Welcome,
    Who,
    Wrong,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HELP = "/msg NICK TEXT, /who, /nick NICK, /ping, /quit [REASON]; //TEXT says /TEXT"


def typed(line: str) -> Request:
    """Return what a line that somebody typed asks for; Malformed for a wrong command."""
    if not line.startswith("/") or line.startswith("//"):
        return Say(line.removeprefix("/"))
    word, _, rest = line[1:].partition(" ")
    command = _COMMANDS.get(word.lower())
    if command is None:
        raise Malformed("command", f"there is no /{word}: {HELP}")
    return command(rest.strip())


def readable(event: Event) -> str:
    """Return an event as one line for people."""
    match event:
        case Said():
            return f"<{event.nick}> {event.text}"
        case Told():
            return f"[{event.nick} to {event.to}] {event.text}"
        case Joined():
            return f"* {event.nick} joined"
        case Left():
            return f"* {event.nick} left{_because(event.reason)}"
        case Renamed():
            return f"* {event.nick} is now {event.to}"
        case _:
            return _answer(event)


def _answer(event: Welcome | Here | Ping | Pong | Wrong | Bye) -> str:
    match event:
        case Welcome():
            others = event.here - 1
            there = f"with {others} other{'' if others == 1 else 's'}" if others else "alone so far"
            return f"* you are {event.nick}, {there} ({HELP})"
        case Here():
            return f"* {len(event.nicks)} here: {', '.join(event.nicks)}"
        case Wrong():
            instead = f" (free: {event.suggestion})" if event.suggestion else ""
            return f"! {event.text}{instead}"
        case Bye():
            return f"* bye{_because(event.reason)}"
        case _:
            return f"* {event.type} {event.id}".rstrip()


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _tell(rest: str) -> Request:
    to, _, text = rest.partition(" ")
    if not text.strip():
        raise Malformed("command", "/msg needs a nickname and a text")
    return Tell(to, text.strip())


_COMMANDS: Mapping[str, Callable[[str], Request]] = {
    "msg": _tell,
    "nick": Rename,
    "ping": Ping,
    "quit": Quit,
    "who": lambda _: Who(),
}

"""What is said between a chat's clients and its server, and how it is written.

Either JSON lines (RFC 8259, one object a line, UTF-8), whose ``type`` says which of these it is,
or plain text for people with nc. docs/chat.md tells the protocol.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from wirework.net.chat.words import seemly

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROTOCOL = "Wirework chat 1"
BANNER = f"{PROTOCOL}. Your nickname?\n".encode()
"""The server's first line, for every client; all after it is in the client's own way."""


class Malformed(ValueError):
    """A line that is no message; ``code`` is for programs."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


# What clients say.


@dataclass(frozen=True, slots=True)
class Join:
    """Come in under a nickname: the first thing to say."""

    nick: str
    type: str = "join"


@dataclass(frozen=True, slots=True)
class Say:
    """Say something to everybody."""

    text: str
    type: str = "say"


@dataclass(frozen=True, slots=True)
class Tell:
    """Say something to one of those here."""

    to: str
    text: str
    type: str = "msg"


@dataclass(frozen=True, slots=True)
class Rename:
    """Take another nickname."""

    nick: str
    type: str = "nick"


@dataclass(frozen=True, slots=True)
class Who:
    """Ask who is here."""

    type: str = "who"


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask for a pong with the same ``id``; either side may."""

    id: str = ""
    type: str = "ping"


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a ping."""

    id: str = ""
    type: str = "pong"


@dataclass(frozen=True, slots=True)
class Quit:
    """Leave."""

    reason: str = ""
    type: str = "quit"


# What the server says; ``time`` is in seconds since 1970.


@dataclass(frozen=True, slots=True)
class Welcome:
    """You are in, as ``nick``: one of ``here``; lines of ``line`` bytes, ``rate`` a second."""

    nick: str
    here: int
    line: int
    rate: float
    burst: int
    server: str = PROTOCOL
    type: str = "welcome"


@dataclass(frozen=True, slots=True)
class Joined:
    """Somebody came in."""

    nick: str
    type: str = "joined"


@dataclass(frozen=True, slots=True)
class Left:
    """Somebody left."""

    nick: str
    reason: str = ""
    type: str = "left"


@dataclass(frozen=True, slots=True)
class Said:
    """Somebody said something to everybody; who said it hears it too, in JSON."""

    nick: str
    text: str
    time: float
    type: str = "said"


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody said something to one person; who said it hears it too, in JSON."""

    nick: str
    to: str
    text: str
    time: float
    type: str = "told"


@dataclass(frozen=True, slots=True)
class Renamed:
    """Somebody took another nickname."""

    nick: str
    to: str
    type: str = "renamed"


@dataclass(frozen=True, slots=True)
class Here:
    """Who is here, in the order in which they came."""

    nicks: tuple[str, ...]
    type: str = "here"


@dataclass(frozen=True, slots=True)
class Wrong:
    """A line that was not carried out, and why; ``suggestion`` is a nickname that is free."""

    code: str
    text: str
    suggestion: str = ""
    type: str = "error"


@dataclass(frozen=True, slots=True)
class Bye:
    """The last thing the server says."""

    reason: str = ""
    type: str = "bye"


Request = Join | Say | Tell | Rename | Who | Ping | Pong | Quit
Event = Welcome | Joined | Left | Said | Told | Renamed | Here | Ping | Pong | Wrong | Bye

T = TypeVar("T")

REQUESTS: Mapping[str, type[Request]] = {
    "join": Join,
    "say": Say,
    "msg": Tell,
    "nick": Rename,
    "who": Who,
    "ping": Ping,
    "pong": Pong,
    "quit": Quit,
}
EVENTS: Mapping[str, type[Event]] = {
    "welcome": Welcome,
    "joined": Joined,
    "left": Left,
    "said": Said,
    "told": Told,
    "renamed": Renamed,
    "here": Here,
    "ping": Ping,
    "pong": Pong,
    "error": Wrong,
    "bye": Bye,
}


def encode(message: Request | Event) -> bytes:
    """Return a message as one JSON line; parts that are empty are left out."""
    parts = {field.name: getattr(message, field.name) for field in dataclasses.fields(message)}
    told = {name: value for name, value in parts.items() if value not in ("", ())}
    text = json.dumps({"type": message.type} | told, ensure_ascii=False, separators=(",", ":"))
    return text.encode() + b"\n"


def request(line: bytes) -> Request:
    """Return what a client said; Malformed when it is no request."""
    return _decode(line, REQUESTS)


def event(line: bytes) -> Event:
    """Return what a server said; Malformed when it is no event."""
    return _decode(line, EVENTS)


def _decode(line: bytes, kinds: Mapping[str, type[T]]) -> T:
    try:
        parts = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise Malformed("utf8", "the line is not UTF-8") from None
    except (ValueError, RecursionError):
        raise Malformed("json", "the line is not JSON") from None
    if not isinstance(parts, dict):
        raise Malformed("json", "the line is not a JSON object")
    name = parts.get("type")
    kind = kinds.get(name) if isinstance(name, str) else None
    if kind is None:
        raise Malformed("type", f"the type is one of {', '.join(kinds)}")
    return kind(**_parts(kind, parts))


def _parts(kind: Any, parts: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of one kind out of an object; others are not looked at."""
    found = {}
    for field in dataclasses.fields(kind):
        if field.name == "type":
            continue
        if field.name in parts:
            try:
                found[field.name] = _READ[str(field.type)](parts[field.name])
            except (TypeError, OverflowError):
                raise Malformed("value", f"{field.name} is not a {field.type}") from None
        elif field.default is dataclasses.MISSING and field.type in _NEEDED:
            raise Malformed("value", f"{parts['type']} needs {field.name}")
        elif field.default is dataclasses.MISSING:
            found[field.name] = ()
    return found


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return seemly(value)


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError
    return float(value)


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError
    return tuple(map(_text, value))


_READ: Mapping[str, Callable[[object], object]] = {
    "str": _text,
    "int": _whole,
    "float": _number,
    "tuple[str, ...]": _texts,
}
_NEEDED = ("str", "int", "float")

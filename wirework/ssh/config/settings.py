"""The keywords that say how to reach a host, and what stands behind them."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from wirework.errors import BadInput
from wirework.ssh.config.words import SPACE, words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_PORT = 65535
MAX_SECONDS = 2**31 - 1

_SPAN = re.compile(r"(\d{1,10})([smhdw]?)", re.IGNORECASE)
_DURATION = re.compile(r"\+?(?:\d{1,10}[smhdw])*(?:\d{1,10})?", re.IGNORECASE)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_FLAGS = {"yes": True, "true": True, "no": False, "false": False}
_HOST_KEYS = {
    "yes": "strict",
    "true": "strict",
    "ask": "strict",
    "accept-new": "accept-new",
    "no": "off",
    "false": "off",
    "off": "off",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """A keyword in lower case, its values as written, and the ``file:line`` they stand at."""

    keyword: str
    values: tuple[str, ...]
    where: str

    @property
    def value(self) -> str:
        """The only value."""
        return self.values[0]

    @property
    def is_none(self) -> bool:
        """Whether the value is the word ``none``."""
        return len(self.values) == 1 and self.value.lower() == "none"


def setting(keyword: str, text: str, where: str) -> Setting | None:
    """Return what a line sets; None where that is nothing, or nothing that matters here.

    Raises BadInput when the value is not what the keyword wants.
    """
    kind = _KINDS.get(keyword)
    if kind is None:
        return None
    try:
        values = kind(text)
    except ValueError as error:
        raise BadInput(f"{keyword}: {error}", where=where) from None
    return Setting(keyword, values, where) if values else None


def port(text: str) -> int:
    """Return a port given as a number or as the name of a service; raises ValueError."""
    if text.isascii() and text.isdecimal():
        if len(text) <= len(str(MAX_PORT)) and 1 <= int(text) <= MAX_PORT:
            return int(text)
    else:
        try:
            return socket.getservbyname(text, "tcp")
        except (OSError, ValueError):
            pass
    raise ValueError(f"{text!r} is no port between 1 and {MAX_PORT}")


def seconds(text: str) -> int:
    """Return a time in seconds: ``90``, ``1m30``, ``2h`` (sshd_config(5), TIME FORMATS)."""
    if not text or not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is no time as in 30, 90s or 1h30m")
    total = sum(int(span[1]) * _UNITS[span[2].lower()] for span in _SPAN.finditer(text))
    if total > MAX_SECONDS:
        raise ValueError(f"{text!r} is more than {MAX_SECONDS} seconds")
    return total


def flag(text: str) -> bool:
    """Return what ``yes`` or ``no`` means; raises ValueError."""
    return _FLAGS[_one_of(text, _FLAGS)]


def host_keys(text: str) -> str:
    """Return ``strict``, ``accept-new`` or ``off``; raises ValueError."""
    return _HOST_KEYS[_one_of(text, _HOST_KEYS)]


def _one_of(text: str, known: Mapping[str, object]) -> str:
    if text.lower() not in known:
        raise ValueError(f"{text!r} is none of {', '.join(known)}")
    return text.lower()


def _one(text: str) -> tuple[str, ...]:
    found = words(text)
    if len(found) != 1:
        raise ValueError(f"wants one value, not {len(found)}")
    if not found[0]:
        raise ValueError("the value is empty")
    return tuple(found)


def _several(text: str) -> tuple[str, ...]:
    found = words(text)
    if not all(found):
        raise ValueError("a value is empty")
    if len(found) > 1 and any(word.lower() == "none" for word in found):
        raise ValueError("none stands alone")
    return tuple(found)


def _checked(check: Callable[[str], object]) -> Callable[[str], tuple[str, ...]]:
    def kind(text: str) -> tuple[str, ...]:
        values = _one(text)
        check(values[0])
        return values

    return kind


def _time(text: str) -> tuple[str, ...]:
    values = _one(text)
    if values == ("none",):
        return ()  # OpenSSH lets a later line decide
    seconds(values[0])
    return values


def _command(text: str) -> tuple[str, ...]:
    words(text)  # OpenSSH wants the quotes of a shell's line to be closed, too
    command = text.lstrip(SPACE + "=")
    if not command:
        raise ValueError("wants a command")
    return (command,)


def _hops(text: str) -> tuple[str, ...]:
    values = _one(text.lstrip(SPACE + "=").partition("#")[0])
    if values[0].lower() == "none":
        return values
    return tuple(map(_hop, values[0].split(",")))


def _hop(text: str) -> str:
    """Return ``[user@]host[:port]``, which may also be written as an ``ssh://`` address."""
    address = text.removeprefix("ssh://")
    user, at, host = address.rpartition("@")
    if address != text:
        user, host = unquote(user.partition(";")[0]), host.removesuffix("/")
    if host.startswith("["):
        name, closed, number = host[1:].partition("]")
        if not closed or (number and not number.startswith(":")):
            raise ValueError(f"{text!r} is not [user@]host[:port]")
        number = number[1:]
    else:
        name, _, number = host.partition(":")
    if not name or name.startswith("-") or set(name) & set(SPACE + "/@") or (at and not user):
        raise ValueError(f"{text!r} is not [user@]host[:port]")
    host = f"[{name}]" if ":" in name else name
    return f"{user}{at}{host}" + (f":{port(number)}" if number else "")


_KINDS: Mapping[str, Callable[[str], tuple[str, ...]]] = {
    "certificatefile": _one,
    "connecttimeout": _time,
    "hostkeyalias": _one,
    "hostname": _one,
    "identitiesonly": _checked(flag),
    "identityagent": _one,
    "identityfile": _one,
    "port": _checked(port),
    "proxycommand": _command,
    "proxyjump": _hops,
    "serveraliveinterval": _time,
    "stricthostkeychecking": _checked(host_keys),
    "user": _one,
    "userknownhostsfile": _several,
}

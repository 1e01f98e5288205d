"""Filling in what a value leaves open: ``%h``, ``~`` and ``${NAME}`` (ssh_config(5), TOKENS)."""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_COMMAND_TOKENS = "%hknpr"
_UNSAFE = frozenset("'`\"$\\;&<>|(){},")
_UNSAFE_IN_USER = frozenset("'`\";&<>|(){}")

_TOKEN = re.compile(r"%(.?)", re.DOTALL)
_TOKEN_OR_VARIABLE = re.compile(r"%(.?)|\$\{([^}]*)(\}?)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Local:
    """This end: who runs us, with which user ID and home, and what this machine is called."""

    user: str
    uid: int
    home: str
    host: str

    @classmethod
    def here(cls) -> Local:
        """Return this process's own; its home is ``$HOME``, where OpenSSH asks passwd(5)."""
        uid = os.getuid()
        try:
            user = pwd.getpwuid(uid).pw_name
        except KeyError:
            user = str(uid)
        return cls(user, uid, str(Path.home()), socket.gethostname())


def of(
    local: Local, *, destination: str, host: str, port: int, user: str, alias: str | None, jump: str
) -> dict[str, str]:
    """Return what each token stands for; ``jump`` is the last hop, empty for none."""
    jump = jump.rpartition("@")[2]
    jump = jump[1:].partition("]")[0] if jump.startswith("[") else jump.partition(":")[0]
    connection = f"{local.host}{host}{port}{user}{jump}".encode(errors="surrogateescape")
    return {
        "%": "%",
        "C": hashlib.sha1(connection, usedforsecurity=False).hexdigest(),
        "L": local.host.partition(".")[0],
        "d": local.home,
        "h": host,
        "i": str(local.uid),
        "j": jump,
        "k": alias or destination,
        "l": local.host,
        "n": destination,
        "p": str(port),
        "r": user,
        "u": local.user,
    }


def fill(text: str, tokens: Mapping[str, str]) -> str:
    """Return ``text`` with its tokens filled in; raises ValueError for those it cannot have."""
    return _TOKEN.sub(lambda found: _value(found, tokens), text) if "%" in text else text


def for_commands(tokens: Mapping[str, str]) -> dict[str, str]:
    """Return the tokens that ProxyCommand and ProxyJump may have."""
    return {token: tokens[token] for token in _COMMAND_TOKENS}


def fill_command(text: str, tokens: Mapping[str, str]) -> str:
    """Return a command for a shell with its tokens filled in.

    Raises ValueError for those it cannot have, and for a host or user that the shell would take
    for more than a name, as OpenSSH does since 9.6 (CVE-2023-51385).
    """
    for letter in set(_TOKEN.findall(text)) & set("hknr"):
        value = tokens[letter]
        unsafe = _UNSAFE_IN_USER if letter == "r" else _UNSAFE
        blanks = not value.isprintable() or " " in value
        if blanks or value.startswith("-") or unsafe & set(value):
            raise ValueError(f"{value!r} is no name to fill into a shell's command")
    return fill(text, for_commands(tokens))


def fill_path(text: str, tokens: Mapping[str, str]) -> str:
    """Return a path with its ``~``, tokens and variables filled in.

    Raises ValueError for a token, variable or user that there is not.
    """
    try:
        path = str(Path(text).expanduser())
    except RuntimeError:
        raise ValueError(f"{text!r}: there is no such user") from None

    def value(found: re.Match[str]) -> str:
        name = found[2]
        if name is None:
            return _value(found, tokens)
        if not found[3] or not name or name not in os.environ:
            raise ValueError(f"{text!r}: there is no environment variable {name!r}")
        return os.environ[name]

    return _TOKEN_OR_VARIABLE.sub(value, path)


def _value(found: re.Match[str], tokens: Mapping[str, str]) -> str:
    if found[1] not in tokens:
        raise ValueError(f"%{found[1]} is not filled in here: write %% for a percent sign")
    return tokens[found[1]]

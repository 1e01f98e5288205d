"""Environment variables for commands on hosts; they travel on standard input, as shell text.

On a command line they would show in ``ps``, and sshd takes none but those of AcceptEnv.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from wirework.errors import BadInput
from wirework.secrets import Secret
from wirework.secrets import secret as secret_of

Environment = Mapping[str, str | Secret]
"""Variables by name; the value of a Secret is looked up when it is sent, and nowhere shown."""

NOTHING: Environment = MappingProxyType({})
LONGEST = 131_071
"""Bytes that Linux accepts as one variable, its name included (MAX_ARG_STRLEN, execve(2))."""
SHELLS_OWN = frozenset(
    {
        *("BASHOPTS", "BASHPID", "BASH_ALIASES", "BASH_ARGC", "BASH_ARGV", "BASH_CMDS"),
        *("BASH_COMMAND", "BASH_LINENO", "BASH_SOURCE", "BASH_SUBSHELL", "BASH_VERSINFO"),
        *("DIRSTACK", "EPOCHREALTIME", "EPOCHSECONDS", "EUID", "FUNCNAME", "GROUPS", "HISTCMD"),
        *("LINENO", "OPTIND", "PPID", "RANDOM", "SECONDS", "SHELLOPTS", "SHLVL", "SRANDOM"),
        *("UID", "_"),
    }
)
"""Names whose values are not handed on by every sh as they were set."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET = "secret:"  # noqa: S105 - how a value says that it is a secret's source


def environment(words: Iterable[str]) -> Environment:
    """Read ``NAME=VALUE`` words, the last of a name counting; ``NAME=secret:SOURCE`` is a Secret.

    Raises BadInput for a word without a name or with one that no variable can have, and
    SecretError for a source that is none. No message repeats a value.
    """
    read: dict[str, str | Secret] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            # It may be a value whose name was forgotten.
            raise BadInput("a variable is given as NAME=VALUE", hint="--env STAGE=test")
        _check_name(name)
        read[name] = secret_of(value[len(_SECRET) :]) if value.startswith(_SECRET) else value
    return MappingProxyType(read)


def exports(env: Environment) -> str:
    """Return the shell text that sets and exports variables, exactly; secrets are revealed in it.

    Raises BadInput for a name or value that no variable can have, SecretError for a secret that
    cannot be fetched.
    """
    lines = []
    for name, value in env.items():
        _check_name(name)
        text = value.reveal() if isinstance(value, Secret) else value
        if "\0" in text:
            raise BadInput(f"the variable {name} cannot hold a NUL character")
        size = len(name) + 1 + len(text.encode("utf-8", "surrogateescape"))
        if size > LONGEST:
            raise BadInput(
                f"the variable {name} is {size} bytes long, more than the {LONGEST} a host accepts",
                hint="send the bulk as a file",
            )
        lines.append(f"{name}={shlex.quote(text)}\nexport {name}\n")
    return "".join(lines)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise BadInput(
            f"{name!r} is no name of a variable", hint="letters, digits and _, no digit first"
        )
    if name in SHELLS_OWN:
        raise BadInput(f"the variable {name} belongs to the shell", hint="take another name")

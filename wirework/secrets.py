"""Values that never show: not in str, repr, JSON, pickles, logs or tracebacks."""

from __future__ import annotations

import getpass
import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from wirework.errors import SecretError

if TYPE_CHECKING:
    from collections.abc import Callable

COMMAND_TIMEOUT = 30.0
"""Seconds that a ``command:`` source may take."""


class Secret:
    """A value fetched when it is first used, once, and shown only by ``reveal()``.

    ``source`` names where it comes from (``env:DB_PASSWORD``) and is what every printed form
    of the secret shows. Two secrets are equal when their sources are. Threads may share one.
    """

    __slots__ = ("__fetch", "__lock", "__outcome", "source")

    def __init__(self, source: str, fetch: Callable[[], str]) -> None:
        self.source = source
        self.__fetch = fetch
        self.__lock = threading.Lock()
        self.__outcome: str | SecretError | None = None

    def reveal(self) -> str:
        """Return the value; raises SecretError when its source does not have it."""
        with self.__lock:
            if self.__outcome is None:
                # A failure is kept as well: a thousand hosts must not each wait for a dead command.
                try:
                    self.__outcome = self.__fetch()
                except SecretError as error:
                    self.__outcome = _without_context(error)
            outcome = self.__outcome
        if isinstance(outcome, SecretError):
            raise _without_context(outcome)
        return outcome

    def __repr__(self) -> str:
        return f"<secret {self.source}>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.source == self.source

    def __hash__(self) -> int:
        return hash(self.source)

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self!r} is not written anywhere")


def secret(source: str) -> Secret:
    """Make a Secret of ``env:NAME``, ``file:PATH``, ``prompt:TEXT`` or ``command:WORDS``.

    Nothing is fetched yet. Raises SecretError when the source is of no known kind.
    """
    kind, colon, rest = source.partition(":")
    fetch = _SOURCES.get(kind)
    if fetch is None or not colon or not rest.strip():
        kinds = ", ".join(f"{name}:…" for name in _SOURCES)
        # What was written may be the secret itself, so it is not repeated here.
        raise SecretError("a secret names its source, not its value", hint=f"one of {kinds}")
    return Secret(source, lambda: fetch(rest))


def _without_context(error: SecretError) -> SecretError:
    """Return the same error without the frames and causes, which may hold what was fetched."""
    return SecretError(error.message, where=error.where, hint=error.hint)


def _from_env(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise SecretError(f"the environment variable {name} is not set", hint=f"export {name}=…")
    return value


def _from_file(path: str) -> str:
    """Return a file's text without its last line end."""
    try:
        data = Path(path).expanduser().read_bytes()
    except OSError as error:
        raise SecretError(f"cannot read the secret file {path}: {error.strerror}") from error
    except (RuntimeError, ValueError) as error:  # no such user, or a NUL in the name
        raise SecretError(f"cannot read the secret file {path!r}: {error}") from error
    return _text(data, f"the secret file {path} is not UTF-8 text")


def _from_prompt(text: str) -> str:
    if not _at_terminal():
        raise SecretError(
            f"cannot ask for {text!r}: there is no terminal", hint="use env:, file: or command:"
        )
    try:
        return getpass.getpass(f"{text}: ")
    except EOFError:
        raise SecretError(f"nothing was entered for {text!r}") from None


def _from_command(words: str) -> str:
    """Return what a command prints; its output is never part of an error."""
    try:
        argv = shlex.split(words)
    except ValueError as error:
        raise SecretError(f"cannot split the secret command into words: {error}") from error
    # It may ask for a passphrase at a terminal, but must not eat what is piped into us.
    stdin = None if _at_terminal() else subprocess.DEVNULL
    try:
        done = subprocess.run(
            argv, check=False, capture_output=True, timeout=COMMAND_TIMEOUT, stdin=stdin
        )
    except OSError as error:
        raise SecretError(f"cannot run the secret command {argv[0]}: {error.strerror}") from error
    except ValueError as error:  # a NUL in a word
        raise SecretError(f"cannot run the secret command {argv[0]!r}: {error}") from error
    except subprocess.TimeoutExpired:
        raise SecretError(
            f"the secret command {argv[0]} gave no answer within {COMMAND_TIMEOUT:g} s"
        ) from None
    if done.returncode:
        raise SecretError(f"the secret command {argv[0]} ended with status {done.returncode}")
    return _text(done.stdout, f"the secret command {argv[0]} did not print UTF-8 text")


def _at_terminal() -> bool:
    """Whether somebody is there to ask; a service may have no standard input, or a closed one."""
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


def _text(data: bytes, otherwise: str) -> str:
    """Return ``data`` without its last line end; ``otherwise`` is the error's text."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise SecretError(otherwise) from None
    return text.removesuffix("\n").removesuffix("\r")


_SOURCES: dict[str, Callable[[str], str]] = {
    "env": _from_env,
    "file": _from_file,
    "prompt": _from_prompt,
    "command": _from_command,
}

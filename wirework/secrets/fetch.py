"""Reading a file, asking a person and running a command: bounded, and quiet about the answer."""

from __future__ import annotations

import getpass
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wirework.errors import SecretError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMAND_TIMEOUT = 30.0
"""Seconds that a command may take."""
MAX_BYTES = 1_000_000
"""The largest file that is taken for a secret."""


def from_file(base: Path, path: str, what: str) -> bytes:
    """Return what a file holds; ``path`` may start with ``~`` and is relative to ``base``.

    ``what`` is how errors call the file (``the secret file``). It may be a pipe, as a shell's
    ``<(…)`` is one. Raises SecretError.
    """
    place = expanded(base, path, what)
    try:
        with place.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SecretError(f"cannot read {what} {path}: {error.strerror}") from error
    except ValueError as error:  # a NUL in the name
        raise SecretError(f"cannot read {what} {path!r}: {error}") from error
    if len(data) > MAX_BYTES:
        raise SecretError(f"{what} {path} is larger than {MAX_BYTES // 1_000_000} MB")
    return data


def expanded(base: Path, path: str, what: str) -> Path:
    """Return ``path`` below ``base``, or below a home folder when it starts with ``~``.

    Raises SecretError when nobody has that home folder.
    """
    try:
        return base / Path(path).expanduser()
    except RuntimeError as error:
        raise SecretError(f"cannot read {what} {path!r}: {error}") from error


def from_command(base: Path, argv: Sequence[str], what: str, *, hint: str = "") -> bytes:
    """Return what a command prints when it is run in the folder ``base``.

    ``what`` is how errors call the command, ``hint`` what to do when it cannot be run.
    Raises SecretError, of which its output is no part, when it cannot be run, fails, or takes
    longer than ``COMMAND_TIMEOUT``.
    """
    # It may ask for a passphrase at a terminal, but must not eat what is piped into us.
    stdin = None if at_terminal() else subprocess.DEVNULL
    try:
        done = subprocess.run(
            argv, check=False, capture_output=True, timeout=COMMAND_TIMEOUT, stdin=stdin, cwd=base
        )
    except OSError as error:
        raise SecretError(f"cannot run {what} {argv[0]}: {error.strerror}", hint=hint) from error
    except ValueError as error:  # a NUL in a word
        raise SecretError(f"cannot run {what} {argv[0]!r}: {error}") from error
    except subprocess.TimeoutExpired:
        raise SecretError(f"{what} {argv[0]} gave no answer within {COMMAND_TIMEOUT:g} s") from None
    if done.returncode:
        raise SecretError(f"{what} {argv[0]} ended with status {done.returncode}")
    return done.stdout


def from_prompt(text: str, *, hint: str) -> str:
    """Return what somebody types, unseen, at the terminal.

    Raises SecretError when there is none; ``hint`` is what to do then.
    """
    if not at_terminal():
        raise SecretError(f"cannot ask for {text!r}: there is no terminal", hint=hint)
    try:
        return getpass.getpass(f"{text}: ")
    except EOFError:
        raise SecretError(f"nothing was entered for {text!r}") from None


def at_terminal() -> bool:
    """Whether somebody is there to ask; a service may have no standard input, or a closed one."""
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()

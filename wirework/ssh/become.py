"""Command lines for the remote login shell, as the login user or through sudo."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from wirework.errors import BadInput, CommandFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wirework.inventory import Host

MAX_COMMAND = 131_071
"""Bytes that Linux accepts as one argument (MAX_ARG_STRLEN, execve(2)): sshd passes it as one."""
NOT_FOUND = 127
"""What a shell ends with when there is no such command (POSIX, 2.8.2)."""


def command_line(command: str | Sequence[str], *, user: str | None) -> bytes:
    """Return what the login shell is sent, run as ``user`` through sudo unless None.

    A str is shell text and stays as it is; a sequence is an argument list, and this is the one
    place that quotes it. Surrogate escapes become the bytes they stand for.
    Raises BadInput for an empty command, a NUL in it, or one too long to be passed.
    """
    if user is not None:
        sudo = ["sudo", "-n", "-H", "-u", user, "--"]
        command = [*sudo, "sh", "-c", command] if isinstance(command, str) else [*sudo, *command]
    if not command:
        raise BadInput("there is no command to run")
    line = command if isinstance(command, str) else shlex.join(command)
    text = line.encode("utf-8", "surrogateescape")
    if b"\0" in text:
        raise BadInput("a command cannot hold a NUL character")
    if len(text) > MAX_COMMAND:
        raise BadInput(
            f"the command is {len(text)} bytes long, more than the {MAX_COMMAND} a host accepts",
            hint="send the bulk on its standard input",
        )
    return text


def complaint(host: Host, user: str, status: int, said: bytes) -> CommandFailed | None:
    """Return the error that sudo itself made, or None if the command ended so on its own.

    ``said`` is the beginning of what came on stderr, given that nothing came on stdout. sudo
    prefixes its own lines in every language; whatever else was said, a command has run.
    """
    text = said.decode("utf-8", "replace")
    # sudo warns of a host name that DNS does not know, and then does its work all the same.
    lines = [
        line for line in text.splitlines() if line.strip() and "unable to resolve host" not in line
    ]
    if not lines:
        return None
    if status == NOT_FOUND and "sudo" in lines[-1] and "not found" in lines[-1]:
        return CommandFailed(
            f"cannot become {user}: sudo is not installed", where=host.name, hint="install sudo"
        )
    if status != 1 or not all(_is_sudos(line) for line in lines):
        return None
    words = lines[0].removeprefix("sudo: ").rstrip(".")
    if any(word in words for word in ("password", "terminal", "tty", "authentication")):
        return CommandFailed(
            f"cannot become {user}: sudo wants a password ({words})",
            where=host.name,
            hint="allow it in sudoers with NOPASSWD, see sudoers(5)",
        )
    return CommandFailed(f"cannot become {user}: {words}", where=host.name, hint="see sudoers(5)")


def _is_sudos(line: str) -> bool:
    return (
        line.startswith(("sudo: ", "Sorry, user "))
        or "is not in the sudoers file" in line
        or "is not allowed to execute" in line
    )

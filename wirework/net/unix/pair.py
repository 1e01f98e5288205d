"""A child whose standard input and output are one end of a socket pair (socketpair(2))."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wirework.errors import ArgumentError, BadInput, CommandFailed, TimedOut
from wirework.net.unix.exchange import Exchange

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

LINE = 64 * 1024
"""Bytes after which a line is passed on in parts."""
GRACE = 1.0
"""Seconds between asking a child to end and ending it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that the child wrote, without its end."""

    text: bytes


def converse(
    command: Sequence[str],
    source: bytes | int,
    *,
    pass_file: Path | None = None,
    timeout: float | None = None,
) -> Iterator[Line]:
    """Run a child, send it bytes or what a descriptor gives, and yield the lines it writes.

    ``pass_file`` is opened for reading here and its descriptor sent along with the first byte
    (SCM_RIGHTS): recvmsg(2) on its standard input gives the child both, read(2) the byte alone.
    Raises BadInput for a command or file that cannot be opened, CommandFailed when the child
    ends with a status or by a signal, TimedOut. Whatever happens, no process of the child's
    group is left.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    with contextlib.ExitStack() as stack:
        descriptors = [_opened(pass_file, stack)] if pass_file else []
        ours, theirs = socket.socketpair()
        stack.enter_context(ours)
        with theirs:
            child = _start(command, theirs)
        stack.callback(_end, child)
        # It can be read once the child has ended, whoever else still holds its end of the pair.
        ended = os.pidfd_open(child.pid)
        stack.callback(os.close, ended)
        if descriptors and source == b"":
            source = b"\n"  # a descriptor does not travel alone
        exchange = Exchange(ours, source, descriptors=descriptors, until=ended, deadline=deadline)
        try:
            yield from _lines(exchange.pieces())
            status = child.wait(None if deadline is None else max(0, deadline - time.monotonic()))
        except (TimedOut, subprocess.TimeoutExpired):
            raise TimedOut(f"not done within {timeout:g} s, and ended", where=command[0]) from None
    if status:
        raise CommandFailed(_fate(status), where=command[0])


def words(command: str) -> list[str]:
    """Return a command's words, split as a shell does; raises ArgumentError."""
    try:
        found = shlex.split(command)
    except ValueError as error:
        raise ArgumentError(
            f"cannot split the command into words: {error}", parameter="command"
        ) from error
    if not found:
        raise ArgumentError("the command is empty", parameter="command")
    return found


def _opened(path: Path, stack: contextlib.ExitStack) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise BadInput(f"cannot be opened: {error.strerror}", where=str(path)) from None
    stack.callback(os.close, descriptor)
    os.set_blocking(descriptor, True)
    return descriptor


def _start(command: Sequence[str], theirs: socket.socket) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            start_new_session=True,  # its group is its own, so all of it can be ended
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"cannot be run: {why}", where=command[0]) from None


def _end(child: subprocess.Popen[bytes]) -> None:
    """End what is left of the child's group."""
    if child.poll() is None:
        _signal(child.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE)
    _signal(child.pid, signal.SIGKILL)
    child.wait()


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _lines(pieces: Iterator[bytes]) -> Iterator[Line]:
    rest = b""
    for piece in pieces:
        *ended, rest = (rest + piece).split(b"\n")
        for line in ended:
            yield Line(line)
        if len(rest) > LINE:
            yield Line(rest)
            rest = b""
    if rest:
        yield Line(rest)


def _fate(status: int) -> str:
    if status > 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"

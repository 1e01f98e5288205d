"""Running the command of an SSH session on an embedded host, as sshd does."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import subprocess
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import asyncssh

from wirework.lab.embedded import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

WINDOW = 512 * 1024
"""The sessions' receive window, in bytes. Input is read in pieces of this size, because asyncssh
opens the whole window again whenever it resumes a stream: with smaller pieces more comes in than
goes out, and the input of a slow command piles up in memory."""

_CHUNK = 65536
_GRACE = 0.2
"""Seconds that output may go on after the shell has ended: a background process that keeps the
streams open does not keep the session open."""

_SHELL = "/bin/sh"
_NO_SUBSYSTEM = b"This lab host offers no subsystem but sftp.\n"


@dataclass(frozen=True)
class _Shell:
    """A started shell and our ends of its streams: pipes, or the one end of its terminal."""

    process: subprocess.Popen[bytes]
    stdin: IO[bytes]
    outputs: tuple[IO[bytes], ...]
    on_terminal: bool

    def signal(self, number: signal.Signals) -> None:
        """Signal the process group; its leader is not reaped yet, so the number is its own."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def close(self) -> None:
        """Close our ends. The system tells who stands on the terminal that it is gone (SIGHUP)."""
        for stream in (self.stdin, *self.outputs):
            stream.close()


async def run(
    session: asyncssh.SSHServerProcess[bytes], *, home: Path, environment: Mapping[str, str]
) -> None:
    """Run the session's command through ``/bin/sh`` in the home, and report how it ended.

    It stands on a terminal when the client has asked for one. Without a command the shell reads
    them from its input; on a terminal it is a login shell. All output is delivered before the
    exit status. When the client leaves first, the command's process group gets SIGHUP.
    """
    if session.subsystem is not None:
        _refuse(session, _NO_SUBSYSTEM)
        return
    start = _on_pipes if session.term_type is None else _on_terminal
    try:
        shell = start(session, home, environment)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in a word
        _refuse(session, f"This lab host cannot start a shell: {error}\n".encode())
        return
    with _end_of(shell) as ended:
        ending = asyncio.create_task(_ready(ended, writing=False))
        try:
            await _attend(session, shell, ending)
        finally:
            shell.close()
        await ending
    await _report(session, shell.process.wait())


def _refuse(session: asyncssh.SSHServerProcess[bytes], why: bytes) -> None:
    session.stderr.write(why)
    session.exit(1)


def _on_pipes(
    session: asyncssh.SSHServerProcess[bytes], home: Path, environment: Mapping[str, str]
) -> _Shell:
    """Start the shell in a session of its own."""
    process = subprocess.Popen(
        [_SHELL] if session.command is None else [_SHELL, "-c", session.command],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=home,
        env=environment,
        start_new_session=True,
    )
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise OSError("it has no pipes")
    for pipe in (process.stdin, process.stdout, process.stderr):
        os.set_blocking(pipe.fileno(), False)
    return _Shell(process, process.stdin, (process.stdout, process.stderr), on_terminal=False)


def _on_terminal(
    session: asyncssh.SSHServerProcess[bytes], home: Path, environment: Mapping[str, str]
) -> _Shell:
    """Start the shell in a session of its own, on a terminal which that session controls."""
    ours, theirs = terminal.pair(session.term_size, session.term_modes)
    try:
        process = subprocess.Popen(
            # The hyphen is what makes it a login shell (login(1)).
            ["-sh"] if session.command is None else [_SHELL, "-c", session.command],
            executable=_SHELL,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=home,
            env={**environment, "TERM": session.term_type or "dumb"},
            start_new_session=True,
            # One system call. There is no other way to do it after setsid(2) and before exec.
            preexec_fn=terminal.control,  # noqa: PLW1509  (the other threads here are idle)
        )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    end = open(ours, "r+b", buffering=0)  # noqa: PTH123, SIM115  (a descriptor, closed by _Shell)
    return _Shell(process, end, (end,), on_terminal=True)


async def _attend(
    session: asyncssh.SSHServerProcess[bytes], shell: _Shell, ending: asyncio.Task[None]
) -> None:
    """Carry the streams until the shell has ended or the client has left."""
    writers = (session.stdout, session.stderr)
    outlets = [
        (stream.fileno(), writer) for stream, writer in zip(shell.outputs, writers, strict=False)
    ]
    carrying = [asyncio.create_task(_carry(*outlet)) for outlet in outlets]
    feeding = asyncio.create_task(_feed(session, shell))
    leaving = asyncio.create_task(session.wait_closed())
    await asyncio.wait({ending, leaving}, return_when=asyncio.FIRST_COMPLETED)
    if ending.done():
        await asyncio.wait(carrying, timeout=_GRACE)
    else:
        shell.signal(signal.SIGHUP)
    for task in (feeding, leaving, *carrying):
        task.cancel()
    await asyncio.gather(feeding, leaving, *carrying, return_exceptions=True)
    for outlet in outlets:
        _carry_rest(*outlet)


async def _feed(session: asyncssh.SSHServerProcess[bytes], shell: _Shell) -> None:
    """Give the shell what the client sends: bytes, the end of them, sizes and signals."""
    while True:
        try:
            data = await session.stdin.read(WINDOW)
        except asyncssh.SignalReceived as received:
            with contextlib.suppress(KeyError):  # a name that this system does not know
                shell.signal(signal.Signals[f"SIG{received.signal}"])
            continue
        except asyncssh.TerminalSizeChanged as changed:
            if shell.on_terminal:
                terminal.resize(shell.stdin.fileno(), changed.term_size)
            continue
        except asyncssh.BreakReceived:
            continue
        if not data and not shell.on_terminal:
            shell.stdin.close()
            return
        # What the shell does not want is read all the same: a signal may come after it.
        with contextlib.suppress(OSError):
            descriptor = shell.stdin.fileno()
            await _write(descriptor, data or terminal.end_of_input(descriptor))
        if not data:
            return


async def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            await _ready(descriptor, writing=True)


async def _carry(descriptor: int, client: asyncssh.SSHWriter[bytes]) -> None:
    """Carry one output stream to the client until it ends, no faster than the client reads.

    Cancelled at any point, it has lost nothing that it has read.
    """
    while True:
        try:
            data = _read(descriptor)
        except BlockingIOError:
            await _ready(descriptor, writing=False)
            continue
        if not data:
            return
        client.write(data)
        await client.drain()


def _carry_rest(descriptor: int, client: asyncssh.SSHWriter[bytes]) -> None:
    """Carry what already stands in the stream, however much more somebody would write.

    No pipe and no terminal holds more than a chunk; a terminal gives it in pieces.
    """
    left = _CHUNK
    with contextlib.suppress(OSError, asyncssh.Error):
        while left > 0 and (data := _read(descriptor)):
            client.write(data)
            left -= len(data)


def _read(descriptor: int) -> bytes:
    """Read some output, nothing at the end of it; raises BlockingIOError when there is none yet."""
    try:
        return os.read(descriptor, _CHUNK)
    except OSError as error:
        if error.errno == errno.EIO:  # a terminal on which nobody stands any more (pty(7))
            return b""
        raise


async def _report(session: asyncssh.SSHServerProcess[bytes], returncode: int) -> None:
    """Tell the client how the shell ended, once all output has left (RFC 4254, 6.10)."""
    try:
        # Without room for anything in the buffer, draining waits for the last byte.
        session.channel.set_write_buffer_limits(high=0)
        await session.stdout.drain()
        if returncode >= 0:
            session.exit(returncode)
        else:
            session.exit_with_signal(signal.Signals(-returncode).name.removeprefix("SIG"))
    except (OSError, asyncssh.Error):
        return  # the client has left and does not want to know


@contextlib.contextmanager
def _end_of(shell: _Shell) -> Iterator[int]:
    """Give a descriptor that becomes readable when the shell ends (pidfd_open(2))."""
    descriptor = os.pidfd_open(shell.process.pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


async def _ready(descriptor: int, *, writing: bool) -> None:
    """Wait until a descriptor can be read, or written."""
    loop = asyncio.get_running_loop()
    turn = asyncio.Event()
    add, remove = (
        (loop.add_writer, loop.remove_writer) if writing else (loop.add_reader, loop.remove_reader)
    )
    add(descriptor, turn.set)
    try:
        await turn.wait()
    finally:
        remove(descriptor)

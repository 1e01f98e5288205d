"""Running the command of an SSH session on an embedded host, as sshd does."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import struct
import subprocess
import termios
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import asyncssh

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

_NO_TERMINAL = b"This lab host offers no terminal yet: run a command without one.\r\n"
_NO_SUBSYSTEM = b"This lab host offers no subsystem but sftp.\n"


@dataclass(frozen=True)
class _Shell:
    """A started shell and our ends of its pipes."""

    process: subprocess.Popen[bytes]
    stdin: IO[bytes]
    stdout: IO[bytes]
    stderr: IO[bytes]

    def signal(self, number: signal.Signals) -> None:
        """Signal the process group; its leader is not reaped yet, so the number is its own."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def close(self) -> None:
        """Close our ends of the pipes."""
        for pipe in (self.stdin, self.stdout, self.stderr):
            pipe.close()


async def run(
    session: asyncssh.SSHServerProcess[bytes], *, home: Path, environment: Mapping[str, str]
) -> None:
    """Run the session's command through ``/bin/sh`` in the home, and report how it ended.

    All output is delivered before the exit status. When the client leaves first, the command's
    process group gets SIGHUP.
    """
    if session.term_type is not None or session.subsystem is not None:
        _refuse(session, _NO_SUBSYSTEM if session.subsystem is not None else _NO_TERMINAL)
        return
    try:
        shell = _start(session.command, home, environment)
    except OSError as error:
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


def _start(command: str | None, home: Path, environment: Mapping[str, str]) -> _Shell:
    """Start the shell in a session of its own; without a command it reads one from its input."""
    process = subprocess.Popen(
        ["/bin/sh"] if command is None else ["/bin/sh", "-c", command],
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
    return _Shell(process, process.stdin, process.stdout, process.stderr)


async def _attend(
    session: asyncssh.SSHServerProcess[bytes], shell: _Shell, ending: asyncio.Task[None]
) -> None:
    """Carry the streams until the shell has ended or the client has left."""
    outlets = [
        (shell.stdout.fileno(), session.stdout),
        (shell.stderr.fileno(), session.stderr),
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
    """Give the shell what the client sends: bytes, the end of them, and signals."""
    while True:
        try:
            data = await session.stdin.read(WINDOW)
        except asyncssh.SignalReceived as received:
            with contextlib.suppress(KeyError):  # a name that this system does not know
                shell.signal(signal.Signals[f"SIG{received.signal}"])
            continue
        except (asyncssh.BreakReceived, asyncssh.TerminalSizeChanged):
            continue
        if not data:
            shell.stdin.close()
            return
        # What the shell does not want is read all the same: a signal may come after it.
        with contextlib.suppress(BrokenPipeError):
            await _write(shell.stdin.fileno(), data)


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
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            await _ready(descriptor, writing=False)
            continue
        if not data:
            return
        client.write(data)
        await client.drain()


def _carry_rest(descriptor: int, client: asyncssh.SSHWriter[bytes]) -> None:
    """Carry what already stands in the pipe, however much more somebody would write."""
    (waiting,) = struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, struct.pack("i", 0)))
    if waiting:
        with contextlib.suppress(OSError, asyncssh.Error):
            client.write(os.read(descriptor, waiting))


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

"""A conversation with one remote command: stdin out, stdout and stderr in, nothing kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Sink = Callable[[bytes], bool | None]
"""Takes what came on a stream, in order; True means that it has enough and nobody waits on."""
Preface = Callable[[], bytes | None]
"""Asked, after every reading, what goes out before stdin: bytes, b"" for none at present, None
when it is stdin's turn."""

PACKET = 32_000
"""Bytes sent at once: what fits in one packet of the usual 32 KiB (RFC 4254, 5.2)."""
BURST = 16
"""Packets sent, and reads made, before the other direction has its turn."""
READ = 262_144
"""Bytes taken at once from what paramiko has buffered, which is at most 2 MiB a stream."""
TICK = 0.25
"""Seconds after which the exit status is looked at, which announces itself to nobody."""
LINGER = 0.5
"""Seconds of silence, after the command has ended, that end a stream its children hold open."""
WINDOW_WAITS = (0.002, 0.005, 0.01, 0.02, 0.05)
"""Seconds to wait, again and again, for a host that takes no more of its stdin at present."""


class Ended(Exception):
    """The conversation is over because a sink had enough."""


class Broken(Exception):
    """The connection failed in the middle of the conversation."""


class Late(Exception):
    """The conversation was still going on at its deadline."""


class _Wakeup(threading.Event):
    """An event that only its waiter clears.

    Both streams of a channel share it. paramiko clears a stream's event whenever that stream
    is empty, which would lose what the other one has to say; so does the pipe behind
    ``channel.fileno()``, which also costs two file descriptors a host.
    """

    def clear(self) -> None:
        """Do nothing: see the class."""

    def rearm(self) -> None:
        super().clear()


def converse(
    channel: paramiko.Channel,
    stdin: bytes | Iterable[bytes],
    *,
    stdout: Sink,
    stderr: Sink,
    deadline: float | None,
    preface: Preface | None = None,
) -> None:
    """Feed ``stdin`` to a channel on which a command runs, and its output to the sinks.

    ``stdin`` is not touched before ``preface``, if there is one, has had its say. Returns when
    the command has ended and its output is read, or when the channel has closed for whatever
    reason. ``deadline`` is on the monotonic clock. Raises Ended when a sink returned True, Late
    at the deadline, Broken when the connection fails, and whatever a sink, ``stdin`` or
    ``preface`` raises.
    """
    wakeup = _Wakeup()
    channel.in_buffer.set_event(wakeup)
    channel.in_stderr_buffer.set_event(wakeup)
    feed = _Feed(channel, stdin, preface)
    heard = time.monotonic()
    stalls = 0
    while True:
        wakeup.rearm()
        # Looked at before the streams are read: what came before the end is never lost.
        over = channel.closed or (channel.eof_received and _has_status(channel))
        read = _read(channel.recv_ready, channel.recv, stdout)
        read |= _read(channel.recv_stderr_ready, channel.recv_stderr, stderr)
        sent = feed.send(wanted=not _has_status(channel))
        now = time.monotonic()
        if deadline is not None and now >= deadline:
            raise Late
        if read:
            heard = now
        if read or sent:
            stalls = 0
            continue
        if over or (_has_status(channel) and now - heard >= LINGER):
            return
        wait = TICK
        if feed.blocked:
            wait = WINDOW_WAITS[min(stalls, len(WINDOW_WAITS) - 1)]
            stalls += 1
        if deadline is not None:
            wait = min(wait, deadline - now)
        wakeup.wait(wait)


def let_end(channel: paramiko.Channel) -> None:
    """Give a command that has said enough a moment to end before its channel is closed.

    Only where that matters: when a command ends, Dropbear (2022.83) also closes a session that
    was opened meanwhile and has no command yet, and that may be our next one.
    """
    transport = channel.get_transport()
    if "dropbear" in transport.remote_version:
        channel.status_event.wait(LINGER)


class _Feed:
    """What is still to be sent of a command's stdin; holds one piece of it at a time."""

    def __init__(
        self,
        channel: paramiko.Channel,
        stdin: bytes | Iterable[bytes],
        preface: Preface | None,
    ) -> None:
        self._channel = channel
        self._pieces: Iterator[bytes] = iter((stdin,) if isinstance(stdin, bytes) else stdin)
        self._piece = memoryview(b"")
        self._preface = preface
        self._pending = True

    @property
    def blocked(self) -> bool:
        """Whether there is something to be sent that the host does not take at present."""
        return self._pending and (self._preface is None or bool(self._piece))

    def send(self, *, wanted: bool) -> bool:
        """Send what the host takes now, and the end of file after the last; False if nothing."""
        if not self._pending:
            return False
        if not wanted:
            self._pending = False  # nobody is left to read it
            return False
        moved = False
        for _ in range(BURST):
            if not self._channel.send_ready():
                break
            if not self._piece and not self._next():
                break
            try:
                count = self._channel.send(bytes(self._piece[:PACKET]))
            except OSError:  # "Socket is closed": the command is gone
                count = 0
            except (EOFError, paramiko.SSHException) as error:
                raise Broken from error
            if count == 0:  # the command has closed its stdin, or is gone
                self._pending = False
                break
            self._piece = self._piece[count:]
            moved = True
        return moved

    def _next(self) -> bool:
        """Take the next piece; False if there is none yet and, after saying so, at the end."""
        if self._preface is not None:
            said = self._preface()
            if said is not None:
                self._piece = memoryview(said)
                return bool(said)
            self._preface = None
        for piece in self._pieces:
            if piece:
                self._piece = memoryview(piece)
                return True
        self._pending = False
        try:
            self._channel.shutdown_write()
        except (EOFError, OSError, paramiko.SSHException) as error:
            raise Broken from error
        return False


def _read(ready: Callable[[], bool], receive: Callable[[int], bytes], sink: Sink) -> bool:
    """Pass on what one stream holds, a bounded number of times; False if it held nothing."""
    moved = False
    for _ in range(BURST):
        if not ready():
            break
        try:
            data = receive(READ)
        except (EOFError, OSError, paramiko.SSHException) as error:
            raise Broken from error
        if sink(data):
            raise Ended
        moved = True
    return moved


def _has_status(channel: paramiko.Channel) -> bool:
    return channel.exit_status >= 0

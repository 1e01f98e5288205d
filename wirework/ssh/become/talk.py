"""What is said with sudo, su or doas before a command begins: the password, when they ask for it.

The command's own stdin waits until the other user has said that the command is about to run. So
a password that nobody asks for is never sent, and no question for a password ever gets what was
meant for the command.
"""

from __future__ import annotations

import base64
import math
import re
import time
from enum import Enum, auto
from typing import TYPE_CHECKING

from wirework.errors import BadInput, TimedOut
from wirework.ssh.become.refusals import lines_of, refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import paramiko

    from wirework.errors import CommandFailed
    from wirework.inventory import Host
    from wirework.ssh.become.lines import Markers
    from wirework.ssh.become.start import Job
    from wirework.ssh.channel import Sink

PATIENCE = 60.0
"""Seconds from the start to the command's beginning; a wrong password alone costs two or three."""
SAID = 8_192
"""Bytes kept of what was said before the command began."""
QUESTION = re.compile(rb"(?i)password[^\n]{,200}:[ \t]*\Z")
"""An unfinished line that asks for a password, as PAM, busybox and doas do in the C locale."""
DIGITS = 3
STATUS = re.compile(rb"(\d{1,3})\.")
NO_STATUS = 128
"""The status of a command on a terminal that does not say a possible one."""
ARMOURED = 57 * 512
"""Bytes made into base64 at once: whole lines of it (RFC 2045, 6.8)."""


class _Stage(Enum):
    LOGIN = auto()
    """The login shell starts, and may say what it likes."""
    ASKING = auto()
    """sudo, su or doas is speaking."""
    RUNNING = auto()
    """The command is."""
    ENDED = auto()
    """It was; what it left running may still speak, and is not heard."""


class Talk:
    """A conversation that a command begins with, cut out of what the sinks hear.

    A Start. With ``terminal`` the channel gets one: then all output goes to stdout, and stdin
    is sent as base64. Raises BadInput for a password that nobody could type, and SecretError.
    """

    def __init__(self, job: Job, markers: Markers, *, terminal: bool) -> None:
        self.stdin = armoured(job.stdin) if terminal and job.stdin != b"" else job.stdin
        self._job = job
        self._markers = markers
        self._terminal = terminal
        self._password = _typed(job.host)
        # sudo asks with the words it was told, the others with their own.
        own = job.host.become_method == "sudo"
        self._question = re.compile(re.escape(markers.prompt)) if own else QUESTION
        # Who hears the stream that the markers are on.
        self._sink: Sink = job.stdout if job.combine or terminal else job.stderr
        self._channel: paramiko.Channel | None = None
        self._late_at = math.inf
        self._stage = _Stage.LOGIN
        self._held = bytearray()
        self._said = bytearray()
        self._reply = b""
        self._answered = False
        self._enough = False
        self._status: int | None = None

    def open(self, channel: paramiko.Channel) -> None:
        """Start what leads to the command."""
        self._channel = channel
        self._late_at = time.monotonic() + PATIENCE
        if self._terminal:
            channel.get_pty(term="dumb")
        channel.exec_command(self._job.line)

    def preface(self) -> bytes | None:
        """Return the password once it was asked for; raises TimedOut when nothing comes of it."""
        if self._stage in (_Stage.RUNNING, _Stage.ENDED):
            return None
        if time.monotonic() > self._late_at:
            host = self._job.host
            last = "; ".join(lines_of(bytes(self._said + self._held)))
            raise TimedOut(
                f"cannot become {host.become_user}: {host.become_method} did not come to the"
                f" command within {PATIENCE:g} s",
                where=host.name,
                hint=f"it last said: {last[-100:]}" if last else "",
            )
        reply, self._reply = self._reply, b""
        return reply

    def stdout(self, data: bytes) -> bool:
        """Pass output on; on a terminal, what is not part of the conversation."""
        if self._terminal:
            return self._hear(data)
        return self._pass(self._job.stdout, data)

    def stderr(self, data: bytes) -> bool:
        """Pass on what is not part of the conversation."""
        return self._hear(data)

    def conclude(self, status: int) -> int:
        """Return the command's status; raises CommandFailed if the command never began."""
        if self._stage is _Stage.ASKING and not self._enough:
            raise self._refused(status)
        if self._held and not self._enough:  # it only looked like the beginning of a marker
            self._sink(bytes(self._held))
        return status if self._status is None else self._status

    def _hear(self, data: bytes) -> bool:
        self._held += data
        if self._stage is _Stage.LOGIN and self._cut(self._markers.begin):
            self._stage = _Stage.ASKING
        if self._stage is _Stage.ASKING:
            self._listen()
        if self._stage is _Stage.RUNNING:
            if not self._terminal:
                self._pass_held(len(self._held))
            elif self._cut(self._markers.end):
                self._stage = _Stage.ENDED
        if self._stage is _Stage.ENDED and (b"." in self._held or len(self._held) > DIGITS):
            found = STATUS.match(self._held)
            self._status = int(found[1]) if found else NO_STATUS
            self._held.clear()
        return self._enough or self._status is not None

    def _listen(self) -> None:
        """Look at what sudo, su or doas has said: the command begins, or they ask something."""
        said, ready, rest = self._held.partition(self._markers.ready)
        if ready:
            self._stage = _Stage.RUNNING
            self._held = rest
            if self._job.combine and self._channel is not None:
                # Not before: the command's first output could overtake our own marker.
                self._channel.set_combine_stderr(True)
            return
        question = self._question.search(said)
        if question is None:
            self._keep(len(self._held) - SAID)
            return
        self._keep(question.start())
        self._said += b"\n"
        del self._held[: question.end() - question.start()]
        # A second question means a wrong answer. Another try may lock the account.
        if self._password is None or self._answered:
            raise self._refused(1, asked=True)
        self._answered = True
        self._reply = self._password

    def _keep(self, size: int) -> None:
        """Move the first ``size`` bytes held to what was said."""
        size = max(size, 0)
        self._said += self._held[:size]
        del self._said[:-SAID]
        del self._held[:size]

    def _refused(self, status: int, *, asked: bool = False) -> CommandFailed:
        said = bytes(self._said + self._held)
        return refusal(self._job.host, status, said, asked=asked, answered=self._answered)

    def _cut(self, marker: bytes) -> bool:
        """Pass on what is held before a marker, and drop that; False if it has not come yet.

        What may be its beginning stays held.
        """
        at = self._held.find(marker)
        if at < 0:
            self._pass_held(len(self._held) - _overlap(self._held, marker))
            return False
        self._pass_held(at)
        del self._held[: len(marker)]
        return True

    def _pass_held(self, size: int) -> None:
        if size:
            data = bytes(self._held[:size])
            del self._held[:size]
            self._pass(self._sink, data)

    def _pass(self, sink: Sink, data: bytes) -> bool:
        self._enough = self._enough or bool(sink(data))
        return self._enough


def armoured(stdin: bytes | Iterable[bytes]) -> Iterator[bytes]:
    """Yield ``stdin`` as lines of base64, and a line with a dot for its end."""
    left = bytearray()
    for piece in (stdin,) if isinstance(stdin, bytes) else stdin:
        left += piece
        whole = len(left) - len(left) % ARMOURED
        for at in range(0, whole, ARMOURED):
            yield base64.encodebytes(left[at : at + ARMOURED])
        del left[:whole]
    yield base64.encodebytes(left) + b".\n"


def _overlap(data: bytearray, marker: bytes) -> int:
    """Return how many bytes at the end of ``data`` may be the beginning of ``marker``."""
    longest = min(len(data), len(marker) - 1)
    return next((size for size in range(longest, 0, -1) if data.endswith(marker[:size])), 0)


def _typed(host: Host) -> bytes | None:
    """Return the password with the line end that one types after it, None if there is none."""
    if host.become_password is None:
        return None
    text = host.become_password.reveal()
    if not text or any(char in text for char in "\n\r\0"):
        raise BadInput(
            f"the password of {host.become_password} is empty or more than one line",
            where=host.name,
        )
    return f"{text}\n".encode("utf-8", "surrogateescape")

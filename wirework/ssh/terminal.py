"""An interactive shell or command on a host, on the terminal that this process stands on."""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import signal
import termios
import tty
from typing import TYPE_CHECKING, Self

import paramiko

from wirework.errors import BadInput, CommandFailed, Failed, Unreachable
from wirework.ssh.signals import signal_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from wirework.inventory import Host
    from wirework.ssh.remote import Remote

OPEN_TIMEOUT = 30.0
"""Seconds that a host may take to open a session, and to give it a terminal."""
STATUS_TIMEOUT = 2.0
"""Seconds that a host may take, after the last output, to say how a command ended."""
DEATH_TIMEOUT = 0.2
"""Seconds that a transport may take, after its channels have closed, to say that it is dead."""
CHUNK = 32_768
"""Bytes taken at once from the terminal or the host."""
RETRY = 20
"""Milliseconds after which what the host did not take is offered again."""
KILLED = 128
"""To which the signal's number is added, as a shell does (POSIX, 2.8.2)."""
ENDING = (signal.SIGTERM, signal.SIGHUP)
"""Signals that end this process, and would leave the terminal raw."""
GONE = (paramiko.SSHException, EOFError, OSError)
"""What paramiko raises on a channel whose other end has gone."""


def interact(
    remote: Remote, command: str | None = None, *, terminal: int = 0, output: int = 1
) -> int:
    """Give the terminal to a login shell on the host, or to a command, until it ends.

    Returns its exit status, 128 + N when signal N ended it. Where the host says ``become``, it
    is that user's, and sudo, su or doas ask on this terminal for what they want. ``terminal`` is
    the descriptor of the terminal, which is raw meanwhile and in any case as it was afterwards;
    ``output`` takes what the host says. ``~.`` at the beginning of a line ends the session from
    here, as in ssh(1). For the main thread, where signals arrive.

    Raises BadInput when there is no terminal, Unreachable when the host cannot be logged in on
    or is lost, CommandFailed when it gives no session or terminal, Failed after ``~.``.
    """
    if not os.isatty(terminal):
        raise BadInput(
            "a shell needs a terminal to stand on",
            hint="remote.run runs a command, remote.script a script",
        )
    line = _line(remote.host, command)
    transport = remote.transport()
    channel = _open(remote, transport, terminal, line)
    with contextlib.closing(channel):
        with _Raw(terminal) as raw:
            left = _carry(channel, raw, output)
        if left:
            raise Failed(
                "ended from here", where=remote.host.name, hint="what ran may live on there"
            )
        channel.status_event.wait(STATUS_TIMEOUT)  # the status may come after the last output
    if channel.exit_status >= 0:
        return channel.exit_status
    number = signal_of(channel)
    # A transport that dies closes its channels a moment before it says that it is dead.
    transport.join(0.0 if number else DEATH_TIMEOUT)
    if not number and not transport.is_active():
        raise Unreachable(
            "the connection was lost", where=remote.host.name, hint="what ran may live on there"
        )
    return KILLED + number


def _line(host: Host, command: str | None) -> str | None:
    """Return what the login shell is to run, None for the login shell itself."""
    if not host.become:
        return command
    user = host.become_user
    shell, run = {
        "sudo": (["sudo", "-i", "-u", user], ["sudo", "-H", "-u", user, "--", "sh", "-c"]),
        "su": (["su", "-", user], ["su", "-", user, "-c"]),
        "doas": (["doas", "-u", user, "--", "sh", "-l"], ["doas", "-u", user, "--", "sh", "-c"]),
    }[host.become_method]
    return shlex.join(shell if command is None else [*run, command])


def _open(
    remote: Remote, transport: paramiko.Transport, terminal: int, line: str | None
) -> paramiko.Channel:
    """Start a shell or a command on a terminal of the host."""
    columns, lines = _size(terminal)
    try:
        channel = transport.open_session(timeout=OPEN_TIMEOUT)
    except GONE as error:
        raise CommandFailed(
            f"the host gave no session: {error}",
            where=remote.host.name,
            hint="see MaxSessions in sshd_config(5)",
        ) from error
    try:
        channel.settimeout(OPEN_TIMEOUT)
        channel.set_combine_stderr(True)
        channel.get_pty(os.environ.get("TERM", "dumb"), columns, lines)
        if line is None:
            channel.invoke_shell()
        else:
            channel.exec_command(line)
    except GONE as error:
        channel.close()
        raise CommandFailed(
            "the host gives no terminal, or runs no commands",
            where=remote.host.name,
            hint="see PermitTTY in sshd_config(5)",
        ) from error
    channel.setblocking(0)
    return channel


def _size(terminal: int) -> tuple[int, int]:
    """Return a terminal's columns and lines; one that does not know them has 80 and 24."""
    size = os.get_terminal_size(terminal)
    return size.columns or 80, size.lines or 24


class _Raw:
    """The terminal in raw mode, and the signals that concern it."""

    def __init__(self, terminal: int) -> None:
        self.terminal = terminal
        self.resized, self._tell = os.pipe()
        os.set_blocking(self._tell, False)
        self._mode = termios.tcgetattr(terminal)
        self._handlers: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        try:
            for number in ENDING:
                self._handle(number, self._end)
            self._handle(signal.SIGWINCH, self._resize)
            self._resize(signal.SIGWINCH, None)  # it may have been, since its size was told
            # What was typed ahead is not thrown away.
            tty.setraw(self.terminal, termios.TCSADRAIN)
        except BaseException:
            self._restore()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()
        os.close(self.resized)
        os.close(self._tell)

    def _handle(
        self, number: signal.Signals, handler: Callable[[int, FrameType | None], None]
    ) -> None:
        before = signal.signal(number, handler)
        self._handlers[number] = signal.SIG_DFL if before is None else before

    def _resize(self, _number: int, _frame: FrameType | None) -> None:
        # The interrupted thread may be in the middle of sending: here it can only be told.
        with contextlib.suppress(BlockingIOError):
            os.write(self._tell, b".")

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self._restore()
        os.kill(os.getpid(), number)

    def _restore(self) -> None:
        # The terminal may be gone (SIGHUP). Nothing is waited for: it may be held up.
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self.terminal, termios.TCSANOW, self._mode)
        while self._handlers:
            signal.signal(*self._handlers.popitem())


class Escape:
    """Finds ``~.`` at the beginning of a line in what is typed; ``~~`` there is one ``~``."""

    def __init__(self) -> None:
        self._fresh = True
        self._tilde = False

    def feed(self, typed: bytes) -> tuple[bytes, bool]:
        """Return what the host is to get of it, and whether the session is to end."""
        passed = bytearray()
        for letter in typed:
            if self._tilde:
                self._tilde = False
                if letter == ord("."):
                    return bytes(passed), True
                if letter != ord("~"):
                    passed += b"~"
            elif self._fresh and letter == ord("~"):
                self._tilde = True
                continue
            passed.append(letter)
            self._fresh = letter in b"\r\n"
        return bytes(passed), False


def _carry(channel: paramiko.Channel, raw: _Raw, output: int) -> bool:
    """Carry what is typed and said until the host ends it; True when it is ended from here."""
    escape = Escape()
    typed = b""
    poll = select.poll()
    poll.register(channel.fileno(), select.POLLIN)
    poll.register(raw.resized, select.POLLIN)
    while True:
        # Nothing more is read from the terminal before the host has taken what was.
        poll.register(raw.terminal, 0 if typed else select.POLLIN)
        ready = dict(poll.poll(RETRY if typed else None))
        if channel.fileno() in ready and not _pass_on(channel, output):
            return False
        if raw.resized in ready:
            os.read(raw.resized, CHUNK)
            with contextlib.suppress(*GONE):
                channel.resize_pty(*_size(raw.terminal))
        if raw.terminal in ready:
            # Where nothing was asked for, only its end is told.
            given = b"" if typed else _typed(raw.terminal)
            typed, leave = escape.feed(given)
            if leave or not given:
                return True
        if typed:
            typed = typed[_send(channel, typed) :]


def _typed(terminal: int) -> bytes:
    """Return what was typed, nothing when the terminal is gone."""
    try:
        return os.read(terminal, CHUNK)
    except OSError:
        return b""


def _send(channel: paramiko.Channel, typed: bytes) -> int:
    """Send what the host takes now, and return how much of it need not be sent again."""
    try:
        return channel.send(typed)
    except TimeoutError:  # it takes nothing at present
        return 0
    except GONE:  # the rest of what it has said is still to be read
        return len(typed)


def _pass_on(channel: paramiko.Channel, output: int) -> bool:
    """Write what the host has said; False at the end of it."""
    try:
        said = memoryview(channel.recv(CHUNK))
    except TimeoutError:
        return True
    except GONE:
        return False
    rest = said
    while rest:
        rest = rest[os.write(output, rest) :]
    return bool(said)

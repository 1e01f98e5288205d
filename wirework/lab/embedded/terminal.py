"""The pseudo-terminal of an SSH session (RFC 4254, 6.2), as sshd sets one up."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import termios
from typing import TYPE_CHECKING

import asyncssh

if TYPE_CHECKING:
    from collections.abc import Mapping

Size = tuple[int, int, int, int]
"""Columns, lines, and the same in pixels; 0 is unknown."""

_LARGEST = 0xFFFF
_DISABLED = 255
"""What stands on the wire for a control character that is switched off (RFC 4254, 8)."""

_OF_KEYS = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)

_INPUT, _OUTPUT, _LOCAL, _CHARACTERS = 0, 1, 3, 6
"""Places in what termios.tcgetattr returns."""

_IUTF8 = 0x4000  # Linux has it (termios(3)), Python's termios does not name it

_FLAGS = {
    asyncssh.PTY_IGNPAR: (_INPUT, termios.IGNPAR),
    asyncssh.PTY_PARMRK: (_INPUT, termios.PARMRK),
    asyncssh.PTY_INPCK: (_INPUT, termios.INPCK),
    asyncssh.PTY_ISTRIP: (_INPUT, termios.ISTRIP),
    asyncssh.PTY_INLCR: (_INPUT, termios.INLCR),
    asyncssh.PTY_IGNCR: (_INPUT, termios.IGNCR),
    asyncssh.PTY_ICRNL: (_INPUT, termios.ICRNL),
    asyncssh.PTY_IXON: (_INPUT, termios.IXON),
    asyncssh.PTY_IXANY: (_INPUT, termios.IXANY),
    asyncssh.PTY_IXOFF: (_INPUT, termios.IXOFF),
    asyncssh.PTY_IMAXBEL: (_INPUT, termios.IMAXBEL),
    asyncssh.PTY_IUTF8: (_INPUT, _IUTF8),
    asyncssh.PTY_ISIG: (_LOCAL, termios.ISIG),
    asyncssh.PTY_ICANON: (_LOCAL, termios.ICANON),
    asyncssh.PTY_ECHO: (_LOCAL, termios.ECHO),
    asyncssh.PTY_ECHOE: (_LOCAL, termios.ECHOE),
    asyncssh.PTY_ECHOK: (_LOCAL, termios.ECHOK),
    asyncssh.PTY_ECHONL: (_LOCAL, termios.ECHONL),
    asyncssh.PTY_ECHOCTL: (_LOCAL, termios.ECHOCTL),
    asyncssh.PTY_ECHOKE: (_LOCAL, termios.ECHOKE),
    asyncssh.PTY_NOFLSH: (_LOCAL, termios.NOFLSH),
    asyncssh.PTY_TOSTOP: (_LOCAL, termios.TOSTOP),
    asyncssh.PTY_IEXTEN: (_LOCAL, termios.IEXTEN),
    asyncssh.PTY_OPOST: (_OUTPUT, termios.OPOST),
    asyncssh.PTY_ONLCR: (_OUTPUT, termios.ONLCR),
    asyncssh.PTY_OCRNL: (_OUTPUT, termios.OCRNL),
    asyncssh.PTY_ONOCR: (_OUTPUT, termios.ONOCR),
    asyncssh.PTY_ONLRET: (_OUTPUT, termios.ONLRET),
}

_KEYS = {
    asyncssh.PTY_VINTR: termios.VINTR,
    asyncssh.PTY_VQUIT: termios.VQUIT,
    asyncssh.PTY_VERASE: termios.VERASE,
    asyncssh.PTY_VKILL: termios.VKILL,
    asyncssh.PTY_VEOF: termios.VEOF,
    asyncssh.PTY_VEOL: termios.VEOL,
    asyncssh.PTY_VEOL2: termios.VEOL2,
    asyncssh.PTY_VSTART: termios.VSTART,
    asyncssh.PTY_VSTOP: termios.VSTOP,
    asyncssh.PTY_VSUSP: termios.VSUSP,
    asyncssh.PTY_VREPRINT: termios.VREPRINT,
    asyncssh.PTY_WERASE: termios.VWERASE,
    asyncssh.PTY_VLNEXT: termios.VLNEXT,
    asyncssh.PTY_VDISCARD: termios.VDISCARD,
}


def pair(size: Size, modes: Mapping[int, int]) -> tuple[int, int]:
    """Make a terminal, and return our end and that of whoever stands on it.

    ``modes`` are those of RFC 4254, 8; what they do not say is as the system has it, and what a
    terminal without a wire has not, such as parity and speed, is left out. Raises OSError when
    the system has no terminal left.
    """
    ours, theirs = os.openpty()
    try:
        resize(ours, size)
        _set(theirs, modes)
        os.set_blocking(ours, False)
    except BaseException:
        os.close(ours)
        os.close(theirs)
        raise
    return ours, theirs


def resize(ours: int, size: Size) -> None:
    """Set a terminal's size; who is in its foreground gets SIGWINCH when it is another one."""
    columns, lines, width, height = (min(number, _LARGEST) for number in size)
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, width, height))


def control() -> None:
    """Make the terminal on stdin that of this process's session, which has none yet.

    Its keys work again: whatever was started in the background ignores what they send.
    """
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in _OF_KEYS:
        signal.signal(number, signal.SIG_DFL)


def end_of_input(ours: int) -> bytes:
    """Return what to type so that a program which reads lines finds the end of its input.

    Twice the key, as the first one only ends a line that is begun. Nothing for a program that
    reads bytes as they come, to which it would be one more of them.
    """
    now = termios.tcgetattr(ours)
    key: bytes = now[_CHARACTERS][termios.VEOF]
    return key * 2 if now[_LOCAL] & termios.ICANON and key != b"\0" else b""


def _set(theirs: int, modes: Mapping[int, int]) -> None:
    now = termios.tcgetattr(theirs)
    for mode, value in modes.items():
        if mode in _KEYS:
            now[_CHARACTERS][_KEYS[mode]] = bytes([0 if value >= _DISABLED else value])
        elif mode in _FLAGS:
            place, flag = _FLAGS[mode]
            now[place] = now[place] | flag if value else now[place] & ~flag
    termios.tcsetattr(theirs, termios.TCSANOW, now)

"""A command line on a terminal of its own, driven as a person would."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

TIMEOUT = 20.0


@dataclass
class Terminal:
    """A terminal's two ends, and the process that stands on it."""

    ours: int
    theirs: int
    process: subprocess.Popen[bytes]
    shown: bytearray = field(default_factory=bytearray)

    @property
    def mode(self) -> list[object]:
        """The terminal's settings, as tcgetattr(3) has them."""
        return termios.tcgetattr(self.theirs)

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def resize(self, columns: int, lines: int) -> None:
        resize(self.theirs, columns, lines)
        # The kernel tells the foreground of a controlling terminal; here nobody controls it.
        self.process.send_signal(signal.SIGWINCH)

    def until(self, text: str) -> str:
        """Return what is shown up to and with ``text``, and forget it."""
        deadline = time.monotonic() + TIMEOUT
        while (at := self.shown.find(text.encode())) < 0:
            self._take(deadline, text)
        seen = bytes(self.shown[: at + len(text.encode())])
        del self.shown[: len(seen)]
        return seen.decode(errors="replace")

    def end(self) -> int:
        """Wait for the process, and return its status."""
        deadline = time.monotonic() + TIMEOUT
        while self.process.poll() is None:
            self._take(deadline, "the end", wait=0.02)
        return self.process.returncode

    def _take(self, deadline: float, wanted: str, wait: float = TIMEOUT) -> None:
        left = max(0.0, min(wait, deadline - time.monotonic()))
        if select.select([self.ours], [], [], left)[0]:
            self.shown += os.read(self.ours, 65536)
        elif time.monotonic() >= deadline:
            raise AssertionError(f"{wanted!r} did not come: {bytes(self.shown)!r}")


@contextlib.contextmanager
def terminal(
    argv: list[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """Start a process on a new terminal of 100 columns and 30 lines; it is ended with the block."""
    ours, theirs = pty.openpty()
    resize(theirs, 100, 30)
    process = subprocess.Popen(
        argv,
        cwd=cwd,
        env={**os.environ, "TERM": "vt220", **(env or {})},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    try:
        yield Terminal(ours, theirs, process)
    finally:
        process.kill()
        process.wait(10)
        os.close(ours)
        os.close(theirs)


def resize(descriptor: int, columns: int, lines: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

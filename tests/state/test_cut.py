"""Standard input that ends in the middle, or a shell that dies there: old or new, never between."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.state.conftest import LocalShell
from tests.state.test_converge import Folder, items
from tests.state.test_killed import NEW, Case, leftovers, old_text, snapshot, start, wished
from wirework.errors import Failed
from wirework.state import converge


@dataclass
class Cut:
    """A host whose connection ends, or whose shell dies, ``at`` bytes behind the script's end.

    Only the execs that change something are cut.
    """

    host: LocalShell
    at: int
    killed: bool

    def execute(
        self,
        command: str | Sequence[str],
        *,
        stdout: Callable[[bytes], bool | None],
        stderr: Callable[[bytes], bool | None],
        stdin: bytes | Iterable[bytes] = b"",
        become: bool | None = None,
    ) -> int:
        pieces = [stdin] if isinstance(stdin, bytes) else list(stdin)
        if b"\nww_change 0 " not in pieces[0]:
            return self.host.execute(
                command, stdin=pieces, stdout=stdout, stderr=stderr, become=become
            )
        with subprocess.Popen(
            ["setsid", *command],
            cwd=self.host.home,
            env={"PATH": self.host.path},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdin
            process.stdin.write(b"".join(pieces)[: len(pieces[0]) + self.at])
            process.stdin.flush()
            if self.killed:
                while unread(process.stdin.fileno()):
                    time.sleep(0.001)
                os.killpg(process.pid, signal.SIGKILL)
            process.stdin.close()
            return process.wait(timeout=30)


def unread(pipe: int) -> int:
    """Return how many bytes in a pipe nobody has read yet (ioctl_tty(2))."""
    return int(struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0])


TWO_FILES = Case(
    (
        ("file", {"dest": "f", "content": NEW}),
        ("file", {"dest": "g", "content": "g", "mode": "0600"}),
    ),
    old_text(),
)


@pytest.mark.parametrize("host", ["dash", "busybox"], indirect=True)
@pytest.mark.parametrize("killed", [False, True], ids=["connection", "shell"])
@pytest.mark.parametrize("at", [-9000, -1, 0, 1, 65_536, len(NEW) - 1, len(NEW), len(NEW) + 1])
def test_wherever_standard_input_ends_the_next_run_makes_it_right(
    host: LocalShell, tmp_path: Path, at: int, *, killed: bool
) -> None:
    start(host, tmp_path / "0", TWO_FILES)
    old = snapshot(host.home)
    wished(host, TWO_FILES, Folder())
    new = snapshot(host.home)
    start(host, tmp_path / "1", TWO_FILES)
    with pytest.raises(Failed, match="did not finish its work"):
        converge(Cut(host, at, killed), items(*TWO_FILES.wishes))
    now = snapshot(host.home)
    for path in {*old, *new, *now}:
        assert now.get(path) in (old.get(path), new.get(path)), path
    if at < len(NEW):
        assert now == old
    if not killed:
        assert leftovers(host.home) == []
        assert (now == new) == (at > len(NEW))
    wished(host, TWO_FILES, Folder())
    assert snapshot(host.home) == new
    assert not wished(host, TWO_FILES, Folder()).changed

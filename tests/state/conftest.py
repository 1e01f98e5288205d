"""A host in a folder: the engine's real scripts, run by real shells of this machine."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.machine import program, require
from wirework.ssh import LocalFile
from wirework.state.arguments import Rendered
from wirework.state.local_tree import LocalTree

SHELLS = ("dash", "busybox", "bash")


class Nowhere:
    """The sources of steps that name neither templates nor files."""

    def render(self, name: str) -> Rendered:
        raise AssertionError(name)

    def find_file(self, name: str) -> LocalFile:
        raise AssertionError(name)

    def find_folder(self, name: str) -> LocalTree:
        raise AssertionError(name)


@dataclass
class LocalShell:
    """An executor that runs what it is given here, with one shell's own ``sh`` on PATH first."""

    home: Path
    path: str
    execs: int = 0
    banner: bytes = b""
    sent: list[bytes] = field(default_factory=list)

    @property
    def temporary(self) -> Path:
        """Where the host keeps what is temporary: nobody else's, so that a test can look there."""
        folder = self.home.parent / "temporary"
        folder.mkdir(exist_ok=True)
        return folder

    def execute(
        self,
        command: str | Sequence[str],
        *,
        stdout: Callable[[bytes], bool | None],
        stderr: Callable[[bytes], bool | None],
        stdin: bytes | Iterable[bytes] = b"",
        become: bool | None = None,
    ) -> int:
        assert not become
        self.execs += 1
        pieces = [stdin] if isinstance(stdin, bytes) else stdin
        process = subprocess.Popen(
            command,
            cwd=self.home,
            env={
                "PATH": self.path,
                "HOME": str(self.home),
                "TMPDIR": str(self.temporary),
                "LANG": "de_DE.UTF-8",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdin
        assert process.stdout
        assert process.stderr

        def feed() -> None:
            with contextlib.suppress(BrokenPipeError):
                for piece in pieces:
                    self.sent.append(piece)
                    process.stdin.write(piece)
                process.stdin.close()

        feeder = threading.Thread(target=feed)
        feeder.start()
        if self.banner:
            stdout(self.banner)
        # Small pieces, so that frames are cut wherever they can be.
        enough = False
        while not enough and (data := process.stdout.read1(17)):
            enough = bool(stdout(data))
        rest = process.stderr.read()
        if rest:
            stderr(rest)
        process.stdout.close()
        process.stderr.close()
        feeder.join()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        return process.wait(timeout=10)


@pytest.fixture(params=SHELLS)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> LocalShell:
    """A host whose tools are one shell's: busybox's, or coreutils with dash or bash."""
    shell = str(request.param)
    require(shell)
    shell_path = program(shell)
    assert shell_path
    tools = tmp_path / "bin"
    tools.mkdir()
    if shell == "busybox":
        subprocess.run([shell_path, "--install", "-s", str(tools)], check=True, timeout=10)
        path = str(tools)
    else:
        (tools / "sh").symlink_to(shell_path)
        path = f"{tools}:/usr/bin:/bin"
    home = tmp_path / "home"
    home.mkdir()
    return LocalShell(home, path)


@pytest.fixture(params=SHELLS)
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> LocalShell:
    """A shell with a few of busybox's tools, where a test puts the programs that it is about."""
    require("busybox")
    require(request.param)
    shell, busybox, tools = program(request.param), program("busybox"), tmp_path / "tools"
    assert shell
    assert busybox
    for folder in (tools, tmp_path / "home"):
        folder.mkdir()
    for name in (
        *("cat", "date", "dd", "grep", "id", "mkdir", "rm", "sleep", "stat", "timeout", "touch"),
        "wget",
    ):
        (tools / name).symlink_to(busybox)
    (tools / "sh").symlink_to(shell)
    return LocalShell(tmp_path / "home", str(tools))

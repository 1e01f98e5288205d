"""Interactive shells on a real sshd, from a real terminal, through the command line."""

from __future__ import annotations

import os
import signal
import termios
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.machine import require
from tests.ssh.sshd import Server
from tests.ssh.terminals import Terminal, terminal
from tests.tasks.commandline import command, run_process
from wirework.ssh.terminal import Escape

Shell = Callable[..., AbstractContextManager[Terminal]]


def inventory(server: Server, folder: Path, **settings: str) -> Path:
    host = server.host()
    lines = [
        "all:",
        "  vars:",
        f"    port: {host.port}",
        f"    user: {host.user}",
        f"    key: {host.key}",
        f"    known_hosts: {host.known_hosts}",
        "  children:",
        "    web:",
        "      hosts:",
        "        box: {address: 127.0.0.1}",
        "        other: {address: 127.0.0.1}",
    ]
    lines += [f"      vars: {{{name}: {value}}}" for name, value in settings.items()]
    path = folder / "inventory.yaml"
    path.write_text("\n".join([*lines, ""]))
    return path


@pytest.fixture
def shell(server: Server, tmp_path: Path) -> Shell:
    """Opens ``remote.shell box`` on a terminal; the prompt there is ``PROMPT>``."""

    @contextmanager
    def open_(*words: str, prompt: bool = True, **settings: str) -> Iterator[Terminal]:
        path = inventory(server, tmp_path, **settings)
        argv = command("remote.shell", "box", *words, "-i", str(path))
        with terminal(argv, cwd=tmp_path) as opened:
            if prompt:
                ask_for(opened, "PS1='PRO'MPT'> '; stty size", "30 100\r\n")
            yield opened

    return open_


def ask_for(opened: Terminal, line: str, answer: str) -> None:
    """Type a line, and wait for what it prints."""
    opened.type(f"{line}\r")
    opened.until(answer)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ([b"hello\r"], (b"hello\r", False)),
        ([b"~."], (b"", True)),
        ([b"x\r~."], (b"x\r", True)),
        ([b"x\n", b"~", b"."], (b"x\n", True)),
        ([b"x~."], (b"x~.", False)),
        ([b"~~."], (b"~.", False)),
        ([b"~x~."], (b"~x~.", False)),
        ([b"~\r~."], (b"~\r", True)),
        ([b"cd ~\r"], (b"cd ~\r", False)),
        ([b"~/bin/x\r"], (b"~/bin/x\r", False)),
    ],
)
def test_the_escape_is_found_at_the_beginning_of_a_line(
    typed: list[bytes], expected: tuple[bytes, bool]
) -> None:
    escape = Escape()
    passed, left = b"", False
    for piece in typed:
        more, left = escape.feed(piece)
        passed += more
    assert (passed, left) == expected


def test_a_shell_has_a_terminal_of_our_kind_and_size(shell: Shell) -> None:
    with shell() as opened:
        before = opened.mode
        ask_for(opened, "tty; echo $TERM", "/dev/pts/")
        opened.until("vt220\r\n")
        assert not int(str(before[3])) & termios.ECHO  # it is raw: only the host echoes
        opened.resize(81, 25)
        ask_for(
            opened,
            "until [ \"$(stty size)\" = '25 81' ]; do sleep 0.05; done; stty size",
            "25 81\r\n",
        )
        opened.type("exit\r")
        assert opened.end() == 0


@pytest.mark.parametrize(("status", "expected"), [(0, 0), (1, 1), (2, 1), (4, 1), (130, 1)])
def test_a_status_of_the_shell_is_not_taken_for_ours(
    shell: Shell, status: int, expected: int
) -> None:
    with shell("-c", f"exit {status}", prompt=False) as opened:
        assert opened.end() == expected


def test_ctrl_c_is_the_hosts(shell: Shell) -> None:
    with shell() as opened:
        ask_for(opened, "sh -c 'echo be\"gin\"; exec sleep 60'", "begin\r\n")
        opened.type("\x03")
        opened.until("PROMPT> ")  # what is typed while the shell tidies up may be lost
        ask_for(opened, "echo sta'tus' $?", "status 130")
        opened.type("exit\r")
        assert opened.end() == 0


def test_a_command_runs_on_the_terminal(shell: Shell) -> None:
    with shell("-c", "stty size; read line; echo got $line; exit 3", prompt=False) as opened:
        opened.until("30 100\r\n")
        opened.type("hello\r")
        opened.until("got hello\r\n")
        assert opened.end() == 1


def test_bytes_go_through_as_they_are(shell: Shell) -> None:
    letters = bytes(range(256)) * 40
    with shell(
        "-c", f"stty raw -echo; printf ready; head -c {len(letters)} | sha256sum", prompt=False
    ) as opened:
        opened.until("ready")
        import hashlib

        for at in range(0, len(letters), 512):
            os.write(opened.ours, letters[at : at + 512])
        opened.until(hashlib.sha256(letters).hexdigest())
        assert opened.end() == 0


def end_normally(opened: Terminal) -> int:
    opened.type("exit\r")
    return opened.end()


def end_by_escape(opened: Terminal) -> int:
    opened.type("\r~.")
    opened.until("box: ended from here (what ran may live on there)")
    return opened.end()


def end_with_the_connection(opened: Terminal) -> int:
    opened.type("kill -9 $PPID\r")
    opened.until("box: the connection was lost (what ran may live on there)")
    return opened.end()


def end_by_a_signal_there(opened: Terminal) -> int:
    opened.type("kill -9 $$\r")
    return opened.end()


def end_by(number: signal.Signals) -> Callable[[Terminal], int]:
    def end(opened: Terminal) -> int:
        opened.process.send_signal(number)
        return opened.end()

    return end


ENDS: dict[str, tuple[Callable[[Terminal], int], int]] = {
    "exit": (end_normally, 0),
    "escape": (end_by_escape, 1),
    "lost connection": (end_with_the_connection, 4),
    "killed there": (end_by_a_signal_there, 1),
    "SIGTERM": (end_by(signal.SIGTERM), -signal.SIGTERM),
    "SIGHUP": (end_by(signal.SIGHUP), -signal.SIGHUP),
    "SIGINT": (end_by(signal.SIGINT), 130),
}


@pytest.mark.parametrize("name", ENDS)
def test_the_terminal_is_afterwards_as_it_was(server: Server, tmp_path: Path, name: str) -> None:
    end, expected = ENDS[name]
    argv = command("remote.shell", "box", "-i", str(inventory(server, tmp_path)))
    with terminal(argv, cwd=tmp_path) as opened:
        before = opened.mode
        ask_for(opened, "PS1=; echo rea'dy'", "ready\r\n")
        assert opened.mode != before
        assert end(opened) == expected
        assert opened.mode == before


def test_a_root_shell_is_the_other_users(shell: Shell) -> None:
    require("sudo")
    with shell(
        "-c", "id -un; echo $HOME", "--become", prompt=False, become_user="nobody"
    ) as opened:
        opened.until("nobody\r\n")
        opened.until("/nonexistent\r\n")
        assert opened.end() == 0


def test_a_root_shell_is_a_login_shell(shell: Shell) -> None:
    require("sudo")
    with shell("--become") as opened:
        ask_for(opened, "shopt -q login_shell && echo lo'gin' $(id -un) $SUDO_UID", "login root 0")
        opened.type("exit\r")
        assert opened.end() == 0


def test_a_pattern_of_several_hosts_names_them(server: Server, tmp_path: Path) -> None:
    path = inventory(server, tmp_path)
    said = run_process(command("remote.shell", "web", "-i", str(path)), tmp_path)
    assert (said.status, said.out) == (2, "")
    assert said.err == "error: a shell is on one host, and 'web' is 2 of them: box,other\n"


def test_without_a_terminal_there_is_no_shell(server: Server, tmp_path: Path) -> None:
    path = inventory(server, tmp_path)
    said = run_process(command("remote.shell", "box", "-i", str(path)), tmp_path)
    assert (said.status, said.out) == (2, "")
    assert said.err == (
        "error: a shell needs a terminal to stand on"
        " (remote.run runs a command, remote.script a script)\n"
    )

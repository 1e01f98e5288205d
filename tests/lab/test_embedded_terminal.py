"""Terminals on embedded hosts, through the command line and OpenSSH's client."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
import socket
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import asyncssh
import paramiko
import psutil
import pytest

from tests.lab.conftest import Client, usual
from tests.machine import require
from tests.ssh.terminals import Terminal, terminal
from tests.tasks.commandline import command
from wirework import lab as labs
from wirework.lab import Lab
from wirework.lab.embedded import terminal as pseudo
from wirework.lab.embedded.record import Record

DEADLINE = 20.0
INPUT, OUTPUT, LOCAL, KEYS = 0, 1, 3, 6


@contextlib.contextmanager
def shell(lab: Lab, *words: str, cwd: Path) -> Iterator[Terminal]:
    """Open ``remote.shell web1`` on a terminal of 100 columns and 30 lines."""
    argv = command("remote.shell", "web1", *words, "-i", str(lab.inventory))
    with terminal(argv, cwd=cwd) as opened:
        yield opened


def openssh(lab: Lab, *words: str) -> list[str]:
    """Return the command line of OpenSSH's client for a terminal on web1."""
    require("ssh")
    host = lab.hosts[0]
    return ["ssh", "-tt", *usual(lab), "-p", str(host.port), host.address, *words]


@pytest.fixture
def channel(lab: Lab) -> Iterator[paramiko.Channel]:
    """A session on web1 with a terminal, whose output is read by nobody but the test."""
    host = lab.hosts[0]
    with socket.create_connection((host.address, host.port), DEADLINE) as connection:
        transport = paramiko.Transport(connection)
        try:
            transport.start_client(timeout=DEADLINE)
            record = Record.load(lab.folder)
            assert record is not None
            transport.auth_publickey(
                record.user, paramiko.Ed25519Key.from_private_key_file(str(lab.key))
            )
            opened = transport.open_session(timeout=DEADLINE)
            opened.settimeout(DEADLINE)
            opened.get_pty("xterm", 80, 24)
            yield opened
        finally:
            transport.close()


def until(opened: paramiko.Channel, text: bytes) -> bytes:
    """Return what comes up to ``text``, which has to come last."""
    seen = b""
    while not seen.endswith(text):
        data = opened.recv(65536)
        assert data, f"{text!r} did not come: {seen!r}"
        seen += data
    return seen


def server(lab: Lab) -> psutil.Process:
    record = Record.load(lab.folder)
    assert record is not None
    return psutil.Process(record.pid)


def test_a_newcomer_has_a_shell_on_a_terminal(lab: Lab, tmp_path: Path) -> None:
    with shell(lab, cwd=tmp_path) as opened:
        opened.type("stty size; tty; echo $0 $TERM; pwd\r")
        opened.until("30 100\r\n/dev/pts/")
        opened.until("-sh vt220\r\n")
        opened.until(f"{lab.home('web1')}\r\n")
        opened.resize(81, 25)
        opened.type("until [ \"$(stty size)\" = '25 81' ]; do sleep 0.05; done; echo resi'zed'\r")
        opened.until("resized")
        opened.type("exit\r")
        assert opened.end() == 0


def test_a_shell_that_fails_fails_the_task(lab: Lab, tmp_path: Path) -> None:
    with shell(lab, cwd=tmp_path) as opened:
        opened.type("exit 3\r")
        assert opened.end() == 1


def test_a_command_stands_on_the_terminal_in_the_host_s_folder(lab: Lab, tmp_path: Path) -> None:
    words = ("-c", "pwd; stty size; read line; echo got $line; exit 0")
    with shell(lab, *words, cwd=tmp_path) as opened:
        opened.until(f"{lab.home('web1')}\r\n30 100\r\n")
        opened.type("hello\r")
        opened.until("got hello\r\n")
        assert opened.end() == 0


def test_keys_reach_what_is_in_the_foreground(lab: Lab, tmp_path: Path) -> None:
    with shell(lab, cwd=tmp_path) as opened:
        # What says that it has begun is the job itself: then it is in the foreground.
        opened.type("sh -c 'echo be\"\"gin; exec sleep 60'\r")
        opened.until("begin\r\n")
        opened.type("\x03")
        opened.type("echo sta''tus $?\r")
        opened.until("status 130\r\n")
        opened.type("sh -c 'echo be\"\"gin; exec sleep 60'\r")
        opened.until("begin\r\n")
        opened.type("\x1a")  # the shell has job control, as its session controls the terminal
        opened.until("Stopped")
        opened.type("kill -INT %1\rfg\recho sta''tus $?\r")
        opened.until("status 130\r\n")
        opened.type("sh -c 'echo be\"\"gin; exec cat'; echo aft''er\r")
        opened.until("begin\r\n")
        opened.type("line\r\x04")
        opened.until("line\r\n")  # the echo
        opened.until("line\r\n")
        opened.until("after\r\n")
        opened.type("\x04")
        assert opened.end() == 0


def test_an_editor_works(lab: Lab, tmp_path: Path) -> None:
    require("busybox")
    note = tmp_path / "note"
    with shell(lab, "-c", f"busybox vi {note}", cwd=tmp_path) as opened:
        opened.until("\x1b[30;1H")  # its last line is drawn
        opened.type("ihello")
        opened.until("hello")
        opened.type("\x1b")
        opened.until("\x1b[30;1H")
        opened.type(":wq\r")
        assert opened.end() == 0
    assert note.read_text() == "hello\n"


@pytest.mark.parametrize(
    ("line", "status"),
    [("exit 0", 0), ("exit 3", 3), ("exit 255", 255), ("kill -KILL $$", 255), ("no-such", 127)],
)
def test_openssh_is_told_how_it_ended(lab: Lab, tmp_path: Path, line: str, status: int) -> None:
    with terminal(openssh(lab, line), cwd=tmp_path) as opened:
        assert opened.end() == status


def test_openssh_s_resizing_reaches_the_foreground(lab: Lab, tmp_path: Path) -> None:
    line = "trap 'stty size; exit' WINCH; stty size; while :; do sleep 0.05; done"
    with terminal(openssh(lab, line), cwd=tmp_path) as opened:
        opened.until("30 100\r\n")
        opened.resize(132, 43)
        opened.until("43 132\r\n")
        assert opened.end() == 0


def test_a_terminal_is_set_as_openssh_s_own(lab: Lab, tmp_path: Path) -> None:
    keys = ["stty", "erase", "^H", "intr", "^G", "quit", "undef", "-ixon", "iutf8"]
    line = "stty -a; read line; echo got $line"
    # The terminal here is set by the time that ssh starts.
    argv = ["sh", "-c", f'{" ".join(keys)}; exec "$@"', "sh", *openssh(lab, line)]
    with terminal(argv, cwd=tmp_path) as opened:
        shown = opened.until("; erase = ^H;")
        assert "intr = ^G; quit = <undef>" in shown
        shown = opened.until("iutf8")
        assert " -ixon " in shown
        assert " -iutf8" not in shown
        opened.type("helpp\x08\r")
        opened.until("got help\r\n")
        assert opened.end() == 0


@pytest.mark.parametrize(
    ("words", "typed", "expected"),
    [
        ((), b"echo fro'm' input; exit 3\n", (b"from input\r\n", 3)),
        ((), b"echo fro'm' input\n", (b"from input\r\n", 0)),
        ((), b"", (b"", 0)),
        (("cat",), b"whole\n", (b"whole\r\nwhole\r\n", 0)),
        (("cat",), b"half", (b"halfhalf", 0)),
        (("exec <&- >&- 2>&-; sleep 0.2; exit 6",), b"unread\n", (b"", 6)),
    ],
)
def test_the_end_of_the_input_ends_who_reads_lines(
    lab: Lab, ssh: Client, words: tuple[str, ...], typed: bytes, expected: tuple[bytes, int]
) -> None:
    done = ssh(lab, "web1", *words, stdin=typed, options=("-tt",))
    shows, status = expected
    assert (shows in done.stdout, done.returncode) == (True, status), done


def test_its_environment_is_the_small_one_with_its_kind(lab: Lab, ssh: Client) -> None:
    plain = ssh(lab, "web1", "env").stdout.decode().splitlines()
    done = ssh(lab, "web1", "env", options=("-tt",)).stdout.decode().splitlines()
    assert {line.split("=")[0] for line in done} == {
        *(line.split("=")[0] for line in plain),
        "TERM",
    }


def test_every_byte_value_passes_both_ways(channel: paramiko.Channel) -> None:
    letters = bytes(range(256)) * 2000
    channel.exec_command(f"stty raw -echo; printf ready; head -c {len(letters)} | tee /dev/null")
    until(channel, b"ready")
    sent = 0
    back = b""
    while len(back) < len(letters):  # a window's worth of echo never stands between the two
        if sent - len(back) < 65536 and sent < len(letters):
            sent += channel.send(letters[sent : sent + 4096])
        if channel.recv_ready() or sent == len(letters) or sent - len(back) >= 65536:
            back += channel.recv(65536)
    assert hashlib.sha256(back).digest() == hashlib.sha256(letters).digest()
    assert channel.recv_exit_status() == 0


def test_large_output_arrives_whole_before_the_status(channel: paramiko.Channel) -> None:
    channel.exec_command("stty -opost; head -c 20000000 /dev/zero; exit 4")
    size = 0
    while data := channel.recv(1_000_000):
        size += len(data)
    assert (size, channel.recv_exit_status()) == (20_000_000, 4)


def test_the_last_output_waits_for_a_slow_client(lab: Lab, channel: paramiko.Channel) -> None:
    # What the client's window and the server's buffer do not hold is left on the terminal.
    size = channel.in_window_size + 65_536 + 4_096 + 6_000
    before = server(lab).num_fds()
    channel.exec_command(f"stty -opost; exec head -c {size} /dev/zero")
    got = len(channel.recv(1))
    happens(lambda: server(lab).num_fds() <= before)  # the session has ended there
    while data := channel.recv(1_000_000):
        got += len(data)
    assert (got, channel.recv_exit_status()) == (size, 0)


def test_output_that_nobody_reads_waits_on_the_host(lab: Lab, channel: paramiko.Channel) -> None:
    before = server(lab).memory_info().rss
    channel.exec_command("echo $$; exec yes")
    pid = b""
    while not pid.endswith(b"\n"):
        pid += channel.recv(1)
    talker = psutil.Process(int(pid))
    stalls(talker)
    assert server(lab).memory_info().rss - before < 30_000_000
    channel.send(b"\x03")
    while channel.recv(1_000_000):
        pass
    assert not psutil.pid_exists(talker.pid)


def test_input_that_nobody_reads_waits_at_the_client(lab: Lab, channel: paramiko.Channel) -> None:
    before = server(lab).memory_info().rss
    channel.exec_command("stty raw -echo; printf ready; sleep 60")
    until(channel, b"ready")
    channel.settimeout(1.0)
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < 60_000_000:
            sent += channel.send(bytes(32_768))
    assert sent < 10_000_000
    assert server(lab).memory_info().rss - before < 30_000_000


def test_a_command_that_reads_nothing_ends_all_the_same(channel: paramiko.Channel) -> None:
    channel.exec_command("stty raw -echo; printf ready; sleep 0.5; exit 5")
    until(channel, b"ready")
    channel.send(bytes(500_000))
    assert channel.recv_exit_status() == 5


def test_a_background_process_does_not_keep_the_session_open(lab: Lab, ssh: Client) -> None:
    start = time.monotonic()
    line = "trap '' HUP; yes >/dev/tty & echo $! first; exit 6"
    done = ssh(lab, "web1", line, options=("-tt",))
    assert time.monotonic() - start < 10
    assert done.returncode == 6
    happens(lambda: not runs(int(done.stdout.split()[0])))  # its terminal is gone


def test_a_client_that_leaves_takes_the_shell_and_its_job_along(lab: Lab, tmp_path: Path) -> None:
    job, note = tmp_path / "job", tmp_path / "note"
    trap = f"trap 'echo hung up > {note}; exit' HUP"
    job.write_text(f"#!/bin/sh\n{trap}\necho pids: $PPID $$ running\nwhile :; do sleep 0.1; done\n")
    job.chmod(0o755)
    with terminal(openssh(lab), cwd=tmp_path) as opened:
        opened.type(f"{job}\r")
        opened.until("pids: ")
        parent, child, _ = opened.until(" running\r\n").split()
        opened.process.send_signal(signal.SIGKILL)
        opened.process.wait(DEADLINE)
    happens(lambda: not runs(int(parent)) and not runs(int(child)))
    assert note.read_text() == "hung up\n"


def test_a_signal_from_the_client_reaches_the_group(lab: Lab) -> None:
    async def tell() -> tuple[str, int | None]:
        host = lab.hosts[0]
        async with asyncssh.connect(
            host.address,
            host.port,
            client_keys=[str(lab.key)],
            known_hosts=str(lab.known_hosts),
            config=None,
        ) as connection:
            trap = "trap 'echo told; exit 7' USR1; echo ready; while :; do sleep 0.1; done"
            process = await connection.create_process(trap, term_type="xterm")
            assert await process.stdout.readline() == "ready\r\n"
            process.send_signal("USR1")
            done = await process.wait()
            return str(done.stdout).splitlines()[-1], done.returncode

    assert asyncio.run(asyncio.wait_for(tell(), DEADLINE)) == ("told", 7)


def test_a_word_that_no_system_takes_is_refused(channel: paramiko.Channel) -> None:
    channel.exec_command("echo \0")
    assert channel.recv_exit_status() == 1
    assert b"cannot start a shell: embedded null byte" in channel.recv_stderr(1000)


def test_sessions_leave_no_descriptor_open(lab: Lab, ssh: Client) -> None:
    ssh(lab, "web1", "true", options=("-tt",))
    before = server(lab).num_fds()
    for line in ("true", "exec sleep 0", "kill -9 $$", "sleep 60 & exit"):
        ssh(lab, "web1", line, options=("-tt",))
    happens(lambda: server(lab).num_fds() <= before)


def test_down_leaves_nobody_on_a_terminal(tmp_path: Path) -> None:
    lab = labs.up(tmp_path, hosts=1, ports="free")
    try:
        with shell(lab, cwd=tmp_path) as opened:
            # The last one does not carry the lab's token: it goes with the terminal.
            bare = "env -i sh -c 'echo $$ end; exec sleep 1000'"
            opened.type(f"sleep 1000 & echo beg''in $$ $!; {bare}\r")
            opened.until("begin ")
            pids = [int(word) for word in opened.until(" end\r\n").split()[:-1]]
            assert [runs(pid) for pid in pids] == [True, True, True]
            labs.down(tmp_path)
            assert opened.end() == 4
        happens(lambda: not any(map(runs, pids)))
    finally:
        labs.down(tmp_path)


def test_lab_shell_says_which_task_has_one_here(tmp_path: Path) -> None:
    labs.up(tmp_path, hosts=1, ports="free")
    try:
        with terminal(command("lab.shell", "web1"), cwd=tmp_path) as opened:
            opened.until("remote.shell web1 -i lab")
            assert opened.end() == 2
    finally:
        labs.down(tmp_path)


MODES: tuple[tuple[Mapping[int, int], int, int, bool], ...] = (
    ({asyncssh.PTY_ECHO: 0}, LOCAL, termios.ECHO, False),
    ({asyncssh.PTY_ECHO: 2**32 - 1}, LOCAL, termios.ECHO, True),
    ({asyncssh.PTY_ICANON: 0, asyncssh.PTY_ECHO: 1}, LOCAL, termios.ICANON, False),
    ({asyncssh.PTY_ONLCR: 0}, OUTPUT, termios.ONLCR, False),
    ({asyncssh.PTY_ISTRIP: 1}, INPUT, termios.ISTRIP, True),
    ({asyncssh.PTY_CS8: 0, asyncssh.PTY_OP_ISPEED: 0, 77: 1}, LOCAL, termios.ECHO, True),
)


@pytest.mark.parametrize(("modes", "place", "flag", "is_set"), MODES)
def test_modes_are_set_one_by_one(
    modes: Mapping[int, int], place: int, flag: int, is_set: bool
) -> None:
    with both_ends((80, 24, 0, 0), modes) as (_, theirs):
        assert bool(termios.tcgetattr(theirs)[place] & flag) is is_set


@pytest.mark.parametrize(
    ("value", "key"), [(3, b"\x03"), (0, b"\0"), (255, b"\0"), (2**32 - 1, b"\0"), (254, b"\xfe")]
)
def test_a_key_is_one_byte_or_none(value: int, key: bytes) -> None:
    with both_ends((80, 24, 0, 0), {asyncssh.PTY_VINTR: value}) as (_, theirs):
        assert termios.tcgetattr(theirs)[KEYS][termios.VINTR] == key


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((100, 30, 0, 0), (30, 100)),
        ((0, 0, 0, 0), (0, 0)),
        ((2**32 - 1, 65536, 2**32 - 1, 2**32 - 1), (65535, 65535)),
    ],
)
def test_a_size_is_what_fits(size: pseudo.Size, expected: tuple[int, int]) -> None:
    with both_ends(size, {}) as (_, theirs):
        assert termios.tcgetwinsize(theirs) == expected


@pytest.mark.parametrize(
    ("modes", "typed"),
    [
        ({}, b"\x04\x04"),
        ({asyncssh.PTY_VEOF: 5}, b"\x05\x05"),
        ({asyncssh.PTY_VEOF: 255}, b""),
        ({asyncssh.PTY_ICANON: 0}, b""),
    ],
)
def test_the_end_of_input_is_typed_where_it_is_understood(
    modes: Mapping[int, int], typed: bytes
) -> None:
    with both_ends((80, 24, 0, 0), modes) as (ours, _):
        assert pseudo.end_of_input(ours) == typed


@contextlib.contextmanager
def both_ends(size: pseudo.Size, modes: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    ends = pseudo.pair(size, modes)
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)


def stalls(process: psutil.Process) -> None:
    """Wait until a process has written nothing for a while."""
    written = -1
    while written != (written := process.io_counters().write_chars):
        time.sleep(0.3)


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie: some containers reap nobody."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def happens(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)

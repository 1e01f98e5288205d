"""Commands on a real sshd: streams, statuses, ends."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ssh.sshd import Said, Server, running_sshd
from wirework.errors import BadInput, CommandFailed, TimedOut, Unreachable
from wirework.ssh import Pool, Remote

Execute = Callable[..., Said]
MB = 1_000_000


def test_both_streams_and_the_status_come_back(execute: Execute) -> None:
    assert execute("echo out; echo err >&2; exit 3") == Said(3, b"out\n", b"err\n")


def test_combined_streams_arrive_as_one(execute: Execute) -> None:
    said = execute("echo 1; sleep 0.3; echo 2 >&2", combine=True)
    assert said == Said(0, b"1\n2\n", b"")


def test_an_argument_list_reaches_the_program_as_it_is(execute: Execute) -> None:
    nasty = ["", "a b", "it's", '"$HOME"', "`id`", "new\nline", "-n", "*", "bytes: \udcff\udc80"]
    said = execute(["printf", r"%s\0", *nasty])
    expected = b"".join(word.encode("utf-8", "surrogateescape") + b"\0" for word in nasty)
    assert said.out == expected


def test_text_goes_to_the_shell_as_it_is(execute: Execute) -> None:
    assert execute("printf '%s' a | tr a b && true").out == b"b"


def test_every_byte_survives(execute: Execute) -> None:
    every = bytes(range(256)) * 10
    assert execute(["cat"], stdin=every) == Said(0, every, b"")


def test_50_mb_each_way_at_once_neither_block_nor_stay(remote: Remote) -> None:
    total = 50 * MB
    counts = [0, 0]

    def pieces() -> Iterator[bytes]:
        piece = bytes(100_000)
        for _ in range(total // len(piece)):
            yield piece

    def out(data: bytes) -> None:
        counts[0] += len(data)

    def err(data: bytes) -> None:
        counts[1] += len(data)

    remote.connect()
    tracemalloc.start()
    try:
        status = remote.execute("tee /dev/stderr", stdin=pieces(), stdout=out, stderr=err)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (status, counts) == (0, [total, total])
    # paramiko's window is 2 MiB; it holds a few copies of pieces of it.
    assert peak < 20 * MB


def test_a_command_that_does_not_read_its_stdin_ends_the_sending(execute: Execute) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(100_000)

    assert execute("head -c 3; exit 4", stdin=endless()).status == 4


def test_an_error_while_stdin_is_made_is_the_callers(execute: Execute, remote: Remote) -> None:
    def broken() -> Iterator[bytes]:
        yield b"some"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        execute("cat", stdin=broken())
    assert execute("echo alive").out == b"alive\n"


def test_a_stream_held_open_by_a_daemon_does_not_hold_the_caller(execute: Execute) -> None:
    began = time.monotonic()
    said = execute("sleep 20 & echo started; exit 5")
    assert said == Said(5, b"started\n", b"")
    assert time.monotonic() - began < 5


def test_a_command_that_closes_its_output_early_is_waited_for(execute: Execute) -> None:
    assert execute("exec >&- 2>&-; sleep 1; exit 6").status == 6


def test_a_sink_that_has_enough_ends_the_wait(remote: Remote) -> None:
    began = time.monotonic()
    seen = bytearray()

    def sink(data: bytes) -> bool:
        seen.extend(data)
        return b"enough\n" in seen

    assert remote.execute("echo enough; sleep 20", stdout=sink, stderr=seen.extend) == 0
    assert time.monotonic() - began < 5


def test_what_a_sink_raises_is_the_callers(remote: Remote) -> None:
    def sink(_: bytes) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        remote.execute("echo 1", stdout=sink, stderr=sink)


def test_a_timeout_ends_the_wait(execute: Execute) -> None:
    began = time.monotonic()
    with pytest.raises(TimedOut, match=r"^box: still running after 0.3 s \("):
        execute("sleep 20", timeout=0.3)
    assert time.monotonic() - began < 3
    assert execute("echo alive").out == b"alive\n"


def test_a_command_ended_by_a_signal_has_128_and_its_number(execute: Execute) -> None:
    assert execute("echo last; kill -9 $$") == Said(137, b"last\n", b"")


def test_a_connection_lost_in_the_middle_is_told(execute: Execute) -> None:
    # $PPID is the sshd process of this very connection.
    with pytest.raises(Unreachable, match=r"^box: the connection was lost in the middle"):
        execute("kill -9 $PPID; sleep 20")
    assert execute("echo back").out == b"back\n"


def test_a_connection_lost_while_stdin_is_sent_is_told(execute: Execute) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(100_000)

    with pytest.raises(Unreachable, match=r"^box: the connection was lost in the middle"):
        execute("head -c 5000000 >/dev/null; kill -9 $PPID; sleep 20", stdin=endless())


def test_giving_up_a_host_ends_whoever_waits_there(pool: Pool, server: Server) -> None:
    host = server.host()
    remote = pool.remote(host)
    running = threading.Event()
    caught: list[BaseException] = []

    def work() -> None:
        try:
            remote.execute("echo go; sleep 20", stdout=lambda _: running.set(), stderr=print)
        except Unreachable as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert running.wait(10)
    error = pool.give_up(host)
    thread.join(3)
    assert not thread.is_alive()
    assert isinstance(error, TimedOut)
    assert str(error) == "box: still running when the time was up"
    assert str(caught[0]) == "box: the connection was closed by this run"
    with pytest.raises(Unreachable, match="closed by this run"):
        remote.connect()


def test_several_threads_share_one_connection(remote: Remote, tmp_path: Path) -> None:
    said: list[bytes] = []
    threads = [
        threading.Thread(
            target=remote.execute,
            args=("echo $PPID",),
            kwargs={"stdout": said.append, "stderr": said.append},
        )
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(said) == 5
    assert len(set(said)) == 1


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("", "there is no command to run"),
        ([], "there is no command to run"),
        ("echo \0", "a command cannot hold a NUL character"),
        (["echo", "x" * 200_000], "the command is 200005 bytes long"),
    ],
)
def test_a_command_that_cannot_be_sent_is_refused(
    remote: Remote, command: str | list[str], text: str
) -> None:
    with pytest.raises(BadInput) as caught:
        remote.execute(command, stdout=print, stderr=print)
    assert text in str(caught.value)


def test_a_host_with_no_session_left_says_so(tmp_path: Path, pool: Pool) -> None:
    with running_sshd(tmp_path, "MaxSessions 0") as server:
        remote = pool.remote(server.host("narrow"))
        with pytest.raises(CommandFailed, match=r"^narrow: the host refused one more session"):
            remote.execute("true", stdout=print, stderr=print)

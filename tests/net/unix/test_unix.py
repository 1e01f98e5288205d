"""Unix sockets: what is replaced and what is not, who is at the other end, a child on a pair."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.machine import require
from wirework.errors import ArgumentError, BadInput, CommandFailed, Failed, TimedOut
from wirework.net.unix import pair
from wirework.net.unix.datagrams import Datagram, ServedDatagrams, serve_datagrams
from wirework.net.unix.send import send
from wirework.net.unix.serve import mode_of
from wirework.serving.listen import Listener, Place
from wirework.serving.running import running
from wirework.serving.unix.address import LONGEST, Address
from wirework.serving.unix.listen import bound

STREAM, DATAGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
WAIT = 10.0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the test stands: a path from here is short enough for a socket."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@contextmanager
def echoing(path: str, mode: int = 0o600) -> Iterator[None]:
    from wirework.net import services

    with (
        bound(Address.of(path), STREAM, mode=mode) as sock,
        running(services.service("echo"), [Listener(sock, Place(host="", path=path))]),
    ):
        yield


@pytest.mark.parametrize("kind", [STREAM, DATAGRAM])
@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_a_socket_has_its_mode_whatever_the_umask(
    folder: Path, kind: socket.SocketKind, mode: int
) -> None:
    before = os.umask(0o022)
    try:
        with bound(Address.of("s"), kind, mode=mode):
            assert stat.S_IMODE(Path("s").stat().st_mode) == mode
    finally:
        os.umask(before)
    assert not Path("s").exists()


@pytest.mark.parametrize("kind", [STREAM, DATAGRAM])
@pytest.mark.parametrize("left", [STREAM, DATAGRAM])
def test_only_a_stale_socket_is_replaced(
    folder: Path, kind: socket.SocketKind, left: socket.SocketKind
) -> None:
    with socket.socket(socket.AF_UNIX, left) as old:
        old.bind("s")
    with bound(Address.of("s"), kind):
        assert Path("s").is_socket()


@pytest.mark.parametrize("kind", [STREAM, DATAGRAM])
def test_a_live_socket_is_left_alone_and_its_owner_told(
    folder: Path, kind: socket.SocketKind
) -> None:
    with bound(Address.of("s"), kind):
        before = Path("s").stat().st_ino
        with (
            pytest.raises(BadInput, match=rf"\(pid {os.getpid()}.*listens there"),
            bound(Address.of("s"), kind),
        ):
            pass
        assert Path("s").stat().st_ino == before


def test_nothing_but_a_socket_is_replaced(folder: Path) -> None:
    Path("file").write_text("kept")
    Path("folder").mkdir()
    with socket.socket(socket.AF_UNIX) as old:
        old.bind("stale")
    Path("link").symlink_to("stale")
    os.mkfifo("pipe")
    for name, word in [
        ("file", "a file"),
        ("folder", "a folder"),
        ("link", "a symbolic link"),
        ("pipe", "a named pipe"),
    ]:
        with pytest.raises(BadInput, match=word), bound(Address.of(name), STREAM):
            pass
        assert os.path.lexists(name)
    assert Path("file").read_text() == "kept"


def test_a_socket_that_took_our_place_is_not_removed(folder: Path) -> None:
    with bound(Address.of("s"), STREAM), socket.socket(socket.AF_UNIX) as other:
        Path("s").unlink()
        other.bind("s")
    assert Path("s").is_socket()


def test_a_folder_where_everybody_may_replace_it_is_refused(folder: Path) -> None:
    Path("open").mkdir()
    Path("open").chmod(0o777)
    place = Address.of("open/s")
    with (
        pytest.raises(BadInput, match="everybody may replace"),
        bound(place, STREAM),
    ):
        pass
    Path("open").chmod(0o1777)
    with bound(place, STREAM):
        pass


def test_a_folder_that_is_none_is_told(folder: Path) -> None:
    Path("file").touch()
    for path in ("nowhere/s", "file/s"):
        with pytest.raises(BadInput, match="folder"), bound(Address.of(path), STREAM):
            pass


def test_a_path_has_a_length() -> None:
    assert Address.of("x" * LONGEST)
    with pytest.raises(BadInput, match="110 bytes, and a socket's has at most 107"):
        Address.of("ä" * 55)
    for text in ("", "@", "a\0b"):
        with pytest.raises(BadInput):
            Address.of(text)


def test_an_abstract_name_is_no_file(folder: Path) -> None:
    name = f"@wirework test {os.getpid()}"
    with echoing(name):
        sent = send(Address.of(name), b"hello", expect_echo=True)
        with pytest.raises(BadInput, match="listens there"), bound(Address.of(name), STREAM):
            pass
    assert (sent.ok, sent.answer, sent.peer.pid) == (True, b"hello", os.getpid())
    assert not list(folder.iterdir())


def test_a_mode_is_octal() -> None:
    assert mode_of("0660") == 0o660
    for text in ("", "999", "1777", "rw", "-1"):
        with pytest.raises(ArgumentError):
            mode_of(text)


def test_a_stream_is_echoed_byte_for_byte(folder: Path) -> None:
    data = os.urandom(3_000_000)
    with echoing("s"):
        sent = send(Address.of("s"), data, expect_echo=True, timeout=WAIT)
    assert (sent.sent, sent.received, sent.echo, len(sent.answer)) == (
        len(data),
        len(data),
        True,
        1024 * 1024,
    )


def test_socat_is_answered_on_a_stream(folder: Path) -> None:
    require("socat")
    with echoing("s"):
        done = subprocess.run(
            ["socat", "-", "UNIX-CONNECT:s"], input=b"hello\n", stdout=-1, check=True, timeout=WAIT
        )
    assert done.stdout == b"hello\n"


def test_a_server_that_answers_otherwise_is_no_echo(folder: Path) -> None:
    require("socat")
    argv = ["socat", "-d", "-d", "UNIX-LISTEN:s", "EXEC:tr a-z A-Z"]
    with subprocess.Popen(argv, stderr=subprocess.PIPE) as server:
        try:
            assert server.stderr
            assert any(b"listening on" in line for line in server.stderr)
            sent = send(Address.of("s"), b"hello", expect_echo=True, timeout=WAIT)
            assert (sent.ok, sent.answer) == (False, b"HELLO")
        finally:
            server.terminate()


def test_nobody_there_and_nothing_there_are_told_apart(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as old:
        old.bind("stale")
    Path("file").touch()
    with pytest.raises(Failed, match="nobody listens"):
        send(Address.of("stale"), b"x")
    with pytest.raises(Failed, match="no such socket"):
        send(Address.of("nothing"), b"x")
    with pytest.raises(BadInput, match="no socket"):
        send(Address.of("file"), b"x")


def test_a_silent_server_has_so_long(folder: Path) -> None:
    with bound(Address.of("s"), STREAM), pytest.raises(TimedOut):
        send(Address.of("s"), b"x", timeout=0.2)


@contextmanager
def datagrams(path: str, service: str = "echo") -> Iterator[list[Datagram]]:
    """Serve datagrams in a thread; the list has what came, once the block is over."""
    came: list[Datagram] = []
    ready = threading.Event()
    served: list[ServedDatagrams] = []
    stop, press = os.pipe()

    def run() -> None:
        served.append(
            serve_datagrams(
                Address.of(path), service, stop=stop, ready=ready.set, watch=came.append
            )
        )

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(WAIT)
    try:
        yield came
    finally:
        os.write(press, b"x")
        thread.join()
        os.close(press)
        os.close(stop)
    assert served[0].messages == len(came)


def test_datagrams_are_echoed_with_their_senders_process(folder: Path) -> None:
    with datagrams("d") as came:
        sent = send(Address.of("d"), b"x" * 100_000, kind="datagram", expect_echo=True)
        silent = send(Address.of("d"), b"", kind="datagram", expect_echo=True)
    assert sent.ok
    assert silent.ok
    assert {(each.peer.pid, each.peer.uid) for each in came} == {(os.getpid(), os.getuid())}
    assert [each.fate for each in came] == ["answered", "answered"]


def test_socat_sends_datagrams(folder: Path) -> None:
    require("socat")
    with datagrams("d") as came:
        words = ["socat", "-t0.2", "-", "UNIX-SENDTO:d,bind=own"]
        done = subprocess.run(words, input=b"hello", stdout=-1, check=True, timeout=WAIT)
        nameless = ["socat", "-u", "-", "UNIX-SENDTO:d"]
        subprocess.run(nameless, input=b"hi", check=True, timeout=WAIT)
    assert done.stdout == b"hello"
    assert [(each.sender, each.fate) for each in came] == [("own", "answered"), ("", "no address")]


def test_a_sender_that_never_reads_holds_nobody_up(folder: Path) -> None:
    with datagrams("d") as came, socket.socket(socket.AF_UNIX, DATAGRAM) as deaf:
        deaf.bind("deaf")
        for _ in range(1000):
            deaf.sendto(b"x", "d")
        sent = send(Address.of("d"), b"hello", kind="datagram", expect_echo=True)
    assert sent.ok
    assert "not read" in {each.fate for each in came}


def test_descriptors_that_are_sent_along_are_closed(folder: Path) -> None:
    before = descriptors()
    with datagrams("d") as came, socket.socket(socket.AF_UNIX, DATAGRAM) as client:
        client.connect("d")
        for _ in range(20):
            socket.send_fds(client, [b"x"], [0, 1, 2] * 20)
    assert len(came) == 20
    assert descriptors() == before


def test_a_datagram_that_is_too_large_is_told(folder: Path) -> None:
    with datagrams("d"), pytest.raises(Failed, match="too large"):
        send(Address.of("d"), b"x" * 1_000_000, kind="datagram")


def test_a_stream_is_no_datagram(folder: Path) -> None:
    with echoing("s"), pytest.raises(BadInput, match="--type stream"):
        send(Address.of("s"), b"x", kind="datagram")


def test_a_service_without_datagrams_is_refused(folder: Path) -> None:
    with pytest.raises(ArgumentError):
        serve_datagrams(Address.of("d"), "line")
    assert not Path("d").exists()


def said(command: list[str], source: bytes, **options: object) -> list[bytes]:
    return [line.text for line in pair.converse(command, source, timeout=WAIT, **options)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [b"", b"one\ntwo\n", b"no end", b"x" * 300_000 + b"\n"],
    ids=["nothing", "two lines", "no end", "a long line"],
)
def test_a_child_converses_as_under_socat(text: bytes) -> None:
    require("socat")
    oracle = subprocess.run(
        # Half a second after the one side's end it would not wait for the other's any more.
        ["socat", "-t", str(WAIT), "-", "EXEC:cat -n"],
        input=text,
        stdout=-1,
        check=True,
        timeout=WAIT,
    )
    ours = said(["cat", "-n"], text)
    assert b"".join(ours) == oracle.stdout.replace(b"\n", b"")


def test_the_lines_of_a_file_are_said(folder: Path) -> None:
    Path("lines").write_text("a\nb\n")
    descriptor = os.open("lines", os.O_RDONLY)
    assert [line.text for line in pair.converse(["tr", "a-z", "A-Z"], descriptor)] == [b"A", b"B"]
    os.close(descriptor)


TAKER = """
import os, socket
sock = socket.socket(fileno=0)
data, descriptors, _, _ = socket.recv_fds(sock, 100, 1)
print(data.decode(), os.read(descriptors[0], 100).decode(), flush=True)
"""


def test_a_descriptor_is_passed(folder: Path) -> None:
    Path("secret").write_text("what the file holds")
    before = descriptors()
    words = [sys.executable, "-c", TAKER]
    assert said(words, b"hello", pass_file=Path("secret")) == [b"hello what the file holds"]
    assert said(["cat"], b"hello", pass_file=Path("secret")) == [b"hello"]
    assert descriptors() == before


@pytest.mark.parametrize(
    ("script", "fate"),
    [("exit 3", "status 3"), ("kill -9 $$", "SIGKILL"), ("echo out; kill -TERM $$", "SIGTERM")],
)
def test_the_fate_of_a_child_is_told(script: str, fate: str) -> None:
    with pytest.raises(CommandFailed, match=fate):
        said(["sh", "-c", script], b"x" * 500_000)


def test_the_time_limit_ends_all_that_a_child_started(folder: Path) -> None:
    script = "trap '' TERM; sleep 60 & echo $! > pid; wait"
    with pytest.raises(TimedOut):
        list(pair.converse(["sh", "-c", script], b"", timeout=0.5))
    assert is_gone(int(Path("pid").read_text()))


def test_a_child_that_leaves_another_behind_is_done(folder: Path) -> None:
    begun = time.monotonic()
    assert said(["sh", "-c", "sleep 60 & echo $! > pid; echo done"], b"") == [b"done"]
    assert time.monotonic() - begun < WAIT / 2
    assert is_gone(int(Path("pid").read_text()))


def is_gone(pid: int) -> bool:
    """Whether a process is gone, or a zombie that nobody here has to wait for."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    return False


def test_what_cannot_be_run_is_bad_input(folder: Path) -> None:
    with pytest.raises(BadInput, match="cannot be run"):
        said(["nosuch"], b"")
    with pytest.raises(BadInput, match="cannot be opened"):
        said(["cat"], b"", pass_file=Path("nothing"))
    for text in ("", "'"):
        with pytest.raises(ArgumentError):
            pair.words(text)

"""Waiting for servers that start late, go down, flap, or say other things than expected."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
import trustme

import wirework.net.wait.look as look_module
from tests.net.small_servers import Handler, answers, ends, full, says, serving, silent
from tests.servers.running import free_port
from wirework.errors import BadInput
from wirework.net.wait import Awaited, Waited, Wish, wait_for
from wirework.net.wait.targets import Kind, targets

LATE = 0.3
PATIENT = 20.0


def wait(text: str, **wish: object) -> Waited:
    return wait_for(text, Wish(**{"timeout": PATIENT, "interval": 0.05, **wish}))  # type: ignore[arg-type]


@contextlib.contextmanager
def after(seconds: float, work: Callable[[], None]) -> Iterator[None]:
    """Do something meanwhile, a while from now."""
    timer = threading.Timer(seconds, work)
    timer.start()
    try:
        yield
    finally:
        timer.join(PATIENT)


@contextlib.contextmanager
def starting_late(handler: Handler, port: int, seconds: float = LATE) -> Iterator[None]:
    with (
        contextlib.ExitStack() as stack,
        after(seconds, lambda: stack.enter_context(serving(handler, port=port)) and None),
    ):
        yield


def test_a_server_that_starts_late_is_waited_for() -> None:
    port = free_port()
    with starting_late(silent, port):
        found = wait(f"127.0.0.1:{port}")
    (awaited,) = found.targets
    assert found.ok
    assert awaited.reached
    assert LATE <= awaited.seconds < PATIENT / 2
    assert awaited.tries > 1
    assert awaited.seen == "takes connections"
    assert found.summary.startswith("1 of 1 up after ")


def test_several_are_waited_for_at_the_same_time(tmp_path: Path) -> None:
    port, path, ready = free_port(), tmp_path / "s", tmp_path / "ready"
    with (
        serving(says(b"220 hi\r\n")) as there,
        starting_late(silent, port),
        contextlib.ExitStack() as stack,
        after(LATE, lambda: stack.enter_context(serving(silent, path=str(path))) and None),
        after(LATE, ready.touch),
    ):
        found = wait(f"tcp://127.0.0.1:{there}, localhost:{port} unix://{path},file://{ready}")
        assert found.ok, found.summary
        assert found.seconds < 4 * LATE + 2
        assert [each.kind for each in found.targets] == ["tcp", "tcp", "unix", "file"]
        assert found.targets[0].seconds < LATE


def test_one_deadline_ends_it_and_what_was_last_seen_is_told(tmp_path: Path) -> None:
    stale = tmp_path / "stale"
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(stale))
    datagrams = tmp_path / "datagrams"
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other,
        full() as dropping,
        serving(says(b"220 hi\r\n")) as there,
        serving(silent) as mute,
        serving(ends()) as gone_at_once,
    ):
        other.bind(str(datagrams))
        closed = free_port()
        began = time.monotonic()
        found = wait(
            f"127.0.0.1:{closed} 127.0.0.1:{there} 127.0.0.1:{mute} 127.0.0.1:{gone_at_once}"
            f" 127.0.0.1:{dropping} unix://{stale} unix://{datagrams} unix://{tmp_path}/no"
            f" file://{tmp_path}/no no-such.invalid:80",
            expect="^250",
            timeout=1.4,
        )
        took = time.monotonic() - began
    assert not found.ok
    assert 1.1 < took < 6
    seen = [each.last_seen for each in found.targets]
    for line, words in zip(
        seen,
        [
            "refused: nothing listens there (ECONNREFUSED), for 1 s",
            r"connected, but it said '220 hi\r\n', but not what is expected",
            "takes connections, but says nothing",
            "connected, but it ended the connection without a word",
            "no answer",
            "refused: nothing listens there (ECONNREFUSED)",
            "is a socket, but no stream socket (EPROTOTYPE)",
            "is not there (ENOENT)",
            "is not there (ENOENT)",
            "",
        ],
        strict=True,
    ):
        assert line.startswith(words), (line, words)
    assert found.summary.startswith("0 of 10 up after 1.")


def test_a_server_that_ends_is_waited_for() -> None:
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(serving(silent))
        with after(LATE, stack.close):
            found = wait(f"127.0.0.1:{port}", down=True)
    assert found.ok
    assert found.targets[0].seconds >= LATE / 2
    assert found.targets[0].seen.startswith("refused")
    assert found.wanted == "down"


def test_what_cannot_be_looked_up_is_not_known_to_be_down() -> None:
    found = wait("no-such.invalid:80", down=True, timeout=0.4)
    assert not found.ok


def test_a_file_that_goes_away_is_waited_for(tmp_path: Path) -> None:
    lock = tmp_path / "a lock"
    lock.touch()
    with after(LATE, lock.unlink):
        assert wait(f"file://{tmp_path}/a%20lock", down=True).ok


def test_one_of_several_is_enough_and_does_not_wait_for_the_others() -> None:
    before = set(threading.enumerate())
    with full() as dropping, serving(silent) as mute, serving(says(b"hi")) as there:
        began = time.monotonic()
        text = f"127.0.0.1:{dropping},127.0.0.1:{mute},127.0.0.1:{there}"
        found = wait(text, any=True, expect="hi")
        assert time.monotonic() - began < PATIENT / 4
        assert [each.reached for each in found.targets] == [False, False, True]
        assert found.ok
        # The stop reaches those that wait for a connection or an answer.
        for thread in set(threading.enumerate()) - before:
            if thread.name.startswith("wait "):
                thread.join(PATIENT / 4)
                assert not thread.is_alive()


def test_a_silent_address_does_not_keep_from_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with full() as dropping, serving(silent) as there:
        # No name of this machine has two addresses that differ so.
        found = [(socket.AF_INET, ("127.0.0.1", port)) for port in (dropping, there)]
        monkeypatch.setattr(look_module, "resolve", lambda *_, **__: found)
        assert wait("both.test:80", timeout=2.0).ok
        monkeypatch.setattr(look_module, "resolve", lambda *_, **__: [found[0], found[0]])
        assert wait("both.test:80", timeout=0.4).targets[0].seen == "no answer"


def test_a_flapping_server_is_not_stable() -> None:
    port = free_port()
    flaps = 0

    def flap() -> None:
        nonlocal flaps
        for flaps in range(1, 3):  # noqa: B007
            with serving(silent, port=port):
                time.sleep(0.25)
            time.sleep(0.15)
        stack.enter_context(serving(silent, port=port))

    with contextlib.ExitStack() as stack, after(0, flap):
        found = wait(f"127.0.0.1:{port}", stable=0.8)
        assert flaps == 2
    assert found.ok
    (awaited,) = found.targets
    assert awaited.lost >= 1
    assert awaited.seconds > 1.6


def test_a_status_is_waited_for() -> None:
    began = time.monotonic()

    def starts_up(client: socket.socket) -> None:
        request = client.recv(65536)
        assert request.startswith(b"GET /health?a=b%20c HTTP/1.1\r\nHost: localhost:")
        status = b"503 Wait" if time.monotonic() - began < LATE else b"204 Ready"
        client.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")

    with serving(starts_up) as port:
        found = wait(f"http://localhost:{port}/health?a=b%20c#part")
        assert found.ok
        assert found.targets[0].seen == "answers with status 204"
        assert found.targets[0].seconds >= LATE / 2
        late = wait(f"http://localhost:{port}/health?a=b%20c", status="200,201", timeout=0.3)
    assert late.targets[0].seen == "answers with status 204, not 200 or 201"


PAGES = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready", "answers with status 200"),
    (b"HTTP/1.0 200 OK\r\n\r\nready", "answers with status 200"),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrea\r\n2\r\ndy\r\n0\r\n\r\n",
        "answers with status 200",
    ),
    (b"HTTP/1.1 200 OK\r\n\r\nwait", "status 200, but not the text that is expected"),
    (b"HTTP/1.1 301 Moved\r\nLocation: /x\r\n\r\nready", "answers with status 301"),
    (b"HTTP/1.1 404 No\r\n\r\nready", "answers with status 404"),
    (b"SSH-2.0-x\r\n", r"speaks no HTTP, but says 'SSH-2.0-x\r\n'"),
    (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70_000, "speaks no HTTP, but says 'HTTP/1.1 200 OK"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", "status 200, but not the text"),
    (b"", "ended the connection without a word"),
]


@pytest.mark.parametrize(("page", "seen"), PAGES)
def test_a_page_s_text_is_looked_at(page: bytes, seen: str) -> None:
    with serving(answers(page)) as port:
        found = wait(f"http://127.0.0.1:{port}", expect="^ready$", timeout=0.3)
    assert found.targets[0].seen.startswith(seen)
    assert found.ok == (seen in ("answers with status 200", "answers with status 301"))


def test_certificates_are_checked(tmp_path: Path) -> None:
    authority, elsewhere = trustme.CA(), trustme.CA()
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))

    def context(ca: trustme.CA) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("localhost").configure_cert(made)
        return made

    page = answers(b"HTTP/1.1 200 OK\r\n\r\n")
    with (
        serving(page, tls=context(authority)) as good,
        serving(page, tls=context(elsewhere)) as bad,
        serving(says(b"220\r\n")) as plain,
    ):
        found = wait(
            f"https://localhost:{good},tls://localhost:{good}"
            f",https://localhost:{bad},tls://localhost:{plain},tls://127.0.0.1:{good}",
            ca=str(path),
            timeout=0.5,
        )
        assert not wait(f"tls://localhost:{bad}", ca=str(path), down=True, timeout=0.3).ok
    assert [each.seen for each in found.targets] == [
        "answers with status 200",
        "speaks TLS",
        "its issuer is not known here",
        r"it speaks no TLS, but says '220\r\n'",
        "the certificate is for another address",
    ]


def test_silence_is_told_by_how_far_it_went() -> None:
    with serving(silent) as port:
        found = wait(f"http://127.0.0.1:{port},tls://127.0.0.1:{port}", timeout=0.3)
    assert [each.seen for each in found.targets] == [
        "takes connections, but does not answer a request",
        "takes connections, but does not answer a TLS handshake",
    ]


def test_what_a_file_holds_is_looked_at(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.write_text("starting\n")
    with after(LATE, lambda: state.write_text("starting\nready\n") and None):
        assert wait(f"file://{state}", expect="^ready$").ok
    found = wait(f"file://{tmp_path}", expect="x", timeout=0.2)
    assert found.targets[0].seen == "is there, but no plain file"


def test_who_watches_sees_how_things_stand() -> None:
    class Seen:
        def __init__(self) -> None:
            self.states: list[list[bool]] = []
            self.inside = False

        def __enter__(self) -> Self:
            self.inside = True
            return self

        def __exit__(
            self, kind: type[BaseException] | None, e: object, trace: TracebackType | None
        ) -> None:
            self.inside = False

        def seen(self, targets: Sequence[Awaited]) -> None:
            assert self.inside
            self.states.append([each.reached for each in targets])

    watch, port = Seen(), free_port()
    with serving(silent) as there, starting_late(silent, port):
        wait_for(f"127.0.0.1:{there},127.0.0.1:{port}", Wish(interval=0.05), watch=watch)
    assert [True, False] in watch.states
    assert watch.states[-1] == [True, True]
    assert not watch.inside


@pytest.mark.parametrize(
    ("text", "kind", "server", "path"),
    [
        ("web:80", Kind.TCP, "web:80", ""),
        ("TCP://[::1]:80/", Kind.TCP, "[::1]:80", ""),
        ("tls://web:443", Kind.TLS, "web:443", ""),
        ("http://web", Kind.HTTP, "web:80", "/"),
        ("https://[::1]/", Kind.HTTPS, "[::1]:443", "/"),
        ("https://web/a?q=ü#x", Kind.HTTPS, "web:443", "/a?q=%C3%BC"),
        ("unix:///run/a%20b", Kind.UNIX, "None", "/run/a b"),
        ("unix://@name", Kind.UNIX, "None", "@name"),
        ("file:///run/x", Kind.FILE, "None", "/run/x"),
    ],
)
def test_targets_are_read(text: str, kind: Kind, server: str, path: str) -> None:
    (found,) = targets(text)
    assert (found.kind, str(found.server), found.path) == (kind, server, path)


def test_targets_are_separated_by_commas_and_blanks_and_counted_once() -> None:
    found = targets(" a:1,b:2  a:1\n,c:3 ")
    assert [each.text for each in found] == ["a:1", "b:2", "c:3"]


BAD: list[tuple[str, dict[str, object]]] = [
    ("", {}),
    ("web", {}),
    ("web:0", {}),
    ("web:http", {}),
    ("udp://web:53", {}),
    ("tcp://web:80/path", {}),
    ("tls://web", {}),
    ("unix://", {}),
    (f"unix:///{'x' * 200}", {}),
    ("file://x", {}),
    ("file:///x%00", {}),
    ("http://", {}),
    ("http://[::1", {}),
    ("http://web:99999/", {}),
    (" ".join(f"h:{n}" for n in range(1, 70)), {}),
    ("web:80", {"timeout": 0}),
    ("web:80", {"interval": 0}),
    ("web:80", {"stable": -1}),
    ("web:80", {"stable": 60, "timeout": 60}),
    ("web:80", {"expect": "["}),
    ("web:80", {"status": "200"}),
    ("http://web", {"status": "ok"}),
    ("http://web", {"status": "99"}),
    ("http://web", {"ca": "/x"}),
    ("https://web", {"ca": "/nowhere"}),
]


@pytest.mark.parametrize(("text", "wish"), BAD)
def test_bad_input_is_refused(text: str, wish: dict[str, object]) -> None:
    with pytest.raises(BadInput) as caught:
        wait(text, **wish)
    assert "\n" not in str(caught.value)


def test_a_password_is_not_repeated() -> None:
    with pytest.raises(BadInput) as caught:
        wait("http://me:hush@web/")
    assert "hush" not in str(caught.value)

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest
import trustme

from tests.serving.talk import ECHO, Quiet, serving
from wirework.errors import BadInput, Failed
from wirework.net.converse import converse
from wirework.net.dial import dial
from wirework.net.services import service
from wirework.serving.limits import Limits
from wirework.serving.listen import Place
from wirework.serving.running import running
from wirework.serving.tls import client_context, server_context

BIG = os.urandom(3_000_000)


def test_a_long_echo_is_checked_to_the_last_byte() -> None:
    with running(ECHO) as server:
        said = converse(*server.address, BIG, expect_echo=True)
    assert (said.sent, said.received, said.echoed, said.problem) == (len(BIG), len(BIG), True, "")
    assert said.data == BIG[: 1024 * 1024]


def test_a_file_is_sent_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(BIG)
    got = bytearray()
    with running(ECHO) as server, path.open("rb") as file:
        said = converse(*server.address, file.fileno(), expect_echo=True, take=got.extend)
    assert said.ok
    assert bytes(got) == BIG
    assert said.data == b""


def test_a_pipe_is_sent_as_it_comes() -> None:
    ours, its = os.pipe()
    answers: list[bytes] = []

    def answered(data: bytes) -> None:
        # Only what has come back lets the next word out.
        answers.append(data)
        if len(answers) < 3:
            os.write(its, b"next")
        else:
            os.close(its)

    os.write(its, b"first")
    with running(ECHO) as server:
        said = converse(*server.address, ours, expect_echo=True, take=answered)
    os.close(ours)
    assert said.ok
    assert answers == [b"first", b"next", b"next"]


class Liar(Quiet):
    """Its echo is not quite one."""

    def received(self, data: bytes) -> None:
        self.wire.write(data.replace(b"7", b"8"))


class Short(Quiet):
    """It keeps the last byte."""

    def received(self, data: bytes) -> None:
        self.wire.write(data[:-1])


class Resets(Quiet):
    """It throws its clients out."""

    def received(self, data: bytes) -> None:
        del data
        self.wire.abort()


class Silent(Quiet):
    """It never ends."""

    def ended(self) -> None:
        pass


@pytest.mark.parametrize(
    ("session", "problem"),
    [
        (Liar, "byte 8 of the answer is not what was sent"),
        (Short, "the other end ended, and 1 bytes did not come back"),
        (Resets, "reset by the other end"),
        (Silent, "the other end did not end within the time limit"),
    ],
)
def test_what_is_no_echo_is_told(session: type[Quiet], problem: str) -> None:
    with running(serving(session), limits=Limits(quiet=0.05)) as server:
        said = converse(*server.address, b"01234567", expect_echo=True, timeout=0.5)
    assert (said.problem, said.ok, said.echoed) == (problem, False, False)


def test_a_refused_connection_is_told_in_words() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        said = converse(*sock.getsockname(), b"x")
    assert said.problem == "refused: nothing listens there"


def test_a_server_that_takes_no_connection_is_given_up_in_time() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(0)
        with socket.create_connection(sock.getsockname()):  # the queue is full
            start = time.monotonic()
            said = converse(*sock.getsockname(), b"x", timeout=0.3)
    assert said.problem.endswith("within the time limit")
    assert time.monotonic() - start < 3


def test_the_other_family_is_tried_when_one_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(ECHO) as server:
        port = server.address[1]
        both = [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
        said = converse("two.example", port, b"x", expect_echo=True)
    assert (said.address, said.ok) == ("127.0.0.1", True)


def test_every_address_that_failed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        both = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("255.255.255.255", port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
        with pytest.raises(Failed) as caught:
            dial("two.example", port, deadline=time.monotonic() + 5)
    assert "127.0.0.1: refused" in caught.value.message
    assert "255.255.255.255: " in caught.value.message


def test_tls_is_spoken_and_its_end_too(tmp_path: Path) -> None:
    authority = trustme.CA()
    pem, ca = tmp_path / "server.pem", tmp_path / "ca.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pem)
    authority.cert_pem.write_to_path(ca)
    with running(ECHO, tls=server_context(pem), limits=Limits(quiet=0.05)) as server:
        context = client_context(ca)
        said = converse(*server.address, BIG, expect_echo=True, tls=context)
        assert (said.problem, said.tls) == ("", "TLSv1.3")
        stranger = converse(*server.address, b"x", tls=client_context())
        assert stranger.problem.startswith("no TLS: ")
    with running(service("daytime"), tls=server_context(pem)) as server:
        assert b"UTC" in converse(*server.address, b"", tls=client_context(ca)).data


def test_a_server_that_is_silent_in_the_handshake_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        said = converse(*sock.getsockname(), b"", tls=client_context(), timeout=0.3)
    assert said.problem == "no TLS within the time limit"


@pytest.mark.parametrize("port", [0, 65536, -1])
def test_no_port_is_refused(port: int) -> None:
    with pytest.raises(BadInput, match="between 1 and 65535"):
        converse("127.0.0.1", port, b"")


def test_v6_is_spoken() -> None:
    with running(ECHO, [Place("::1")]) as server:
        assert converse("::1", server.places[0].port, b"x", expect_echo=True).ok

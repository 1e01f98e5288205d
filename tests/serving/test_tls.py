"""TLS under every model."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.serving.talk import ECHO, MODELS, TIMEOUT, client, read_all
from wirework.errors import BadInput
from wirework.serving.limits import Limits
from wirework.serving.running import Running, running
from wirework.serving.tls import server_context

BIG = random.Random(7).randbytes(1_500_000)  # noqa: S311  (not a secret)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def pem(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(path)
    return path


@contextlib.contextmanager
def secure(server: Running, authority: trustme.CA) -> Iterator[ssl.SSLSocket]:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with (
        client(server) as sock,
        context.wrap_socket(sock, server_hostname="localhost") as wrapped,
    ):
        yield wrapped


def both_ways(sock: ssl.SSLSocket, data: bytes) -> bytes:
    """Send and read in turn: more than all buffers would hold otherwise."""
    sock.setblocking(False)
    got, sent = bytearray(), 0
    while len(got) < len(data):
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
            if sent < len(data):
                sent += sock.send(data[sent : sent + 65536])
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
            got += sock.recv(65536)
    sock.settimeout(TIMEOUT)
    return bytes(got)


@pytest.mark.parametrize("model", MODELS)
def test_everything_comes_back_and_the_servers_end_is_told(
    model: str, pem: Path, authority: trustme.CA
) -> None:
    limits = Limits(quiet=0.05)
    with (
        running(ECHO, model=model, tls=server_context(pem), limits=limits) as server,
        secure(server, authority) as sock,
    ):
        assert both_ways(sock, BIG) == BIG
        sock.unwrap()  # both ends are told, so it comes back
    assert server.served is not None
    assert server.served.endings == {"done": 1}
    assert server.served.bytes_in == server.served.bytes_out == len(BIG)


@pytest.mark.parametrize("model", MODELS)
def test_who_speaks_no_tls_is_told_and_counted(model: str, pem: Path) -> None:
    with running(ECHO, model=model, tls=server_context(pem)) as server, client(server) as sock:
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert read_all(sock)[:1] in (b"", b"\x15")  # nothing, or an alert (RFC 8446, 6)
    assert server.served is not None
    assert server.served.endings == {"no TLS": 1}


@pytest.mark.parametrize("model", MODELS)
def test_a_handshake_has_a_time_limit_of_its_own(model: str, pem: Path) -> None:
    limits = Limits(handshake=0.2)
    with (
        running(ECHO, model=model, tls=server_context(pem), limits=limits) as server,
        client(server) as sock,
        contextlib.suppress(ConnectionResetError),
    ):
        assert read_all(sock) == b""
    assert server.served is not None
    assert server.served.endings == {"no TLS": 1}


def test_the_client_may_end_tls_and_read_on(pem: Path, authority: trustme.CA) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    speaker = context.wrap_bio(incoming, outgoing, server_hostname="localhost")

    with running(ECHO, tls=server_context(pem)) as server, client(server) as sock:
        while True:
            try:
                speaker.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65536))
        speaker.write(b"a last word")
        with contextlib.suppress(ssl.SSLWantReadError):
            speaker.unwrap()  # close_notify goes out right behind it
        sock.sendall(outgoing.read())
        sock.shutdown(socket.SHUT_WR)
        incoming.write(read_all(sock))
        assert speaker.read(100) == b"a last word"


def test_tls_before_1_2_is_refused(pem: Path) -> None:
    assert server_context(pem).minimum_version == ssl.TLSVersion.TLSv1_2


def test_files_that_do_not_do_are_refused(pem: Path, authority: trustme.CA, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    authority.issue_cert("localhost").private_key_pem.write_to_path(other)
    junk = tmp_path / "junk.pem"
    junk.write_text("no PEM")
    for certificate, key, message in (
        (tmp_path / "none", None, "No such file"),
        (junk, None, "no usable certificate and key"),
        (pem, other, "not the certificate's key"),
    ):
        with pytest.raises(BadInput, match=message):
            server_context(certificate, key)

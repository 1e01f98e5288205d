"""Checking pages of real servers on loopback, of which some behave badly."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from wirework.errors import BadInput
from wirework.http import check as module
from wirework.http.check import check

PAGE = "<p>All is well, später too</p>"


class Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        match self.path.split("/")[1:]:
            case ["page", *charset]:
                encoding = charset[0] if charset in (["latin-1"], ["utf-8"]) else "utf-8"
                kind = f"text/html; charset={charset[0]}" if charset else "text/html"
                self.answer(200, PAGE.encode(encoding), kind=kind)
            case ["agent"]:
                self.answer(200, self.headers["User-Agent"].encode())
            case ["status", code]:
                self.answer(int(code), b"as asked for")
            case ["hop", left]:
                following = f"/hop/{int(left) - 1}" if left != "0" else ""
                self.answer(302 if following else 200, b"the end", location=following)
            case ["to", *where]:
                self.answer(302, b"", location="/".join(where) or self.path)
            case ["large"]:
                self.answer(200, bytes(3_000_000) + b"the end")
            case ["short"]:
                self.answer(200, b"cut off", length=1000)
            case ["drip"]:
                self.drip()
            case _:
                self.answer(404, b"nothing here")

    def answer(
        self,
        code: int,
        body: bytes,
        *,
        kind: str = "text/plain",
        location: str = "",
        length: int | None = None,
    ) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            return  # the client had enough

    def drip(self) -> None:
        """Send a byte now and then, each in time for a timeout that begins anew."""
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(100):
                self.wfile.write(b".")
                time.sleep(0.05)
        except ConnectionError:
            return

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Pages)) as server:
        yield f"http://127.0.0.1:{server.server_address[1]}"


def test_a_page_as_it_should_be(site: str) -> None:
    checked = check(f"{site}/page", contains="All is well")
    assert checked.ok
    assert (checked.url, checked.status, checked.problem) == (f"{site}/page", 200, "")
    assert checked.size == len(PAGE.encode())
    assert 0 < checked.seconds < 5


@pytest.mark.parametrize("path", ["page", "page/utf-8", "page/latin-1", "page/no-such-charset"])
def test_text_is_found_however_the_page_is_encoded(site: str, path: str) -> None:
    assert check(f"{site}/{path}", contains="später").ok


def test_text_that_is_missing(site: str) -> None:
    checked = check(f"{site}/page", contains="bad news")
    assert not checked.ok
    assert checked.problem == "the text 'bad news' is not there"


def test_another_status(site: str) -> None:
    checked = check(f"{site}/status/503", contains="as asked for")
    assert (checked.status, checked.problem) == (503, "status 503, not 200")


def test_any_of_several_statuses(site: str) -> None:
    assert check(f"{site}/status/404", status=(200, 404)).ok
    assert check(f"{site}/status/500", status=(200, 404)).problem == "status 500, not 200 or 404"


def test_the_agent_says_who_asks(site: str) -> None:
    assert check(f"{site}/agent", contains=f"wirework/{version('wirework')}").ok


def test_five_redirects_are_followed_and_no_more(site: str) -> None:
    assert check(f"{site}/hop/5", contains="the end").ok
    assert check(f"{site}/hop/6").problem == "redirects more than 5 times"


def test_a_redirect_loop(site: str) -> None:
    assert check(f"{site}/to/").problem == "redirects more than 5 times"


def test_a_redirect_that_is_wanted_is_not_followed(site: str) -> None:
    assert check(f"{site}/to//page", status=302).ok


def test_a_redirect_away_from_http(site: str) -> None:
    checked = check(f"{site}/to/ftp://127.0.0.1/x")
    assert checked.problem == "redirects from http to ftp, which is not followed"


def test_a_large_page_is_read_up_to_the_bound(site: str) -> None:
    checked = check(f"{site}/large", contains="the end")
    assert checked.size == module.MOST_BYTES
    assert checked.problem == "the text 'the end' is not there in its first MiB"


def test_an_answer_that_breaks_off(site: str) -> None:
    assert check(f"{site}/short").problem == "the connection ended before the answer did"


def test_a_server_that_drips_does_not_hold_us(site: str) -> None:
    checked = check(f"{site}/drip", timeout=0.4)
    assert checked.problem == "no whole answer within 0.4 s"
    assert checked.seconds < 2


def test_a_server_that_drips_its_headers_does_not_either() -> None:
    def drip(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\n")
        for _ in range(30):
            client.sendall(b"X")
            time.sleep(0.05)

    with _answering(drip) as url:
        checked = check(url, timeout=0.4)
    assert checked.problem == "no whole answer within 0.4 s"
    assert checked.seconds < 1.2


def test_a_server_that_is_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        checked = check(f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout=0.3)
    assert (checked.status, checked.size) == (None, 0)
    assert checked.problem == "no whole answer within 0.3 s"
    assert checked.seconds < 2


def test_a_port_where_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    checked = check(f"http://127.0.0.1:{port}/")
    assert checked.problem == "connection refused: nothing listens there"


def test_a_server_that_hangs_up() -> None:
    with _answering(lambda client: client.close()) as url:
        assert check(url).problem == "the connection ended before the answer did"


def test_a_server_that_speaks_something_else() -> None:
    with _answering(lambda client: client.sendall(b"SSH-2.0-it is me\r\n")) as url:
        checked = check(url)
    assert "\n" not in checked.problem
    assert "SSH-2.0-it is me" in checked.problem


def test_a_name_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **options: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    checked = check("http://nowhere.invalid/")
    assert checked.problem == "the host's name is not known: Name or service not known"


def test_a_name_server_that_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*args: object, **options: object) -> object:
        time.sleep(1.5)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    checked = check("http://nowhere.invalid/", timeout=0.2)
    assert checked.problem == "no whole answer within 0.2 s"
    assert checked.seconds < 1


def test_tls_that_is_not_trusted_and_tls_that_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with _serving(server):
        url = f"https://127.0.0.1:{server.server_address[1]}"
        assert check(f"{url}/page").problem.startswith("its certificate is not trusted: ")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "server.pem"))
        assert check(f"{url}/page").ok
        checked = check(f"{url}/to/http://127.0.0.1/x")
    assert checked.problem == "redirects from https to http, which is not followed"


def test_tls_asked_of_a_server_without_it(site: str) -> None:
    assert check(site.replace("http", "https")).problem.startswith("no TLS connection: ")


def test_proxies_are_not_used_for_this_machine(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert check(f"{site}/page").ok
    assert check(f"{site.replace('127.0.0.1', 'localhost')}/page").ok
    assert not check("http://nowhere.invalid/").ok


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "'' is no URL"),
        ("127.0.0.1/page", "'127.0.0.1/page' is no URL"),
        ("ftp://127.0.0.1/", "'ftp://127.0.0.1/' is no http or https URL (as in http://"),
        ("file:///etc/passwd", "'file:///etc/passwd' is no http or https URL"),
        ("http://", "'http://' is no URL"),
        ("http://127.0.0.1:0/", "'http://127.0.0.1:0/' is no http or https URL"),
        ("http://127.0.0.1:99999/", "'http://127.0.0.1:99999/' is no URL: Port out of range"),
        ("http://127.0.0.1:web/", "'http://127.0.0.1:web/' is no URL: Port could not be cast"),
        ("http://[::1/", "'http://[::1/' is no URL: Invalid IPv6 URL"),
        ("http://me:pass@127.0.0.1/", "a URL to check holds no password (leave out what stands"),
    ],
)
def test_what_is_no_url_is_refused(url: str, problem: str) -> None:
    with pytest.raises(BadInput) as caught:
        check(url)
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize("status", [0, 99, 600, (), (200, 1000)])
def test_what_is_no_status_is_refused(status: int | tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match="an HTTP status is between 100 and 599, not "):
        check("http://127.0.0.1/", status=status)


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan")])
def test_what_is_no_timeout_is_refused(timeout: float) -> None:
    with pytest.raises(BadInput, match="a timeout is a number of seconds above 0, not "):
        check("http://127.0.0.1/", timeout=timeout)


class _serving:  # noqa: N801  (reads as what it does)
    """Serve in a thread while the block runs."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.server = server
        self.thread = threading.Thread(target=server.serve_forever, args=(0.02,))

    def __enter__(self) -> ThreadingHTTPServer:
        self.thread.start()
        return self.server

    def __exit__(self, *trouble: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class _answering:  # noqa: N801  (the same)
    """Accept one client while the block runs, read its request, and answer it in some own way."""

    def __init__(self, answer: Callable[[socket.socket], None]) -> None:
        self.answer = answer
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.serve)

    def serve(self) -> None:
        client, _ = self.listener.accept()
        with client:
            client.recv(65536)
            try:
                self.answer(client)
            except ConnectionError:
                return

    def __enter__(self) -> str:
        self.thread.start()
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/"

    def __exit__(self, *trouble: object) -> None:
        self.thread.join(10)
        self.listener.close()


def _certificate(folder: Path) -> Path:
    """Write a certificate for 127.0.0.1, signed by itself, and its key into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    day = dt.timedelta(days=1)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path

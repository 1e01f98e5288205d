"""A probe of TLS servers whose certificates, versions or manners are wrong."""

from __future__ import annotations

import hashlib
import ssl
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.net.small_servers import answers, ends, says, serving, silent
from wirework.net.probe import Asking, Probe, probe

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(made)
    return made


def self_signed(tmp_path: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "box")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "self.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(path)
    return found


def probed(port: int, host: str = "localhost", **options: object) -> Probe:
    given = {"tls": True, "timeout": 10.0, "family": "4", **options}
    return probe(host, str(port), Asking(**given))  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["blocking", "timeout", "nonblocking"])
def test_a_good_certificate_is_told(authority: trustme.CA, ca: str, mode: str) -> None:
    leaf = authority.issue_cert(
        "localhost", "127.0.0.1", not_after=NOW + timedelta(days=30, hours=1)
    )
    with serving(says(b"220 hi\r\n"), tls=context(leaf)) as port:
        found = probed(port, ca=ca, mode=mode, expect="220", send="hello")
    assert found.ok, found.problem
    names = [stage.name for stage in found.stages]
    assert names == ["resolve", "connect", "tls", "send", "receive"]
    assert found.tls is not None
    assert (found.tls.version, found.tls.server_name) == ("TLS 1.3", "localhost")
    assert found.tls.cipher.startswith("TLS_")
    told = found.tls.certificate
    assert told is not None
    assert told.names == ("localhost", "127.0.0.1")
    assert told.days_left == 30
    der = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
    assert told.sha256 == hashlib.sha256(der).hexdigest()
    assert "TLS 1.3" in found.summary


CERTIFICATES: list[tuple[str, Callable[[trustme.CA], trustme.LeafCert], str, str]] = [
    (
        "expired",
        lambda ca: ca.issue_cert(
            "localhost", not_before=NOW - timedelta(days=9), not_after=NOW - timedelta(days=3.5)
        ),
        "expired",
        "the certificate expired 3 days ago",
    ),
    (
        "not yet valid",
        lambda ca: ca.issue_cert(
            "localhost", not_before=NOW + timedelta(hours=5.5), not_after=NOW + timedelta(days=3)
        ),
        "not yet valid",
        "the certificate is valid in 5 h only",
    ),
    (
        "another name",
        lambda ca: ca.issue_cert("a.test", "b.test", "c.test", "d.test", "10.1.1.1"),
        "wrong name",
        "the certificate is not for localhost but for a.test, b.test, c.test and 2 more",
    ),
    (
        "another authority",
        lambda _: trustme.CA(organization_name="Elsewhere").issue_cert("localhost"),
        "unknown issuer",
        "its issuer, ",
    ),
]


@pytest.mark.parametrize(
    ("issue", "cause", "words"), [row[1:] for row in CERTIFICATES], ids=[r[0] for r in CERTIFICATES]
)
def test_a_bad_certificate_is_told_with_what_is_bad(
    authority: trustme.CA,
    ca: str,
    issue: Callable[[trustme.CA], trustme.LeafCert],
    cause: str,
    words: str,
) -> None:
    with serving(silent, tls=context(issue(authority))) as port:
        found = probed(port, ca=ca)
    assert (found.failed, found.cause) == ("tls", cause)
    assert found.problem.startswith(words)
    assert found.tls is not None
    assert found.tls.certificate is not None
    assert found.tls.version == ""


def test_an_address_has_to_be_in_the_certificate(authority: trustme.CA, ca: str) -> None:
    with serving(silent, tls=context(authority.issue_cert("localhost"))) as port:
        found = probed(port, "127.0.0.1", ca=ca)
        assert (found.cause, found.problem) == (
            "wrong name",
            "the certificate is not for 127.0.0.1 but for localhost",
        )
        assert probed(port, "127.0.0.1", ca=ca, server_name="localhost").ok


def test_a_self_signed_certificate_is_told(tmp_path: Path) -> None:
    with serving(silent, tls=self_signed(tmp_path)) as port:
        found = probed(port)
    assert (found.failed, found.cause) == ("tls", "self-signed")
    assert "self-signed" in found.problem


def test_a_server_of_tls_1_0_is_told(authority: trustme.CA, ca: str) -> None:
    old = context(authority.issue_cert("localhost"))
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1
    with serving(silent, tls=old) as port:
        found = probed(port, ca=ca)
    assert (found.failed, found.cause) == ("tls", "protocol")
    # An alert says no version, a hello does; which of them comes is the server's library's choice.
    assert found.problem in (
        "it wants an older version, and TLS 1.2 is the least that is safe",
        "it wants TLS 1.0, and TLS 1.2 is the least that is safe",
    )


def test_a_server_that_answers_with_tls_1_0_is_told() -> None:
    hello = b"\x03\x01" + bytes(32) + b"\0" + b"\x00\x2f" + b"\0"
    message = b"\x02" + len(hello).to_bytes(3, "big") + hello
    record = b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message
    with serving(answers(record)) as port:
        found = probed(port)
    assert (found.failed, found.cause) == ("tls", "protocol")
    assert found.problem.startswith("it wants TLS 1.0")


def test_a_server_that_wants_a_client_s_certificate_is_told(authority: trustme.CA, ca: str) -> None:
    strict = context(authority.issue_cert("localhost"))
    strict.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(strict)
    with serving(silent, tls=strict) as port:
        found = probed(port, ca=ca, expect="x")
    assert (found.failed, found.cause) == ("receive", "protocol")
    assert "client's certificate" in found.problem


def test_protocols_are_offered_and_told(authority: trustme.CA, ca: str) -> None:
    chooses = context(authority.issue_cert("localhost"))
    chooses.set_alpn_protocols(["http/1.1"])
    with serving(silent, tls=chooses) as port:
        found = probed(port, ca=ca, alpn="h2,http/1.1")
    assert found.tls is not None
    assert found.tls.alpn == "http/1.1"


DIALOGUES = {
    "smtp": (b"220-mx\r\n220 mx\r\n", b"250-mx\r\n250 STARTTLS\r\n", b"220 go\r\n"),
    "imap": (b"* OK hi\r\n", b"* CAPABILITY\r\na1 OK go\r\n"),
    "pop3": (b"+OK hi\r\n", b"+OK go\r\n"),
    "ftp": (b"220 hi\r\n", b"234 go\r\n"),
}


@pytest.mark.parametrize("protocol", DIALOGUES)
def test_tls_begins_after_plain_words(authority: trustme.CA, ca: str, protocol: str) -> None:
    secure = context(authority.issue_cert("localhost"))
    greeting, *replies = DIALOGUES[protocol]

    def handle(client: object) -> None:
        client.sendall(greeting)  # type: ignore[attr-defined]
        answers(*replies)(client)  # type: ignore[arg-type]
        with secure.wrap_socket(client, server_side=True) as line:  # type: ignore[arg-type]
            silent(line)

    with serving(handle) as port:
        found = probed(port, ca=ca, tls=False, starttls=protocol)
    assert found.ok, found.problem
    assert [stage.name for stage in found.stages] == ["resolve", "connect", "starttls", "tls"]


@pytest.mark.parametrize(
    ("handler", "cause", "words"),
    [
        (ends(b"554 no\r\n"), "unexpected", "it says '554 no'"),
        (ends(b"220 a"), "ended", "it ended the connection after '220 a'"),
        (ends(), "ended", "it ended the connection without a word"),
        (says(b"220-" + b"x" * 20_000), "unexpected", "it says '220-x"),
        (says(b"220 a\r\n250 b\r\n220 c\r\n234 injected\r\n"), "unexpected", "it says more"),
    ],
)
def test_a_server_that_does_not_change_to_tls_is_told(
    handler: Callable[[object], None], cause: str, words: str
) -> None:
    with serving(handler) as port:  # type: ignore[arg-type]
        found = probed(port, tls=False, starttls="smtp")
    assert (found.failed, found.cause) == ("starttls", cause)
    assert found.problem.startswith(words)

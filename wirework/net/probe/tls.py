"""TLS over a connection, with each thing that can be wrong told apart (RFC 8446, RFC 5280)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wirework.net.causes import Cause, Trouble, said
from wirework.net.probe import certificate
from wirework.serving.tls import client_context

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeVar

    from wirework.net.connecting import Line
    from wirework.net.probe.certificate import Certificate

    T = TypeVar("T")

_RECORD_TYPES = range(20, 24)
"""The first byte of what TLS says: change_cipher_spec to application_data (RFC 8446, 5.1)."""
_MAJOR = 3
_SERVER_HELLO = b"\x02"
_VERSIONS = {b"\x03\x00": "SSL 3.0", b"\x03\x01": "TLS 1.0", b"\x03\x02": "TLS 1.1"}
_KEPT = 64
"""Bytes that came first, which tell what speaks there."""

# X509_V_ERR_… of OpenSSL's x509_vfy.h.
_VERIFYING = {
    9: (Cause.NOT_YET_VALID, "the certificate is not yet valid"),
    10: (Cause.EXPIRED, "the certificate has expired"),
    18: (Cause.SELF_SIGNED, "the certificate is self-signed, and not trusted here"),
    19: (Cause.SELF_SIGNED, "its authority is not trusted here"),
    20: (Cause.UNKNOWN_ISSUER, "its issuer is not known here"),
    21: (Cause.UNKNOWN_ISSUER, "its issuer is not known here"),
    62: (Cause.WRONG_NAME, "the certificate is for another name"),
    64: (Cause.WRONG_NAME, "the certificate is for another address"),
}
_OLD = {
    "UNSUPPORTED_PROTOCOL",
    "TLSV1_ALERT_PROTOCOL_VERSION",
    "WRONG_SSL_VERSION",
    "NO_PROTOCOLS_AVAILABLE",
    "LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED",
}
_REASONS = {
    "TLSV1_UNRECOGNIZED_NAME": (Cause.WRONG_NAME, "the server knows no such name (SNI)"),
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": (Cause.PROTOCOL, "it wants a client's certificate"),
    "NO_APPLICATION_PROTOCOL": (Cause.PROTOCOL, "it speaks none of the protocols offered (ALPN)"),
    "TLSV1_ALERT_NO_APPLICATION_PROTOCOL": (
        Cause.PROTOCOL,
        "it speaks none of the protocols offered (ALPN)",
    ),
}


@dataclass(frozen=True, slots=True)
class Tls:
    """What was agreed on: ``alpn`` is "" when nothing was offered or chosen.

    When the certificate was refused, nothing was agreed on, and only that is here.
    """

    version: str
    cipher: str
    alpn: str
    server_name: str
    certificate: Certificate | None


def context(ca: Path | None, *, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Return what servers are checked with: the machine's authorities, or those of a PEM file.

    Raises BadInput for a file that cannot be read or holds none.
    """
    made = client_context(ca)
    if alpn:
        made.set_alpn_protocols(list(alpn))
    return made


def blind(alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Return what a certificate is looked at with, whatever it is; nothing is said to it."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if alpn:
        made.set_alpn_protocols(list(alpn))
    return made


class TlsLine:
    """A client's TLS over another line, which keeps that line's deadline and way of waiting."""

    def __init__(self, below: Line, context: ssl.SSLContext, name: str) -> None:
        self._below = below
        self._name = name
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            self._object = context.wrap_bio(self._in, self._out, server_hostname=name)
        except ValueError as error:  # a name that TLS cannot say
            raise Trouble(Cause.WRONG_NAME, f"{name!r} cannot be a server's name") from error
        self._first = b""

    def handshake(self) -> None:
        """Agree on keys and check the certificate; raises Trouble, OSError and TimeoutError."""
        try:
            self._run(self._object.do_handshake)
        except ssl.SSLError as error:
            raise self._trouble(error) from None

    @property
    def agreed(self) -> Tls:
        """What the handshake came to."""
        cipher = self._object.cipher()
        der = self._object.getpeercert(binary_form=True)
        return Tls(
            version=(self._object.version() or "").replace("TLSv", "TLS "),
            cipher=cipher[0] if cipher else "",
            alpn=self._object.selected_alpn_protocol() or "",
            server_name=self._name,
            certificate=certificate.read(der) if der else None,
        )

    def send(self, data: bytes) -> None:
        """Send all of it."""
        try:
            self._run(lambda: self._object.write(data))
        except ssl.SSLError as error:
            raise self._trouble(error) from None

    def receive(self) -> bytes:
        """Return what comes next, nothing at the end, whether or not that was announced."""
        try:
            return self._run(lambda: self._object.read(65536))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        except ssl.SSLError as error:
            raise self._trouble(error) from None

    def _run(self, step: Callable[[], T]) -> T:
        """Do a step of TLS, with all the sending and receiving that it takes."""
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                pass
            finally:
                self._flush()
            if data := self._below.receive():
                self._first = (self._first + data)[:_KEPT]
                self._in.write(data)
            else:
                self._in.write_eof()

    def _flush(self) -> None:
        if data := self._out.read():
            self._below.send(data)

    def _trouble(self, error: ssl.SSLError) -> Trouble:
        if isinstance(error, ssl.SSLCertVerificationError):
            default = (Cause.CERTIFICATE, f"the certificate is refused: {error.verify_message}")
            return Trouble(*_VERIFYING.get(error.verify_code, default))
        if self._first and not _speaks_tls(self._first):
            return Trouble(Cause.NOT_TLS, f"it speaks no TLS, but says {said(self._first)}")
        if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return Trouble(Cause.ENDED, "it ended the connection during the handshake")
        reason = error.reason or ""
        # OpenSSL may find something else of an old version wanting before it looks at the version.
        old = _VERSIONS.get(_version(self._first), "")
        if old or reason in _OLD:
            what = f"wants {old}" if old else "wants an older version"
            return Trouble(Cause.PROTOCOL, f"it {what}, and TLS 1.2 is the least that is safe")
        words = reason.lower().replace("_", " ") or str(error)
        return Trouble(*_REASONS.get(reason, (Cause.PROTOCOL, f"no TLS: {words}")))


def _speaks_tls(first: bytes) -> bool:
    return first[0] in _RECORD_TYPES and first[1:2] in (b"", bytes([_MAJOR]))


def _version(first: bytes) -> bytes:
    """Return the version of a ServerHello (RFC 5246, 7.4.1.3) that comes first, else nothing."""
    return first[9:11] if first[5:6] == _SERVER_HELLO else b""

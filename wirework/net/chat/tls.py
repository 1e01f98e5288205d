"""Whom a chat's client trusts, and a certificate for a server that has none."""

from __future__ import annotations

import hashlib
import hmac
import os
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wirework.errors import ArgumentError, BadInput, Failed
from wirework.serving.tls import server_context

SHA256_DIGITS = 64
LIFETIME = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Trust:
    """What shows that a server is the right one.

    ``fingerprint``: SHA-256 of its certificate (DER), then nothing else is looked at; else
    ``ca``, a PEM file, or the authorities of this machine, and the name in the certificate.
    """

    ca: Path | None = None
    fingerprint: str = ""

    def context(self) -> ssl.SSLContext:
        """Return what a TLS connection is made with; raises BadInput for a bad ``ca``."""
        if self.fingerprint:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            # Nothing is sent before ``check`` has compared the certificate itself.
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        try:
            return ssl.create_default_context(cafile=self.ca)
        except ssl.SSLError:
            raise BadInput("holds no PEM certificate", where=str(self.ca)) from None
        except OSError as error:
            raise BadInput(f"cannot be read: {error.strerror}", where=str(self.ca)) from None

    def check(self, certificate: bytes | None, where: str) -> None:
        """Compare a server's certificate (DER) with the fingerprint, if there is one."""
        if not self.fingerprint:
            return
        seen = hashlib.sha256(certificate or b"").hexdigest()
        if not hmac.compare_digest(seen, self.fingerprint):
            raise Failed(
                f"the certificate's fingerprint is {seen}",
                where=where,
                hint="not the one that was asked for: another server may be in its place",
            )


def fingerprint(text: str) -> str:
    """Return a SHA-256 fingerprint's digits, as openssl and browsers spell it or bare."""
    digits = text.strip().lower().removeprefix("sha256:").replace(":", "")
    if len(digits) != SHA256_DIGITS or not set(digits) <= set("0123456789abcdef"):
        raise ArgumentError(
            "it has 64 hexadecimal digits, with or without colons",
            parameter="tls_fingerprint",
            where="--tls-fingerprint",
        )
    return digits


def self_signed(host: str) -> tuple[ssl.SSLContext, str]:
    """Return a server's TLS with a new certificate that nobody vouches for, and its fingerprint.

    Its key is never in a file that has a name.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Wirework chat")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_named(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    # OpenSSL's loader wants a path; this one leads to memory (memfd_create(2)).
    memory = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        os.write(memory, pem)
        context = server_context(Path(f"/proc/self/fd/{memory}"))
    finally:
        os.close(memory)
    return context, certificate.fingerprint(hashes.SHA256()).hex()


def _named(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host if host.isascii() and host else "localhost")

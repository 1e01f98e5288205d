"""Whom a chat's client trusts."""

from __future__ import annotations

import hashlib
import hmac
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wirework.errors import ArgumentError, Failed
from wirework.serving.tls import client_context

if TYPE_CHECKING:
    from pathlib import Path

SHA256_DIGITS = 64


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
        return client_context(self.ca)

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

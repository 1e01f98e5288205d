"""What a server's certificate says, and what is wrong with it, for people."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509

from wirework.net.causes import Cause

MOST_NAMES = 100
"""Names of a certificate that are told; those of large sites have more."""
FEW_NAMES = 3
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's certificate.

    ``subject`` and ``issuer`` are as RFC 4514 writes them; ``names`` are the DNS names and
    addresses it is for, up to ``MOST_NAMES``. Times are of UTC; ``days_left`` is rounded down,
    negative once it has expired. ``sha256`` is the fingerprint of the whole, in hex.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    days_left: int
    sha256: str


def read(der: bytes, *, now: datetime | None = None) -> Certificate | None:
    """Read a certificate; None for one that cannot be read."""
    now = now or datetime.now(UTC)
    try:
        found = x509.load_der_x509_certificate(der)
        return Certificate(
            subject=found.subject.rfc4514_string()[:_LONGEST],
            issuer=found.issuer.rfc4514_string()[:_LONGEST],
            names=_names(found),
            not_before=found.not_valid_before_utc,
            not_after=found.not_valid_after_utc,
            days_left=(found.not_valid_after_utc - now).days,
            sha256=hashlib.sha256(der).hexdigest(),
        )
    except ValueError:
        return None


def _names(found: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return ()
    names = [
        *extension.get_values_for_type(x509.DNSName),
        *map(str, extension.get_values_for_type(x509.IPAddress)),
    ]
    return tuple(name[:_LONGEST] for name in names[:MOST_NAMES])


def complaint(
    cause: Cause, certificate: Certificate, *, host: str, now: datetime | None = None
) -> str:
    """Say what is wrong with a certificate, for a cause that OpenSSL found; "" to say no more."""
    now = now or datetime.now(UTC)
    match cause:
        case Cause.EXPIRED if certificate.not_after < now:
            ago = _span((now - certificate.not_after).total_seconds())
            return f"the certificate expired {ago} ago ({_day(certificate.not_after)})"
        case Cause.EXPIRED:
            return "a certificate further up its chain has expired"
        case Cause.NOT_YET_VALID if certificate.not_before > now:
            ahead = _span((certificate.not_before - now).total_seconds())
            valid = f"the certificate is valid in {ahead} only ({_day(certificate.not_before)})"
            return f"{valid}, or this machine's clock is wrong"
        case Cause.WRONG_NAME:
            return f"the certificate is not for {host} but for {_few(certificate)}"
        case Cause.SELF_SIGNED if certificate.subject == certificate.issuer:
            return "the certificate is self-signed, and not trusted here"
        case Cause.SELF_SIGNED:
            return f"its authority, {certificate.issuer}, is not trusted here"
        case Cause.UNKNOWN_ISSUER:
            return (
                f"its issuer, {certificate.issuer}, is not known here"
                " (or the server leaves out a certificate between)"
            )
    return ""


def _few(certificate: Certificate) -> str:
    names = certificate.names
    if not names:
        return f"no name at all ({certificate.subject or 'its subject is empty'})"
    more = f" and {len(names) - FEW_NAMES} more" if len(names) > FEW_NAMES else ""
    return f"{', '.join(names[:FEW_NAMES])}{more}"


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _span(seconds: float) -> str:
    """Return a time as people say it: 40 s, 5 h, 12 days."""
    for size, one, several in ((86400, "day", "days"), (3600, "h", "h"), (60, "min", "min")):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {one if number == 1 else several}"
    return f"{int(seconds)} s"

"""Host certificates: a host's key, signed by an authority for some names and some time.

paramiko reads the key out of a certificate and looks at nothing else of it; all that makes it
worth believing is checked here. Source: OpenSSH's PROTOCOL.certkeys.
"""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateType,
    load_ssh_public_identity,
)
from paramiko import Message

from wirework.ssh.hostkeys.known import type_of

SUFFIX = "-cert-v01@openssh.com"
SIGNATURES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
"""How an authority may have signed (CASignatureAlgorithms, ssh_config(5)): not with SHA-1."""
RSA_BITS = 2048
"""The shortest RSA key of an authority that is believed."""
_KEY_FIELDS = {"ssh-ed25519": 1, "ssh-rsa": 2}
"""The fields of a public key after its type; those of ECDSA are the curve and the point."""
_LAST_DAY = 253_402_300_799


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as it was shown; nothing of it is believed yet.

    ``key`` and ``authority`` are the public keys of the host and of who signed,
    ``signed_with`` the algorithm of the signature.
    """

    key: bytes
    authority: bytes
    signed_with: str
    content: SSHCertificate

    @classmethod
    def read(cls, blob: bytes) -> Self:
        """Read a certificate as it stands on the wire; raises ValueError."""
        text = f"{type_of(blob)} {base64.b64encode(blob).decode('ascii')}"
        try:
            content = load_ssh_public_identity(text.encode())
        # Whatever a host makes the library stumble over, of any class, is no certificate.
        except Exception as error:
            raise ValueError(f"unreadable: {error}") from error
        if not isinstance(content, SSHCertificate):
            raise ValueError("a plain key")  # noqa: TRY004 - it is what the bytes hold
        line = content.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        authority, signature = _ending(blob)
        return cls(base64.b64decode(line.split()[1]), authority, type_of(signature), content)

    def problem(self, name: str, now: float) -> str:
        """Say why the certificate does not vouch for host ``name`` at ``now``, "" if it does.

        ``now`` is in seconds since 1970, ``name`` without a port. A certificate for whatever
        host, without any name, is refused, as OpenSSH does of late.
        """
        content = self.content
        if content.type is not SSHCertificateType.HOST:
            return "it is a user's, not a host's"
        if now < content.valid_after:
            return f"it is not valid before {_date(content.valid_after)}"
        if now >= content.valid_before:
            return f"it expired on {_date(content.valid_before)}"
        names = [each.decode("utf-8", "replace") for each in content.valid_principals]
        if name not in names:
            return f"it is for {', '.join(names) or 'no name'}, not for {name}"
        if content.critical_options:
            options = ", ".join(
                each.decode("utf-8", "replace") for each in content.critical_options
            )
            return f"it is bound to what is not known here: {options}"
        return self._unsound()

    def _unsound(self) -> str:
        if self.signed_with not in SIGNATURES:
            return f"it is signed with {self.signed_with}"
        try:
            authority = self.content.signature_key()
            if isinstance(authority, RSAPublicKey) and authority.key_size < RSA_BITS:
                return f"its authority's RSA key has only {authority.key_size} bits"
            self.content.verify_cert_signature()
        except InvalidSignature:
            return "its signature is wrong"
        # The same as in read: it is the host that chose these bytes.
        except Exception as error:  # noqa: BLE001 - see above
            return f"its signature cannot be checked: {error}"
        return ""


def _ending(blob: bytes) -> tuple[bytes, bytes]:
    """Return the last two fields, authority and signature, of a certificate that has been read.

    The library keeps both to itself, and would believe a signature made with SHA-1.
    """
    message = Message(blob)
    kind = message.get_text().removesuffix(SUFFIX)
    for _ in range(1 + _KEY_FIELDS.get(kind, 2)):  # nonce, key
        message.get_binary()
    message.get_bytes(8 + 4)  # serial number, type
    for _ in range(2):  # identity, names
        message.get_binary()
    message.get_bytes(8 + 8)  # valid after, before
    for _ in range(3):  # critical options, extensions, reserved
        message.get_binary()
    return message.get_binary(), message.get_binary()


def _date(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(min(seconds, _LAST_DAY)))

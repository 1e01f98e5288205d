"""Public keys and certificates as SSH sends them (RFC 4253, 6.6; OpenSSH's PROTOCOL.certkeys)."""

from __future__ import annotations

import base64
import binascii
import re
import struct

CERTIFICATE = "-cert-v01@openssh.com"
_KEY_FIELDS = {"ssh-ed25519": 1, "sk-ecdsa-sha2-nistp256": 3}
"""The fields of a public key after its type, where they are not two."""
_MAGIC = b"openssh-key-v1\0"
_TYPE = re.compile(rb"[a-zA-Z0-9@.-]{1,64}")


class Malformed(ValueError):
    """Bytes that are not what they should be."""


class Fields:
    """Reads the fields of a message one after another; raises Malformed at its end."""

    def __init__(self, data: bytes) -> None:
        self._left = memoryview(data)

    def number(self) -> int:
        """Return the next field, a uint32."""
        (value,) = struct.unpack(">I", self._bytes(4))
        return int(value)

    def take(self) -> bytes:
        """Return the next field, a string."""
        return self._bytes(self.number())

    def skip(self, length: int) -> None:
        """Pass over bytes that are of no interest."""
        self._bytes(length)

    def rest(self) -> bytes:
        """Return all that follows."""
        return bytes(self._left)

    def _bytes(self, length: int) -> bytes:
        if length > len(self._left):
            raise Malformed("too short")
        taken, self._left = self._left[:length], self._left[length:]
        return bytes(taken)


def key_type(blob: bytes) -> str:
    """Return the name that a public key or certificate begins with; raises Malformed."""
    name = Fields(blob).take()
    if _TYPE.fullmatch(name) is None:
        raise Malformed("not the name of a type of key")
    return name.decode("ascii")


def short_type(blob: bytes) -> str:
    """Return the type as ssh-add(1) shows it: ``ED25519``, ``RSA-CERT``, ``ECDSA``, ``ED25519-SK``.

    Raises Malformed.
    """
    name, at, _ = key_type(blob).partition("@")
    certificate = "-CERT" if name.endswith("-cert-v01") else ""
    security_key = "-SK" if name.startswith("sk-") and at else ""
    plain = name.removesuffix("-cert-v01").removeprefix("sk-")
    family = plain.removeprefix("ssh-").split("-")[0]
    return f"{family.upper()}{security_key}{certificate}"


def certifies(certificate: bytes, public: bytes) -> bool:
    """Return whether a certificate is one for the public key."""
    try:
        theirs, ours = Fields(certificate), Fields(public)
        names = theirs.take().decode("ascii"), ours.take().decode("ascii")
        theirs.take()  # the nonce; what follows it is the key's own fields
    except (Malformed, UnicodeDecodeError):
        return False
    plain = names[1].partition("@")[0]
    return names[0] == f"{plain}{CERTIFICATE}" and theirs.rest().startswith(ours.rest())


def valid_before(certificate: bytes) -> int | None:
    """Return when a certificate ends, in seconds since 1970, None if that cannot be read."""
    try:
        fields = Fields(certificate)
        name = fields.take().decode("ascii").removesuffix(CERTIFICATE)
        for _ in range(1 + _KEY_FIELDS.get(name, 2)):  # the nonce, the key
            fields.take()
        fields.skip(8 + 4)  # serial number, kind
        for _ in ("identity", "names"):
            fields.take()
        fields.skip(8)  # valid after
        return (fields.number() << 32) + fields.number()
    except (Malformed, UnicodeDecodeError):
        return None


def from_public_file(text: bytes) -> bytes | None:
    """Return the key or certificate in a ``.pub`` file, None if it is none."""
    words = text.split(None, 2)
    try:
        blob = base64.b64decode(words[1], validate=True)
        return blob if key_type(blob).encode() == words[0] else None
    except (IndexError, ValueError):  # Malformed and binascii.Error are ValueErrors
        return None


def from_private_file(text: bytes) -> bytes | None:
    """Return the public half that OpenSSH's private key files hold in the clear, None without."""
    armour = re.fullmatch(
        rb"\s*-----BEGIN OPENSSH PRIVATE KEY-----(.*)-----END OPENSSH PRIVATE KEY-----\s*",
        text,
        re.DOTALL,
    )
    if armour is None:
        return None
    try:
        data = base64.b64decode(armour[1])
        if not data.startswith(_MAGIC):
            return None
        fields = Fields(data[len(_MAGIC) :])
        for _ in ("cipher", "kdf", "kdf options"):
            fields.take()
        return fields.take() if fields.number() == 1 else None
    except (Malformed, binascii.Error):
        return None

"""Texts that Ansible Vault encrypted, formats 1.1 and 1.2.

Source: Ansible's guide to vaults, "Format of files encrypted with Ansible Vault": a header line
``$ANSIBLE_VAULT;VERSION;CIPHER[;LABEL]``, then the hexadecimal form, in lines, of three lines
that are hexadecimal again: salt, HMAC-SHA256 of the ciphertext, ciphertext. PBKDF2-HMAC-SHA256
makes both keys and the counter out of password and salt; the cipher is AES-256 in counter mode
with PKCS #7 padding (RFC 5652, 6.3).
"""

from __future__ import annotations

import hashlib
import hmac
import reprlib
from binascii import unhexlify
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wirework.errors import SecretError
from wirework.secrets.passwords import DEFAULT_LABEL, OWN_VARIABLE
from wirework.secrets.passwords import Passwords as Passwords
from wirework.secrets.secret import Secret

if TYPE_CHECKING:
    from wirework.secrets.passwords import Password

MAX_CHARACTERS = 10_000_000
"""The longest text that is decrypted; it is four times as long as what it holds."""

_MAGIC = "$ANSIBLE_VAULT"
_VERSIONS = ("1.1", "1.2")
_CIPHER = "AES256"
_ROUNDS = 10_000
_KEY, _COUNTER, _DIGEST, _BLOCK = 32, 16, 32, 16


@dataclass(frozen=True, slots=True)
class _Sealed:
    """What a text consists of, still encrypted."""

    label: str
    salt: bytes
    digest: bytes
    body: bytes


def is_vault(text: str) -> bool:
    """Whether a text says that it was encrypted by Ansible Vault, of whatever version."""
    return text.lstrip().startswith(_MAGIC)


def decrypt(text: str, *, where: str, passwords: Passwords) -> bytes:
    """Return what a text holds; ``where`` is the place that errors name.

    Raises SecretError for a text that is torn or of another format, and when no password fits.
    """
    return _opened(_parts(text, where), where, passwords)


def vault_secret(text: str, *, where: str, passwords: Passwords) -> Secret:
    """Return the Secret that a text holds, decrypted when it is first used.

    Its ``source`` is ``vault:WHERE``. Raises SecretError for a text that no password could open.
    """
    sealed = _parts(text, where)
    return Secret(f"vault:{where}", lambda: as_text(_opened(sealed, where, passwords), where))


def as_text(data: bytes, where: str) -> str:
    """Return what was decrypted as text; raises SecretError when it is something else."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise SecretError("what is encrypted here is not UTF-8 text", where=where) from None


def _parts(text: str, where: str) -> _Sealed:
    if len(text) > MAX_CHARACTERS:
        size = f"{MAX_CHARACTERS // 1_000_000} MB"
        raise SecretError(f"this Ansible Vault text is larger than {size}", where=where)
    header, _, rest = text.strip().partition("\n")
    magic, version, cipher, label, *more = [*map(str.strip, header.split(";")), "", "", ""]
    if magic != _MAGIC or any(more):
        raise SecretError("this does not start as an Ansible Vault text does", where=where)
    if version not in _VERSIONS:
        raise SecretError(
            f"Ansible Vault's format {reprlib.repr(version)} is not read, only 1.1 and 1.2",
            where=where,
            hint="ansible-vault rekey writes it anew",
        )
    if cipher != _CIPHER:
        raise SecretError(
            f"Ansible Vault's cipher {reprlib.repr(cipher)} is not known, only {_CIPHER}",
            where=where,
        )
    try:
        # Too many parts or too few are a ValueError as well.
        salt, digest, body = map(unhexlify, unhexlify("".join(rest.split())).split(b"\n"))
        if len(digest) != _DIGEST or not body or len(body) % _BLOCK:
            raise ValueError
    except ValueError:
        raise SecretError(
            "this Ansible Vault text is torn",
            where=where,
            hint="some of it is missing or was changed: take it from where it was copied",
        ) from None
    return _Sealed(label or DEFAULT_LABEL, salt, digest, body)


def _opened(sealed: _Sealed, where: str, passwords: Passwords) -> bytes:
    known = passwords.ordered(sealed.label)
    if not known:
        raise SecretError(
            "this is encrypted with Ansible Vault, and no vault password is given",
            where=where,
            hint=f"set {OWN_VARIABLE} to the path of a password file",
        )
    trouble = []
    for password in known:
        try:
            data = _opened_by(password, sealed)
        except SecretError as error:  # another one may fit all the same
            trouble.append(error)
            continue
        if data is not None:
            return data
    if trouble:
        raise SecretError(trouble[0].message, where=where, hint=trouble[0].hint)
    names = ", ".join(password.name for password in known)
    raise SecretError(
        f"no vault password fits ({names}), or this text was changed",
        where=where,
        hint="" if sealed.label == DEFAULT_LABEL else f"its label is {reprlib.repr(sealed.label)}",
    )


def _opened_by(password: Password, sealed: _Sealed) -> bytes | None:
    """Return what ``sealed`` holds; None when the password is another one.

    No error starts here once the password is known, so that no traceback can show it.
    """
    # Most runs decrypt nothing, and a listing of tasks does not wait for this either.
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415
    from cryptography.hazmat.primitives.padding import PKCS7  # noqa: PLC0415

    keys = hashlib.pbkdf2_hmac(
        "sha256", password.value.get(), sealed.salt, _ROUNDS, 2 * _KEY + _COUNTER
    )
    digest = hmac.digest(keys[_KEY : 2 * _KEY], sealed.body, "sha256")
    if not hmac.compare_digest(digest, sealed.digest):
        return None
    cipher = Cipher(algorithms.AES(keys[:_KEY]), modes.CTR(keys[2 * _KEY :])).decryptor()
    padding = PKCS7(_BLOCK * 8).unpadder()
    try:
        return padding.update(cipher.update(sealed.body) + cipher.finalize()) + padding.finalize()
    except ValueError:  # the digest is right, so that some other program wrote this
        return None

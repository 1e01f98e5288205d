"""Private keys: each file is read and parsed once, and refused when others can read it."""

from __future__ import annotations

import io
import os
import stat
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko
from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from wirework.errors import BadInput
from wirework.ssh.auth import blobs
from wirework.ssh.auth.agent import Agents

if TYPE_CHECKING:
    from wirework.secrets import Secret

DEFAULT_NAMES = ("id_ed25519", "id_ecdsa", "id_rsa")
"""The files in ``~/.ssh`` that are tried for hosts that name no key."""
MAX_FILE = 64 * 1024
"""Bytes of a key file that are read; RSA with 16,384 bits takes 13,000."""


class KeyLocked(BadInput):
    """A private key is encrypted, and nothing is known that opens it."""


@dataclass(slots=True)
class _Slot:
    """One key, which the first who asks for it reads while the others wait."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    outcome: paramiko.PKey | BadInput | None = None


class PrivateKeys:
    """What one pool logs in with: files, each parsed when it is first used, and the agents.

    RSA takes 0.1 s to parse, a passphrase as long to check.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path.home() / ".ssh"
        self.agents = Agents()
        self._slots: dict[tuple[Path, Secret | None], _Slot] = {}
        self._publics: dict[Path, bytes | None] = {}
        self._certificates: dict[Path, bytes | BadInput | None] = {}
        self._lock = threading.Lock()

    def load(self, path: Path, passphrase: Secret | None = None) -> paramiko.PKey:
        """Return the key in ``path``; raises BadInput naming the file and what is wrong.

        ``passphrase`` is fetched if the key is encrypted.
        """
        with self._lock:
            slot = self._slots.setdefault((path, passphrase), _Slot())
        with slot.lock:
            if slot.outcome is None:
                # A failure is kept as well: a passphrase must not be tried again for each host.
                try:
                    slot.outcome = read(path, passphrase)
                except BadInput as error:
                    slot.outcome = error
            outcome = slot.outcome
        if isinstance(outcome, BadInput):
            raise type(outcome)(outcome.message, where=outcome.where, hint=outcome.hint)
        return outcome

    def public(self, path: Path) -> bytes | None:
        """Return the public half of the key in ``path``, which may be encrypted; None without it.

        ``path`` may also be a public key itself, whose private half an agent holds.
        """
        with self._lock:
            if path not in self._publics:
                self._publics[path] = _public(path)
            return self._publics[path]

    def certificate(self, path: Path) -> bytes | None:
        """Return the certificate in ``path``, None if there is no such file; raises BadInput."""
        with self._lock:
            if path not in self._certificates:
                self._certificates[path] = _certificate(path)
            found = self._certificates[path]
        if isinstance(found, BadInput):
            raise BadInput(found.message, where=found.where)
        return found

    def default(self) -> list[Path]:
        """Return the default files that exist, in their order."""
        paths = (self._folder / name for name in DEFAULT_NAMES)
        return [path for path in paths if exists(path)]


def exists(path: Path) -> bool:
    """Whether there is such a file, as far as may be seen."""
    try:
        path.stat()
    except OSError:
        return False
    return True


def read(path: Path, passphrase: Secret | None = None) -> paramiko.PKey:
    """Read a private key file; raises BadInput naming the file and what is wrong with it.

    It may be in OpenSSH's own format, PKCS #1 or PKCS #8. ``passphrase`` is fetched if the key is
    encrypted; KeyLocked is raised when there is none.
    """
    where = str(path)
    try:
        data = _head(path)
        if blobs.from_public_file(data) is not None:
            raise BadInput(
                "a public key, whose private half no agent holds",
                where=where,
                hint="ssh-add that half, or name its file",
            )
        found = path.stat()
        # As ssh(1) does: a key that others can read is no longer private.
        if found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) & 0o077:
            raise BadInput(
                f"the private key can be read by others (mode {stat.S_IMODE(found.st_mode):04o})",
                where=where,
                hint=f"chmod 600 {path}",
            )
    except FileNotFoundError:
        raise BadInput("the private key does not exist", where=where) from None
    except OSError as error:
        raise BadInput(f"cannot read the private key: {error.strerror}", where=where) from error
    try:
        return _parsed(data, None)
    except TypeError:
        if passphrase is None:
            raise KeyLocked(
                "the private key is encrypted",
                where=where,
                hint=f"ssh-add {path}, or give key_passphrase in the inventory",
            ) from None
    except (ValueError, UnsupportedAlgorithm, paramiko.SSHException) as error:
        raise BadInput(
            "not a private key that can be read",
            where=where,
            hint=f"does `ssh-keygen -y -f {path}` read it?",
        ) from error
    secret = passphrase.reveal().encode()
    try:
        return _parsed(data, secret)
    except (TypeError, ValueError, InvalidTag, UnsupportedAlgorithm, paramiko.SSHException):
        # Without its cause, which was near the passphrase.
        raise BadInput(
            f"the passphrase in {passphrase} does not open the private key",
            where=where,
            hint=f"`ssh-keygen -y -f {path}` tells whether another does",
        ) from None


def _parsed(data: bytes, passphrase: bytes | None) -> paramiko.PKey:
    """Parse a private key; raises TypeError when it is encrypted and there is no passphrase."""
    load = (
        serialization.load_ssh_private_key
        if b"BEGIN OPENSSH PRIVATE KEY" in data
        else serialization.load_pem_private_key
    )
    key = load(data, passphrase)
    if isinstance(key, RSAPrivateKey):
        return paramiko.RSAKey(key=key)
    if isinstance(key, EllipticCurvePrivateKey):
        return paramiko.ECDSAKey(vals=(key, key.public_key()))
    if isinstance(key, Ed25519PrivateKey):
        text = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        )
        return paramiko.Ed25519Key(file_obj=io.StringIO(text.decode("ascii")))
    raise ValueError("a kind of key that SSH has no name for")


def _public(path: Path) -> bytes | None:
    try:
        text = _head(path)
        found = blobs.from_private_file(text) or blobs.from_public_file(text)
        if found is not None:
            return found
    except OSError:
        pass
    try:
        return blobs.from_public_file(_head(Path(f"{path}.pub")))
    except OSError:
        return None


def _certificate(path: Path) -> bytes | BadInput | None:
    try:
        found = blobs.from_public_file(_head(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        return BadInput(f"cannot be read: {error.strerror}", where=str(path))
    if found is None or not blobs.key_type(found).endswith(blobs.CERTIFICATE):
        return BadInput("not a certificate", where=str(path))
    return found


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_FILE)

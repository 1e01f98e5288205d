"""Private keys: each file is read and parsed once, and refused when others can read it."""

from __future__ import annotations

import base64
import binascii
import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko
from paramiko.pkey import UnknownKeyType

from wirework.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_NAMES = ("id_ed25519", "id_ecdsa", "id_rsa")
"""The files in ``~/.ssh`` that are tried for hosts that name no key."""


class KeyLocked(BadInput):
    """A private key is encrypted, and only an agent can use it without asking."""


class PrivateKeys:
    """The private keys of one pool, each parsed when it is first used (RSA takes 0.3 s)."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path.home() / ".ssh"
        self._loaded: dict[Path, paramiko.PKey] = {}
        self._lock = threading.Lock()

    def load(self, path: Path) -> paramiko.PKey:
        """Return the key in ``path``; raises BadInput naming the file and what is wrong."""
        with self._lock:
            if path not in self._loaded:
                self._loaded[path] = read(path)
            return self._loaded[path]

    def default(self) -> Iterator[tuple[str, paramiko.PKey | None]]:
        """Yield the name and key of each default file that exists, None if it is unusable."""
        for name in DEFAULT_NAMES:
            path = self._folder / name
            if not path.exists():
                continue
            try:
                yield f"~/.ssh/{name}", self.load(path)
            except BadInput as error:
                yield f"~/.ssh/{name} ({error.message})", None


def read(path: Path) -> paramiko.PKey:
    """Read a private key file; raises BadInput naming the file and what is wrong with it."""
    where = str(path)
    try:
        found = path.stat()
        # As ssh(1) does: a key that others can read is no longer private.
        if found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) & 0o077:
            raise BadInput(
                f"the private key can be read by others (mode {stat.S_IMODE(found.st_mode):04o})",
                where=where,
                hint=f"chmod 600 {path}",
            )
        return paramiko.PKey.from_path(path)
    except FileNotFoundError:
        raise BadInput("the private key does not exist", where=where) from None
    except OSError as error:
        raise BadInput(f"cannot read the private key: {error.strerror}", where=where) from error
    except TypeError:
        # What cryptography raises for a key that needs a passphrase, of whatever format.
        raise KeyLocked(
            "the private key is encrypted", where=where, hint=f"ssh-add {path}"
        ) from None
    except (ValueError, paramiko.SSHException, UnknownKeyType) as error:
        raise BadInput(
            "not a private key in OpenSSH's format",
            where=where,
            hint="`ssh-keygen -p -f FILE` rewrites an older format",
        ) from error


def public_blob(path: Path) -> bytes | None:
    """Return the public key that stands beside a private key file, as ``path.pub``."""
    try:
        words = Path(f"{path}.pub").read_text(encoding="utf-8").split()
        return base64.b64decode(words[1], validate=True)
    except (OSError, UnicodeDecodeError, IndexError, binascii.Error):
        return None

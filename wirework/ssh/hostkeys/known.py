"""The lines of known_hosts files, and which of them speak of a host.

The files are read by our own few lines rather than ``paramiko.HostKeys``: that class compares
every line with every other (seconds for 2,000 lines), parses each key, ends the run on broken
base64, knows no markers, and forgets on which line an entry stood.
Source: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from wirework.ssh.target import SSH_PORT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from hashlib import _Hash

    from wirework.ssh.target import Target

SYSTEM = Path("/etc/ssh/ssh_known_hosts")
HASHED = "|1|"
SHA1_SIZE = 20
"""Bytes of a salt and of a hash (HashKnownHosts, ssh_config(5)); ssh takes no others."""
_BLOCK = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class Marker(StrEnum):
    """What a line says of its key."""

    HOST = ""
    REVOKED = "@revoked"
    AUTHORITY = "@cert-authority"


@dataclass(frozen=True, slots=True)
class KnownKey:
    """One line of a known_hosts file: whose key it is, the key, and where it stands."""

    names: tuple[str, ...]
    type: str
    blob: bytes
    path: Path
    number: int
    marker: Marker = Marker.HOST

    @property
    def where(self) -> str:
        """The line's place, as ``file:line``."""
        return f"{self.path}:{self.number}"

    @property
    def is_pattern(self) -> bool:
        """Whether the line may speak of more hosts than it names."""
        return any(name.startswith("!") or "*" in name or "?" in name for name in self.names)

    def belongs_to(self, name: str) -> bool:
        """Whether the line's patterns match ``name``, which is lower case."""
        found = False
        for pattern in self.names:
            if pattern.startswith("!"):
                if _matches(pattern[1:], name):
                    return False
            elif _matches(pattern, name):
                found = True
        return found


class KnownHosts:
    """The lines of one file; those with plain names are found without a search.

    ``lines`` counts all of them, those that are no key included.
    """

    def __init__(self, text: str = "", path: Path = Path()) -> None:
        self._named: dict[str, list[KnownKey]] = {}
        self._hashed: list[tuple[_Hash, _Hash, bytes, KnownKey]] = []
        self._patterns: list[KnownKey] = []
        self.lines = text.count("\n") + (text[-1:] not in ("", "\n"))
        for known in keys(text, path):
            self.add(known)

    @property
    def is_hashed(self) -> bool:
        """Whether somebody wants the names in this file to be hidden (HashKnownHosts)."""
        return bool(self._hashed)

    def add(self, known: KnownKey) -> None:
        """Take in one more line."""
        first = known.names[0]
        if first.startswith(HASHED):
            salt, digest = parts(first)
            # HMAC-SHA1 with the salt as its key (RFC 2104), which is all but the name's own part:
            # what is left to do for each line and host takes a quarter of the time.
            block = salt.ljust(_BLOCK, b"\0")
            inner = hashlib.sha1(block.translate(_INNER), usedforsecurity=False)
            outer = hashlib.sha1(block.translate(_OUTER), usedforsecurity=False)
            self._hashed.append((inner, outer, digest, known))
        elif known.is_pattern:
            self._patterns.append(known)
        else:
            for name in dict.fromkeys(known.names):
                self._named.setdefault(name, []).append(known)

    def of(self, name: str) -> list[KnownKey]:
        """Return the lines that speak of ``name``, which is lower case."""
        return [
            *self._named.get(name, ()),
            *self._hashes_of(name.encode()),
            *(known for known in self._patterns if known.belongs_to(name)),
        ]

    def _hashes_of(self, name: bytes) -> Iterator[KnownKey]:
        for begun_inner, begun_outer, digest, known in self._hashed:
            inner = begun_inner.copy()
            inner.update(name)
            outer = begun_outer.copy()
            outer.update(inner.digest())
            if outer.digest() == digest:
                yield known


def default_known_hosts(start: Path | None = None) -> tuple[Path, ...]:
    """Return the user's, the system's and the project's files, whether they exist or not.

    The project's is ``.wirework/known_hosts`` in ``start`` (the current folder) or the nearest
    folder above it that has one.
    """
    files = [Path.home() / ".ssh" / "known_hosts", SYSTEM]
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        project = folder / ".wirework" / "known_hosts"
        if project.is_file():
            files.append(project)
            break
    return tuple(files)


def entry_name(address: str, port: int) -> str:
    """Return how known_hosts files write a host: ``host``, or ``[host]:port`` unless 22."""
    name = address.lower()
    return name if port == SSH_PORT else f"[{name}]:{port}"


def names_of(target: Target) -> tuple[str, ...]:
    """Return the names to look for a target under, its own first.

    As with ssh(1), a host on another port than 22 may also be known under its mere name, and one
    with a HostKeyAlias is looked for under that, without a port.
    """
    alias = target.alias.lower()
    if target.port == SSH_PORT or alias != target.address.lower():
        return (alias,)
    return entry_name(alias, target.port), alias


def known_name(target: Target) -> str:
    """Return the name under which new keys of a target are written."""
    return names_of(target)[0]


def fingerprint(blob: bytes) -> str:
    """Return a public key's fingerprint as ssh-keygen -l shows it: ``SHA256:…``."""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode("ascii")
    return f"SHA256:{digest.rstrip('=')}"


def type_of(blob: bytes) -> str:
    """Return the type that a public key begins with (RFC 4253, 6.6)."""
    length = int.from_bytes(blob[:4], "big")
    return blob[4 : 4 + length].decode("ascii", "replace")


def parts(hashed: str) -> tuple[bytes, bytes]:
    """Return salt and hash of ``|1|salt|hash``; raises ValueError."""
    salt, digest = (base64.b64decode(part, validate=True) for part in hashed[3:].split("|"))
    if len(salt) != SHA1_SIZE or len(digest) != SHA1_SIZE:
        raise ValueError("not a salt and a SHA-1")
    return salt, digest


def hashed(name: str, salt: bytes) -> str:
    """Return how files with HashKnownHosts write a name."""
    digest = hmac.digest(salt, name.encode(), "sha1")
    return HASHED + "|".join(base64.b64encode(part).decode("ascii") for part in (salt, digest))


def keys(text: str, path: Path, *, first: int = 1) -> Iterator[KnownKey]:
    """Read lines, the first of which is number ``first``; those that are no key are left out."""
    for number, line in enumerate(text.split("\n"), first):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        word = words.pop(0) if words[0].startswith("@") else ""
        if len(words) < 3:  # noqa: PLR2004 - names, type, key
            continue
        try:
            marker = Marker(word)  # one that we do not know must not be taken for none
            blob = base64.b64decode(words[2], validate=True)
            if words[0].startswith("|"):
                parts(words[0])
        except (binascii.Error, ValueError):
            continue
        if type_of(blob) != words[1]:
            continue
        # A hashed name is base64, where case matters.
        names = (words[0],) if words[0].startswith("|") else tuple(words[0].lower().split(","))
        yield KnownKey(names, words[1], blob, path, number, marker)


def _matches(pattern: str, name: str) -> bool:
    if "*" in pattern or "?" in pattern:
        # Brackets are part of the name here (`[host]:port`), not a set of characters.
        return fnmatchcase(name, re.sub(r"\[", "[[]", pattern))
    return pattern == name

"""Host keys: what known_hosts files hold, and the refusal of everything else.

The files are read by our own few lines rather than ``paramiko.HostKeys``: that class compares
every line with every other (seconds for 2,000 lines), parses each key, ends the run on broken
base64, and forgets on which line an entry stood. Source: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import shlex
import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko

from wirework.errors import HostKeyChanged, HostKeyUnknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wirework.inventory import Host

SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class KnownKey:
    """One line of a known_hosts file: whose key it is, the key, and where it stands."""

    names: tuple[str, ...]
    type: str
    blob: bytes
    where: str
    revoked: bool = False

    def belongs_to(self, name: str) -> bool:
        """Whether the line speaks of ``name``, which is lower case, ``[host]:port`` or host."""
        found = False
        for pattern in self.names:
            if pattern.startswith("!"):
                if _matches(pattern[1:], name):
                    return False
            elif _matches(pattern, name):
                found = True
        return found


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """The lines of one known_hosts file; those with plain names are found without a search."""

    named: dict[str, list[KnownKey]]
    others: list[KnownKey]

    def of(self, name: str) -> list[KnownKey]:
        """Return the lines that speak of ``name``."""
        return [
            *self.named.get(name, ()),
            *(known for known in self.others if known.belongs_to(name)),
        ]


class HostKeys:
    """The host keys of one pool: each file is read once, when it is first asked for.

    ``files`` hold for every host; a host's own ``known_hosts`` is asked before them.
    Files that are absent or cannot be read hold no key, so their hosts are refused.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = tuple(files)
        self._read: dict[Path, KnownHosts] = {}
        self._found: dict[tuple[Path, str], list[KnownKey]] = {}
        self._lock = threading.Lock()

    def known(self, host: Host) -> list[KnownKey]:
        """Return every line that speaks of the host's address and port."""
        name = entry_name(host.address, host.port)
        return [known for path in self._asked(host) for known in self._of(path, name)]

    def algorithms(self, host: Host, offered: Sequence[str]) -> tuple[str, ...]:
        """Return ``offered`` with the algorithms of the keys we know moved to the front.

        A host with several keys shows the one of the first algorithm both sides have: asking
        for one that we do not hold would make a known host look unknown.
        """
        types = {known.type for known in self.known(host) if not known.revoked}
        first = [name for name in offered if _key_type(name) in types]
        return (*first, *(name for name in offered if name not in first))

    def check(self, host: Host, key: paramiko.PKey) -> None:
        """Raise HostKeyUnknown or HostKeyChanged unless ``key`` is known to be the host's."""
        blob = key.asbytes()
        known = self.known(host)
        shown = f"{key.get_name()} {fingerprint(blob)}"
        for line in known:
            if line.revoked and line.blob == blob:
                raise HostKeyChanged(
                    f"its host key {shown} is revoked in {line.where}",
                    where=host.name,
                    hint="do not log in; ask the host's owner for its new key",
                )
        trusted = [line for line in known if not line.revoked]
        if any(line.blob == blob for line in trusted):
            return
        if trusted:
            # The line of the same type is the one that would have to be replaced.
            line = next((line for line in trusted if line.type == key.get_name()), trusted[0])
            raise HostKeyChanged(
                f"its host key has changed: it shows {shown}, but {line.where} has"
                f" {line.type} {fingerprint(line.blob)}",
                where=host.name,
                hint="it was reinstalled, or something stands in between: ask the host's owner"
                " before you remove that line",
            )
        file = self._asked(host)[0] if self._asked(host) else Path("~/.ssh/known_hosts")
        port = "" if host.port == SSH_PORT else f"-p {host.port} "
        raise HostKeyUnknown(
            f"its host key {shown} is in no known_hosts file",
            where=host.name,
            hint="compare the fingerprint with the host's owner, then: ssh-keyscan "
            f"{port}{shlex.quote(host.address)} >> {shlex.quote(str(file))}",
        )

    def _asked(self, host: Host) -> tuple[Path, ...]:
        return self._files if host.known_hosts is None else (host.known_hosts, *self._files)

    def _of(self, path: Path, name: str) -> list[KnownKey]:
        # Every login asks twice, and among hashed names a search takes an HMAC a line.
        found = self._found.get((path, name))
        if found is None:
            found = self._found[path, name] = self._content(path).of(name)
        return found

    def _content(self, path: Path) -> KnownHosts:
        with self._lock:
            if path not in self._read:
                self._read[path] = read(path)
            return self._read[path]


class Policy(paramiko.MissingHostKeyPolicy):
    """Stands in for Fabric's AutoAddPolicy, which believes whoever answers.

    The client itself is given no keys, so paramiko asks here about every one.
    """

    def __init__(self, keys: HostKeys, host: Host) -> None:
        self._keys = keys
        self._host = host

    def missing_host_key(
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> None:
        """Raise HostKeyUnknown or HostKeyChanged unless the key is known."""
        del client, hostname  # the host that was meant is known better here
        self._keys.check(self._host, key)


def default_known_hosts(start: Path | None = None) -> tuple[Path, ...]:
    """Return the user's, the system's and the project's files, whether they exist or not.

    The project's is ``.wirework/known_hosts`` in ``start`` (the current folder) or the nearest
    folder above it that has one.
    """
    files = [Path.home() / ".ssh" / "known_hosts", Path("/etc/ssh/ssh_known_hosts")]
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


def fingerprint(blob: bytes) -> str:
    """Return a public key's fingerprint as ssh-keygen -l shows it: ``SHA256:…``."""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode("ascii")
    return f"SHA256:{digest.rstrip('=')}"


def read(path: Path) -> KnownHosts:
    """Read one known_hosts file; lines that are no host key are passed over."""
    content = KnownHosts({}, [])
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return content
    for known in _lines(text, path):
        if any(_is_pattern(name) for name in known.names):
            content.others.append(known)
        else:
            for name in known.names:
                content.named.setdefault(name, []).append(known)
    return content


def _lines(text: str, path: Path) -> Iterator[KnownKey]:
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        marker = words.pop(0) if words[0].startswith("@") else ""
        # Certificate authorities are not host keys; unknown markers must not be believed.
        if marker not in ("", "@revoked") or len(words) < 3:  # noqa: PLR2004 - names, type, key
            continue
        try:
            blob = base64.b64decode(words[2], validate=True)
        except (binascii.Error, ValueError):
            continue
        # A hashed name is base64, where case matters.
        names = tuple(n if n.startswith("|1|") else n.lower() for n in words[0].split(","))
        yield KnownKey(names, words[1], blob, f"{path}:{number}", revoked=bool(marker))


def _is_pattern(name: str) -> bool:
    return name.startswith(("|1|", "!")) or "*" in name or "?" in name


def _matches(pattern: str, name: str) -> bool:
    if pattern.startswith("|1|"):
        return _matches_hash(pattern, name)
    if "*" in pattern or "?" in pattern:
        # Brackets are part of the name here (`[host]:port`), not a set of characters.
        return fnmatchcase(name, re.sub(r"\[", "[[]", pattern))
    return pattern == name


def _matches_hash(hashed: str, name: str) -> bool:
    """Whether ``|1|salt|hash`` is the HMAC-SHA1 of ``name`` (HashKnownHosts, ssh_config(5))."""
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in hashed[3:].split("|"))
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(hmac.digest(salt, name.encode(), "sha1"), digest)


def _key_type(algorithm: str) -> str:
    """Return the type of key that a host key algorithm signs with (RFC 8332: rsa-sha2-*)."""
    return "ssh-rsa" if algorithm.startswith("rsa-sha2-") else algorithm

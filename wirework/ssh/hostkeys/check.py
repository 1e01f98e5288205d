"""What is to be thought of the key that a host shows, and the refusal of all but known ones."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import paramiko

from wirework.errors import BadInput, HostKeyUnknown
from wirework.ssh.hostkeys.certificates import SUFFIX, Certificate
from wirework.ssh.hostkeys.known import Marker, fingerprint, known_name, names_of, type_of
from wirework.ssh.hostkeys.pin import KnownFile
from wirework.ssh.hostkeys.verdict import State, Verdict, refusal
from wirework.ssh.target import ACCEPT_NEW

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wirework.ssh.hostkeys.known import KnownKey
    from wirework.ssh.target import Target


ALGORITHMS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
"""How hosts may prove their keys, the one asked for first at the front: not with SHA-1."""


class HostKeys:
    """The host keys of one pool: each file is read once, when it is first asked for.

    As with ssh(1), a host on another port than 22 is looked for under ``[host]:port`` first, and
    may also be known, revoked or vouched for under its mere name; under a HostKeyAlias it is
    looked for without its port.
    """

    def __init__(self) -> None:
        self._files: dict[Path, KnownFile] = {}
        self._lock = threading.Lock()

    def known(self, target: Target) -> list[KnownKey]:
        """Return every line that speaks of the target."""
        return [line for name in names_of(target) for line in self._lines(target, name)]

    def own(self, target: Target) -> list[KnownKey]:
        """Return the lines under the very name that the target's new keys are pinned under."""
        return self._lines(target, known_name(target))

    def file(self, target: Target) -> KnownFile:
        """Return the file that gets the target's new keys; raises BadInput if none can."""
        path = next(iter(target.known_hosts), None)
        if path is None:
            raise BadInput(
                "no known_hosts file is named for it",
                where=target.host.name,
                hint="name one in the inventory: known_hosts, or in ssh_config: UserKnownHostsFile",
            )
        file = self._file(path)
        if file.refusal:
            raise BadInput(
                f"no host key can be pinned into {path}: {file.refusal}",
                where=target.host.name,
                hint="name another in the inventory: known_hosts,"
                " or in ssh_config: UserKnownHostsFile",
            )
        return file

    def algorithms(self, target: Target, offered: Sequence[str]) -> tuple[str, ...]:
        """Return ``offered`` with the algorithms of the keys we know moved to the front.

        A host with several keys shows the one of the first algorithm both sides have: asking
        for one that we do not hold would make a known host look unknown. Certificates are asked
        for, before all else, where we know an authority for the host.
        """
        lines = self.known(target)
        types = {line.type for line in lines if line.marker is Marker.HOST}
        first = [name for name in offered if key_type(name) in types]
        plain = (*first, *(name for name in offered if name not in first))
        if any(line.marker is Marker.AUTHORITY for line in lines):
            return (*(f"{name}{SUFFIX}" for name in plain), *plain)
        return plain

    def judge(self, target: Target, key: paramiko.PKey) -> Verdict:
        """Say what is known of a key that the host has proved to own, and of its certificate."""
        blob = key.asbytes()
        lines = self.known(target)
        certificate, doubt = _certificate(key)
        shown = {blob} if certificate is None else {blob, certificate.authority}
        for line in lines:
            if line.marker is Marker.REVOKED and line.blob in shown:
                return Verdict(State.REVOKED, line)
        if certificate is not None:
            for line in lines:
                if line.marker is Marker.AUTHORITY and line.blob == certificate.authority:
                    problem = certificate.problem(_principal(target), time.time())
                    if not problem:
                        return Verdict(State.AUTHORITY, line)
                    where = line.where
                    doubt = f"its certificate by the authority of {where} is no good: {problem}"
        return self._judge_plain(target, key.get_name(), blob, doubt)

    def _judge_plain(self, target: Target, kind: str, blob: bytes, doubt: str) -> Verdict:
        # Another server may stand behind the mere name: that counts where nothing closer is known.
        for name in names_of(target):
            trusted = [line for line in self._lines(target, name) if line.marker is Marker.HOST]
            for line in trusted:
                if line.blob == blob:
                    return Verdict(State.KNOWN, line)
            if trusted and name == known_name(target):
                # The line of the same type is the one that would have to be replaced.
                same = (line for line in trusted if line.type == kind)
                return Verdict(State.CHANGED, next(same, trusted[0]), doubt)
        return Verdict(State.NEW, None, doubt)

    def check(self, target: Target, key: paramiko.PKey) -> None:
        """Raise HostKeyUnknown or HostKeyChanged unless ``key`` is known to be the host's.

        A new key of a host that accepts new ones is pinned.
        """
        verdict = self.judge(target, key)
        if verdict.state is State.NEW and target.host_keys == ACCEPT_NEW and not verdict.doubt:
            verdict = self._accept(target, key)
        if verdict.state in (State.KNOWN, State.AUTHORITY):
            return
        raise refusal(target, key, verdict)

    def _accept(self, target: Target, key: paramiko.PKey) -> Verdict:
        """Pin a new key, unless another thread or process has been here meanwhile."""
        blob = key.asbytes()
        shown = f"its new host key {key.get_name()} {fingerprint(blob)}"
        try:
            file = self.file(target)
            with file.writing() as append:
                verdict = self.judge(target, key)
                if verdict.state is not State.NEW:
                    return verdict
                append([(known_name(target), blob)])
        except BadInput as error:
            raise HostKeyUnknown(
                f"{shown} is not accepted: {error.message}", where=error.where, hint=error.hint
            ) from error
        except OSError as error:
            raise HostKeyUnknown(
                f"{shown} cannot be pinned into {file.path}: {error.strerror}",
                where=target.host.name,
                hint="make it writable, or name another in the inventory: known_hosts",
            ) from error
        return Verdict(State.KNOWN)

    def _lines(self, target: Target, name: str) -> list[KnownKey]:
        return [line for path in target.known_hosts for line in self._file(path).of(name)]

    def _file(self, path: Path) -> KnownFile:
        with self._lock:
            found = self._files.get(path)
            if found is None:
                found = self._files[path] = KnownFile(path)
            return found


class Policy(paramiko.MissingHostKeyPolicy):
    """Stands in for Fabric's AutoAddPolicy, which believes whoever answers.

    The client itself is given no keys, so paramiko asks here about every one.
    """

    def __init__(self, keys: HostKeys, target: Target) -> None:
        self._keys = keys
        self._target = target

    def missing_host_key(
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> None:
        """Raise HostKeyUnknown or HostKeyChanged unless the key is known."""
        del client, hostname  # the target that was meant is known better here
        self._keys.check(self._target, key)


def key_type(algorithm: str) -> str:
    """Return the type of key that a host key algorithm signs with (RFC 8332: rsa-sha2-*)."""
    plain = algorithm.removesuffix(SUFFIX)
    return "ssh-rsa" if plain.startswith("rsa-sha2-") else plain


def _principal(target: Target) -> str:
    """Return the name that a certificate must hold, which has no port."""
    return target.alias.lower()


def _certificate(key: paramiko.PKey) -> tuple[Certificate | None, str]:
    """Return the certificate that a key came in, or why it cannot be used."""
    blob = key.public_blob
    if blob is None or not type_of(blob.key_blob).endswith(SUFFIX):
        return None, ""
    try:
        certificate = Certificate.read(blob.key_blob)
    except ValueError as error:
        return None, f"its certificate is {error}"
    if certificate.key != key.asbytes():
        return None, "its certificate is for another key than it has shown"
    return certificate, ""

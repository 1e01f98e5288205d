"""What a host can be logged in on with, in the order in which it is tried."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from paramiko.pkey import PublicBlob

from wirework.errors import BadInput
from wirework.ssh.auth import blobs
from wirework.ssh.auth.agent import AgentKey, Conversation, NoAgent, socket_path
from wirework.ssh.auth.keys import exists
from wirework.ssh.auth.userauth import INTERACTIVE, NONE, PASSWORD, PUBLICKEY, OnePassword

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import paramiko

    from wirework.secrets import Secret
    from wirework.ssh.auth.agent import HeldKey
    from wirework.ssh.auth.keys import PrivateKeys
    from wirework.ssh.auth.userauth import UserAuth
    from wirework.ssh.target import Target

    Request = Callable[[UserAuth], list[str]]

DEFAULT_FILES_KEPT = 2
"""How many of the user's key files are tried however many keys an agent holds."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to log in, and what to call it.

    ``prepare`` makes the request that UserAuth is asked with; it reads the key or the secret, and
    raises Unusable, or BadInput for what the inventory itself has named.
    """

    method: str
    name: str
    prepare: Callable[[], Request]


class Unusable(Exception):
    """A way that is not there after all; ``str()`` is why."""


class Credentials:
    """The ways to log in on a target; ``notes`` says what cannot be used.

    ``tries`` is how many keys will be tried at most.
    """

    def __init__(self, target: Target, private: PrivateKeys, *, tries: int) -> None:
        self._target = target
        self._private = private
        self.notes: list[str] = []
        agent = socket_path(target.agent)
        self._held = () if agent is None else self._ask_agent(agent)
        self._conversation = Conversation(agent or "")
        self._certificates = dict(self._read(target.certificates))
        self.keys = list(self._key_ways(tries))

    @property
    def others(self) -> list[Way]:
        """The ways without a key: the password, as one or as the answer to a question."""
        user, password = self._target.user, self._target.host.password
        if password is None:
            return []
        return [
            Way(PASSWORD, PASSWORD, lambda: _with_password(user, password)),
            Way(INTERACTIVE, INTERACTIVE, lambda: _with_answer(user, password)),
        ]

    def nothing(self) -> Way:
        """Return the question what the host takes, which some answer by letting one in."""
        user = self._target.user
        return Way(NONE, NONE, lambda: lambda talk: talk.auth_none(user))

    def close(self) -> None:
        """Let go of the agent."""
        self._conversation.close()

    def _ask_agent(self, path: str) -> tuple[HeldKey, ...]:
        try:
            return self._private.agents.held(path)
        except NoAgent as error:
            self.notes.append(f"agent ({error})")
            return ()

    def _key_ways(self, tries: int) -> Iterator[Way]:
        named = self._target.keys
        files = self._private.default() if self._target.default_keys else named
        held = {key.blob for key in self._held}
        first = [path for path in files if named or self._private.public(path) in held]
        last = [path for path in files if path not in first]
        publics = [public for path in files if (public := self._private.public(path)) is not None]
        others = [
            key
            for key in self._held
            if not self._target.only_keys and not any(_belongs(key, ours) for ours in publics)
        ]
        # An agent full of keys must leave some tries to the files.
        some = max(tries - len(first) - min(len(last), DEFAULT_FILES_KEPT), 0)
        for path in first:
            yield from self._of_file(path)
        for key in others[:some]:
            yield from self._of_agent(key)
        for path in last:
            yield from self._of_file(path)
        for key in others[some:]:
            yield from self._of_agent(key)

    def _of_file(self, path: Path) -> Iterator[Way]:
        """Yield a key's certificates, from wherever they are, and the key itself."""
        public = self._private.public(path)
        signer = next((key for key in self._held if key.blob == public), None)
        if public is not None:
            for key in self._held:
                if key != signer and _belongs(key, public):
                    yield self._held_way(f"{shown(path)} certificate (agent)", key)
            beside = dict(self._read([Path(f"{path}-cert.pub")]))
            for file, certificate in {**beside, **self._certificates}.items():
                if not blobs.certifies(certificate, public):
                    continue
                name = f"{shown(file)}{_expiry(certificate)}"
                if signer is not None:
                    yield self._held_way(f"{name} (agent)", signer, certificate)
                else:
                    yield self._file_way(name, path, certificate)
        if signer is not None:
            yield self._held_way(f"{shown(path)} (agent)", signer)
        elif path == self._target.host.key or exists(path):  # ssh_config may name what is not
            yield self._file_way(shown(path), path)

    def _of_agent(self, key: HeldKey) -> Iterator[Way]:
        for file, certificate in self._certificates.items():
            if blobs.certifies(certificate, key.blob):
                name = f"{shown(file)}{_expiry(certificate)}"
                yield self._held_way(f"{name} (agent)", key, certificate)
        yield self._held_way(f"agent key {key.label}", key)

    def _held_way(self, name: str, held: HeldKey, certificate: bytes | None = None) -> Way:
        key = AgentKey(held, self._conversation, certificate)
        return Way(PUBLICKEY, name, lambda: self._with_key(key))

    def _file_way(self, name: str, path: Path, certificate: bytes | None = None) -> Way:
        return Way(PUBLICKEY, name, lambda: self._with_key(self._load(path, certificate)))

    def _load(self, path: Path, certificate: bytes | None) -> paramiko.PKey:
        host = self._target.host
        try:
            key = self._private.load(path, host.key_passphrase)
        except BadInput as error:
            if path == host.key:
                raise
            raise Unusable(error.message) from error
        if certificate is None:
            return key
        certified = copy.copy(key)
        certified.public_blob = PublicBlob(blobs.key_type(certificate), certificate)
        return certified

    def _with_key(self, key: paramiko.PKey) -> Request:
        user = self._target.user
        return lambda talk: talk.auth_publickey(user, key)

    def _read(self, files: Sequence[Path]) -> Iterator[tuple[Path, bytes]]:
        for file in files:
            try:
                certificate = self._private.certificate(file)
            except BadInput as error:
                self.notes.append(f"{shown(file)} ({error.message})")
            else:
                if certificate is not None:
                    yield file, certificate


def _belongs(key: HeldKey, public: bytes) -> bool:
    """Whether what an agent holds is this key, or a certificate for it."""
    return key.blob == public or blobs.certifies(key.blob, public)


def _expiry(certificate: bytes) -> str:
    """Say when a certificate expired, "" if it did not; whether it is believed is the host's."""
    end = blobs.valid_before(certificate)
    if end is None or time.time() < end:
        return ""
    return time.strftime(", expired on %Y-%m-%d %H:%M UTC", time.gmtime(end))


def shown(path: Path) -> str:
    """Return a path as people write it, with ``~`` for their home."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):  # elsewhere, or nobody knows where home is
        return str(path)


def _with_password(user: str, password: Secret) -> Request:
    value = password.reveal()
    return lambda talk: talk.auth_password(user, value)


def _with_answer(user: str, password: Secret) -> Request:
    handler = OnePassword(password.reveal())
    return lambda talk: talk.auth_interactive(user, handler)

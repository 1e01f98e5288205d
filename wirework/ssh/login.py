"""Logging in: which keys are tried on a host, in which order, and what to say when none fits."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import paramiko
from paramiko.auth_strategy import AuthResult, AuthStrategy, InMemoryPrivateKey, Password
from paramiko.auth_strategy import SourceResult as Tried

from wirework.errors import AuthenticationFailed, Unreachable
from wirework.ssh import keys

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from paramiko.auth_strategy import AuthSource

    from wirework.inventory import Host
    from wirework.ssh.keys import PrivateKeys

MAX_AGENT_KEYS = 3
MAX_KEYS = 5
"""sshd hangs up at the sixth failure (MaxAuthTries, sshd_config(5)); one is left for a password."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to log in, and what to call it; None if it turned out to be unusable."""

    name: str
    source: AuthSource | None


class Login(AuthStrategy):
    """Tries a host's own key, or else the agent's and the default ones, then its password.

    Raises AuthenticationFailed when all are refused, Unreachable when the connection ends
    first, BadInput when the host's own key cannot be used. ``timeout``, in seconds, bounds all
    attempts together.
    """

    def __init__(self, host: Host, user: str, private: PrivateKeys, *, timeout: float) -> None:
        super().__init__(paramiko.SSHConfig())
        self._host = host
        self._user = user
        self._private = private
        self._timeout = timeout

    def authenticate(self, transport: paramiko.Transport) -> AuthResult:
        """Try every attempt until the host is satisfied; some hosts want two."""
        results = AuthResult(self)
        names: list[str] = []
        deadline = time.monotonic() + self._timeout
        with contextlib.closing(self._attempts()) as attempts:
            for attempt in attempts:
                names.append(attempt.name)
                if attempt.source is None:
                    continue
                transport.auth_timeout = max(deadline - time.monotonic(), 0.1)
                try:
                    wanted = attempt.source.authenticate(transport)
                except (paramiko.SSHException, EOFError, OSError) as error:
                    results.append(Tried(attempt.source, error))
                    if time.monotonic() >= deadline or not transport.is_active():
                        break
                    continue
                results.append(Tried(attempt.source, wanted))
                if not wanted:
                    return results
        self._explain(transport, names, late=time.monotonic() >= deadline)
        raise AuthenticationFailed(
            f"{self._host.address} refused to log in {self._user}"
            f" (tried {', '.join(names) or 'nothing'})",
            where=self._host.name,
            hint=self._advice(names),
        )

    def get_sources(self) -> Iterator[AuthSource]:
        """Yield what authenticate tries, in that order; the base class asks for this."""
        for attempt in self._attempts():
            if attempt.source is not None:
                yield attempt.source

    def _explain(self, transport: paramiko.Transport, names: list[str], *, late: bool) -> None:
        """Raise Unreachable if it was the connection, not the host's verdict, that ended it."""
        if late:
            raise Unreachable(
                f"did not answer the login of {self._user} within {self._timeout:g} s",
                where=self._host.name,
            )
        if not transport.is_active() and len(names) <= 1:
            # After several refusals sshd hangs up itself, which is a verdict.
            raise Unreachable(
                f"the connection ended during the login of {self._user}", where=self._host.name
            )

    def _advice(self, names: list[str]) -> str:
        if not names:
            return "name a key in the inventory, or start an agent and ssh-add one"
        if self._host.key is not None:
            return (
                f"add {self._host.key}.pub to ~{self._user}/.ssh/authorized_keys there,"
                " or correct user or key in the inventory"
            )
        return "name the user and key in the inventory, or ssh-add the key"

    def _attempts(self) -> Generator[Attempt]:
        if self._host.key is not None:
            yield from self._own_key(self._host.key)
        else:
            yield from self._found_keys()
        password = self._host.password
        if password is not None:
            yield Attempt("password", Password(self._user, password.reveal))

    def _own_key(self, path: Path) -> Iterator[Attempt]:
        try:
            key = self._private.load(path)
        except keys.KeyLocked:
            # An agent may hold it unlocked; its public half says which of the agent's it is.
            public = keys.public_blob(path)
            with _agent() as held:
                for agent_key in held:
                    if agent_key.asbytes() == public:
                        yield self._with(f"{path} (agent)", agent_key)
                        return
            raise
        yield self._with(str(path), key)

    def _found_keys(self) -> Iterator[Attempt]:
        seen: set[bytes] = set()
        with _agent() as held:
            for agent_key in held[:MAX_AGENT_KEYS]:
                seen.add(agent_key.asbytes())
                yield self._with("agent key", agent_key)
        for name, key in self._private.default():
            if key is None:
                yield Attempt(name, None)
            elif key.asbytes() not in seen and len(seen) < MAX_KEYS:
                seen.add(key.asbytes())
                yield self._with(name, key)

    def _with(self, name: str, key: paramiko.PKey) -> Attempt:
        return Attempt(name, InMemoryPrivateKey(self._user, key))


@contextlib.contextmanager
def _agent() -> Iterator[tuple[paramiko.AgentKey, ...]]:
    """Give the keys of the running agent, none if there is none.

    Each login has its own conversation with it: paramiko's is not safe between threads.
    """
    try:
        agent = paramiko.Agent()
    except (paramiko.SSHException, OSError):
        yield ()
        return
    try:
        yield agent.get_keys()
    finally:
        agent.close()

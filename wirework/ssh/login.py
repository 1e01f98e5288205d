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


class HungUp(Exception):
    """The host hung up after a refusal; what is left to be tried wants a new connection.

    OpenSSH does so after MaxAuthTries. Others after one, since paramiko asks anew for the
    service of logging in each time, where RFC 4252 has it asked for once.
    """


class Login(AuthStrategy):
    """Tries a host's own key, or else the agent's and the default ones, then its password.

    Goes on where it was when it is used again on a new connection, after HungUp. ``timeout``,
    in seconds, bounds all attempts together.
    """

    def __init__(self, host: Host, user: str, private: PrivateKeys, *, timeout: float) -> None:
        super().__init__(paramiko.SSHConfig())
        self._host = host
        self._user = user
        self._private = private
        self._timeout = timeout
        self._deadline: float | None = None
        self._attempts = self._ways()
        self._next: Attempt | None = None
        self._tried: list[str] = []
        self._refused = False

    def authenticate(self, transport: paramiko.Transport) -> AuthResult:
        """Try each way until the host is satisfied; some hosts want two.

        Raises AuthenticationFailed when all are refused, HungUp, Unreachable when the
        connection ends or time runs out, BadInput when the host's own key is of no use.
        """
        if self._deadline is None:
            self._deadline = time.monotonic() + self._timeout
        results = AuthResult(self)
        while (attempt := self._upcoming()) is not None and attempt.source is not None:
            transport.auth_timeout = max(self._deadline - time.monotonic(), 0.1)
            wanted: list[str] | None = None
            try:
                wanted = attempt.source.authenticate(transport)
                results.append(Tried(attempt.source, wanted))
            except (paramiko.SSHException, EOFError, OSError) as error:
                results.append(Tried(attempt.source, error))
            if wanted == []:
                return results
            if time.monotonic() >= self._deadline:
                raise Unreachable(
                    f"did not answer the login of {self._user} within {self._timeout:g} s",
                    where=self._host.name,
                )
            alive = transport.is_active()
            self._refused |= alive
            if alive or len(results) == 1:
                self._tried.append(attempt.name)
                self._next = None
            # A later attempt may not have been looked at: it is made again.
            if not alive and self._upcoming() is not None:
                raise HungUp
        raise self._failure()

    def get_sources(self) -> Iterator[AuthSource]:
        """Yield what authenticate tries, in that order; the base class asks for this."""
        for attempt in self._ways():
            if attempt.source is not None:
                yield attempt.source

    def close(self) -> None:
        """Let go of the agent."""
        self._attempts.close()

    def _upcoming(self) -> Attempt | None:
        """Return the way to try next, again and again until it is taken away."""
        while self._next is None:
            self._next = next(self._attempts, None)
            if self._next is None:
                return None
            if self._next.source is None:
                self._tried.append(self._next.name)
                self._next = None
        return self._next

    def _failure(self) -> Unreachable:
        tried = f"(tried {', '.join(self._tried) or 'nothing'})"
        if self._tried and not self._refused:
            return Unreachable(
                f"{self._host.address} hung up during the login of {self._user} {tried}",
                where=self._host.name,
            )
        return AuthenticationFailed(
            f"{self._host.address} refused to log in {self._user} {tried}",
            where=self._host.name,
            hint=self._advice(),
        )

    def _advice(self) -> str:
        if not self._tried:
            return "name a key in the inventory, or start an agent and ssh-add one"
        if self._host.key is not None:
            return (
                f"add {self._host.key}.pub to ~{self._user}/.ssh/authorized_keys there,"
                " or correct user or key in the inventory"
            )
        return "name the user and key in the inventory, or ssh-add the key"

    def _ways(self) -> Generator[Attempt]:
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

"""Logging in: one way after another, until the host is satisfied or none is left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

import paramiko
from paramiko.auth_strategy import AuthResult, AuthStrategy

from wirework.errors import AuthenticationFailed, Unreachable
from wirework.ssh.auth.agent import NotSigned
from wirework.ssh.auth.credentials import Credentials, Unusable, shown
from wirework.ssh.auth.userauth import INTERACTIVE, NONE, PASSWORD, PUBLICKEY, AsksMore, UserAuth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from paramiko.auth_strategy import AuthSource

    from wirework.ssh.auth.credentials import Way
    from wirework.ssh.auth.keys import PrivateKeys
    from wirework.ssh.target import Target

MAX_TRIES = 5
"""sshd hangs up at the sixth refusal, and says nothing more (MaxAuthTries, sshd_config(5))."""
LOOKS_FIRST = "SSH-2.0-OpenSSH"
"""A server that hangs up only after it has looked at what it was sent."""
ACCEPTED = "accepted"

_T = TypeVar("_T")


class HungUp(Exception):
    """The host hung up after a refusal; what is left to be tried wants a new connection."""


class Login(AuthStrategy):
    """Tries the keys that a target names, the agent's, the default ones, then its password.

    Only what the host takes is tried, as far as it has said so, and MAX_TRIES at most.
    Goes on where it was when it is used again on a new connection, after HungUp. ``timeout``,
    in seconds, bounds what the host takes for all its answers together.
    """

    def __init__(self, target: Target, private: PrivateKeys, *, timeout: float) -> None:
        super().__init__(paramiko.SSHConfig())
        self._target = target
        self._timeout = timeout
        self._remaining = timeout
        self._key_tries = MAX_TRIES if target.host.password is None else MAX_TRIES - 1
        self._credentials = Credentials(target, private, tries=self._key_tries)
        self._left = self._credentials.keys + self._credentials.others
        self._tried = list(self._credentials.notes)
        self._takes: tuple[str, ...] | None = None
        self._probed = False
        self._answered = False
        self._accepted = False
        self._asks_more = False

    def authenticate(self, transport: paramiko.Transport) -> AuthResult:
        """Try each way until the host is satisfied; some hosts want two.

        Raises AuthenticationFailed when all are refused, HungUp, Unreachable when the
        connection ends or time runs out, BadInput when the host's own key is of no use.
        """
        talk = UserAuth(transport)
        self._timed(transport, talk.begin)
        first = True
        while (way := self._next()) is not None:
            if self._try(way, talk, transport, first=first):
                return AuthResult(self)
            first = False
            if not transport.is_active() and self._next() is not None:
                raise HungUp
        raise self._failure()

    def get_sources(self) -> Iterator[AuthSource]:
        """Yield nothing: the base class asks for this, and ``authenticate`` does not."""
        yield from ()

    def close(self) -> None:
        """Let go of the agent."""
        self._credentials.close()

    def _next(self) -> Way | None:
        """Return the first way left that the host takes, None if there is none."""
        key_first = bool(self._left) and self._left[0].method == PUBLICKEY
        if self._takes is None and not self._probed and not key_first:
            # A password must not be sent to a host that would not take it; and when all is over,
            # the error says what would have been taken.
            return self._credentials.nothing()
        for way in self._left:
            if way.method == PUBLICKEY and self._key_tries <= 0:
                continue
            if self._takes is None or way.method in self._takes:
                return way
        return None

    def _try(self, way: Way, talk: UserAuth, transport: paramiko.Transport, *, first: bool) -> bool:
        """Ask once, and take note of the answer; return whether the login is complete."""
        said = ""
        blind = self._takes is None
        try:
            request = way.prepare()
            if not self._timed(transport, lambda: request(talk)):
                return True
            said = ACCEPTED
        except (Unusable, NotSigned) as error:
            self._note(way, str(error))
            return False
        except AsksMore as error:
            self._asks_more = True
            said = f"it asks for {error}"
        except (paramiko.SSHException, EOFError, OSError):
            pass  # a no, or the end of the connection
        if talk.takes is not None:
            self._takes = talk.takes
        alive = transport.is_active()
        self._answered |= alive
        if way.method == NONE:
            self._probed = True
            return False
        if alive or first or _surely_looked_at(way, transport):
            accepted = said == ACCEPTED
            known = self._takes is None or way.method in self._takes
            # A key shown before the host had said what it takes may be its second step.
            if accepted or known or not blind or way.method != PUBLICKEY:
                self._note(way, said)
            self._count(way, accepted=accepted)
        return False

    def _note(self, way: Way, said: str) -> None:
        """Take a way off the list, and name it in the error that may come."""
        self._left = [other for other in self._left if other is not way]
        self._tried.append(f"{way.name} ({said})" if said else way.name)

    def _count(self, way: Way, *, accepted: bool) -> None:
        self._accepted |= accepted
        if accepted:
            return
        if way.method == PUBLICKEY:
            self._key_tries -= 1
        else:  # what is left would spend the same wrong password again
            self._left = [other for other in self._left if other.method == PUBLICKEY]

    def _timed(self, transport: paramiko.Transport, ask: Callable[[], _T]) -> _T:
        """Ask the host something within what is left of the time; raises Unreachable after it."""
        transport.auth_timeout = max(self._remaining, 0.1)
        began = time.monotonic()
        try:
            return ask()
        except paramiko.AuthenticationException as error:
            if time.monotonic() - began < transport.auth_timeout:
                raise
            raise Unreachable(
                f"did not answer the login of {self._target.user} within {self._timeout:g} s",
                where=self._target.host.name,
            ) from error
        finally:
            self._remaining -= time.monotonic() - began

    def _failure(self) -> Unreachable:
        tried = ", ".join(self._tried) or "nothing"
        spared = sum(way.method == PUBLICKEY for way in self._left)
        if spared and self._key_tries <= 0:
            tried += f", {spared} more left out"
        place, user = self._target.address, self._target.user
        if self._tried and not self._answered:
            return Unreachable(
                f"{place} hung up during the login of {user} (tried {tried})",
                where=self._target.host.name,
            )
        if self._takes is not None:
            wants = "it also wants" if self._accepted else "it takes"
            tried += f"; {wants} {' or '.join(self._takes) or 'nothing'}"
        return AuthenticationFailed(
            f"{place} refused to log in {user} (tried {tried})",
            where=self._target.host.name,
            hint=self._advice(keys_spared=bool(spared)),
        )

    def _advice(self, *, keys_spared: bool) -> str:
        target, takes = self._target, self._takes
        if self._asks_more:
            return "Wirework answers one question, with the password: log in with a key instead"
        if takes is not None and PUBLICKEY not in takes:
            if PASSWORD not in takes and INTERACTIVE not in takes:
                return "Wirework logs in with keys and passwords"
            if target.host.password is None:
                return "give its password in the inventory"
            return "correct user or password in the inventory"
        if keys_spared:
            return "name the key in the inventory"
        if not self._credentials.keys:
            return "name a key in the inventory, or start an agent and ssh-add one"
        if target.host.key is not None:
            return (
                f"add {shown(target.host.key)}.pub to ~{target.user}/.ssh/authorized_keys there,"
                " or correct user or key in the inventory"
            )
        return "name the user and key in the inventory, or ssh-add the key"


def _surely_looked_at(way: Way, transport: paramiko.Transport) -> bool:
    """Whether a server that hung up has certainly seen a password, which is not sent twice."""
    return way.method != PUBLICKEY and transport.remote_version.startswith(LOOKS_FIRST)

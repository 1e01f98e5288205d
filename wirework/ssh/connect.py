"""Opening connections: the one place where sockets and Fabric Connections are made."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any

import paramiko
from fabric import Config, Connection

from wirework.errors import Unreachable, WireworkError
from wirework.ssh import signals
from wirework.ssh.auth.keys import PrivateKeys
from wirework.ssh.auth.login import HungUp, Login
from wirework.ssh.dial import TurnedAway, reason
from wirework.ssh.hostkeys import ALGORITHMS, HostKeys, Policy
from wirework.ssh.pace import Pace

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from wirework.inventory import Host
    from wirework.ssh.target import Target, Targets

CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
"""Asked for first (RFC 5647): paramiko checks the MAC of other ciphers byte by byte in Python,
which costs a third more CPU on large files."""

# paramiko logs what it also raises; without a handler Python would print that to stderr.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class _Connection(Connection):  # type: ignore[misc]  # Fabric ships no types
    """A Connection whose every setting is its own.

    Fabric's writes this one into the Config, where each write merges all levels anew. Threads
    share ours: one would find it empty while another merges.
    """

    inline_ssh_env = True


class _Transport(signals.Transport):
    """A Transport that asks for the host key algorithms it is told to, and no others.

    paramiko's own asks every host for certificates, too, and then checks nothing of them.
    """

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        return tuple(self.get_security_options().key_types)


class NoSuchKey(Unreachable):
    """The host has no key for any of the algorithms that were asked for."""


class Connector:
    """Makes connections that share what is costly: the Config, host keys and private keys.

    A target's ``connect_timeout`` bounds the connection itself, and then greeting and key
    exchange together; ``login_timeout`` bounds, in seconds, all attempts to log in.
    """

    def __init__(self, targets: Targets, *, login_timeout: float) -> None:
        # Lazy, because ~/.fabric.yaml must not change what an inventory says; ssh_config is read
        # by Targets, and only there.
        self._config = Config(overrides={"load_ssh_configs": False}, lazy=True)
        self._targets = targets
        self.pace = Pace()
        self.host_keys = HostKeys()
        self._private_keys = PrivateKeys()
        self._login_timeout = login_timeout

    def target(self, host: Host) -> Target:
        """Return where and how ``host`` is logged in on; raises BadInput."""
        return self._targets.of(host)

    def login(
        self, target: Target, reach: Callable[[], socket.socket | paramiko.Channel]
    ) -> Connection:
        """Greet, check the host key and log in over what ``reach`` returns.

        It is called again if the host hangs up while ways to log in are left.
        Raises Unreachable or one of its kinds, BadInput for a private key of no use, and what
        ``reach`` raises.
        """
        login = Login(target, self._private_keys, timeout=self._login_timeout)
        with contextlib.closing(login):
            while True:
                with contextlib.suppress(HungUp):
                    return self._enter(target, reach(), login)

    def greet(
        self, target: Target, sock: socket.socket | paramiko.Channel, algorithms: Sequence[str]
    ) -> paramiko.PKey:
        """Return the key that the host proves to own by one of ``algorithms``; nobody logs in.

        ``sock`` is closed. Raises NoSuchKey, and Unreachable or TurnedAway for all else.
        """
        began = time.monotonic()
        transport: paramiko.Transport | None = None
        try:
            transport = _transport(sock, algorithms)
            transport.banner_timeout = target.connect_timeout
            transport.start_client(timeout=target.connect_timeout)
            return transport.get_remote_server_key()
        except paramiko.ssh_exception.IncompatiblePeer as error:
            raise NoSuchKey(
                _problem(transport, error, None), where=target.host.name, hint=target.place
            ) from error
        # paramiko raises here whatever the peer provoked in its own thread, of any class.
        except Exception as error:
            raise _failure(target, transport, error, began) from error
        finally:
            if transport is not None:
                transport.close()
            sock.close()

    def _enter(
        self, target: Target, sock: socket.socket | paramiko.Channel, login: Login
    ) -> Connection:
        """Make one connection of ``sock``, which is closed on failure; raises also HungUp."""
        timeout = target.connect_timeout
        made: list[paramiko.Transport] = []

        def make_transport(sock: Any, **options: Any) -> paramiko.Transport:
            transport = _transport(sock, self.host_keys.algorithms(target, ALGORITHMS), **options)
            made.append(transport)
            return transport

        connection = _Connection(
            target.address,
            user=target.user,
            port=target.port,
            config=self._config,
            connect_kwargs={
                "sock": sock,
                "timeout": timeout,
                "banner_timeout": timeout,
                "transport_factory": make_transport,
                "auth_strategy": login,
            },
        )
        connection.client.set_missing_host_key_policy(Policy(self.host_keys, target))
        began = time.monotonic()
        try:
            connection.open()
        # paramiko raises here whatever the peer provoked in its own thread, of any class.
        except Exception as error:
            connection.client.close()
            sock.close()
            if isinstance(error, (WireworkError, HungUp)):
                raise
            raise _failure(target, made[0] if made else None, error, began) from error
        connection.transport.set_keepalive(target.keepalive)
        return connection


def _transport(
    sock: socket.socket | paramiko.Channel, algorithms: Sequence[str], **options: Any
) -> paramiko.Transport:
    transport = _Transport(sock, **options)
    security = transport.get_security_options()
    security.key_types = tuple(algorithms)
    others = (name for name in security.ciphers if name not in CIPHERS)
    security.ciphers = (*CIPHERS, *others)
    return transport


def _failure(
    target: Target, transport: paramiko.Transport | None, error: Exception, began: float
) -> Unreachable:
    """Return what is said of a connection that did not come about, begun at ``began``."""
    late = time.monotonic() - began >= target.connect_timeout
    problem = _problem(transport, error, target.connect_timeout if late else None)
    hint = target.place
    if target.proxy_command is not None:
        hint = f"by way of ssh_config's ProxyCommand: try ssh {target.host.address}"
    kind = TurnedAway if _hung_up(transport, error) and not late else Unreachable
    return kind(problem, where=target.host.name, hint=hint)


def _hung_up(transport: paramiko.Transport | None, error: Exception) -> bool:
    """Whether the server ended the connection before the login, as one does with too many."""
    if transport is not None and transport.initial_kex_done:
        return False
    return isinstance(error, EOFError | OSError) or "protocol banner" in str(error)


def _problem(transport: paramiko.Transport | None, error: Exception, late: float | None) -> str:
    """Say in which phase of connecting what went wrong; ``late``: after how many seconds."""
    greeted = transport is not None and transport.remote_version != ""
    if not greeted and late is not None:
        return f"accepts connections but sends no SSH greeting within {late:g} s"
    if not greeted and "protocol version" in str(error):
        return "what answers is not an SSH server"
    if not greeted:
        return "closed the connection without an SSH greeting: too many logins, or no SSH server"
    if transport is not None and transport.initial_kex_done:
        return f"the connection was lost during the login: {reason(error)}"
    if late is not None:
        return f"did not finish the SSH key exchange within {late:g} s"
    return f"the SSH key exchange failed: {reason(error)}"

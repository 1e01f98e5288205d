"""Opening connections: the one place where sockets and Fabric Connections are made."""

from __future__ import annotations

import contextlib
import getpass
import logging
import socket
import time
from typing import TYPE_CHECKING, Any

import paramiko
from fabric import Config, Connection

from wirework.errors import Unreachable, WireworkError
from wirework.ssh.hostkeys import HostKeys, Policy
from wirework.ssh.keys import PrivateKeys
from wirework.ssh.login import HungUp, Login

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from wirework.inventory import Host

KEEPALIVE = 15
"""Seconds between two messages that ask a silent host whether it is still there."""
SILENCE = 30.0
"""Seconds that data may stay unacknowledged before the connection counts as lost (RFC 5482)."""

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


class Connector:
    """Makes connections that share what is costly: the Config, host keys and private keys.

    ``connect_timeout`` bounds, in seconds, the connection itself, and then greeting and key
    exchange together; a host's own ``connect_timeout`` comes first. ``login_timeout`` bounds
    all attempts to log in.
    """

    def __init__(
        self, *, known_hosts: Sequence[Path], connect_timeout: float, login_timeout: float
    ) -> None:
        # Lazy, because ~/.fabric.yaml and ~/.ssh/config must not change what an inventory says.
        self._config = Config(overrides={"load_ssh_configs": False}, lazy=True)
        self._host_keys = HostKeys(known_hosts)
        self._private_keys = PrivateKeys()
        self._connect_timeout = connect_timeout
        self._login_timeout = login_timeout

    def timeout(self, host: Host) -> float:
        """Return the seconds that connecting to ``host`` may take."""
        return self._connect_timeout if host.connect_timeout is None else host.connect_timeout

    def dial(self, host: Host) -> socket.socket:
        """Connect to the host's address and port; raises Unreachable."""
        timeout = self.timeout(host)
        place = f"{host.address} port {host.port}"
        try:
            sock = socket.create_connection((host.address, host.port), timeout)
        except (socket.gaierror, UnicodeError) as error:
            raise Unreachable(
                f"cannot find the address of {host.address!r}",
                where=host.name,
                hint="check its address in the inventory, and DNS",
            ) from error
        except ConnectionRefusedError as error:
            raise Unreachable(
                "connection refused", where=host.name, hint=f"is sshd running on {place}?"
            ) from error
        except TimeoutError as error:
            raise Unreachable(
                f"no answer within {timeout:g} s", where=host.name, hint=place
            ) from error
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise Unreachable(f"cannot connect: {reason}", where=host.name, hint=place) from error
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(SILENCE * 1000))
        return sock

    def tunnel(self, host: Host, gateway: Host, transport: paramiko.Transport) -> paramiko.Channel:
        """Let ``gateway``, over ``transport``, connect to ``host``; raises Unreachable."""
        try:
            return transport.open_channel(
                "direct-tcpip",
                (host.address, host.port),
                ("127.0.0.1", 0),
                timeout=self.timeout(host),
            )
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise Unreachable(
                f"gateway {gateway.name} cannot connect to {host.address} port {host.port}:"
                f" {_reason(error)}",
                where=host.name,
            ) from error

    def login(
        self, host: Host, reach: Callable[[], socket.socket | paramiko.Channel]
    ) -> Connection:
        """Greet, check the host key and log in over what ``reach`` returns.

        It is called again if the host hangs up while ways to log in are left.
        Raises Unreachable or one of its kinds, BadInput for a private key of no use, and what
        ``reach`` raises.
        """
        user = host.user or getpass.getuser()
        login = Login(host, user, self._private_keys, timeout=self._login_timeout)
        with contextlib.closing(login):
            while True:
                with contextlib.suppress(HungUp):
                    return self._enter(host, user, reach(), login)

    def _enter(
        self, host: Host, user: str, sock: socket.socket | paramiko.Channel, login: Login
    ) -> Connection:
        """Make one connection of ``sock``, which is closed on failure; raises also HungUp."""
        timeout = self.timeout(host)
        made: list[paramiko.Transport] = []

        def make_transport(sock: Any, **options: Any) -> paramiko.Transport:
            transport = paramiko.Transport(sock, **options)
            made.append(transport)
            security = transport.get_security_options()
            security.key_types = self._host_keys.algorithms(host, security.key_types)
            others = (name for name in security.ciphers if name not in CIPHERS)
            security.ciphers = (*CIPHERS, *others)
            return transport

        connection = _Connection(
            host.address,
            user=user,
            port=host.port,
            config=self._config,
            connect_kwargs={
                "sock": sock,
                "timeout": timeout,
                "banner_timeout": timeout,
                "transport_factory": make_transport,
                "auth_strategy": login,
            },
        )
        connection.client.set_missing_host_key_policy(Policy(self._host_keys, host))
        began = time.monotonic()
        try:
            connection.open()
        # paramiko raises here whatever the peer provoked in its own thread, of any class.
        except Exception as error:
            connection.client.close()
            sock.close()
            if isinstance(error, (WireworkError, HungUp)):
                raise
            late = time.monotonic() - began >= timeout
            problem = _problem(made[0] if made else None, error, timeout if late else None)
            raise Unreachable(
                problem, where=host.name, hint=f"{host.address} port {host.port}"
            ) from error
        connection.transport.set_keepalive(KEEPALIVE)
        return connection


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
        return f"the connection was lost during the login: {_reason(error)}"
    if late is not None:
        return f"did not finish the SSH key exchange within {late:g} s"
    return f"the SSH key exchange failed: {_reason(error)}"


def _reason(error: Exception) -> str:
    """Return an exception's own words, or what an empty one stands for."""
    if isinstance(error, EOFError):
        return "the connection was closed"
    return str(error) or type(error).__name__

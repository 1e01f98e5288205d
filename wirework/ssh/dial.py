"""The way to a host's SSH port: a socket, a gateway's tunnel, or ssh_config's ProxyCommand."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import queue
import signal
import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import paramiko

from wirework.errors import Unreachable

if TYPE_CHECKING:
    from wirework.ssh.target import Target

SILENCE = 30.0
"""Seconds that data may stay unacknowledged before the connection counts as lost (RFC 5482)."""
CONNECT_FAILED = 2
"""SSH_OPEN_CONNECT_FAILED: a gateway did not get through to the host (RFC 4254, 5.1)."""


class TurnedAway(Unreachable):
    """The host refused or reset the connection, which it may not do the next time."""


def connect(target: Target) -> socket.socket:
    """Connect to the target's address and port within its ``connect_timeout``, DNS included.

    Every address that the name has is tried in turn. Raises Unreachable or TurnedAway.
    """
    deadline = time.monotonic() + target.connect_timeout
    places = _resolve(target)
    for number, (family, kind, protocol, _, place) in enumerate(places, 1):
        # What is left is shared, so that an address that swallows everything leaves some.
        share = max(deadline - time.monotonic(), 0.001) / (len(places) + 1 - number)
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(share)
            sock.connect(place)
        except OSError as error:
            sock.close()
            if number == len(places):
                raise _refusal(target, error) from error
        else:
            _prepare(sock)
            return sock
    raise Unreachable(f"{target.address!r} has no address", where=target.host.name)


def tunnel(target: Target, gateway: str, transport: paramiko.Transport) -> paramiko.Channel:
    """Let the host named ``gateway``, over ``transport``, connect to the target.

    Raises Unreachable or TurnedAway.
    """
    try:
        return transport.open_channel(
            "direct-tcpip",
            (target.address, target.port),
            ("127.0.0.1", 0),
            timeout=target.connect_timeout,
        )
    except (paramiko.SSHException, EOFError, OSError) as error:
        problem = f"gateway {gateway} cannot connect to {target.place}: {reason(error)}"
        refused = isinstance(error, paramiko.ChannelException) and error.code == CONNECT_FAILED
        kind = TurnedAway if refused else Unreachable
        raise kind(problem, where=target.host.name) from error


def start(target: Target, command: str) -> socket.socket:
    """Run ssh_config's ProxyCommand and return the socket that is its input and output.

    It ends when the socket is closed, as ssh(1) has it. Raises Unreachable.
    """
    ours, theirs = socket.socketpair()
    shell = os.environ.get("SHELL") or "/bin/sh"
    try:
        # ssh_config(5): "executed using the user's shell exec directive". It is the user's own.
        process = subprocess.Popen(
            [shell, "-c", f"exec {command}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        ours.close()
        raise Unreachable(
            f"cannot run its ProxyCommand: {error.strerror}", where=target.host.name
        ) from error
    finally:
        theirs.close()
    # Somebody has to take note of its end, or it stays as a zombie.
    threading.Thread(target=process.wait, name="proxy-command", daemon=True).start()
    return _ProgramsEnd(ours, process)


class _ProgramsEnd(socket.socket):
    """Our end of a program's input and output; closing it ends a program that would stay."""

    def __init__(self, sock: socket.socket, process: subprocess.Popen[bytes]) -> None:
        super().__init__(sock.family, sock.type, sock.proto, fileno=sock.detach())
        self._process = process

    def close(self) -> None:
        """Close the socket and hang up, as ssh(1) does."""
        super().close()
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGHUP)


def reason(error: Exception) -> str:
    """Return an exception's own words, or what an empty one stands for."""
    if isinstance(error, EOFError):
        return "the connection was closed"
    return str(error) or type(error).__name__


def _resolve(target: Target) -> list[tuple[Any, ...]]:
    """Return what getaddrinfo(3) knows of the target; it cannot be told how long it may take."""
    answers: queue.SimpleQueue[list[tuple[Any, ...]] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(target.address, target.port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    if _is_literal(target.address):
        ask()
    else:
        threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=target.connect_timeout)
    except queue.Empty:
        raise Unreachable(
            f"DNS gave no address of {target.address!r} within {target.connect_timeout:g} s",
            where=target.host.name,
            hint="check its address in the inventory, and DNS",
        ) from None
    if isinstance(answer, Exception):
        raise Unreachable(
            f"cannot find the address of {target.address!r}",
            where=target.host.name,
            hint="check its address in the inventory, and DNS",
        ) from answer
    return answer


def _is_literal(address: str) -> bool:
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(address)
        return True
    return False


def _refusal(target: Target, error: OSError) -> Unreachable:
    name, place = target.host.name, target.place
    if isinstance(error, ConnectionRefusedError):
        return TurnedAway("connection refused", where=name, hint=f"is sshd running on {place}?")
    if isinstance(error, ConnectionResetError):
        return TurnedAway("connection reset", where=name, hint=place)
    if isinstance(error, TimeoutError):
        return Unreachable(f"no answer within {target.connect_timeout:g} s", where=name, hint=place)
    words = (error.strerror or str(error)).lower()
    return Unreachable(f"cannot connect: {words}", where=name, hint=place)


def _prepare(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(SILENCE * 1000))

"""One host's connection, made when it is first needed and shared by all who work there."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

import paramiko

from wirework.errors import CommandFailed, TimedOut, Unreachable, WireworkError
from wirework.ssh import become as sudo
from wirework.ssh.channel import Broken, Ended, Late, Sink, converse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fabric import Connection

    from wirework.inventory import Host
    from wirework.ssh.connect import Connector

OPEN_TIMEOUT = 30.0
"""Seconds that a host may take to open a channel on a connection that stands."""
KILLED = 128
"""The status of a command that ended without one, as one killed by a signal does.

A shell would say 128 + the signal's number (POSIX, 2.8.2); the SSH library keeps that to itself.
"""
HEAD = 2_000
"""Bytes of stderr looked at for what sudo says when it refuses."""


class Remote:
    """One host, reached over one connection; safe to use from several threads.

    Made by ``Pool.remote``. ``via`` is the Remote of the host's gateway, None without one.
    ``listen``, if there is one, is told live output: stream ("out" or "err") and bytes.
    """

    def __init__(
        self,
        host: Host,
        connector: Connector,
        *,
        via: Callable[[], Remote | None],
        listen: Callable[[Host, str, bytes], None] | None = None,
    ) -> None:
        self.host = host
        self.listen = listen
        self._connector = connector
        self._via = via
        self._connecting = threading.Lock()
        self._state = threading.Lock()  # never held while waiting, so give_up never waits
        self._sock: socket.socket | paramiko.Channel | None = None
        self._connection: Connection | None = None
        self._given_up = False

    def connect(self) -> None:
        """Log in, unless already logged in, and again if that connection was lost.

        Raises Unreachable or one of its kinds, or BadInput for a key or gateway of no use.
        """
        self.transport()

    def transport(self) -> paramiko.Transport:
        """Return the live transport of the host's connection; raises as ``connect`` does."""
        with self._connecting:
            if self._connection is not None:
                transport: paramiko.Transport = self._connection.transport
                if transport.is_active() and not self._given_up:
                    return transport
                self._connection.client.close()
                self._connection = None
            self._connection = self._connector.login(self.host, lambda: self._hold(self._reach()))
            if self._given_up:
                self._connection.client.close()
                raise self._ended()
            made: paramiko.Transport = self._connection.transport
            return made

    def execute(
        self,
        command: str | Sequence[str],
        *,
        stdout: Sink,
        stderr: Sink,
        stdin: bytes | Iterable[bytes] = b"",
        timeout: float | None = None,
        become: bool | None = None,
        combine: bool = False,
    ) -> int:
        """Run a command, feed it ``stdin``, hand its output to the sinks, return its status.

        A str goes to the login shell as it is; a sequence is an argument list. ``become`` None
        does as the host says; True runs it as the host's ``become_user`` through sudo.
        ``combine`` hands both streams to ``stdout``, as they arrive (sshd reads two pipes, so
        their order is nearly that of the writing). ``timeout`` is in seconds, connecting not
        included. The status is 0 when a sink had enough before there was one,
        and 128 when the command ended without one, killed by a signal.

        Raises TimedOut, with the channel closed (the command may live on); Unreachable when
        the host cannot be logged in on or is lost; CommandFailed when sudo refuses or the host
        runs no commands; BadInput for a command that cannot be sent.
        """
        user = self.host.become_user if self._becomes(become) else None
        line = sudo.command_line(command, user=user)
        watch = _Watch(stdout, stderr, combine=combine)
        deadline_at = None
        transport = self.transport()
        if timeout is not None:
            deadline_at = time.monotonic() + timeout
        channel = self._open(transport, timeout)
        enough = False
        try:
            channel.set_combine_stderr(combine)
            self._start(channel, line)
            converse(channel, stdin, stdout=watch.stdout, stderr=watch.stderr, deadline=deadline_at)
        except Ended:
            enough = True
        except Broken as error:
            raise self._lost() from error
        except Late:
            raise TimedOut(
                f"still running after {timeout:g} s",
                where=self.host.name,
                hint="the command may live on there; give it more time with a longer timeout",
            ) from None
        finally:
            with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
                channel.close()
        status = self._status(channel, transport, enough=enough)
        if user is not None and not watch.answered and status in (1, sudo.NOT_FOUND):
            refusal = sudo.complaint(self.host, user, status, bytes(watch.head))
            if refusal is not None:
                raise refusal
        return status

    def give_up(self) -> WireworkError:
        """End all work on the host at once, for good, and return the error that says so.

        Does not wait. Returns Unreachable if the host was never logged in on, else TimedOut.
        """
        with self._state:
            self._given_up = True
            sock = self._sock
        connected = self._connection is not None
        if sock is not None:
            _shut(sock)
        if connected:
            return TimedOut("still running when the time was up", where=self.host.name)
        return Unreachable("not connected when the time was up", where=self.host.name)

    def close(self) -> None:
        """End the connection for good; work that still goes on there ends as lost."""
        self.give_up()
        connection = self._connection
        if connection is not None:
            connection.client.close()
            # Its thread closes the socket; it ends at once, since that is shut down.
            connection.transport.join(1.0)

    def _becomes(self, become: bool | None) -> bool:  # noqa: FBT001 - passed on, not chosen here
        return self.host.become if become is None else become

    def _reach(self) -> socket.socket | paramiko.Channel:
        """Connect to the host, through its gateway if it has one."""
        if self._given_up:
            raise self._ended()
        gateway = self._via()
        if gateway is None:
            return self._connector.dial(self.host)
        try:
            transport = gateway.transport()
        except Unreachable as error:
            raise Unreachable(
                f"its gateway {gateway.host.name} cannot be reached: {error.message}",
                where=self.host.name,
                hint=error.hint,
            ) from error
        return self._connector.tunnel(self.host, gateway.host, transport)

    def _hold(self, sock: socket.socket | paramiko.Channel) -> socket.socket | paramiko.Channel:
        """Keep ``sock`` where give_up finds it, unless that has already happened."""
        with self._state:
            if not self._given_up:
                self._sock = sock
                return sock
        sock.close()
        raise self._ended()

    def _ended(self) -> Unreachable:
        return Unreachable("the connection was closed by this run", where=self.host.name)

    def _open(self, transport: paramiko.Transport, timeout: float | None) -> paramiko.Channel:
        limit = OPEN_TIMEOUT if timeout is None else min(timeout, OPEN_TIMEOUT)
        try:
            return transport.open_session(timeout=limit)
        except paramiko.ChannelException as error:
            raise CommandFailed(
                f"the host refused one more session: {error}",
                where=self.host.name,
                hint="see MaxSessions in sshd_config(5)",
            ) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            if transport.is_active():
                raise Unreachable(
                    f"no session within {limit:g} s on a connection that stands",
                    where=self.host.name,
                ) from error
            raise self._lost() from error

    def _start(self, channel: paramiko.Channel, line: bytes) -> None:
        try:
            channel.exec_command(line)
        except (paramiko.SSHException, EOFError, OSError) as error:
            if self._is_lost(channel.get_transport()):
                raise self._lost() from error
            raise CommandFailed(
                "the host refused to run a command", where=self.host.name
            ) from error

    def _status(
        self, channel: paramiko.Channel, transport: paramiko.Transport, *, enough: bool
    ) -> int:
        if channel.exit_status >= 0:
            return channel.exit_status
        if enough:
            return 0
        if self._is_lost(transport):
            raise self._lost()
        return KILLED

    def _is_lost(self, transport: paramiko.Transport) -> bool:
        # A transport that dies closes its channels a moment before it says that it is dead.
        transport.join(0.2)
        return not transport.is_active()

    def _lost(self) -> Unreachable:
        if self._given_up:
            return self._ended()
        return Unreachable(
            "the connection was lost in the middle of a command",
            where=self.host.name,
            hint="whether it was done is not known",
        )


class _Watch:
    """Passes output on, and keeps the little that tells sudo's refusal from a command's."""

    def __init__(self, stdout: Sink, stderr: Sink, *, combine: bool) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._combine = combine
        self.answered = False
        self.head = bytearray()

    def stdout(self, data: bytes) -> bool | None:
        if self._combine:
            self._note(data)
        else:
            self.answered = True
        return self._stdout(data)

    def stderr(self, data: bytes) -> bool | None:
        self._note(data)
        return self._stderr(data)

    def _note(self, data: bytes) -> None:
        self.head += data[: HEAD - len(self.head)]


def _shut(sock: socket.socket | paramiko.Channel) -> None:
    """Make everyone who reads from or writes to ``sock`` stop, its own thread included."""
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
        if isinstance(sock, socket.socket):
            # Closing would not wake a thread that is already waiting.
            sock.shutdown(socket.SHUT_RDWR)
        else:
            sock.close()

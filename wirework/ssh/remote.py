"""One host's connection, made when it is first needed and shared by all who work there."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, TypeVar

import paramiko

from wirework.errors import CommandFailed, HostKeyUnknown, TimedOut, Unreachable, WireworkError
from wirework.ssh import dial, hostkeys
from wirework.ssh.become import prepare
from wirework.ssh.channel import Broken, Ended, Late, Sink, converse, let_end
from wirework.ssh.dial import TurnedAway
from wirework.ssh.pace import backoff
from wirework.ssh.signals import signal_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fabric import Connection

    from wirework.inventory import Host
    from wirework.ssh.become import Start
    from wirework.ssh.connect import Connector
    from wirework.ssh.hostkeys import HostKeys
    from wirework.ssh.target import Target

    Reach = Callable[[], socket.socket | paramiko.Channel]

T = TypeVar("T")
OPEN_TIMEOUT = 30.0
"""Seconds that a host may take to open a channel on a connection that stands."""
KILLED = 128
"""Added to the number of the signal that ended a command, as a shell does (POSIX, 2.8.2)."""


class Remote:
    """One host, reached over one connection; safe to use from several threads.

    Made by ``Pool.remote``. ``via`` finds the Remote of a target's gateway, None without one.
    ``listen``, if there is one, is told live output: stream ("out" or "err") and bytes.
    """

    def __init__(
        self,
        host: Host,
        connector: Connector,
        *,
        via: Callable[[Target], Remote | None],
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
        self._target: Target | None = None
        self._given_up = threading.Event()

    @property
    def target(self) -> Target:
        """Where and how the host is logged in on; raises BadInput."""
        if self._target is None:
            self._target = self._connector.target(self.host)
        return self._target

    @property
    def host_keys(self) -> HostKeys:
        """The known_hosts files of this host's pool."""
        return self._connector.host_keys

    @property
    def gateway(self) -> Remote | None:
        """The host that this one is reached through; raises BadInput for one of no use."""
        return self._via(self.target)

    def greet(self, algorithms: Sequence[str]) -> paramiko.PKey:
        """Return the key that the host proves to own by one of ``algorithms``; nobody logs in.

        Raises NoSuchKey when it has none, and what ``connect`` raises when it is not reached.
        """
        return self._try(
            self.target, lambda reach: self._connector.greet(self.target, reach(), algorithms)
        )

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
                if transport.is_active() and not self._given_up.is_set():
                    return transport
                self._connection.client.close()
                self._connection = None
            self._connection = self._log_in(self.target)
            if self._given_up.is_set():
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
        does as the host says; True runs it as the host's ``become_user`` by its
        ``become_method`` (docs/ssh.md: doas with a password has one stream for both).
        ``combine`` hands both streams to ``stdout``, as they arrive (sshd reads two pipes, so
        their order is nearly that of the writing). ``timeout`` is in seconds, connecting not
        included. The status is 0 when a sink had enough before there was one,
        and 128 + N when signal N ended the command (128 if its name is unknown here).

        Raises TimedOut, with the channel closed (the command may live on); Unreachable when
        the host cannot be logged in on or is lost; CommandFailed when the other user cannot be
        become or the host runs no commands; BadInput for a command that cannot be sent.
        """
        start = prepare(
            self.host,
            command,
            become=self._becomes(become),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            combine=combine,
        )
        deadline_at = None
        transport = self.transport()
        if timeout is not None:
            deadline_at = time.monotonic() + timeout
        channel = self._open(transport, timeout)
        enough = False
        try:
            self._start(channel, start)
            converse(
                channel,
                start.stdin,
                stdout=start.stdout,
                stderr=start.stderr,
                deadline=deadline_at,
                preface=start.preface,
            )
        except Ended:
            enough = True
            let_end(channel)
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
        return start.conclude(self._status(channel, transport, enough=enough))

    def give_up(self) -> WireworkError:
        """End all work on the host at once, for good, and return the error that says so.

        Does not wait. Returns Unreachable if the host was never logged in on, else TimedOut.
        """
        with self._state:
            self._given_up.set()
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

    def _log_in(self, target: Target) -> Connection:
        return self._try(target, lambda reach: self._connector.login(target, reach))

    def _try(self, target: Target, enter: Callable[[Reach], T]) -> T:
        """Make one connection and ``enter``, in as many attempts as the target allows."""
        gateway = self._via(target)
        server = f"{target.place} from {gateway.host.name if gateway else 'here'}"
        attempt = 0
        while True:
            attempt += 1
            try:
                with self._connector.pace.login(server, self._given_up):
                    return enter(lambda: self._hold(self._reach(target, gateway)))
            except TurnedAway as error:
                if self._given_up.is_set():
                    raise self._ended() from error
                if attempt > target.connect_retries:
                    tries = f", {attempt} times" if attempt > 1 else ""
                    raise Unreachable(
                        f"{error.message}{tries}", where=error.where, hint=error.hint
                    ) from error
            self._given_up.wait(backoff(attempt))

    def _reach(self, target: Target, gateway: Remote | None) -> socket.socket | paramiko.Channel:
        """Connect to the target, in the way that it says."""
        if self._given_up.is_set():
            raise self._ended()
        if gateway is None:
            if target.proxy_command is not None:
                return dial.start(target, target.proxy_command)
            return dial.connect(target)
        try:
            transport = gateway.transport()
        except Unreachable as error:
            # inventory.trust asks a host's gateways first, also those of ssh_config.
            unknown = isinstance(error, HostKeyUnknown)
            raise Unreachable(
                f"its gateway {gateway.host.name} cannot be reached: {error.message}",
                where=self.host.name,
                hint=hostkeys.advice(target) if unknown else error.hint,
            ) from error
        with self._connector.pace.tunnel(gateway.host.name, self._given_up):
            return dial.tunnel(target, gateway.host.name, transport)

    def _hold(self, sock: socket.socket | paramiko.Channel) -> socket.socket | paramiko.Channel:
        """Keep ``sock`` where give_up finds it, unless that has already happened."""
        with self._state:
            if not self._given_up.is_set():
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

    def _start(self, channel: paramiko.Channel, start: Start) -> None:
        try:
            start.open(channel)
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
        number = signal_of(channel)
        if number == 0 and self._is_lost(transport):
            raise self._lost()
        return KILLED + number

    def _is_lost(self, transport: paramiko.Transport) -> bool:
        # A transport that dies closes its channels a moment before it says that it is dead.
        transport.join(0.2)
        return not transport.is_active()

    def _lost(self) -> Unreachable:
        if self._given_up.is_set():
            return self._ended()
        return Unreachable(
            "the connection was lost in the middle of a command",
            where=self.host.name,
            hint="whether it was done is not known",
        )


def _shut(sock: socket.socket | paramiko.Channel) -> None:
    """Make everyone who reads from or writes to ``sock`` stop, its own thread included."""
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
        if isinstance(sock, socket.socket):
            # Closing would not wake a thread that is already waiting.
            sock.shutdown(socket.SHUT_RDWR)
        else:
            sock.close()

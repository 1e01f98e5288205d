"""The model that gives each client a process: it ends with its client, or with us.

A child reports on a pipe, whose end is also how we learn of the child's end: no handler for
SIGCHLD is needed, so it works in any thread. Another pipe, of which only we have the writing
end, tells all children that we stop, or that we are no more.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import json
import os
import selectors
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from wirework.serving.clients import Clients
from wirework.serving.connection import BROKEN, Visit
from wirework.serving.loops import SelectorLoop
from wirework.serving.models import carry
from wirework.serving.watch import Tally

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from wirework.serving.clients import Offer
    from wirework.serving.listen import Listener, Place
    from wirework.serving.loops import Loop
    from wirework.serving.service import Peer

_GRACE = 1.0
"""Seconds for a child to end once it is told to; a service that hangs does not."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_PIECE = 65536


@dataclass
class _Child:
    """A process that serves one client, and what it has reported."""

    pid: int
    peer: Peer
    began: float
    said: bytearray = field(default_factory=bytearray)


class Forks:
    """Each client in a child process of its own."""

    def __init__(
        self,
        offer: Offer,
        loop: Loop,
        listeners: Sequence[Listener],
        *,
        gone: Callable[[], None],
    ) -> None:
        self._offer, self._loop, self._listeners = offer, loop, listeners
        self._tally, self._gone = offer.tally, gone
        self._children: dict[int, _Child] = {}
        self._line, self._our_end = os.pipe()
        self._draining = False

    def take(self, sock: socket.socket, peer: Peer) -> None:
        """Serve a client from now on; raises OSError when there is no process for it."""
        reports, pipe = os.pipe()
        # Until it has handlers of its own, a signal to the child would be taken for ours.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            pid = os.fork()
            if not pid:
                os.close(reports)
                self._be_child(sock, peer, pipe, before)
        except OSError:
            os.close(reports)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(pipe)
        sock.close()
        os.set_blocking(reports, False)
        self._children[reports] = _Child(pid, peer, time.monotonic())
        self._loop.add_reader(reports, lambda: self._listen(reports))
        self._tally.opened(peer, f"pid {pid}")

    def drain(self) -> None:
        """Let every client go as soon as it has nothing under way."""
        if not self._draining:
            self._draining = True
            os.close(self._our_end)

    def cut(self) -> None:
        """Close every connection at once."""
        self._signal(signal.SIGTERM)
        self._loop.call_later(_GRACE, lambda: self._signal(signal.SIGKILL))

    def close(self) -> None:
        """End and reap what is still there."""
        self.drain()
        os.close(self._line)
        self._signal(signal.SIGKILL)
        for reports, child in self._children.items():
            os.close(reports)
            os.waitpid(child.pid, 0)
        self._children.clear()

    def _signal(self, number: signal.Signals) -> None:
        for child in self._children.values():
            os.kill(child.pid, number)  # not reaped yet, so the number is still the child's

    def _listen(self, reports: int) -> None:
        child = self._children[reports]
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(reports, _PIECE):
                child.said += piece
            self._reap(reports, child)

    def _reap(self, reports: int, child: _Child) -> None:
        self._loop.remove_reader(reports)
        os.close(reports)
        del self._children[reports]
        os.waitpid(child.pid, 0)  # it closed its pipe by ending, so this is no waiting
        visit = Visit(
            peer=child.peer,
            by=f"pid {child.pid}",
            seconds=time.monotonic() - child.began,
            bytes_in=0,
            bytes_out=0,
            ending=BROKEN,
        )
        for line in child.said.splitlines():
            told = json.loads(line)
            if "trouble" in told:
                self._tally.trouble(told["trouble"])
            else:
                visit = dataclasses.replace(visit, **told)
        self._tally.closed(visit)
        self._gone()

    def _be_child(
        self, sock: socket.socket, peer: Peer, pipe: int, before: set[int | signal.Signals]
    ) -> NoReturn:
        """Serve one client and end; nothing of what the parent was doing goes on here."""
        status = 1
        try:
            gc.freeze()  # a socket of the parent, collected here, would close a number of ours
            self._drop_the_parents()
            self._serve(sock, peer, pipe, before)
            status = 0
        except BaseException as error:  # noqa: BLE001  (nobody else would learn of it)
            _Reports(pipe).trouble(f"{peer}: {type(error).__name__}: {error}")
        finally:
            os._exit(status)

    def _drop_the_parents(self) -> None:
        for listener in self._listeners:
            listener.sock.close()
        for reports in self._children:
            os.close(reports)
        os.close(self._our_end)
        self._loop.close()

    def _serve(
        self, sock: socket.socket, peer: Peer, pipe: int, before: set[int | signal.Signals]
    ) -> None:
        loop = SelectorLoop(selectors.PollSelector())
        offer = dataclasses.replace(self._offer, tally=Tally(_Reports(pipe)))
        clients = Clients(offer, loop, by=f"pid {os.getpid()}", gone=loop.stop)

        def parent_stops() -> None:
            loop.remove_reader(self._line)
            clients.drain()
            loop.call_later(offer.limits.drain, clients.cut)

        # Ctrl-C reaches the whole group; it is the parent's to say what that means.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(clients.cut))
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        loop.add_reader(self._line, parent_stops)
        carry(clients, loop, sock, peer)
        loop.run_forever()


class _Reports:
    """What a child's tally tells goes to the parent, a line of JSON each."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def listening(self, places: tuple[Place, ...]) -> None:
        """Tell nothing: the parent listens."""

    def opened(self, peer: Peer, by: str) -> None:
        """Tell nothing: the parent knows."""

    def closed(self, visit: Visit) -> None:
        """Tell how it was."""
        self._say(
            {
                "seconds": visit.seconds,
                "bytes_in": visit.bytes_in,
                "bytes_out": visit.bytes_out,
                "ending": visit.ending,
            }
        )

    def trouble(self, line: str) -> None:
        """Tell of something that went wrong."""
        self._say({"trouble": line})

    def _say(self, told: dict[str, object]) -> None:
        with contextlib.suppress(OSError):  # the parent is gone
            os.write(self._pipe, json.dumps(told).encode() + b"\n")

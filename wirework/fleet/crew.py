"""More processes for the work of a run: Python's threads share one core, processes do not."""

from __future__ import annotations

import contextlib
import io
import itertools
import multiprocessing
import os
import pickle
import queue
import signal
import threading
import traceback
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from wirework.errors import BadInput, Failed, TimedOut, WireworkError
from wirework.inventory import Host

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

T = TypeVar("T")
PATIENCE = 2.0
"""Seconds that a process may take to end once its pipe is closed."""
_DO, _GIVE_UP, _END, _DONE, _HEARD = range(5)


class Crew(Generic[T]):
    """Does the work of ``fan_out`` in ``procs`` processes, made by fork(2) when it is entered.

    ``crew.work`` and ``crew.give_up`` are handed to ``fan_out`` in place of the ones given here;
    all judgement stays with it, in this process. What ``work`` returns and raises must pickle;
    the hosts in it come back as the same objects. A callback made by ``relay`` before the crew is
    entered is heard here when it is called there. A process that dies fails the hosts it had.

    Fork before any thread is started: connections are made by whoever works.
    """

    def __init__(self, procs: int) -> None:
        if procs < 1:
            raise BadInput(f"{procs} processes do no work", hint="procs is at least 1")
        self._procs = procs
        self._hosts: dict[str, Host] = {}
        self._members: list[_Member] = []
        self._of: dict[Host, _Member] = {}
        self._listen: Callable[..., None] | None = None
        self._up: _Wire | None = None  # in a member: the way to the process that made it

    def relay(self, listen: Callable[..., None]) -> Callable[..., None]:
        """Return what members may call for ``listen`` to be called here, in another thread."""
        self._listen = listen

        def call(*args: object) -> None:
            if self._up is None:
                listen(*args)
            else:
                self._up.send(_HEARD, args)

        return call

    def start(
        self,
        hosts: Sequence[Host],
        work: Callable[[Host], T],
        *,
        forks: int,
        give_up: Callable[[Host], WireworkError],
    ) -> Self:
        """Make the processes; each works on at most its share of ``forks`` hosts at once."""
        self._hosts = {host.name: host for host in hosts}
        context = multiprocessing.get_context("fork")
        turns = itertools.cycle(range(self._procs))
        shares = [forks // self._procs + (n < forks % self._procs) for n in range(self._procs)]
        for share in shares:
            ours, theirs = context.Pipe()
            others = [member.pipe for member in self._members]
            process = context.Process(
                target=self._serve,
                args=(theirs, [*others, ours], work, give_up, max(share, 1)),
                daemon=True,
            )
            process.start()
            theirs.close()
            self._members.append(_Member(process, ours, self._hosts, self._listen))
        for member in self._members:  # after the last fork, which must not copy a thread
            member.listen()
        self._of = {host: self._members[next(turns)] for host in hosts}
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for member in self._members:
            member.close()

    def work(self, host: Host) -> T:
        """Have the host worked on; returns what came of it, or raises what was raised."""
        value: T = self._of[host].ask(host)
        return value

    def give_up(self, host: Host) -> WireworkError:
        """Have the work on the host ended; returns the error that says so, without waiting."""
        return self._of[host].give_up(host)

    def _serve(
        self,
        pipe: Connection,
        others: Sequence[Connection],
        work: Callable[[Host], T],
        give_up: Callable[[Host], WireworkError],
        forks: int,
    ) -> None:
        """Work in a member until its pipe is closed, which also happens when its maker dies."""
        # Ctrl-C is sent to every process of a terminal; what it means is decided in one.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for other in others:  # or the last copy of a pipe's end would never be closed
            other.close()
        self._up = up = _Wire(pipe, self._hosts)
        waiting: queue.SimpleQueue[Host] = queue.SimpleQueue()

        def labour() -> None:
            while True:
                host = waiting.get()
                try:
                    up.send(_DONE, (host, work(host), None))
                except BaseException as error:  # noqa: BLE001 - fan_out judges it
                    error.add_note(traceback.format_exc())  # a pickle leaves the causes out
                    try:
                        up.send(_DONE, (host, None, error))
                    except Exception:  # noqa: BLE001 - pickle raises whatever a class does
                        up.send(_DONE, (host, None, Failed(f"{type(error).__name__}: {error}")))

        for number in range(forks):
            threading.Thread(target=labour, name=f"crew-{number}", daemon=True).start()
        with contextlib.suppress(EOFError, OSError):
            while True:
                kind, host = up.receive()
                if kind == _DO:
                    waiting.put(host)
                elif kind == _GIVE_UP:
                    give_up(host)
                else:
                    break
        os._exit(0)  # its threads may hang, and what it leaves open the system closes


class _Wire:
    """One end of a pipe on which hosts travel as their names; many threads may send."""

    def __init__(self, pipe: Connection, hosts: Mapping[str, Host]) -> None:
        self._pipe = pipe
        self._hosts = hosts
        self._lock = threading.Lock()

    def send(self, kind: int, content: object) -> None:
        packed = io.BytesIO()
        _Writer(packed, pickle.HIGHEST_PROTOCOL).dump((kind, content))
        with self._lock, contextlib.suppress(OSError):  # nobody is left to hear it
            self._pipe.send_bytes(packed.getvalue())

    def receive(self) -> tuple[int, Any]:
        """Return the next message; raises EOFError when the other end is gone."""
        message: tuple[int, Any] = _Reader(self._pipe.recv_bytes(), self._hosts).load()
        return message


class _Writer(pickle.Pickler):
    def persistent_id(self, obj: Any) -> str | None:
        return obj.name if isinstance(obj, Host) else None


class _Reader(pickle.Unpickler):
    """Reads what another process of this very program has written, and nothing else."""

    def __init__(self, message: bytes, hosts: Mapping[str, Host]) -> None:
        super().__init__(io.BytesIO(message))
        self._hosts = hosts

    def persistent_load(self, pid: Any) -> Host:
        return self._hosts[pid]


class _Member:
    """One process of a crew, as its maker sees it."""

    def __init__(
        self,
        process: BaseProcess,
        pipe: Connection,
        hosts: Mapping[str, Host],
        listen: Callable[..., None] | None,
    ) -> None:
        self.pipe = pipe
        self._process = process
        self._wire = _Wire(pipe, hosts)
        self._listen = listen
        self._asked: dict[Host, queue.SimpleQueue[tuple[Any, BaseException | None]]] = {}
        self._gone = False
        self._hearing: threading.Thread | None = None
        self._lock = threading.Lock()

    def listen(self) -> None:
        """Start to hear what the process says."""
        self._hearing = threading.Thread(target=self._hear, name="crew-replies", daemon=True)
        self._hearing.start()

    def ask(self, host: Host) -> Any:
        answer: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
        with self._lock:
            if self._gone:
                raise _gone(host)
            self._asked[host] = answer
        self._wire.send(_DO, host)
        value, error = answer.get()
        if error is not None:
            raise error
        return value

    def give_up(self, host: Host) -> WireworkError:
        self._wire.send(_GIVE_UP, host)
        return TimedOut("still running when the time was up", where=host.name)

    def close(self) -> None:
        """End the process."""
        self._wire.send(_END, None)
        self._process.join(PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        if self._hearing is not None:
            self._hearing.join()
        self.pipe.close()

    def _hear(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                kind, content = self._wire.receive()
                if kind == _HEARD:
                    if self._listen is not None:
                        self._listen(*content)
                    continue
                host, value, error = content
                with self._lock:
                    answer = self._asked.pop(host)
                answer.put((value, error))
        with self._lock:
            self._gone = True
            asked = dict(self._asked)
        for host, answer in asked.items():
            answer.put((None, _gone(host)))


def _gone(host: Host) -> Failed:
    return Failed("the process that worked on it has ended", where=host.name)

"""The same work on many hosts at once: bounded, in order, and ended when it is told to end."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from wirework.errors import BadInput, Failed, TimedOut, Unreachable, WireworkError
from wirework.fleet import batches as batching
from wirework.fleet.outcome import Outcome, Report, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wirework.inventory import Host

T = TypeVar("T")


class Watcher(Protocol):
    """Hears how a run goes, always in the thread that called ``fan_out``: it needs no locks."""

    def batch(self, number: int, of: int, hosts: Sequence[Host]) -> None:
        """Hear that batch ``number`` (from 1) of ``of`` begins."""

    def started(self, host: Host) -> None:
        """Hear that the work on a host begins."""

    def finished(self, outcome: Outcome[object]) -> None:
        """Hear what came of a host's work, once for each; an interrupted run says no more."""


def fan_out(
    hosts: Iterable[Host],
    work: Callable[[Host], T],
    *,
    forks: int = 50,
    batches: Sequence[str | int] = ("100%",),
    max_fail: str | int | None = None,
    timeout: float | None = None,
    give_up: Callable[[Host], WireworkError] | None = None,
    watch: Watcher | None = None,
) -> Report[T]:
    """Do ``work`` on every host, at most ``forks`` at once, and report what came of each.

    A value whose ``ok`` is False makes its host failed, one whose ``changed`` is True changed.
    Work that raises Unreachable makes it unreachable, any other error failed; an error that is
    not a WireworkError is wrapped, and kept as the cause.

    ``batches`` are done one after the other (see ``split``). ``max_fail``, a number or a
    percentage of all hosts, counts failed and unreachable ones over the whole run; when more
    have failed, no further host is started and the rest is skipped. None is no limit in a
    single batch, and 0 in several.
    ``timeout``, in seconds, is for the whole run: then every host being worked on fails with
    the error that ``give_up`` returns for it (TimedOut without one), the others are skipped,
    and the report is returned although threads may still hang. ``give_up`` must not wait.
    Ctrl-C ends a run in the same way, with hosts failed as interrupted, and is not raised.

    Raises BadInput, before anything starts, for options of no use.
    """
    chosen = tuple(dict.fromkeys(hosts))
    if forks < 1:
        raise BadInput(f"{forks} hosts at once is no work at all", hint="forks is at least 1")
    if timeout is not None and timeout <= 0:
        raise BadInput(f"a timeout of {timeout:g} s is over before it begins")
    parts = batching.split(chosen, batches)
    allowed: int | None = None if len(parts) <= 1 else 0
    if max_fail is not None:
        allowed = batching.limit(max_fail, len(chosen))
    run = _Run(work, forks=forks, allowed=allowed, give_up=give_up, watch=watch)
    return run.through(parts, timeout)


class _Late(Exception):
    """The time for the whole run is up."""


class _Workers(Generic[T]):
    """What the threads of a run share: hosts to do, what became of them, and when to stop."""

    def __init__(self, work: Callable[[Host], T], allowed: int | None) -> None:
        self._work = work
        self._allowed = allowed
        self._failures = 0
        self._lock = threading.Lock()
        self._waiting: deque[Host] = deque()
        self._running: dict[Host, float] = {}
        self._done: dict[Host, Outcome[T]] = {}
        self._settled = False
        self.stopped = False
        self.events: queue.SimpleQueue[Host | Outcome[T]] = queue.SimpleQueue()

    def start(self, hosts: Sequence[Host], forks: int) -> None:
        """Start daemon threads: those of concurrent.futures are waited for at exit, hung or not."""
        with self._lock:
            self._waiting.extend(hosts)
        for number in range(min(forks, len(hosts))):
            threading.Thread(target=self._serve, name=f"fan-out-{number}", daemon=True).start()

    def settle(self) -> tuple[dict[Host, float], dict[Host, Outcome[T]]]:
        """Stop; return when each unfinished host was started, and what came of the finished.

        This, not the events, is the truth: an interrupt may strike between two of them.
        Nothing that happens later counts.
        """
        with self._lock:
            self.stopped = True
            self._settled = True
            return dict(self._running), dict(self._done)

    def _serve(self) -> None:
        while (host := self._next()) is not None:
            outcome = _attempt(host, self._work)
            with self._lock:
                if self._settled:
                    return
                del self._running[host]
                self._done[host] = outcome
                if outcome.status in (Status.FAILED, Status.UNREACHABLE):
                    self._failures += 1
                    # Counted here, not by the reader: no host starts between the two.
                    if self._allowed is not None and self._failures > self._allowed:
                        self.stopped = True
                self.events.put(outcome)

    def _next(self) -> Host | None:
        with self._lock:
            if self.stopped or not self._waiting:
                return None
            host = self._waiting.popleft()
            self._running[host] = time.monotonic()
            self.events.put(host)
            return host


class _Run(Generic[T]):
    """One call of fan_out, as its calling thread sees it."""

    def __init__(
        self,
        work: Callable[[Host], T],
        *,
        forks: int,
        allowed: int | None,
        give_up: Callable[[Host], WireworkError] | None,
        watch: Watcher | None,
    ) -> None:
        self._forks = forks
        self._give_up = give_up
        self._watch = watch
        self._workers = _Workers(work, allowed)
        self._begun: set[Host] = set()
        self._told: set[Host] = set()

    def through(self, parts: Sequence[tuple[Host, ...]], timeout: float | None) -> Report[T]:
        """Work through all batches; return the report whatever ends them."""
        began = time.monotonic()
        deadline = None if timeout is None else began + timeout
        interrupted = False
        late = "too many hosts had failed"
        try:
            for number, part in enumerate(parts, 1):
                if self._workers.stopped:
                    break
                self._batch(number, len(parts), part, deadline)
        except _Late:
            late = "the time of this run was up"
        except KeyboardInterrupt:
            interrupted = True
            late = "the run was interrupted"
            self._watch = None  # it may be what was interrupted
        finally:
            running, done = self._workers.settle()
        self._drain()
        outcomes: list[Outcome[T]] = []
        for host in (host for part in parts for host in part):
            if host in done:
                outcome = done[host]
            elif host in running:
                error = self._abandon(host, timeout, interrupted=interrupted)
                status = Status.UNREACHABLE if isinstance(error, Unreachable) else Status.FAILED
                outcome = Outcome(host, status, None, error, time.monotonic() - running[host])
            else:
                reason = Failed(f"not started: {late}", where=host.name)
                outcome = Outcome(host, Status.SKIPPED, None, reason)
            outcomes.append(outcome)
            self._tell(outcome)
        return Report(tuple(outcomes), time.monotonic() - began, interrupted)

    def _batch(self, number: int, of: int, hosts: tuple[Host, ...], deadline: float | None) -> None:
        """Start a batch and wait until it is over; raises _Late at the deadline."""
        if self._watch is not None:
            self._watch.batch(number, of, hosts)
        self._workers.start(hosts, self._forks)
        while not self._told.issuperset(hosts):
            if self._workers.stopped:
                # Nothing is started any more: what has been announced is all there is.
                self._drain()
                if self._told >= self._begun:
                    return
            try:
                wait = None if deadline is None else max(deadline - time.monotonic(), 0)
                self._take(self._workers.events.get(timeout=wait))
            except queue.Empty:
                raise _Late from None

    def _drain(self) -> None:
        """Take what has already happened."""
        while True:
            try:
                self._take(self._workers.events.get_nowait())
            except queue.Empty:
                return

    def _take(self, event: Host | Outcome[T]) -> None:
        if isinstance(event, Outcome):
            self._tell(event)
            return
        self._begun.add(event)
        if self._watch is not None:
            self._watch.started(event)

    def _tell(self, outcome: Outcome[T]) -> None:
        """Pass an outcome on to the watcher, once."""
        if outcome.host in self._told:
            return
        self._told.add(outcome.host)
        if self._watch is not None:
            self._watch.finished(outcome)

    def _abandon(self, host: Host, timeout: float | None, *, interrupted: bool) -> WireworkError:
        """Give up a host that is being worked on; return what is to be said of it."""
        given = None if self._give_up is None else self._give_up(host)
        if interrupted:
            return Failed("interrupted", where=host.name)
        return given or TimedOut(f"still running after {timeout:g} s", where=host.name)


def _attempt(host: Host, work: Callable[[Host], T]) -> Outcome[T]:
    """Do the work on one host and say what came of it; never raises."""
    began = time.monotonic()

    def ended(status: Status, value: T | None, error: WireworkError | None) -> Outcome[T]:
        return Outcome(host, status, value, error, time.monotonic() - began)

    try:
        value = work(host)
    except Unreachable as error:
        return ended(Status.UNREACHABLE, None, error)
    except WireworkError as error:
        return ended(Status.FAILED, None, error)
    # Even SystemExit: a thread that ended silently would leave its host waited for for ever.
    except BaseException as error:  # noqa: BLE001 - see the line above
        wrapped = Failed(f"internal error: {type(error).__name__}: {error}", where=host.name)
        wrapped.__cause__ = error
        return ended(Status.FAILED, None, wrapped)
    if getattr(value, "ok", True) is False:
        return ended(Status.FAILED, value, None)
    if getattr(value, "changed", False) is True:
        return ended(Status.CHANGED, value, None)
    return ended(Status.OK, value, None)

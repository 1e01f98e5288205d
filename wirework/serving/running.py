"""A server beside what the program is doing: for tests, and for labs."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import threading
from dataclasses import asdict, dataclass, field
from typing import IO, TYPE_CHECKING

from wirework.errors import Failed
from wirework.serving.listen import Listener, Place
from wirework.serving.serve import Stop, serve
from wirework.serving.watch import Served, Watch

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Sequence

    from wirework.serving.connection import Visit
    from wirework.serving.limits import Limits
    from wirework.serving.service import Peer, Service

_START = 10.0
ANYWHERE = (Place(),)
"""Any free port of 127.0.0.1."""


@dataclass
class Running:
    """A server that runs. ``served`` is there once the block is over."""

    places: tuple[Place, ...]
    served: Served | None = None
    stop: Stop = field(default_factory=Stop)
    """Its off switch, to be pressed before the block is over."""

    pid: int = field(default_factory=os.getpid)
    """The process that listens."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of its first place."""
        return self.places[0].host, self.places[0].port


@contextlib.contextmanager
def running(
    service: Service,
    places: Sequence[Place | Listener] = ANYWHERE,
    *,
    model: str = "epoll",
    limits: Limits | None = None,
    tls: ssl.SSLContext | None = None,
    watch: Watch | None = None,
    stop: Stop | None = None,
) -> Iterator[Running]:
    """Serve for as long as the block lasts, then stop as ``serve`` does.

    The server runs in a thread; for the model fork in a process of its own, where ``watch`` and
    the service do not share our memory: forked from here, each child would hold our open files.
    Raises what ``serve`` raises.
    """
    if model == "fork":
        with _in_process(
            service, places, limits=limits, tls=tls, watch=watch, stop=stop or Stop()
        ) as server:
            yield server
    else:
        with _in_thread(
            service, places, model=model, limits=limits, tls=tls, watch=watch, stop=stop or Stop()
        ) as server:
            yield server


@contextlib.contextmanager
def _in_thread(
    service: Service,
    places: Sequence[Place | Listener],
    *,
    model: str,
    limits: Limits | None,
    tls: ssl.SSLContext | None,
    watch: Watch | None,
    stop: Stop,
) -> Iterator[Running]:
    started: queue.SimpleQueue[tuple[Place, ...] | Exception] = queue.SimpleQueue()
    ended: queue.SimpleQueue[Served | BaseException] = queue.SimpleQueue()

    def run() -> None:
        try:
            served = serve(
                service,
                places,
                model=model,
                limits=limits,
                tls=tls,
                stop=stop,
                watch=_Starting(started.put, watch),
            )
            ended.put(served)
        except Exception as error:  # noqa: BLE001  (whoever waits raises it)
            started.put(error)
            ended.put(error)

    thread = threading.Thread(target=run, name=f"{service.name} server", daemon=True)
    thread.start()
    bound = started.get(timeout=_START)
    if isinstance(bound, Exception):
        raise bound
    server = Running(bound, stop=stop)
    try:
        yield server
    finally:
        _press_once(stop)
        end = ended.get()
        thread.join()
        if isinstance(end, BaseException):
            raise end
        server.served = end


@contextlib.contextmanager
def _in_process(
    service: Service,
    places: Sequence[Place | Listener],
    *,
    limits: Limits | None,
    tls: ssl.SSLContext | None,
    watch: Watch | None,
    stop: Stop,
) -> Iterator[Running]:
    ours, its = os.pipe()
    pid = os.fork()
    if not pid:
        status = 1
        try:
            os.close(ours)
            with os.fdopen(its, "w") as told:
                _serve_and_tell(told, service, places, limits=limits, tls=tls, watch=watch)
            status = 0
        finally:
            os._exit(status)
    os.close(its)
    with os.fdopen(ours) as told:
        try:
            first = json.loads(told.readline() or "{}")
            if "error" in first or not first:
                raise Failed(str(first.get("error", "the server did not start")))
            server = Running(tuple(Place(**place) for place in first["places"]), stop=stop, pid=pid)
            stop.connect(lambda: _tell(pid))
            try:
                yield server
            finally:
                _press_once(stop)
            last = told.readline()
            if last:
                told_last = json.loads(last)
                server.served = Served(**{**told_last, "places": tuple(told_last["places"])})
        finally:
            os.waitpid(pid, 0)


def _press_once(stop: Stop) -> None:
    """Stop at the block's end, unless that is under way: a second press would cut clients off."""
    if not stop.pressed:
        stop.press()


def _tell(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)


def _serve_and_tell(
    told: IO[str],
    service: Service,
    places: Sequence[Place | Listener],
    *,
    limits: Limits | None,
    tls: ssl.SSLContext | None,
    watch: Watch | None,
) -> None:
    def say(what: object) -> None:
        told.write(json.dumps(what) + "\n")
        told.flush()

    def started(bound: tuple[Place, ...]) -> None:
        say({"places": [asdict(place) for place in bound]})

    try:
        served = serve(
            service,
            places,
            model="fork",
            limits=limits,
            tls=tls,
            watch=_Starting(started, watch),
        )
        say(asdict(served))
    except Exception as error:  # noqa: BLE001  (whoever waits raises it)
        say({"error": str(error)})


class _Starting:
    """A watch that says first what was bound, and hands everything on to another."""

    def __init__(self, started: Callable[[tuple[Place, ...]], None], watch: Watch | None) -> None:
        self._started, self._watch = started, watch

    def listening(self, places: tuple[Place, ...]) -> None:
        """Learn what was bound."""
        if self._watch is not None:
            self._watch.listening(places)
        self._started(places)

    def opened(self, peer: Peer, by: str) -> None:
        """Hand it on."""
        if self._watch is not None:
            self._watch.opened(peer, by)

    def closed(self, visit: Visit) -> None:
        """Hand it on."""
        if self._watch is not None:
            self._watch.closed(visit)

    def trouble(self, line: str) -> None:
        """Hand it on."""
        if self._watch is not None:
            self._watch.trouble(line)

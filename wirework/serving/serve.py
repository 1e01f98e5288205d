"""Serving: a service, places to listen, a model, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import signal
import threading
from typing import TYPE_CHECKING, Literal, get_args

from wirework.errors import ArgumentError
from wirework.serving.clients import Clients, Offer
from wirework.serving.forks import Forks
from wirework.serving.limits import Limits, room
from wirework.serving.listen import listening
from wirework.serving.loops import SelectorLoop
from wirework.serving.models import Asyncio, OneLoop, Threads
from wirework.serving.reception import Reception
from wirework.serving.watch import Tally

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Sequence

    from wirework.serving.listen import Listener, Place
    from wirework.serving.loops import Loop
    from wirework.serving.reception import Model
    from wirework.serving.service import Service
    from wirework.serving.watch import Served, Watch

ModelName = Literal["fork", "thread", "select", "epoll", "asyncio"]
MODELS: tuple[str, ...] = get_args(ModelName)


class Stop:
    """A server's off switch. Any thread may press it, before the server runs as well.

    Pressed once, the server accepts nobody more and lets its clients go as soon as they have
    nothing under way, after ``Limits.drain`` in any case; pressed again, at once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._presses = 0
        self._tell: Callable[[], None] | None = None

    @property
    def pressed(self) -> bool:
        """Whether it was pressed."""
        return self._presses > 0

    def press(self) -> None:
        """Stop the server."""
        with self._lock:
            self._presses += 1
            tell = self._tell
        if tell is not None:
            tell()

    def connect(self, tell: Callable[[], None]) -> None:
        """Have ``tell`` called for every press, those of the past included."""
        with self._lock:
            self._tell = tell
            presses = self._presses
        for _ in range(presses):
            tell()


def serve(
    service: Service,
    places: Sequence[Place | Listener],
    *,
    model: str = "epoll",
    limits: Limits | None = None,
    tls: ssl.SSLContext | None = None,
    timeout: float | None = None,
    stop: Stop | None = None,
    watch: Watch | None = None,
) -> Served:
    """Serve until ``stop`` is pressed, ``timeout`` seconds are over, or a signal comes.

    In the main thread SIGINT and SIGTERM press the switch; a third one raises
    KeyboardInterrupt. Raises BadInput, before anybody is served, for a place that cannot be
    listened on, a model that does not fit the service, or limits that cannot be had.
    """
    limits = limits or Limits()
    _refuse_misfits(service, model)
    with contextlib.ExitStack() as stack:
        listeners = stack.enter_context(listening(places, backlog=limits.backlog))
        seats = room(model, limits)
        loop = _loop(model)
        stack.callback(loop.close)
        tally = Tally(watch)
        reception = Reception(loop, listeners, room=seats, limits=limits, tally=tally)
        offer = Offer(service, limits, tls, tally)
        carrier = _model(model, offer, loop, reception, listeners)
        stack.callback(carrier.close)
        switch = stop or Stop()
        stack.enter_context(signals(switch))
        reception.open(carrier)
        switch.connect(reception.stop)
        if timeout is not None:
            loop.call_later(timeout, switch.press)
        bound = tuple(listener.place for listener in listeners)
        tally.listening(bound)
        try:
            loop.run_forever()
        except BaseException:
            carrier.cut()
            raise
    return tally.served(service.name, model, bound)


def _refuse_misfits(service: Service, model: str) -> None:
    if model not in MODELS:
        raise ArgumentError(
            f"{model!r} is no model", parameter="model", hint=f"one of {', '.join(MODELS)}"
        )
    if model == "epoll" and not hasattr(selectors, "EpollSelector"):
        raise ArgumentError(
            "this system has no epoll", parameter="model", hint="--model asyncio or select"
        )
    if model == "fork" and service.shares:
        raise ArgumentError(
            f"{service.name} shares memory between its clients, and fork gives each a process",
            parameter="model",
            hint="--model epoll, or any other",
        )


def _loop(model: str) -> Loop:
    if model == "asyncio":
        return asyncio.SelectorEventLoop()
    if model == "epoll":
        return SelectorLoop(selectors.EpollSelector())
    # Forks and threads have a loop for the listeners alone.
    return SelectorLoop(
        selectors.SelectSelector() if model == "select" else selectors.PollSelector()
    )


def _model(
    model: str, offer: Offer, loop: Loop, reception: Reception, listeners: Sequence[Listener]
) -> Model:
    if model == "thread":
        return Threads(offer, loop, gone=reception.left)
    if model == "fork":
        return Forks(offer, loop, listeners, gone=reception.left)
    clients = Clients(offer, loop, by=f"pid {os.getpid()}", gone=reception.left)
    if isinstance(loop, asyncio.AbstractEventLoop):
        return Asyncio(clients, loop)
    if isinstance(loop, SelectorLoop):
        return OneLoop(clients, loop)
    raise AssertionError(model)


@contextlib.contextmanager
def signals(switch: Stop) -> Iterator[None]:
    """Have SIGINT and SIGTERM press the switch, where signals can be had at all."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    presses = 0

    def press(*_: object) -> None:
        nonlocal presses
        presses += 1
        if presses > 2:  # noqa: PLR2004  (a service that hangs hears no switch)
            raise KeyboardInterrupt
        switch.press()

    before = {number: signal.signal(number, press) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""Waiting for several targets at once under one deadline."""

from __future__ import annotations

import contextlib
import queue
import random
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, Self

from wirework.net.at_once import GRACE
from wirework.net.causes import Cause, Trouble, of_socket
from wirework.net.connecting import Stop
from wirework.net.wait.look import look
from wirework.net.wait.targets import targets
from wirework.net.wait.waited import Awaited, Waited
from wirework.net.wait.wish import Terms, Wish, terms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from wirework.net.wait.targets import Target

FIRST_PAUSE = 0.02
"""Seconds after the first try; each pause is longer than the one before, up to the interval."""
GROWTH = 1.7
JITTER = 0.2
"""The part by which pauses vary, so that many who wait do not come at once."""
LOOK = 5.0
"""Seconds that one look may take."""
HOLDING = 4
"""Looks, at least, at a target that has to stay as it is for a while."""

UNCLEAR = {
    *(Cause.NO_SUCH_HOST, Cause.NO_ADDRESS, Cause.RESOLVER, Cause.PROHIBITED),
    *(Cause.NOT_SUPPORTED, Cause.OTHER, Cause.EXPIRED, Cause.NOT_YET_VALID, Cause.WRONG_NAME),
    *(Cause.SELF_SIGNED, Cause.UNKNOWN_ISSUER, Cause.CERTIFICATE),
}
"""Causes that do not tell that a target is down: it may be there, and we do not get to it."""


class Watch(Protocol):
    """Follows the waiting, from the thread that waits."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def seen(self, targets: Sequence[Awaited]) -> None:
        """Take how things stand."""
        ...


@dataclass(frozen=True, slots=True)
class _News:
    """How a target stands; ``over`` when it is looked at no more."""

    number: int
    awaited: Awaited
    over: bool = False


def wait_for(text: str, wish: Wish | None = None, *, watch: Watch | None = None) -> Waited:
    """Wait until targets are up, or down, and tell how long each took.

    ``text`` names them, separated by commas or blanks: ``host:port`` or ``tcp://``, ``tls://``,
    ``http://`` and ``https://`` URLs, ``unix:///path``, ``file:///path``. That the deadline has
    passed is told in the result; raises BadInput before anything is looked at.
    """
    wish = wish or Wish()
    wanted = targets(text)
    agreed = terms(wish, wanted)
    began = time.monotonic()
    stop = Stop()
    news: queue.SimpleQueue[_News | Exception] = queue.SimpleQueue()
    guards = [
        _Guard(number, target, agreed, began=began, stop=stop, news=news)
        for number, target in enumerate(wanted)
    ]
    states = [guard.awaited for guard in guards]
    for guard in guards:
        threading.Thread(target=guard.run, name=f"wait {guard.awaited.target}", daemon=True).start()
    try:
        with watch or contextlib.nullcontext():
            _follow(states, news, agreed, until=began + agreed.timeout + GRACE, watch=watch)
    finally:
        stop.set()
    return Waited(
        wanted="down" if agreed.down else "up",
        any=agreed.any,
        seconds=time.monotonic() - began,
        timeout=agreed.timeout,
        stable=agreed.stable,
        targets=tuple(states),
    )


def _follow(
    states: list[Awaited],
    news: queue.SimpleQueue[_News | Exception],
    terms: Terms,
    *,
    until: float,
    watch: Watch | None,
) -> None:
    """Take news until all, or one, are as wished, or nobody looks any more."""
    looking = len(states)
    while looking:
        try:
            came = news.get(timeout=max(until - time.monotonic(), 0.001))
        except queue.Empty:
            # Nothing can end a call of getaddrinfo(3), and with it that guard.
            return
        if isinstance(came, Exception):
            raise came
        states[came.number] = came.awaited
        looking -= came.over
        if watch:
            watch.seen(states)
        if terms.any and came.awaited.reached:
            return


class _Guard:
    """Looks at one target, from a thread of its own, until it is as wished."""

    def __init__(
        self,
        number: int,
        target: Target,
        terms: Terms,
        *,
        began: float,
        stop: Stop,
        news: queue.SimpleQueue[_News | Exception],
    ) -> None:
        self._number = number
        self._target = target
        self._terms = terms
        self._began = began
        self._deadline = began + terms.timeout
        self._stop = stop
        self._news = news
        self._since = began
        self._held_since: float | None = None
        self._was_found = False
        self.awaited = Awaited(
            target=target.text,
            kind=target.kind,
            reached=False,
            seconds=0.0,
            seen="nothing yet",
            seen_for=0.0,
            tries=0,
            lost=0,
        )

    def run(self) -> None:
        """Look until it is as wished, the deadline passes or a stop comes; bugs go to the news."""
        try:
            self._watch_over()
            self._tell(over=True)
        except Exception as error:  # noqa: BLE001  (whoever waits for the news raises it)
            self._news.put(error)

    def _watch_over(self) -> None:
        pause = FIRST_PAUSE
        while (left := self._deadline - time.monotonic()) > 0:
            as_wished = self._look(min(LOOK, left))
            now = time.monotonic()
            if as_wished:
                self._held_since = self._held_since or now
                held = now - self._held_since
                if held >= self._terms.stable:
                    self.awaited = replace(self.awaited, reached=True)
                    return
                next_look = max(self._terms.stable / HOLDING, FIRST_PAUSE)
                wait = min(self._terms.interval, next_look, self._terms.stable - held)
                pause = FIRST_PAUSE
            else:
                if self._held_since is not None:
                    self._held_since = None
                    self.awaited = replace(self.awaited, lost=self.awaited.lost + 1)
                wait = pause * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  (no secret)
                pause = min(pause * GROWTH, self._terms.interval)
            self._tell()
            if self._stop.wait(min(wait, max(self._deadline - now, 0.0))):
                return

    def _look(self, limit: float) -> bool:
        """Look once and note what is seen; return whether it is as wished."""
        began = time.monotonic()
        try:
            words = look(self._target, self._terms, deadline=began + limit, stop=self._stop)
        except TimeoutError as error:
            words, up, clear = str(error) or "no answer", False, True
            # What little time was left says nothing about the target.
            if limit < LOOK and self.awaited.tries:
                return False
        except OSError as error:
            trouble = of_socket(error)
            words, up, clear = str(trouble), False, trouble.cause not in UNCLEAR
        except Trouble as trouble:
            words, up, clear = str(trouble), False, self._is_clear(trouble)
        else:
            up = clear = True
        self._was_found = self._was_found or clear
        if words != self.awaited.seen:
            self._since = began
        self.awaited = replace(self.awaited, seen=words, tries=self.awaited.tries + 1)
        return clear and up is not self._terms.down

    def _is_clear(self, trouble: Trouble) -> bool:
        # A name that was there and is gone tells as much as a server that is.
        gone = trouble.cause is Cause.NO_SUCH_HOST and self._was_found
        return gone or trouble.cause not in UNCLEAR

    def _tell(self, *, over: bool = False) -> None:
        now = time.monotonic()
        self.awaited = replace(self.awaited, seconds=now - self._began, seen_for=now - self._since)
        self._news.put(_News(self._number, self.awaited, over))

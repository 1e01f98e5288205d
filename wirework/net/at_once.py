"""Work of several kinds of waiting, done at the same time and within one time limit."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

GRACE = 0.2
"""Seconds that works get beyond the deadline they keep themselves, to tell what they saw."""


def at_once(works: Sequence[Callable[[], T]], *, deadline: float) -> list[T | None]:
    """Run each work in a thread and return what they give, in order; None for one that is late.

    ``deadline`` is a time of ``time.monotonic``. What a work raises is raised here. A late work
    is left behind in its thread: nothing can end a call of getaddrinfo(3), whose time limits are
    those of resolv.conf(5).
    """
    answers: queue.SimpleQueue[tuple[int, T | Exception]] = queue.SimpleQueue()

    def run(number: int, work: Callable[[], T]) -> None:
        try:
            answers.put((number, work()))
        except Exception as error:  # noqa: BLE001  (whoever waits for the answer raises it)
            answers.put((number, error))

    for number, work in enumerate(works):
        threading.Thread(target=run, args=(number, work), daemon=True).start()
    results: list[T | None] = [None] * len(works)
    for _ in works:
        try:
            number, result = answers.get(timeout=max(deadline + GRACE - time.monotonic(), 0.001))
        except queue.Empty:
            break
        if isinstance(result, Exception):
            raise result
        results[number] = result
    return results

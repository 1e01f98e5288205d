"""Works that wait at the same time, within one time limit."""

from __future__ import annotations

import threading
import time

import pytest

from wirework.net.at_once import at_once


def test_results_are_in_the_order_of_the_works() -> None:
    first_done = threading.Event()

    def slow() -> str:
        first_done.wait(10)
        return "slow"

    def quick() -> str:
        first_done.set()
        return "quick"

    assert at_once([slow, quick], deadline=time.monotonic() + 10) == ["slow", "quick"]
    assert at_once([], deadline=time.monotonic()) == []


def test_a_work_that_is_late_is_left_behind() -> None:
    never = threading.Event()
    try:
        results = at_once([lambda: never.wait(60), lambda: True], deadline=time.monotonic() + 0.1)
    finally:
        never.set()
    assert results == [None, True]


def test_what_a_work_raises_is_raised() -> None:
    def fail() -> None:
        raise LookupError("this one")

    with pytest.raises(LookupError, match="this one"):
        at_once([fail], deadline=time.monotonic() + 10)

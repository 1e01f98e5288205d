"""How many hosts are worked on before the next ones are begun."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wirework.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wirework.inventory import Host

SIZE = re.compile(r"([0-9]{1,9})(%?)")


def split(hosts: Sequence[Host], sizes: Sequence[str | int]) -> tuple[tuple[Host, ...], ...]:
    """Cut ``hosts`` into batches, in order: ``["1", "25%", "100%"]``.

    A size is a number of hosts or a percentage of all of them, at least one host; the last one
    is repeated until all hosts are in a batch. Raises BadInput for anything else.
    Source: Ansible's ``serial``.
    """
    if not sizes:
        raise BadInput("there is no batch size", hint=_HINT)
    counts = [_count(size, len(hosts)) for size in sizes]
    batches: list[tuple[Host, ...]] = []
    begin = 0
    while begin < len(hosts):
        count = counts[min(len(batches), len(counts) - 1)]
        batches.append(tuple(hosts[begin : begin + count]))
        begin += count
    return tuple(batches)


def limit(max_fail: str | int, total: int) -> int:
    """Return how many of ``total`` hosts may fail: a number, or the whole part of a percentage.

    Raises BadInput for anything else.
    """
    number, percent = _parse(max_fail, "a failure limit")
    return total * number // 100 if percent else number


def _count(size: str | int, total: int) -> int:
    number, percent = _parse(size, "a batch size")
    if number == 0:
        raise BadInput(f"{str(size)!r} is not a batch size: it never ends", hint=_HINT)
    return max(-(-total * number // 100), 1) if percent else number


def _parse(text: str | int, what: str) -> tuple[int, bool]:
    """Return a number and whether it is a percentage."""
    found = SIZE.fullmatch(str(text).strip())
    if found is None:
        raise BadInput(f"{str(text)!r} is not {what}", hint=_HINT)
    number, percent = int(found[1]), bool(found[2])
    if percent and number > 100:  # noqa: PLR2004 - what per cent means
        raise BadInput(f"{str(text)!r} is not {what}: it is more than all hosts", hint=_HINT)
    return number, percent


_HINT = "a number of hosts or a percentage, as 5 or 25%"

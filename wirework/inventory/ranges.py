"""Ranges in names: ``web[01-20,25]`` to its twenty-one names, and names back to ranges."""

from __future__ import annotations

import itertools
import math
import re
import string
from collections import Counter
from typing import TYPE_CHECKING

from wirework.errors import PatternError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_NAMES = 100_000
"""How many names one range may stand for."""

_BRACKETS = re.compile(r"\[([^][]*)\]")
_ITEM = re.compile(
    r"(?P<first>[0-9]{1,18}|[a-zA-Z])"
    r"(?:[:-](?P<last>[0-9]{1,18}|[a-zA-Z])(?::(?P<step>[0-9]{1,18}))?)?"
)
# A number that expand() would read back; longer runs of digits are text like any other.
_NUMBER = re.compile(r"(?<![0-9])[0-9]{1,18}(?![0-9])")


def expand(text: str) -> tuple[str, ...]:
    """Return every name that ``text`` stands for, in order; text without brackets is one name.

    Inside brackets, separated by commas: ``7``, ``1-20`` or ``1:20``, ``1:20:2`` (a step), and the
    same with letters, of which a to z come before A to Z.
    A first number with leading zeros sets the width: ``[08-12]`` gives 08, 09, 10, 11, 12.
    Several brackets give every combination. Raises PatternError when a range is malformed or
    stands for more than MAX_NAMES names.
    """
    pieces = _BRACKETS.split(text)
    if any("[" in piece or "]" in piece for piece in pieces):
        raise PatternError(f"the brackets in {text!r} do not pair up")
    choices: list[Sequence[str]] = []
    for number, piece in enumerate(pieces):
        choices.append(_items(piece, text) if number % 2 else [piece])
        if math.prod(map(len, choices)) > MAX_NAMES:
            raise PatternError(f"{text!r} stands for more than {MAX_NAMES:,} names")
    return tuple(dict.fromkeys(map("".join, itertools.product(*choices))))


def _items(inside: str, text: str) -> Sequence[str]:
    """Return what stands for one pair of brackets."""
    names: list[str] = []
    for part in inside.split(","):
        item = _ITEM.fullmatch(part.strip())
        if not item or item["first"].isdigit() != (item["last"] or item["first"]).isdigit():
            raise PatternError(
                f"{part!r} in {text!r} is not a range", hint="write web[01-20,25] or rack[a-f]"
            )
        names += _count(item, text)
        if len(names) > MAX_NAMES:
            raise PatternError(f"{text!r} stands for more than {MAX_NAMES:,} names")
    return names


def _count(item: re.Match[str], text: str) -> Sequence[str]:
    first, last = item["first"], item["last"] or item["first"]
    step = int(item["step"] or 1)
    padded = any(len(end) > 1 and end[0] == "0" for end in (first, last))
    if padded and len(first) != len(last):
        raise PatternError(
            f"{item.group()!r} in {text!r} mixes widths",
            hint=f"write {first.zfill(len(last))}-{last.zfill(len(first))}",
        )
    place = int if first.isdigit() else string.ascii_letters.index
    if step < 1 or place(first) > place(last):
        raise PatternError(f"{item.group()!r} in {text!r} does not count upwards")
    counted = range(place(first), place(last) + 1, step)
    if len(counted) > MAX_NAMES:
        raise PatternError(f"{text!r} stands for more than {MAX_NAMES:,} names")
    if not first.isdigit():
        return [string.ascii_letters[number] for number in counted]
    width = len(first) if padded else 0
    return [str(number).zfill(width) for number in counted]


def fold(names: Iterable[str]) -> str:
    """Return names folded to ranges, as ``web[01-20,25],db1``; expand() takes each part back.

    Names that differ in one number only share a part, at the place of the first of them; where a
    name could join several, it joins the largest. Width is kept: 08, 09, 10 is ``[08-10]``.
    The whole is a host pattern: no brackets hold a single number, which could be taken for a slice.
    """
    unique = list(dict.fromkeys(names))
    shapes = {name: list(_shapes(name)) for name in unique}
    popular = Counter((head, tail) for found in shapes.values() for head, _, tail in found)
    parts: dict[tuple[str, str] | str, list[str]] = {}
    for name in unique:
        if not shapes[name]:
            parts[name] = []
            continue
        # Of equally large parts the one whose number stands last: r1n1, r1n2 are r1n[1-2].
        head, number, tail = max(
            reversed(shapes[name]), key=lambda shape: popular[shape[0], shape[2]]
        )
        parts.setdefault((head, tail), []).append(number)
    return ",".join(
        part if isinstance(part, str) else _fold_one(*part, numbers)
        for part, numbers in parts.items()
    )


def _shapes(name: str) -> Iterable[tuple[str, str, str]]:
    """Yield the ways to see a name as text, a number and text."""
    for number in _NUMBER.finditer(name):
        yield name[: number.start()], number.group(), name[number.end() :]


def _fold_one(head: str, tail: str, numbers: Sequence[str]) -> str:
    if len(numbers) == 1:
        return f"{head}{numbers[0]}{tail}"
    runs: list[list[str]] = []
    for number in sorted(numbers, key=lambda text: (len(text), text)):
        if runs and _follows(runs[-1][-1], number):
            runs[-1].append(number)
        else:
            runs.append([number])
    inside = ",".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
    return f"{head}[{inside}]{tail}"


def _follows(before: str, number: str) -> bool:
    """Whether ``number`` is next after ``before`` in a range of one width, or of no fixed one."""
    if int(number) != int(before) + 1:
        return False
    return len(number) == len(before) or (before[0] != "0" and number[0] != "0")

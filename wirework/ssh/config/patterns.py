"""The patterns of Host and Match: ``*``, ``?`` and ``!`` (ssh_config(5), PATTERNS)."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

Matcher: TypeAlias = Callable[[str], object]
"""Answers for a name with something true or false."""


def matcher(patterns: Sequence[str]) -> Matcher:
    """Return what says of a name that one pattern matches, and none of those with a ``!``.

    Case matters. A fleet asks thousands of times: the answers come from C, and those of names
    without wildcards, which most patterns are, from a set.
    """
    wanted = [each for each in patterns if not each.startswith("!")]
    unwanted = [each[1:] for each in patterns if each.startswith("!")]
    if not wanted:
        return frozenset[str]().__contains__
    if not unwanted and not any(mark in each for each in wanted for mark in "*?"):
        return frozenset(wanted).__contains__
    veto = f"(?!{_expression(unwanted)})" if unwanted else ""
    return re.compile(f"{veto}(?:{_expression(wanted)})").match


def _expression(patterns: Sequence[str]) -> str:
    # Brackets mean nothing here. fnmatch's expressions match whole names, and do not backtrack.
    return "|".join(fnmatch.translate(each.replace("[", "[[]")) for each in patterns)

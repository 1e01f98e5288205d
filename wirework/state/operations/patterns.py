"""Regular expressions that look at files which others have written."""

from __future__ import annotations

import re

from wirework.errors import BadInput

_TOKEN = re.compile(
    r"""
      \\.                                # an escaped letter
    | \[\^?\]?(?:\\.|[^]\\])*\]          # a class of letters
    | (?P<open>\((?:\?(?P<kind>[:>=!]|<[=!]|P?<\w+>|[aiLmsux-]+:))?)
    | (?P<close>\))
    | (?P<repeat>[*+]|\{\d+,\})(?P<firm>\+)?
    | .
    """,
    re.VERBOSE | re.DOTALL,
)


def compiled(name: str, text: str, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    """Return the pattern that a parameter gives; BadInput when it is none, or may never end.

    A repetition of something that is repeated inside, as in ``(a+)+``, takes time that doubles
    with every letter of a line that does not match. Possessive repetitions (``a++``) and
    atomic groups (``(?>…)``) never do, and are allowed there.
    """
    try:
        pattern = re.compile(text, flags)
    except re.error as error:
        raise BadInput(f"{name} is no regular expression: {error}") from error
    if _repeats_a_repetition(text):
        raise BadInput(
            f"{name} repeats a repetition, which can take for ever",
            hint="make the inner one possessive: a++ for a+",
        )
    return pattern


def _repeats_a_repetition(text: str) -> bool:
    open_groups: list[tuple[bool, bool]] = []
    """Of each group that is open: whether it is atomic, and what came before it repeats."""
    repeats = ended = False
    for token in _TOKEN.finditer(text):
        if token["open"]:
            open_groups.append((token["kind"] == ">", repeats))
            repeats = ended = False
        elif token["close"] and open_groups:
            atomic, before = open_groups.pop()
            # What stands before the group is kept; whether this group repeats is told by ended.
            ended, repeats = repeats and not atomic, before or (repeats and not atomic)
        elif token["repeat"]:
            if ended and not token["firm"]:
                return True
            repeats = repeats or not token["firm"]
            ended = False
        else:
            ended = False
    return False

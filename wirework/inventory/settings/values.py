"""Values that are more than plain data, and values that will not do."""

from __future__ import annotations


class Unfit(ValueError):
    """A value that a setting cannot have; the error's text, if any, says why."""


class Verbatim(str):
    """Text marked ``!unsafe``: whatever braces are in it, it is never filled in."""

    __slots__ = ()


def is_templated(value: object) -> bool:
    """Whether a value is text with something to fill in."""
    return (
        isinstance(value, str)
        and ("{{" in value or "{%" in value)
        and not isinstance(value, Verbatim)
    )

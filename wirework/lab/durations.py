"""Durations as people type them: ``50ms``, ``10s``, ``2m``, ``0.5``."""

from __future__ import annotations

import re

from wirework.errors import BadInput

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(ms|s|m|h|)")


def seconds(text: str) -> float:
    """Return a duration in seconds, which it is in without a unit; raises BadInput."""
    match = _DURATION.fullmatch(text.strip())
    if not match:
        raise BadInput(f"{text!r} is no duration", hint="as in 50ms, 10s or 2m")
    return float(match[1]) * _UNITS[match[2]]

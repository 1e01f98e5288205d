"""A server's limits and TLS from the options of a command line, where 0 and "" mean none."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from wirework.errors import ArgumentError
from wirework.serving.limits import Limits
from wirework.serving.tls import server_context

if TYPE_CHECKING:
    import ssl


def seconds(value: float, parameter: str) -> float | None:
    """Return a time limit, None for 0; raises ArgumentError for what is none."""
    if not 0 <= value < math.inf:
        raise ArgumentError(
            f"a time limit is a number of seconds, not {value:g}",
            parameter=parameter,
            where="--" + parameter.replace("_", "-"),
            hint="0 is none",
        )
    return value or None


def limits(*, max_clients: int = 0, idle_timeout: float = 0.0, drain: float = 5.0) -> Limits:
    """Return limits as they were typed; raises ArgumentError."""
    if max_clients < 0:
        raise ArgumentError(
            f"clients are counted from 1, not {max_clients}",
            parameter="max_clients",
            where="--max-clients",
            hint="0 is as many as can be",
        )
    return Limits(
        clients=max_clients or None,
        idle=seconds(idle_timeout, "idle_timeout"),
        drain=seconds(drain, "drain") or 0.0,
    )


def tls(certificate: str, key: str) -> ssl.SSLContext | None:
    """Return what TLS is served with, None without a certificate; raises BadInput."""
    if certificate:
        return server_context(Path(certificate), Path(key) if key else None)
    if key:
        raise ArgumentError("a key without its certificate", parameter="tls_key", where="--tls-key")
    return None

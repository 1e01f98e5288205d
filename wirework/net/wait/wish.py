"""What targets are waited for to be, and for how long."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wirework.errors import BadInput
from wirework.net.endpoints import check_timeout
from wirework.net.expecting import pattern
from wirework.net.probe.tls import context
from wirework.net.wait.targets import Kind

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from wirework.net.wait.targets import Target

LEAST_INTERVAL = 0.01


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What is wished, every field as it is typed; times in seconds.

    ``down`` waits until targets are gone, ``any`` until one of them is as wished. ``expect`` is a
    regular expression for what servers say first, pages and files hold; ``status`` are HTTP's,
    separated by commas, "" for 200 to 399; ``ca`` is a PEM file. ``interval`` is the longest
    pause between two tries, ``stable`` how long it has to stay as wished.
    """

    down: bool = False
    any: bool = False
    expect: str = ""
    status: str = ""
    ca: str = ""
    timeout: float = 60.0
    interval: float = 1.0
    stable: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """A wish, read and checked."""

    down: bool
    any: bool
    expect: re.Pattern[str] | None
    statuses: frozenset[int]
    tls: ssl.SSLContext | None
    timeout: float
    interval: float
    stable: float


def terms(wish: Wish, targets: Sequence[Target]) -> Terms:
    """Read a wish for these targets; raises BadInput."""
    check_timeout(wish.timeout)
    kinds = {target.kind for target in targets}
    if not LEAST_INTERVAL <= wish.interval < math.inf:
        message = f"it is {LEAST_INTERVAL} seconds or more, not {wish.interval:g}"
        raise BadInput(message, where="--interval")
    if not 0 <= wish.stable < wish.timeout:
        message = f"{wish.stable:g} s do not fit into the {wish.timeout:g} s of --timeout"
        raise BadInput(message, where="--stable")
    if wish.status and not kinds & {Kind.HTTP, Kind.HTTPS}:
        raise BadInput("is about HTTP", where="--status", hint="with an http:// or https:// target")
    has_tls = bool(kinds & {Kind.TLS, Kind.HTTPS})
    if wish.ca and not has_tls:
        raise BadInput("is about TLS", where="--ca", hint="with a tls:// or https:// target")
    return Terms(
        down=wish.down,
        any=wish.any,
        expect=pattern(wish.expect, where="--expect") if wish.expect else None,
        statuses=_statuses(wish.status),
        tls=context(Path(wish.ca) if wish.ca else None) if has_tls else None,
        timeout=wish.timeout,
        interval=wish.interval,
        stable=wish.stable,
    )


def _statuses(text: str) -> frozenset[int]:
    words = [word for word in re.split(r"[,\s]+", text) if word]
    for word in words:
        if not re.fullmatch(r"[1-5][0-9]{2}", word, re.ASCII):
            raise BadInput(f"{word!r} is no status of HTTP", where="--status", hint="like 200,204")
    return frozenset(map(int, words))

"""Waiting on the host until something is there, or gone."""

from __future__ import annotations

from urllib.parse import urlsplit

from wirework.errors import BadInput
from wirework.state.arguments import HostPath
from wirework.state.changes import Change
from wirework.state.facts.readiness import Ready
from wirework.state.operation import Steps, operation

LAST_PORT = 65535
LONGEST_SECONDS = 24 * 3600


@operation
def wait_for(
    path: HostPath | None = None,
    *,
    port: int | None = None,
    url: str | None = None,
    contains: str = "",
    present: bool = True,
    timeout: int = 60,
) -> Steps:
    """Wait until a path is there, a port listens or a URL answers, or time is up.

    All of it is looked at on the host itself. ``contains`` waits until the file at ``path``
    holds that text; with ``present`` false it is waited until what is named is gone.
    """
    given = [each for each in (path, port, url) if each is not None]
    if len(given) != 1:
        raise BadInput("wait_for needs path, port or url, one of them")
    if contains and path is None:
        raise BadInput("contains goes with path")
    if "\n" in contains:
        raise BadInput("contains holds a line end", hint="it is looked for within one line")
    if not 1 <= timeout <= LONGEST_SECONDS:
        raise BadInput(f"timeout is 1 to {LONGEST_SECONDS} seconds")
    if port is not None:
        if not 1 <= port <= LAST_PORT:
            raise BadInput(f"a port is 1 to {LAST_PORT}")
        return _wait(Ready("port", str(port)), f"port {port}", "to listen", present, timeout)
    if url is not None:
        _check(url)
        return _wait(Ready("url", url), url, "to answer", present, timeout)
    if contains:
        ready = Ready("contains", str(path), contains)
        return _wait(ready, str(path), f"to hold {contains!r}", present, timeout)
    return _wait(Ready("path", str(path)), str(path), "to be there", present, timeout)


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable or any(char.isspace() for char in url):
        raise BadInput("url is no http or https address")
    if parts.username is not None:
        raise BadInput("url holds a user's name", hint="every process of the host could read it")


def _wait(ready: Ready, subject: str, what: str, present: bool, timeout: int) -> Steps:  # noqa: FBT001
    if (yield ready) == present:
        return
    event = what if present else f"no longer {what}"
    complaint = f"{subject} was waited for in vain: {event}, {timeout} s"
    yield Change(
        ("ww_wait", str(timeout), "yes" if present else "no", complaint, *ready.words()),
        says=f"wait for {subject} {event}",
        verb="run",
        predicts={ready: present},
        opaque=True,
    )

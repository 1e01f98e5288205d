"""Somebody's own command, guarded so that a second run finds nothing to do."""

from __future__ import annotations

import posixpath
import shlex

from wirework.state.arguments import Argv, HostPath
from wirework.state.changes import Change
from wirework.state.facts import ExitStatus, PathState
from wirework.state.operation import Steps, operation


@operation
def command(
    argv: Argv,
    *,
    chdir: HostPath | None = None,
    creates: HostPath | None = None,
    unless: Argv | None = None,
) -> Steps:
    """Run a command, unless what it ``creates`` is there or ``unless`` ends with status 0.

    ``chdir`` is the folder both commands run in and a relative ``creates`` starts from.
    """
    if creates is not None:
        there = yield PathState(posixpath.join(chdir or "", creates))
        if there.kind != "absent":
            return
    if unless is not None and (yield ExitStatus(unless, chdir or "")) == 0:
        return
    yield Change(
        # Behind exec, or `exit` and `set` would be those of the round's own shell.
        ("ww_in", chdir, *argv) if chdir else ("ww_run", *argv),
        says=shlex.join(argv),
        verb="run",
        opaque=True,
    )

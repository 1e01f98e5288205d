"""Somebody's own commands and scripts, guarded so that a second run finds nothing to do."""

from __future__ import annotations

import posixpath
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wirework.errors import BadInput
from wirework.ssh import LocalFile
from wirework.state.arguments import Argv, ChangedWhen, Codes, Environment, HostPath
from wirework.state.changes import Change, Payload
from wirework.state.facts import ExitStatus, Fact, PathState
from wirework.state.operation import Steps, operation

if TYPE_CHECKING:
    from collections.abc import Generator

SHEBANG_LIMIT = 255
"""Bytes of a script's first line that Linux reads (execve(2))."""

RUN = r"""
ww_run() ( exec "$@" )
ww_in() ( cd -- "$1" && shift && exec "$@" )
ww_with() (
    while [ -n "$1" ]; do
        export "$1=$2" || exit
        shift 2
    done
    shift
    "$@"
)
ww_script() (
    ww_d=$(mktemp -d) || exit 125
    trap 'rm -rf -- "$ww_d"' EXIT
    trap 'exit 1' HUP INT PIPE TERM
    ww_receive "$ww_d/script" "$1" 0700 '' '' "$2" || exit 125
    ww_n=$3 ww_k=$(($# - 3))
    shift 3
    while [ "$ww_k" -gt 0 ]; do
        set -- "$@" "$1"
        shift
        ww_k=$((ww_k - 1)) ww_n=$((ww_n - 1))
        [ "$ww_n" -ne 0 ] || set -- "$@" "$ww_d/script"
    done
    "$@" </dev/null
)
"""
"""Defines ``ww_run CMD…``; ``ww_in FOLDER CMD…``; ``ww_with NAME VALUE… '' CMD…``, which exports
variables first (in no list of processes); and ``ww_script SIZE SHA256 N CMD…``,
which puts the path of a private file with SIZE bytes of stdin behind the first N words of CMD,
and ends with NOT_SENT when there is no such file."""

NOT_SENT = 125


@dataclass(frozen=True)
class _Guards:
    """What decides whether a command is run at all."""

    chdir: str
    creates: str | None
    removes: str | None
    unless: tuple[str, ...] | None
    onlyif: tuple[str, ...] | None

    def met(self) -> Generator[tuple[Fact[Any], ...], Any, bool]:
        """Ask everything at once; True when the command is to be run."""
        asked: dict[str, Fact[Any]] = {}
        for name, path in (("creates", self.creates), ("removes", self.removes)):
            if path is not None:
                asked[name] = PathState(posixpath.join(self.chdir, path))
        for name, argv in (("unless", self.unless), ("onlyif", self.onlyif)):
            if argv is not None:
                asked[name] = ExitStatus(argv, self.chdir)
        if not asked:
            return True
        found = dict(zip(asked, (yield tuple(asked.values())), strict=True))
        return not (
            ("creates" in found and found["creates"].kind != "absent")
            or ("removes" in found and found["removes"].kind == "absent")
            or found.get("unless") == 0
            or found.get("onlyif", 0) != 0
        )


@operation
def command(
    argv: Argv,
    *,
    chdir: HostPath | None = None,
    creates: HostPath | None = None,
    removes: HostPath | None = None,
    unless: Argv | None = None,
    onlyif: Argv | None = None,
    env: Environment | None = None,
    ok_codes: Codes | None = None,
    changed_when: ChangedWhen | None = None,
) -> Steps:
    """Run a command, unless what it ``creates`` is there or ``unless`` ends with status 0.

    Nor is it run when what it ``removes`` is not there, or ``onlyif`` ends with another status.
    ``chdir`` is the folder all three commands run in and relative paths start from. ``env`` is
    for the command itself. ``ok_codes`` are the statuses that are no failure: 0 unless told.
    ``changed_when`` tells when it counts as a change: statuses, or a pattern found in its
    output, or false for never.
    """
    if not (yield from _Guards(chdir or "", creates, removes, unless, onlyif).met()):
        return
    yield Change(
        # Behind exec, or `exit` and `set` would be those of the round's own shell.
        (*_with(env), *(("ww_in", chdir) if chdir else ("ww_run",)), *argv),
        says=shlex.join(argv),
        verb="run",
        opaque=True,
        ok_codes=ok_codes or (0,),
        counts=changed_when.met if changed_when else None,
    )


@operation
def script(
    src: LocalFile,
    *,
    args: Argv | None = None,
    chdir: HostPath | None = None,
    creates: HostPath | None = None,
    removes: HostPath | None = None,
    unless: Argv | None = None,
    onlyif: Argv | None = None,
    env: Environment | None = None,
    ok_codes: Codes | None = None,
    changed_when: ChangedWhen | None = None,
) -> Steps:
    """Run the local script ``src`` on the host, with ``args``; guarded as ``command`` is.

    It is run by what its first line (#!) names, or by sh, from a private file that goes
    afterwards; its standard input is empty.
    """
    if ok_codes and NOT_SENT in ok_codes:
        raise BadInput(f"script: status {NOT_SENT} tells that it did not reach the host")
    interpreter = _interpreter(src)
    return _script(
        src,
        (*_with(env), *(("ww_in", chdir) if chdir else ("ww_run",)), *interpreter),
        args or (),
        _Guards(chdir or "", creates, removes, unless, onlyif),
        ok_codes or (0,),
        changed_when,
    )


def _script(  # noqa: PLR0917 - the operation's own parameters, looked at already
    src: LocalFile,
    before: tuple[str, ...],
    args: tuple[str, ...],
    guards: _Guards,
    ok_codes: tuple[int, ...],
    changed_when: ChangedWhen | None,
) -> Steps:
    if not (yield from guards.met()):
        return
    yield Change(
        ("ww_script", str(src.size), src.sha256, str(len(before)), *before, *args),
        says=shlex.join((src.path.name, *args)),
        verb="run",
        opaque=True,
        payload=Payload(src.size, src.pieces),
        ok_codes=ok_codes,
        counts=changed_when.met if changed_when else None,
    )


def _with(env: Environment | None) -> tuple[str, ...]:
    if not env:
        return ()
    return ("ww_with", *(word for pair in env for word in pair), "")


def _interpreter(src: LocalFile) -> tuple[str, ...]:
    """Read the first line as execve(2) does: a program and at most one argument."""
    with src.path.open("rb") as file:
        first = file.readline(SHEBANG_LIMIT + 1)
    if not first.startswith(b"#!"):
        return ("sh",)
    if first.endswith(b"\r\n"):
        raise BadInput(
            f"script: {src.path.name} has the line ends of Windows", hint="no host can run it so"
        )
    words = first[2:].decode("utf-8", "surrogateescape").strip().split(None, 1)
    if not words or len(first) > SHEBANG_LIMIT or "\0" in "".join(words):
        raise BadInput(f"script: the first line of {src.path.name} names no program")
    return tuple(words)

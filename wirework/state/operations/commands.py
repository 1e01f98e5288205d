"""Somebody's own commands and scripts, guarded so that a second run finds nothing to do."""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wirework.errors import BadInput, Refused
from wirework.ssh import LocalFile
from wirework.state.arguments import Argv, ChangedWhen, Codes, Environment, HostPath
from wirework.state.changes import Change, Payload
from wirework.state.facts import ExitStatus, Fact, Login, PathState, Whoami
from wirework.state.facts.accounts import Account, User
from wirework.state.operation import Steps, operation

if TYPE_CHECKING:
    from collections.abc import Generator

SHEBANG_LIMIT = 255
"""Bytes of a script's first line that Linux reads (execve(2))."""

NOT_SENT = 125
LONGEST_SECONDS = 24 * 3600
USER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


TIMED_OUT = 124
OWN_NAMES = ("HOME", "USER", "LOGNAME")


@dataclass(frozen=True)
class _Frame:
    """How a command runs, and what decides whether it runs at all."""

    chdir: str
    creates: str | None
    removes: str | None
    unless: tuple[str, ...] | None
    onlyif: tuple[str, ...] | None
    env: Environment | None
    user: str
    timeout: int | None

    def check(self, ok_codes: tuple[int, ...]) -> None:
        """Refuse what does not go together."""
        check_timeout(self.timeout)
        if self.timeout is not None and TIMED_OUT in ok_codes:
            raise BadInput(f"status {TIMED_OUT} tells that it took longer than timeout")
        if not self.user:
            return
        check_user(self.user)
        if own := [name for name, _ in self.env or () if name in OWN_NAMES]:
            raise BadInput(f"env: {own[0]} is that of the user already")
        paths = (self.chdir,) if self.chdir else (self.creates, self.removes)
        if any(path and not path.startswith("/") for path in paths):
            # They would start at a home folder, and nobody could tell whose.
            raise BadInput("with user, paths are absolute, or start from an absolute chdir")

    def words(self) -> tuple[str, ...]:
        """Return the words before the command's own."""
        limit = "" if self.timeout is None else str(self.timeout)
        env = ("ww_with", *(word for pair in self.env for word in pair), "") if self.env else ()
        return (*env, "ww_exec", self.user, self.chdir, limit)

    def met(self) -> Generator[tuple[Fact[Any], ...], Any, bool]:
        """Ask everything at once; True when the command is to be run."""
        asked: dict[str, Fact[Any]] = {}
        for name, path in (("creates", self.creates), ("removes", self.removes)):
            if path is not None:
                asked[name] = PathState(posixpath.join(self.chdir, path))
        for name, argv in (("unless", self.unless), ("onlyif", self.onlyif)):
            if argv is not None:
                asked[name] = ExitStatus(argv, self.chdir, self.user)
        if self.user:
            asked |= {"login": Whoami(), "account": User(self.user)}
        if not asked:
            return True
        found = dict(zip(asked, (yield tuple(asked.values())), strict=True))
        if self.user:
            refuse_user(self.user, found["login"], found["account"])
        return not (
            ("creates" in found and found["creates"].kind != "absent")
            or ("removes" in found and found["removes"].kind == "absent")
            or found.get("unless") == 0
            or found.get("onlyif", 0) != 0
        )


def check_timeout(seconds: int | None) -> None:
    """Refuse a limit that is none; BadInput."""
    if seconds is not None and not 1 <= seconds <= LONGEST_SECONDS:
        raise BadInput(f"timeout is 1 to {LONGEST_SECONDS} seconds")


def check_user(user: str) -> None:
    """Refuse what can be no user's name; BadInput."""
    if user and not USER_NAME.fullmatch(user):
        raise BadInput(f"{user[:60]!r} is no user name")


def refuse_user(user: str, login: Login, account: Account | None) -> None:
    """Refuse to work as a user that is not there, or that the login cannot become."""
    if account is None:
        raise Refused(f"there is no user {user}")
    if not login.is_root and login.user != user:
        raise Refused(f"{login.user} cannot work as {user}", hint="become: true: only root can")


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
    user: str = "",
    timeout: int | None = None,
    ok_codes: Codes | None = None,
    changed_when: ChangedWhen | None = None,
) -> Steps:
    """Run a command, unless what it ``creates`` is there or ``unless`` ends with status 0.

    Nor is it run when what it ``removes`` is not there, or ``onlyif`` ends with another status.
    ``chdir`` is the folder all three commands run in and relative paths start from. ``env`` is
    for the command itself. All three run as ``user``, from its home folder unless told, where
    the round itself is root's. After ``timeout`` seconds it is ended with all that it started.
    ``ok_codes`` are the statuses that are no failure: 0 unless told. ``changed_when`` tells when
    it counts as a change: statuses, or a pattern found in its output, or false for never.
    """
    frame = _Frame(chdir or "", creates, removes, unless, onlyif, env, user, timeout)
    frame.check(ok_codes or ())
    return _run(argv, frame, ok_codes or (0,), changed_when)


def _run(
    argv: tuple[str, ...],
    frame: _Frame,
    ok_codes: tuple[int, ...],
    changed_when: ChangedWhen | None,
) -> Steps:
    if not (yield from frame.met()):
        return
    yield Change(
        (*frame.words(), *argv),
        says=_says(argv, frame.user),
        verb="run",
        opaque=True,
        ok_codes=ok_codes,
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
    user: str = "",
    timeout: int | None = None,
    ok_codes: Codes | None = None,
    changed_when: ChangedWhen | None = None,
) -> Steps:
    """Run the local script ``src`` on the host, with ``args``; guarded as ``command`` is.

    It is run by what its first line (#!) names, or by sh, from a private file that goes
    afterwards; its standard input is empty.
    """
    if ok_codes and NOT_SENT in ok_codes:
        raise BadInput(f"script: status {NOT_SENT} tells that it did not reach the host")
    frame = _Frame(chdir or "", creates, removes, unless, onlyif, env, user, timeout)
    frame.check(ok_codes or ())
    before = (*frame.words(), *_interpreter(src))
    return _script(src, before, args or (), frame, ok_codes or (0,), changed_when)


def _script(  # noqa: PLR0917 - the operation's own parameters, looked at already
    src: LocalFile,
    before: tuple[str, ...],
    args: tuple[str, ...],
    frame: _Frame,
    ok_codes: tuple[int, ...],
    changed_when: ChangedWhen | None,
) -> Steps:
    if not (yield from frame.met()):
        return
    yield Change(
        ("ww_script", str(src.size), src.sha256, frame.user, str(len(before)), *before, *args),
        says=_says((src.path.name, *args), frame.user),
        verb="run",
        opaque=True,
        payload=Payload(src.size, src.pieces),
        ok_codes=ok_codes,
        counts=changed_when.met if changed_when else None,
    )


def _says(words: tuple[str, ...], user: str) -> str:
    return f"{shlex.join(words)} (as {user})" if user else shlex.join(words)


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

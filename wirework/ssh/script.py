"""Running a local script on hosts without leaving a file there.

The script travels on standard input and is run only when all of it has come. Its interpreter
reads it from a pipe, as the file ``/dev/fd/3``, so that its own standard input is free.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Self

from wirework.errors import BadInput, CommandFailed
from wirework.ssh.bootstrap import bootstrap, encoded
from wirework.ssh.commands import CAP, Ran, run
from wirework.ssh.environment import NOTHING, exports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wirework.ssh.environment import Environment
    from wirework.ssh.remote import Remote

LARGEST = 8 * 1024 * 1024
"""Bytes of a script; it is held in a shell's memory on each host, several times over."""
FIRST_LINE = 255
"""Bytes that Linux reads of a script's first line (BINPRM_BUF_SIZE)."""
DEFAULT = ("/bin/sh",)
PLACE = "/dev/fd/3"
END = b"."
"""Follows the script; it keeps the line ends before it, which ``$(…)`` would take off."""
LOOK_TIMEOUT = 60.0
"""Seconds that a host may take to look for an interpreter."""

# What has come is counted before it is run: a lost connection must not leave half a script, and
# half a line of it, to the interpreter. What that leaves unread is read at the end: nobody waits
# for a process that the script left running with the pipe in its hands. The variables are set
# for the script only, so the tools here are the host's own.
_RECEIVE = """{{
ww_script=$(dd bs={size} count=1 iflag=fullblock 2>/dev/null)
if [ "$(printf %s "$ww_script" | wc -c)" -ne {size} ]; then
echo 'the script did not arrive whole: nothing of it was run' >&2
exit 1
fi
printf %s "${{ww_script%.}}" | {{
(
{variables}exec {words} 3<&0 </dev/null
)
set -- "$?"
cat >/dev/null
exit "$1"
}}
}}"""


@dataclass(frozen=True, slots=True)
class LocalScript:
    """A local script to be run on hosts, read once however many hosts run it.

    ``interpreter`` is the argument list that its first line says, as Linux reads it (execve(2)):
    a path, and all the rest as one argument. Without such a line it is ``/bin/sh``.
    """

    path: Path
    interpreter: tuple[str, ...]
    text: bytes = field(repr=False)

    @classmethod
    def of(cls, path: Path) -> Self:
        """Read ``path``; raises BadInput when it is not a script that a host could run."""
        text = _read(path)
        if not text.strip():
            raise BadInput("there is nothing in it to run", where=str(path))
        if b"\0" in text:
            raise BadInput(
                "not a script but a binary file",
                where=str(path),
                hint="remote.put sends it, remote.run runs it",
            )
        if text.startswith(b"\xef\xbb\xbf"):
            raise BadInput(
                "it begins with a byte order mark, which no interpreter takes",
                where=f"{path}:1",
                hint="save it as UTF-8 without one",
            )
        if b"\r\n" in text:
            number = text[: text.index(b"\r\n")].count(b"\n") + 1
            raise BadInput(
                "its lines end as on Windows (CR LF), which shells take for a part of the words",
                where=f"{path}:{number}",
                hint=f"sed -i 's/\\r$//' {shlex.quote(str(path))}",
            )
        return cls(path, _interpreter(path, text), text)

    @property
    def program(self) -> str:
        """What has to be on a host for it: the interpreter, or what env(1) shall look for."""
        if PurePosixPath(self.interpreter[0]).name != "env":
            return self.interpreter[0]
        words = " ".join(self.interpreter[1:]).removeprefix("--split-string=")
        named = (word for word in words.split() if not word.startswith("-") and "=" not in word)
        return next(named, self.interpreter[0])


@dataclass(frozen=True, slots=True)
class WouldRun:
    """Where a script would be run: its interpreter, ``-`` where there is none, and the user."""

    script: str
    interpreter: str
    user: str

    @property
    def ok(self) -> bool:
        """Whether there is an interpreter for it."""
        return self.interpreter != "-"


def script(
    remote: Remote,
    source: LocalScript,
    args: Sequence[str] = (),
    *,
    env: Environment = NOTHING,
    cap: int = CAP,
    timeout: float | None = None,
    become: bool | None = None,
    save: Path | None = None,
) -> Ran:
    """Run a local script with arguments; the rest is as for ``run``.

    Its standard input is empty and its ``$0`` is ``/dev/fd/3``. Nothing is written to the host's
    disk. Killed by signal N it ends with 128 + N. Raises what ``run`` raises, and BadInput for
    an argument with a NUL in it.
    """
    text = receiving(source, args, env)
    return run(
        remote,
        bootstrap(len(text)),
        stdin=(text, source.text, END),
        cap=cap,
        timeout=timeout,
        become=become,
        save=save,
    )


def receiving(source: LocalScript, args: Sequence[str], env: Environment) -> bytes:
    """Return the shell text that takes a script and ``END`` from standard input, and runs it.

    Raises BadInput for an argument with a NUL in it, and what ``exports`` raises.
    """
    words = (*source.interpreter, PLACE, *args)
    if any("\0" in word for word in words):
        raise BadInput("an argument cannot hold a NUL character")
    size = len(source.text) + len(END)
    return encoded(_RECEIVE.format(size=size, variables=exports(env), words=shlex.join(words)))


def foresee(remote: Remote, source: LocalScript) -> WouldRun:
    """Look where a script would be run, and run nothing of it; raises what ``run`` raises."""
    look = f"id -un; command -v {shlex.quote(source.program)} || echo -"
    ran = run(remote, ("sh", "-c", look), timeout=LOOK_TIMEOUT)
    said = ran.stdout.decode("utf-8", "replace").splitlines()
    if not ran.ok or len(said) < 2:  # noqa: PLR2004 - the user and the interpreter
        raise CommandFailed("cannot look for an interpreter", where=remote.host.name)
    return WouldRun(source.path.name, said[-1], said[-2])


def _read(path: Path) -> bytes:
    try:
        # A pipe that nobody writes to would be waited for.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise BadInput("not a file", where=str(path))
            text = file.read(LARGEST + 1)
    except OSError as error:
        raise BadInput(f"cannot read it: {error.strerror}", where=str(path)) from error
    if len(text) > LARGEST:
        raise BadInput(
            f"a script of more than {LARGEST // 1024**2} MiB",
            where=str(path),
            hint="remote.put sends it, remote.run runs it",
        )
    return text


def _interpreter(path: Path, text: bytes) -> tuple[str, ...]:
    line = text.split(b"\n", 1)[0]
    if not line.startswith(b"#!"):
        return DEFAULT
    if len(line) > FIRST_LINE:
        raise BadInput(f"its first line is longer than {FIRST_LINE} bytes", where=f"{path}:1")
    said = line[2:].decode("utf-8", "surrogateescape").strip(" \t")
    words = re.split("[ \t]+", said, maxsplit=1)
    if not words[0].startswith("/"):
        raise BadInput(
            "its first line names no interpreter by its whole path",
            where=f"{path}:1",
            hint="#!/bin/sh, or #!/usr/bin/env python3",
        )
    return tuple(words)

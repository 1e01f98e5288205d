"""Running a command and keeping a bounded part of what it says."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import shlex
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from wirework.errors import BadInput, Failed
from wirework.ssh.become.lines import command_line
from wirework.ssh.bootstrap import bootstrap, encoded
from wirework.ssh.environment import NOTHING, exports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from wirework.inventory import Host
    from wirework.ssh.environment import Environment
    from wirework.ssh.remote import Remote

CAP = 1_048_576
"""Bytes of each stream that are kept unless a caller says otherwise."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command said and how it ended.

    ``stdout`` and ``stderr`` hold the first ``cap`` bytes of each stream, ``*_size`` how many
    there were. ``digest`` is the SHA-256 of all of both streams in hex, so that answers can be
    told apart which begin alike. ``status`` 128 + N means ended by signal N.
    """

    status: int
    stdout: bytes
    stderr: bytes
    stdout_size: int
    stderr_size: int
    digest: str
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether the command ended with status 0."""
        return self.status == 0

    @property
    def truncated(self) -> bool:
        """Whether more was said than was kept."""
        return self.stdout_size > len(self.stdout) or self.stderr_size > len(self.stderr)


def run(
    remote: Remote,
    command: str | Sequence[str],
    *,
    env: Environment = NOTHING,
    stdin: bytes | Iterable[bytes] = b"",
    cap: int = CAP,
    timeout: float | None = None,
    become: bool | None = None,
    save: Path | None = None,
) -> Ran:
    """Run a command and feed it ``stdin``; memory stays below ``cap`` bytes a stream.

    ``env`` are variables that it gets besides the login's own. ``save`` is a local file that
    gets all of stdout, privately (0600) and complete or not at all. A status other than 0 is an
    answer, not an error. Raises what ``Remote.execute`` and ``exports`` raise, BadInput when
    there is no place for ``save``, Failed when its disk is full.
    """
    if env:
        becomes = remote.host.become if become is None else become
        text = _with_variables(command, env, login_shell=not becomes)
        command = bootstrap(len(text))
        stdin = itertools.chain((text,), (stdin,) if isinstance(stdin, bytes) else stdin)
    began = time.monotonic()
    with _saved(save) as file:
        out = _Stream(remote.host, "out", cap, remote.listen, file)
        err = _Stream(remote.host, "err", cap, remote.listen, None)
        status = remote.execute(
            command,
            stdout=out.take,
            stderr=err.take,
            stdin=stdin,
            timeout=timeout,
            become=become,
        )
    # Each stream is hashed by itself: how the two interleave differs from run to run.
    digest = hashlib.sha256(out.hash.digest() + err.hash.digest()).hexdigest()
    return Ran(
        status,
        bytes(out.kept),
        bytes(err.kept),
        out.size,
        err.size,
        digest,
        time.monotonic() - began,
    )


def _with_variables(command: str | Sequence[str], env: Environment, *, login_shell: bool) -> bytes:
    """Return the script that runs a command as without variables: in the login shell, or sh."""
    line = command_line(command, user=None).decode("utf-8", "surrogateescape")
    # Looked up first: the variables may set SHELL, and a PATH without sh.
    shell = '"${SHELL:-/bin/sh}"' if login_shell else "/bin/sh"
    return encoded(f'{{\nset -- {shell}\n{exports(env)}exec "$1" -c {shlex.quote(line)}\n}}')


class _Stream:
    """One stream of a command: its beginning, its length and its hash."""

    def __init__(
        self,
        host: Host,
        name: str,
        cap: int,
        listen: Callable[[Host, str, bytes], None] | None,
        file: IO[bytes] | None,
    ) -> None:
        self._host = host
        self._name = name
        self._cap = cap
        self._listen = listen
        self._file = file
        self.kept = bytearray()
        self.size = 0
        self.hash = hashlib.sha256()

    def take(self, data: bytes) -> None:
        self.size += len(data)
        self.hash.update(data)
        self.kept += data[: max(self._cap - len(self.kept), 0)]
        if self._file is not None:
            self._file.write(data)
        if self._listen is not None:
            self._listen(self._host, self._name, data)


@contextlib.contextmanager
def _saved(path: Path | None) -> Iterator[IO[bytes] | None]:
    """Give a private file that becomes ``path`` if all goes well, and is removed otherwise."""
    if path is None:
        yield None
        return
    try:
        handle, name = tempfile.mkstemp(prefix=".ww.", dir=path.parent)
    except OSError as error:
        raise BadInput(f"cannot save there: {error.strerror}", where=str(path)) from error
    temp = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        temp.replace(path)
    except OSError as error:
        raise Failed(f"cannot save {path}: {error.strerror}") from error
    finally:
        temp.unlink(missing_ok=True)

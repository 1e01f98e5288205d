"""Bringing one host to its wished state, a round at a time."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Protocol

from wirework.errors import Failed, Unreachable
from wirework.ssh.bootstrap import bootstrap
from wirework.state.course import Course, Item
from wirework.state.results import Converged, StepResult
from wirework.state.script import Reader, Round

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wirework.ssh import Sink

STDERR_KEPT = 4096


class Executor(Protocol):
    """Whatever can run one command on the host: ``wirework.ssh.Remote``, or a local shell."""

    def execute(
        self,
        command: str | Sequence[str],
        *,
        stdout: Sink,
        stderr: Sink,
        stdin: bytes | Iterable[bytes] = b"",
        become: bool | None = None,
    ) -> int:
        """Run a command to its end, or until a sink has enough; return its exit status."""


def converge(
    remote: Executor,
    items: Sequence[Item],
    *,
    become: bool | None = None,
    check: bool = False,
    diff: bool = False,
    plan: Sequence[StepResult] = (),
) -> Converged:
    """Make every wish true on one host, in order; a step that fails ends the host's run.

    A converged host costs one exec, whatever the number of items. With ``check`` nothing is
    changed and the result is the plan; with ``diff`` changes of text carry their diffs. With the
    steps of a ``plan`` made before, the first that has come to differ from it fails unsent.
    Raises Unreachable when the host is lost, and Failed when it has no usable shell.
    """
    started = time.monotonic()
    course = Course(items, planning=check, diff=diff, plan=plan)
    rounds = 0
    while (this := course.next_round()) is not None:
        rounds += 1
        reader = Reader(secrets.token_hex(16))
        try:
            _execute(remote, this, reader, become=become)
        except (Unreachable, Failed) as error:
            if fate := course.fate(reader):
                message = f"{error.message} {fate}"
                raise type(error)(message, where=error.where, hint="run it again") from error
            raise
        course.take(this, reader)
    return Converged(course.results(), rounds, time.monotonic() - started)


def _execute(remote: Executor, this: Round, reader: Reader, *, become: bool | None) -> None:
    """Send a round to the host, and have its answer read."""
    script = this.script(reader.token)
    stderr = bytearray()

    def keep(data: bytes) -> None:
        stderr.extend(data)
        del stderr[:-STDERR_KEPT]

    remote.execute(
        bootstrap(len(script)),
        stdin=this.stdin(script),
        stdout=reader.feed,
        stderr=keep,
        become=become,
    )
    if not reader.finished:
        said = stderr.decode("utf-8", "backslashreplace").strip()
        raise Failed(f"the host's shell did not finish its work: {said or 'it said nothing'}")

"""Commands that begin at once: as the login user, or by sudo or doas without a password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wirework.ssh.become.refusals import NOT_FOUND, complaint

if TYPE_CHECKING:
    import paramiko

    from wirework.ssh.become.start import Job

HEAD = 2_000
"""Bytes of stderr looked at for what sudo or doas says when it refuses."""


class Quick:
    """Passes output on, and keeps the little that tells a refusal from a command's own words.

    A Start. ``method`` is None for the login user, who cannot be refused.
    """

    def __init__(self, job: Job, *, method: str | None) -> None:
        self.stdin = job.stdin
        self._job = job
        self._method = method
        self._answered = False
        self._head = bytearray()

    def open(self, channel: paramiko.Channel) -> None:
        """Start the command."""
        channel.set_combine_stderr(self._job.combine)
        channel.exec_command(self._job.line)

    def preface(self) -> None:
        """Say that nothing comes before stdin."""

    def stdout(self, data: bytes) -> bool | None:
        """Pass output on."""
        if self._job.combine:
            self._note(data)
        else:
            self._answered = True
        return self._job.stdout(data)

    def stderr(self, data: bytes) -> bool | None:
        """Pass errors on, and keep their beginning."""
        self._note(data)
        return self._job.stderr(data)

    def conclude(self, status: int) -> int:
        """Return the status, unless what was said was a refusal."""
        if self._method is None or self._answered or status not in (1, NOT_FOUND):
            return status
        error = complaint(self._job.host, self._method, status, bytes(self._head))
        if error is not None:
            raise error
        return status

    def _note(self, data: bytes) -> None:
        self._head += data[: HEAD - len(self._head)]

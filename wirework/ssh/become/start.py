"""What it takes to start a command on a channel, however that is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    import paramiko

    from wirework.inventory import Host
    from wirework.ssh.channel import Sink


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A command for a host: the line its login shell is sent, and where the streams go.

    ``combine`` hands what comes on stderr to ``stdout`` as well.
    """

    host: Host
    line: bytes
    stdin: bytes | Iterable[bytes]
    stdout: Sink
    stderr: Sink
    combine: bool


class Start(Protocol):
    """How one command is started, and what its channel's streams mean."""

    stdin: bytes | Iterable[bytes]

    def open(self, channel: paramiko.Channel) -> None:
        """Start the command on a fresh channel; raises what paramiko raises."""

    def preface(self) -> bytes | None:
        """Return what is to be sent before stdin: see ``channel.Preface``."""

    def stdout(self, data: bytes) -> bool | None:
        """Take what came on the channel's stdout; True when the conversation is over."""

    def stderr(self, data: bytes) -> bool | None:
        """Take what came on the channel's stderr; True when the conversation is over."""

    def conclude(self, status: int) -> int:
        """Return the command's status, or raise CommandFailed if it was never run."""

"""What is thought of a key that a host shows, and how it is said."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from wirework.errors import HostKeyChanged, HostKeyUnknown
from wirework.ssh.hostkeys.known import fingerprint, known_name

if TYPE_CHECKING:
    import paramiko

    from wirework.ssh.hostkeys.known import KnownKey
    from wirework.ssh.target import Target


class State(StrEnum):
    """What known_hosts files say of a key that a host shows."""

    KNOWN = "known"
    AUTHORITY = "authority"
    NEW = "new"
    CHANGED = "changed"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A key's state, and the line that it rests on, if there is one.

    ``doubt`` says why the host's certificate was not believed.
    """

    state: State
    line: KnownKey | None = None
    doubt: str = ""


def refusal(
    target: Target, key: paramiko.PKey, verdict: Verdict
) -> HostKeyUnknown | HostKeyChanged:
    """Return the error that says why a host is not logged in on."""
    name, blob, line = target.host.name, key.asbytes(), verdict.line
    shown = f"{key.get_name()} {fingerprint(blob)}"
    if line is None:
        doubt = f", and {verdict.doubt}" if verdict.doubt else ""
        return HostKeyUnknown(
            f"its host key {shown} is in no known_hosts file{doubt}",
            where=name,
            hint=advice(target),
        )
    if verdict.state is State.REVOKED:
        whose = "its host key" if line.blob == blob else "the authority of its host key"
        return HostKeyChanged(
            f"{whose} {shown} is revoked in {line.where}",
            where=name,
            hint="do not log in; ask the host's owner for its new key",
        )
    return HostKeyChanged(
        f"its host key has changed: it shows {shown}, but {line.where} has"
        f" {line.type} {fingerprint(line.blob)}",
        where=name,
        hint="it was reinstalled, or something stands in between: ask the host's owner"
        f" before you {removal(line, known_name(target))}",
    )


def advice(target: Target) -> str:
    """Return what to type so that the target's new key is shown and pinned."""
    command = f"./inv inventory.trust --hosts {shlex.quote(target.host.name)}"
    if target.unchecked:
        return f"{target.unchecked} turns its check off, which is not followed; {command}"
    return command


def removal(line: KnownKey, name: str) -> str:
    """Return, after "you", what people do to make known_hosts forget a line."""
    if line.is_pattern:
        return f"remove line {line.number} of {line.path}"
    return f"type: ssh-keygen -R {shlex.quote(name)} -f {shlex.quote(str(line.path))}"

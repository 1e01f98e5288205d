"""The keys that hosts show before anybody logs in, compared with known_hosts files, and pinned.

As ssh-keyscan(1) does: one key exchange for each type of key, and no login.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wirework.errors import Failed, Unreachable
from wirework.ssh.connect import NoSuchKey
from wirework.ssh.hostkeys import (
    ALGORITHMS,
    Marker,
    State,
    fingerprint,
    key_type,
    known_name,
    removal,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import paramiko

    from wirework.ssh.hostkeys import Verdict
    from wirework.ssh.hostkeys.pin import KnownFile
    from wirework.ssh.remote import Remote
TYPES = tuple(dict.fromkeys(map(key_type, ALGORITHMS)))


@dataclass(frozen=True, slots=True)
class OfferedKey:
    """One key that a host has proved to own.

    ``address`` is the host as known_hosts files name it, ``key`` the key itself in base64.
    ``line`` is the ``file:line`` that ``state`` rests on, "" for a new key, and ``expected`` the
    fingerprint there, where it is another. ``note`` says what else there is to know, and to do.
    """

    host: str
    address: str
    type: str
    fingerprint: str
    state: State
    line: str = ""
    expected: str = ""
    note: str = ""
    key: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the key."""
        return self.state not in (State.CHANGED, State.REVOKED)


def offered(remote: Remote) -> tuple[OfferedKey, ...]:
    """Ask a host for every type of key that it has; nobody logs in, but on its gateways.

    Raises Unreachable or one of its kinds, BadInput for a gateway of no use.
    """
    shown: list[paramiko.PKey] = []
    left = remote.host_keys.algorithms(remote.target, ALGORITHMS)
    while left:
        try:
            key = remote.greet(left)
        except NoSuchKey:
            if shown:
                break
            raise
        # It may show a key that nobody asked for, for ever.
        rest = tuple(name for name in left if key_type(name) != key.get_name())
        if rest == left:
            raise Unreachable("shows a key that was not asked for", where=remote.host.name)
        left = rest
        shown.append(key)
    # The types that we know are asked for first; people find them where they always are.
    shown.sort(key=lambda key: TYPES.index(key.get_name()))
    return _judged(remote, shown)


def new(keys: Iterable[OfferedKey]) -> tuple[OfferedKey, ...]:
    """Return the keys that may be pinned: new ones of hosts that show no wrong one."""
    keys = tuple(keys)
    wrong = {key.host for key in keys if not key.ok}
    return tuple(key for key in keys if key.state is State.NEW and key.host not in wrong)


def is_trusted(remote: Remote) -> bool:
    """Whether anything is known by which the host's key could be believed."""
    return bool(remote.host_keys.known(remote.target))


def pin(keys: Iterable[tuple[Remote, OfferedKey]]) -> Mapping[Path, int]:
    """Write keys into the known_hosts files of their hosts; return how many each has got.

    One that is no longer new by now is left out. Raises BadInput, before anything is written,
    for a file that cannot hold keys, and Failed for one that cannot be written.
    """
    by_file: dict[KnownFile, list[tuple[Remote, OfferedKey]]] = {}
    for remote, key in keys:
        by_file.setdefault(remote.host_keys.file(remote.target), []).append((remote, key))
    pinned: dict[Path, int] = {}
    for file, wanted in by_file.items():
        try:
            with file.writing() as append:
                entries = dict.fromkeys(
                    (known_name(remote.target), base64.b64decode(key.key))
                    for remote, key in wanted
                    if _is_free(remote, key)
                )
                append(tuple(entries))
        except OSError as error:
            raise Failed(
                f"host keys cannot be pinned: {error.strerror}",
                where=str(file.path),
                hint="make it writable, or name another in the inventory: known_hosts",
            ) from error
        pinned[file.path] = len(entries)
    return pinned


def _is_free(remote: Remote, key: OfferedKey) -> bool:
    """Whether no other process has pinned a key of that type meanwhile."""
    lines = remote.host_keys.own(remote.target)
    return not any(line.marker is Marker.HOST and line.type == key.type for line in lines)


def _judged(remote: Remote, shown: Iterable[paramiko.PKey]) -> tuple[OfferedKey, ...]:
    verdicts = [(key, remote.host_keys.judge(remote.target, key)) for key in shown]
    trusted = any(verdict.state in (State.KNOWN, State.AUTHORITY) for _, verdict in verdicts)
    return tuple(_row(remote, key, verdict, trusted=trusted) for key, verdict in verdicts)


def _row(remote: Remote, key: paramiko.PKey, verdict: Verdict, *, trusted: bool) -> OfferedKey:
    target, line, state = remote.target, verdict.line, verdict.state
    if state is State.CHANGED and trusted and line is not None and line.type != key.get_name():
        # One more key, of another type, of a host that has shown the one we know.
        line, state = None, State.NEW
    row = OfferedKey(
        host=remote.host.name,
        address=known_name(target),
        type=key.get_name(),
        fingerprint=fingerprint(key.asbytes()),
        state=state,
        line=line.where if line else "",
        note=verdict.doubt,
        key=key.get_base64(),
    )
    if line is None or row.ok:
        return row
    if state is State.REVOKED:
        note = f"its key {row.fingerprint} is revoked in {line.where}: do not log in"
        return replace(row, note=note)
    expected = fingerprint(line.blob)
    note = (
        f"its key has changed: it shows {row.type} {row.fingerprint}, but {line.where} has"
        f" {line.type} {expected} (ask the host's owner before you"
        f" {removal(line, row.address)})"
    )
    return replace(row, expected=expected, note=note)

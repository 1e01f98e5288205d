"""``inventory.trust``: the hosts' keys shown to a person, who says whether they are pinned."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wirework.errors import BadInput, HostKeyUnknown, Unreachable, WireworkError
from wirework.fleet import Status, fan_out
from wirework.inventory import Host
from wirework.ssh import Pool, Remote
from wirework.ssh.trust import OfferedKey, is_trusted, new, offered, pin

from .exits import complain
from .fleet import choose
from .host_keys import new_keys, places, warn, write
from .progress import Progress
from .terminal import count, plain


@dataclass(frozen=True)
class Trouble:
    """A host whose keys could not be asked for."""

    host: str
    problem: str
    is_unreachable: bool = True


@dataclass(frozen=True)
class Trust:
    """The keys that hosts have shown, and how many of them were pinned into which files.

    ``left`` counts the new ones that were not. ``asked`` is whether a person was; otherwise
    ``next`` may say what to type.
    """

    keys: tuple[OfferedKey, ...]
    pinned: int
    files: tuple[str, ...]
    left: int
    asked: bool
    trouble: tuple[Trouble, ...]
    next: str = ""
    interrupted: bool = False

    @property
    def ok(self) -> bool:
        """Whether every host that was asked for can be trusted now."""
        return not (self.left or self.trouble or any(not key.ok for key in self.keys))

    @property
    def is_bad_input(self) -> bool:
        """Whether all that was missing is somebody's consent, or sense in the inventory."""
        only_bad = not any(each.is_unreachable for each in self.trouble)
        return bool(self.next or (self.trouble and only_bad)) and self._is_sound

    @property
    def is_unreachable(self) -> bool:
        """Whether hosts were away, and nothing else is left to do."""
        return bool(self.trouble) and not self.left and self._is_sound

    @property
    def _is_sound(self) -> bool:
        return all(key.ok for key in self.keys)


def shown(result: Trust) -> None:
    """Show the keys, unless a person has already seen them, and what came of it."""
    if not result.asked:
        write(result.keys)
        warn(result.keys)
    for each in result.trouble:
        complain(plain(each.problem))
    if result.next:
        complain(
            f"{new_keys(result.left)} not pinned: there is no terminal to ask on ({result.next})"
        )
    else:
        print(_conclusion(result), file=sys.stderr)


def _conclusion(result: Trust) -> str:
    if result.pinned:
        left = f", {result.left} not" if result.left else ""
        return f"{new_keys(result.pinned)} pinned into {places(result.files)}{left}"
    if result.left:
        return "Nothing was pinned"
    return "Nothing to pin: every key is known" if result.ok else "Nothing to pin"


def trust(pattern: str, limit: str, source: str, *, yes: bool) -> Trust:
    """Ask the chosen hosts for their keys, and pin the new ones if a person or ``yes`` says so.

    Hosts behind a gateway that is not trusted come after it, in a round of their own.
    """
    hosts, fleet = choose(source, pattern, limit)
    again = shlex.join(
        ["./inv", "inventory.trust", "--hosts", pattern]
        + (["--limit", limit] if limit else [])
        + (["-i", source] if source else [])
        + ["--yes"]
    )
    with Pool(gateways=fleet.hosts.__getitem__) as pool:
        return _Session(pool, again, yes=yes).run(hosts)


class _Session:
    """One run: rounds of hosts, each asked for its keys once."""

    def __init__(self, pool: Pool, again: str, *, yes: bool) -> None:
        self._pool = pool
        self._again = again
        self._yes = yes
        self._keys: list[OfferedKey] = []
        self._unseen: list[OfferedKey] = []
        self._trouble: list[Trouble] = []
        self._pinned: dict[Path, int] = {}
        self._left = 0
        self._asked = self._interrupted = False

    def run(self, hosts: Sequence[Host]) -> Trust:
        """Go through the rounds, gateways first."""
        waiting = self._with_gateways(hosts)
        while waiting and not self._interrupted:
            ready = dict.fromkeys(filter(_is_open, waiting))
            waiting = [remote for remote in waiting if remote not in ready]
            if not ready:
                self._give_up_on(waiting)
                break
            self._settle(list(ready))
        if self._asked:
            self._present()
        return Trust(
            keys=tuple(self._keys),
            pinned=sum(self._pinned.values()),
            files=tuple(str(path) for path, number in self._pinned.items() if number),
            left=self._left,
            asked=self._asked,
            trouble=tuple(self._trouble),
            next=self._next(),
            interrupted=self._interrupted,
        )

    def _with_gateways(self, hosts: Sequence[Host]) -> list[Remote]:
        """Return the hosts, and the gateways before them that nothing is known of."""
        wanted: dict[str, Remote] = {}
        for host in hosts:
            try:
                way = [self._pool.remote(host)]
                while (ahead := way[-1].gateway) is not None:
                    way.append(ahead)
                for gateway in reversed(way[1:]):
                    if not is_trusted(gateway):
                        wanted.setdefault(gateway.host.name, gateway)
                wanted[host.name] = way[0]
            except BadInput as error:
                self._trouble.append(_told(host, error))
        return list(wanted.values())

    def _settle(self, remotes: Sequence[Remote]) -> None:
        """Ask hosts for their keys, and have the new ones pinned or not."""
        found = self._ask_hosts(remotes)
        self._keys += found
        self._unseen += found
        by_name = {remote.host.name: remote for remote in remotes}
        wanted = [(by_name[key.host], key) for key in new(found)]
        if not wanted or self._interrupted:
            self._left += len(wanted)
            return
        # A file that could not take them is told before anybody compares fingerprints.
        files = dict.fromkeys(remote.host_keys.file(remote.target).path for remote, _ in wanted)
        if not self._yes:
            if not (sys.stdin.isatty() and sys.stderr.isatty()):
                self._left += len(wanted)
                return
            self._asked = True
            self._present()
            hosts = count(len({key.host for _, key in wanted}), "host")
            if not _agreed(
                f"Pin {new_keys(len(wanted))} of {hosts} into {places(map(str, files))}?"
            ):
                self._left += len(wanted)
                return
        for path, number in pin(wanted).items():
            self._pinned[path] = self._pinned.get(path, 0) + number

    def _ask_hosts(self, remotes: Sequence[Remote]) -> list[OfferedKey]:
        by_host = {remote.host: remote for remote in remotes}
        with Progress("inventory.trust", len(remotes), quiet=True) as progress:
            report = fan_out(
                by_host,
                lambda host: offered(by_host[host]),
                give_up=self._pool.give_up,
                watch=progress,
            )
        self._interrupted = report.interrupted
        for outcome in report.outcomes:
            if outcome.error is not None and outcome.status is not Status.SKIPPED:
                self._trouble.append(_told(outcome.host, outcome.error))
        return [key for outcome in report.outcomes for key in outcome.value or ()]

    def _give_up_on(self, remotes: Iterable[Remote]) -> None:
        for remote in remotes:
            name = remote.gateway.host.name if remote.gateway else ""
            error = HostKeyUnknown(
                f"not asked: the key of its gateway {name} is not pinned", where=remote.host.name
            )
            self._trouble.append(_told(remote.host, error))

    def _present(self) -> None:
        """Show on standard error what has not been shown there."""
        sys.stdout.flush()
        with contextlib.redirect_stdout(sys.stderr):
            write(self._unseen)
            sys.stderr.flush()
        warn(self._unseen)
        self._unseen = []

    def _next(self) -> str:
        if not self._left or self._asked or self._interrupted:
            return ""
        return f"compare the fingerprints with the hosts' owners, then type: {self._again}"


def _is_open(remote: Remote) -> bool:
    """Whether every gateway on the way to a host can be logged in on as far as we know."""
    ahead = remote.gateway
    while ahead is not None:
        if not is_trusted(ahead):
            return False
        ahead = ahead.gateway
    return True


def _told(host: Host, error: WireworkError) -> Trouble:
    return Trouble(host.name, str(error), isinstance(error, Unreachable))


def _agreed(question: str) -> bool:
    try:
        print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline()
    except KeyboardInterrupt:
        print(file=sys.stderr)
        raise
    if not answer.endswith("\n"):
        print(file=sys.stderr)
    return answer.strip().lower() in ("y", "yes")

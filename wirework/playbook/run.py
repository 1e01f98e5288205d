"""Running a playbook: everything is checked first, then play after play, batch after batch."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from wirework.errors import BadInput, PlaybookError, WireworkError
from wirework.fleet import Status, Watcher, fan_out
from wirework.playbook.bind import Binder, BoundVerify, HostWork, PlayWork
from wirework.playbook.results import HostResult, PlayResult, RunResult, Verified
from wirework.state import converge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from wirework.inventory import Host, Inventory
    from wirework.playbook.load import Catalogue
    from wirework.playbook.model import Play, Playbook
    from wirework.playbook.plan import Plan
    from wirework.ssh import Pool
    from wirework.state import StepResult


class PlayWatcher(Watcher, Protocol):
    """Follows a run: a fan-out's events, and plays around them."""

    def play(self, play: Play, hosts: Sequence[Host]) -> None:
        """Note that a play begins."""

    def played(self, result: PlayResult) -> None:
        """Note that a play has ended."""


def prepare(
    playbook: Playbook, fleet: Inventory, catalogue: Catalogue, *, limit: str = ""
) -> tuple[tuple[PlayWork, ...], list[BadInput]]:
    """Bind every play to its hosts; return the work and every mistake there is.

    Nothing is touched: this only reads files on this machine.
    """
    binder = Binder(playbook, fleet, catalogue)
    plays: list[PlayWork] = []
    for play in playbook.plays:
        try:
            hosts = fleet.select(play.hosts, limit=limit)
        except BadInput as error:
            binder.problems.add(PlaybookError(error.message, where=play.where, hint=error.hint))
            continue
        plays.append(PlayWork(play, binder.bind(play, hosts)))
    return tuple(plays), binder.problems.errors


def run(
    playbook: Playbook,
    plays: Sequence[PlayWork],
    pool: Pool,
    *,
    check: bool = False,
    diff: bool = False,
    plan: Plan | None = None,
    forks: int = 50,
    timeout: float | None = None,
    watch: PlayWatcher | None = None,
) -> RunResult:
    """Carry out what ``prepare`` returned; with ``check`` only find out what would be changed.

    A host that failed takes no part in later plays. A play that loses more hosts than its
    ``max_fail`` ends the run. With a ``plan`` that ``Plan.check`` found to be for these plays, a
    step that differs from it fails its host before it is done.
    """
    started = time.monotonic()
    results: list[PlayResult] = []
    lost: set[str] = set()
    promises = _Promises(plays, plan, check=check)
    for work in plays:
        hosts = {each.host: each for each in work.hosts if each.host.name not in lost}
        if not hosts:
            continue
        if watch:
            watch.play(work.play, tuple(hosts))
        left = None if timeout is None else max(0.001, timeout - (time.monotonic() - started))
        report = fan_out(
            tuple(hosts),
            _work(hosts, work.play, pool, check=check, diff=diff, plan=promises.of(work)),
            forks=forks,
            # A plan changes nothing, so no host has to wait for another.
            batches=("100%",) if check else work.play.batches,
            max_fail=work.play.max_fail,
            timeout=left,
            give_up=pool.give_up,
            watch=watch,
        )
        results.append(PlayResult(work.play.name, report))
        if watch:
            watch.played(results[-1])
        lost |= {outcome.host.name for outcome in report.outcomes if not outcome.ok}
        if report.interrupted or report.of(Status.SKIPPED):
            break
    return RunResult(playbook.path, check, tuple(results), time.monotonic() - started)


class _Promises:
    """What a plan says of each host of each play.

    Plays are planned for hosts as they are; once an earlier play has worked on a host, only
    that its plan had held is known. So a real run holds each host to the first of its plays.
    """

    def __init__(self, plays: Sequence[PlayWork], plan: Plan | None, *, check: bool) -> None:
        there = [id(work) for work in plays if work.hosts]
        self._planned = dict(zip(there, plan.plays, strict=True)) if plan else {}
        self._seen: set[str] | None = None if check else set()

    def of(self, work: PlayWork) -> Mapping[str, Sequence[StepResult]]:
        """Return the planned steps by the names of hosts; call it once a play, in order."""
        if id(work) not in self._planned:
            return {}
        hosts = self._planned[id(work)].hosts
        if self._seen is None:
            return hosts
        first = {name: steps for name, steps in hosts.items() if name not in self._seen}
        self._seen |= set(hosts)
        return first


def _work(
    hosts: dict[Host, HostWork],
    play: Play,
    pool: Pool,
    *,
    check: bool,
    diff: bool,
    plan: Mapping[str, Sequence[StepResult]],
) -> Callable[[Host], HostResult]:
    def work(host: Host) -> HostResult:
        wanted = hosts[host]
        become = host.become if play.become is None else play.become
        remote = pool.remote(host)
        remote.connect()  # here, so that whoever is not let in hears of that, not of a step
        done = converge(
            remote,
            wanted.items,
            become=become,
            check=check,
            diff=diff,
            plan=plan.get(host.name, ()),
        )
        if check or not done.ok:
            return HostResult(done)
        return HostResult(done, tuple(_verified(wanted.verify)))

    return work


def _verified(checks: Iterable[BoundVerify]) -> Iterable[Verified]:
    """Run each check in turn, and stop at the first that does not come out well."""
    for check in checks:
        result = _verify(check)
        yield result
        if not result.ok:
            return


def _verify(check: BoundVerify) -> Verified:
    started = time.monotonic()
    tries = 0
    while True:
        tries += 1
        ok, said = _try(check)
        if ok or tries > check.retries:
            return Verified(check.title, check.where, ok, said, tries, time.monotonic() - started)
        time.sleep(check.delay)


def _try(check: BoundVerify) -> tuple[bool, str]:
    try:
        result = check.run()
    except WireworkError as error:
        return False, str(error)
    ok = bool(getattr(result, "ok", True))
    return ok, str(getattr(result, "summary", ""))

"""One play on many hosts, first run and re-run: Wirework beside the tools people use today.

Every tool starts from hosts in the same state and has to leave them alike, which is looked at.
All is measured as whole processes; the tools take turns, and medians are shown. The status is 1
when a bar is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import fleets
import hundreds
import peers
import plays

from wirework.documents.amounts import seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from costs import Cost

OURS, FLOOR, PYINFRA = "playbook.run", "remote.run", "pyinfra"
FLOORS = (FLOOR, "log in, sudo")
"""The least that the same command line can do, and a script that does no more than that."""
RERUN_TO_FLOOR = 1.5
FIRST_TO_PYINFRA = 0.25
TRIPS = 6.0
"""Round trips that our re-run may take, of a host's own: login, question and answer."""
MORE_TRIPS = 2.0
"""Round trips that 200 operations may take more than 22; they are noise, and no operation's."""
MANY_SECONDS = 1.0
"""Seconds for 200 operations on one host that is as they wish."""


@dataclass
class Taken:
    """What each tool's runs took: ``first`` and ``again`` by its name."""

    first: dict[str, list[Cost]] = field(default_factory=dict)
    again: dict[str, list[Cost]] = field(default_factory=dict)

    def wall(self, run: str, tool: str) -> float:
        """Return the median wall time of a tool's ``first`` or ``again``; 0 if it has none."""
        costs: list[Cost] = getattr(self, run).get(tool, [])
        return median(cost.wall for cost in costs) if costs else 0.0


@dataclass
class Bars:
    """What was promised, and whether it was kept."""

    missed: int = 0

    def hold(self, promise: str, value: float, bar: float, unit: str = "") -> None:
        """Print a bar, the value that it is held against, and the verdict."""
        kept = value <= bar
        self.missed += not kept
        print(f"{'kept  ' if kept else 'MISSED'}  {promise}: {value:.2f}{unit} (bar {bar:g}{unit})")


def measure(inventory: Path, tools: Sequence[str], first: Sequence[str], runs: int) -> Taken:
    """Run every tool on the hosts of an inventory, ``runs`` times, in turns."""
    fleet = plays.Fleet(inventory)
    taken = Taken()
    wished = ""
    for number in range(runs):
        for tool in first:
            fleet.undo()
            cost = fleet.run(tool)
            taken.first.setdefault(tool, []).append(cost)
            _say(f"first run {number + 1} of {runs}", tool, cost)
            state = fleet.state()
            wished = wished or state
            if state != wished:
                raise SystemExit(f"{tool} leaves the hosts otherwise than {first[0]}")
        for tool in tools:
            before = fleet.state(times=True)
            cost = fleet.run(tool)
            taken.again.setdefault(tool, []).append(cost)
            _say(f"re-run {number + 1} of {runs}", tool, cost)
            if fleet.state(times=True) != before:
                raise SystemExit(f"{tool} changes hosts that are as they should be")
    return taken


def _say(what: str, tool: str, cost: Cost) -> None:
    print(f"  {what}: {tool} {cost.wall:.2f} s", file=sys.stderr, flush=True)


def show(title: str, taken: Taken, tools: Iterable[str], hosts: int) -> None:
    """Print one table: each tool's medians, and its multiples of the floor and of ours."""
    print(f"\n{title}")
    columns = ("first s", "to ours", "re-run s", "to floor", "CPU ms a host")
    print(f"{'':20}" + "".join(f"{name:>{len(name) + 3}}" for name in columns))
    floor, ours = taken.wall("again", FLOOR), taken.wall("first", OURS)
    for tool in tools:
        one, two = taken.wall("first", tool), taken.wall("again", tool)
        cpu = median(cost.cpu for cost in taken.again[tool]) / hosts * 1000
        cells = (one, one / ours if ours else 0.0, two, two / floor if floor else 0.0, cpu)
        text = (f"{cell:.2f}" if cell else "-" for cell in cells)
        widths = (len(name) + 3 for name in columns)
        print(f"{tool:20}" + "".join(f"{t:>{w}}" for t, w in zip(text, widths, strict=True)))


def judge(bars: Bars, plain: Taken) -> None:
    """Hold what was measured against what was promised, as far as it was measured."""
    ours = plain.wall("again", OURS)
    if ours:
        bars.hold("a re-run, to one `sudo true`", ours / plain.wall("again", FLOOR), RERUN_TO_FLOOR)
    first = plain.wall("first", OURS)
    if first and (theirs := plain.wall("first", PYINFRA)):
        bars.hold("a first run, to pyinfra's", first / theirs, FIRST_TO_PYINFRA)


def judge_many(bars: Bars, plain: Path, slow: Path | None, runs: int, delay: float) -> None:
    """Measure 22 and 200 operations on one host each."""
    print("\none host")
    few, many = (hundreds.measure(plain, each, runs) for each in (hundreds.FEW, hundreds.MANY))
    print(f"22 operations: first {few.first:.2f} s, re-run {few.again:.2f} s")
    print(f"200 operations: first {many.first:.2f} s, re-run {many.again:.2f} s")
    bars.hold("200 operations, re-run", many.again, MANY_SECONDS, " s")
    if slow is None:
        return
    trips = [
        hundreds.round_trips(plain, slow, delay, each, 4 * runs)
        for each in (hundreds.FEW, hundreds.MANY)
    ]
    print(
        f"behind {delay * 1000:g} ms, round trips beside connecting: a re-run"
        f" {trips[0].again:.1f}, a first run {trips[0].first:.1f}, one of 200 {trips[1].first:.1f}"
    )
    bars.hold("a re-run's waiting", trips[0].again, TRIPS, " round trips")
    more = trips[1].first - trips[0].first
    bars.hold("200 operations, beyond 22", more, MORE_TRIPS, " round trips")


@contextlib.contextmanager
def labs(root: Path, count: int, delay: float) -> Iterator[tuple[Path, Path | None]]:
    """Give the inventory of a lab, and of one behind a delay if there is to be one."""
    with contextlib.ExitStack() as stack:
        # Ansible wants a Python on each host; nobody else does.
        plain = stack.enter_context(fleets.podman(root, count, image="python"))
        slow = None
        if delay:
            slow = stack.enter_context(
                fleets.podman(root, count, name="lab-slow", image="python", delay=delay)
            )
        yield plain, slow


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--delay", default="", help="measure behind it, too: 50ms")
    known = [tool for tool in plays.TOOLS if tool not in FLOORS]
    default = "playbook.run,pyinfra,mitogen"
    parser.add_argument("--tools", default=default, help=f"some of {', '.join(known)}")
    parser.add_argument(
        "--first", default="playbook.run,pyinfra", help="of these the first run is measured, too"
    )
    given = parser.parse_args()
    tools, first = given.tools.split(","), [each for each in given.first.split(",") if each]
    for tool in (*tools, *first):
        if tool not in known:
            parser.error(f"{tool!r} is none of {', '.join(known)}")
    delay = seconds(given.delay, where="--delay") if given.delay else 0.0
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is then ended
    peers.installed()
    bars = Bars()
    everybody = (*FLOORS, *tools)
    with tempfile.TemporaryDirectory() as root, labs(Path(root), given.hosts, delay) as (one, two):
        plain = measure(one, everybody, [t for t in first if t in tools] or [OURS], given.runs)
        show(f"22 operations on {given.hosts} hosts", plain, everybody, given.hosts)
        if two is not None:
            slow = measure(two, everybody, [t for t in first if t in tools] or [OURS], given.runs)
            title = f"22 operations on {given.hosts} hosts behind {given.delay}"
            show(title, slow, everybody, given.hosts)
        print()
        judge(bars, plain)
        judge_many(bars, one, two, given.runs, delay)
    sys.exit(1 if bars.missed else 0)


if __name__ == "__main__":
    main()

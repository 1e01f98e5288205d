"""Plays of any length for one host, to see what an operation more costs."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import plays
from costs import whole

from wirework import inventory
from wirework.state import OPERATIONS, apply

FEW, MANY = 22, 200


class Times(NamedTuple):
    """Wall times in seconds, or round trips: of the run that makes everything, and of one after.

    The shortest of all, because what an operation costs is told apart from what else a machine
    does by nothing but that it is always there.
    """

    first: float
    again: float


def measure(source: Path, operations: int, runs: int) -> Times:
    """Measure a play of so many operations on the first host, ``runs`` times."""
    first, again = [], []
    for number in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            playbook = Path(folder) / "play.yaml"
            playbook.write_text(json.dumps([_play(f"/srv/{operations}-{number}", operations)]))
            words = plays.playbook_run(playbook, source)
            for taken in (first, again, again):
                taken.append(whole(f"{operations} operations", [*words, "--limit", "web1"]).wall)
    return Times(min(first), min(again))


def round_trips(plain: Path, slow: Path, delay: float, operations: int, runs: int) -> Times:
    """Count the round trips of logging in and of so many operations, by what a delay adds.

    Measured in this process, without a start of its own, which varies by more than a round trip.
    """
    fleets = [inventory.load(source) for source in (plain, slow)]
    times: dict[tuple[int, bool], list[float]] = {}
    for number in range(runs):
        steps = _steps(f"/srv/trips-{operations}-{number}", operations)
        wishes = [OPERATIONS[name](**dict(given)) for step in steps for name, given in step.items()]
        for is_again in (False, True, True):
            for which, fleet in enumerate(fleets):
                started = time.perf_counter()
                report = apply(fleet, "web1", wishes, become=True)
                times.setdefault((which, is_again), []).append(time.perf_counter() - started)
                if not report.ok:
                    raise SystemExit(f"{operations} operations failed: what failed is not measured")
    first, again = (
        (min(times[1, is_again]) - min(times[0, is_again])) / delay for is_again in (False, True)
    )
    return Times(first, again)


def _play(root: str, operations: int) -> dict[str, object]:
    """Return a play of folders, files, links and lines below ``root``; JSON is YAML."""
    return {"hosts": "all", "become": True, "steps": _steps(root, operations)}


def _steps(root: str, operations: int) -> list[dict[str, dict[str, object]]]:
    steps: list[dict[str, dict[str, object]]] = []
    while len(steps) < operations:
        here = f"{root}/{len(steps):03d}"
        steps += [
            {"directory": {"path": here, "mode": "0750"}},
            {"file": {"dest": f"{here}/file", "content": f"{here}\n" * 20}},
            {"link": {"path": f"{here}/link", "to": "file"}},
            {"line": {"path": f"{root}/000/lines", "line": here, "create": True}},
        ]
    return steps[:operations]

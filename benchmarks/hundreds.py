"""Plays of any length for one host, to see what an operation more costs."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import NamedTuple

import plays
from costs import whole

FEW, MANY = 22, 200


class Times(NamedTuple):
    """Wall times in seconds: of the run that makes everything, and of one after it.

    The shortest of all, because a round trip is told apart from what else a machine does by
    nothing but that it is always there.
    """

    first: float
    again: float


def measure(inventory: Path, operations: int, runs: int) -> Times:
    """Measure a play of so many operations on the first host, ``runs`` times."""
    first, again = [], []
    for number in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            playbook = Path(folder) / "play.yaml"
            playbook.write_text(json.dumps([_play(f"/srv/{operations}-{number}", operations)]))
            words = plays.playbook_run(playbook, inventory)
            for taken in (first, again, again):
                taken.append(whole(f"{operations} operations", [*words, "--limit", "web1"]).wall)
    return Times(min(first), min(again))


def _play(root: str, operations: int) -> dict[str, object]:
    """Return a play of folders, files, links and lines below ``root``; JSON is YAML."""
    steps: list[dict[str, object]] = []
    while len(steps) < operations:
        here = f"{root}/{len(steps):03d}"
        steps += [
            {"directory": {"path": here, "mode": "0750"}},
            {"file": {"dest": f"{here}/file", "content": f"{here}\n" * 20}},
            {"link": {"path": f"{here}/link", "to": "file"}},
            {"line": {"path": f"{root}/000/lines", "line": here, "create": True}},
        ]
    return {"hosts": "all", "become": True, "steps": steps[:operations]}

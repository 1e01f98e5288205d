"""One command on many hosts: Wirework beside the tools people use today.

Libraries are measured from after their imports to the last connection's end, command lines as
whole processes, children included. The tools take turns; medians are shown.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import clients
import commands
import fleets
import peers
from costs import Cost, whole

RUN_TIMEOUT = 120.0
CLIENTS = Path(__file__).with_name("clients.py")
PLAIN = {"ANSIBLE_PYTHON_INTERPRETER": "none", "ANSIBLE_DEPRECATION_WARNINGS": "0"}


def library(python: Path, tool: str, inventory: Path, command: str) -> Cost:
    """Run a library in a process of its own."""
    words = [str(python), str(CLIENTS), tool, str(inventory), command]
    environment = {**os.environ, "PYTHONPATH": str(commands.ROOT)}
    said = json.loads(subprocess.check_output(words, timeout=RUN_TIMEOUT, env=environment))
    if said["done"] != said["of"]:
        raise SystemExit(f"{tool}: {said['done']} of {said['of']} hosts answered")
    return Cost(said["wall"], said["cpu"], said["peak"])


def show(title: str, costs: dict[str, list[Cost]], hosts: int, first: str) -> None:
    """Print one table, with each tool's wall and CPU as multiples of ours."""
    middle = {tool: Cost(*map(median, zip(*all_, strict=True))) for tool, all_ in costs.items()}
    ours = middle[first]
    print(f"\n{title}")
    print(f"{'':16}{'wall s':>8}{'to ours':>9}{'CPU ms a host':>15}{'to ours':>9}{'peak MB':>9}")
    for tool, cost in middle.items():
        print(
            f"{tool:16}{cost.wall:8.2f}{cost.wall / ours.wall:9.2f}"
            f"{cost.cpu / hosts * 1000:15.1f}{cost.cpu / ours.cpu:9.2f}{cost.peak:9.0f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--driver", choices=list(fleets.DRIVERS), default="embedded")
    parser.add_argument("--each", type=int, default=1, help="connections to each host, at once")
    parser.add_argument("--command", default="uptime", help="one that takes less than a minute")
    parser.add_argument("--tools", default="", help="only those whose names start so: wirework,inv")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is then ended
    bin_ = peers.installed()
    with (
        tempfile.TemporaryDirectory() as root,
        fleets.DRIVERS[given.driver](Path(root), given.hosts) as found,
    ):
        inventory = fleets.many_times(found, given.each, Path(root) / "all.yaml")
        hosts = fleets.hosts_of(inventory)
        commands.prepare(hosts, inventory)
        lines = commands.lines(inventory, bin_, given.command)
        tools = [*clients.OURS, *clients.THEIRS, *lines]
        only = tuple(filter(None, given.tools.split(",")))
        costs: dict[str, list[Cost]] = {t: [] for t in tools if not only or t.startswith(only)}
        for _ in range(given.rounds):
            for tool, taken in costs.items():
                if tool in lines:
                    taken.append(whole(tool, lines[tool], env=PLAIN))
                    continue
                ours = tool in clients.OURS or tool in ("fabric", "paramiko")
                python = Path(sys.executable) if ours else bin_ / "python"
                taken.append(library(python, tool, inventory, given.command))
    print(f"{given.command} on {len(hosts)} hosts ({given.driver}), median of {given.rounds}")
    for title, part in (("libraries", costs.keys() - lines), ("whole commands", lines.keys())):
        chosen = {tool: taken for tool, taken in costs.items() if tool in part}
        if chosen:
            show(title, chosen, len(hosts), next(iter(chosen)))


if __name__ == "__main__":
    main()

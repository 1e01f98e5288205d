"""The demo: a rolling deployment on a lab of its own, told as it goes, and taken down again."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from invoke.collection import Collection

from wirework import lab
from wirework.errors import Failed
from wirework.playbook import RunResult

from .play_view import PlayView
from .plays import carry_out, read
from .terminal import count, seconds

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOK = Path("playbooks/demo.yaml")
LAB = "lab-demo"
HEADING = "bold cyan"


@dataclass(frozen=True)
class Demo:
    """What the demo showed: changes planned and made, and what a second run cost."""

    hosts: tuple[str, ...]
    planned: int
    changed: int
    changed_again: int
    rounds_again: int
    seconds: float


def show_main_job(tasks: Collection, watch: PlayView | None) -> Demo:
    """Plan, apply, verify, run again; raises Failed when it does not come out as it should."""
    started = time.monotonic()
    say = watch.say if watch else _silent
    try:
        up = lab.up(ROOT, name=LAB, hosts=3, ports="free")
        number = count(len(up.hosts), "throwaway host")
        say(f"1. A lab: {number} with SSH servers of their own", HEADING)
        for host in up.hosts:
            ports = f"ssh on port {host.port}, website on {host.http_port}"
            say(f"  {host.name}  {host.address}  {ports}", "dim")

        def run(*, check: bool = False) -> RunResult:
            prepared = read(ROOT / PLAYBOOK, str(up.inventory), tasks=tasks)
            return carry_out(prepared, watch, check=check, diff=check)

        say(f"\n2. The plan of {PLAYBOOK}: nothing is touched yet", HEADING)
        plan = _good(run(check=True), "planning")
        say("\n3. The deployment: web1 first, the others once its page is served", HEADING)
        done = _good(run(), "the deployment")
        say("\n4. The same again: one round a host finds that nothing is to be done", HEADING)
        again = _good(run(), "the second run")
    finally:
        lab.down(ROOT, LAB)
    outcomes = [outcome for play in again.plays for outcome in play.report.outcomes]
    rounds = max(outcome.value.converged.rounds for outcome in outcomes if outcome.value)
    if again.changed or rounds != 1:
        raise Failed(f"the second run made {count(again.changed, 'change')} in {rounds} rounds")
    names = tuple(host.name for host in up.hosts)
    took = time.monotonic() - started
    return Demo(names, plan.changed, done.changed, again.changed, rounds, round(took, 1))


def tell(demo: Demo) -> None:
    """Say where things are and what to try next."""
    print(f"""
Done in {seconds(demo.seconds)}, and the lab is gone again. What you saw is made of
  playbooks/demo.yaml      the deployment: batches, a role, a check over HTTP
  roles/website/           what a host shall be
  inventory.yaml           the hosts, as `./inv lab.up` starts them

Now yours:
  ./inv lab.up
  ./inv remote.run uptime --hosts web
  ./inv playbook.run playbooks/demo.yaml --check --diff
  ./inv --list""")


def _good(result: RunResult, what: str) -> RunResult:
    if result.interrupted:
        raise KeyboardInterrupt
    if not result.ok:
        raise Failed(f"{what} did not come out well", hint="see above")
    return result


def _silent(text: str, style: str = "") -> None:
    """Tell nobody: a program reads the result only."""

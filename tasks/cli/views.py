"""Drawings of results for people, where a plain table would not do."""

from __future__ import annotations

import dataclasses
import signal
import sys
from typing import TYPE_CHECKING

from rich.text import Text
from rich.tree import Tree

from wirework.inventory import fold

from .progress import STYLES
from .render import console, rows, write_table
from .terminal import count, plain_bytes, size

if TYPE_CHECKING:
    from wirework.fleet import Outcome, Report
    from wirework.inventory.views import GroupTree
    from wirework.lab import Lab
    from wirework.ssh import Ran


def graph(tree: GroupTree) -> None:
    """Draw groups within groups, and their hosts folded."""
    drawn = _branch(Tree(Text(tree.group, "bold"), guide_style="dim"), tree)
    console().print(drawn)


def _branch(drawn: Tree, tree: GroupTree) -> Tree:
    if tree.hosts:
        drawn.add(Text.assemble(fold(tree.hosts), (f"  {count(len(tree.hosts), 'host')}", "dim")))
    for child in tree.children:
        _branch(drawn.add(Text(child.group, "bold")), child)
    return drawn


def hosts_of(lab: Lab) -> None:
    """List a lab's hosts, and say how to reach them."""
    if lab.hosts:
        names = [field.name for field in dataclasses.fields(lab.hosts[0])]
        told = [
            name
            for name in names
            # Of two addresses the one that is reached from here; and nothing that nobody has.
            if name != "ip" and any(getattr(host, name) for host in lab.hosts)
        ]
        write_table(rows(list(lab.hosts), told))
        print(f"Reach them with -i {lab.name}: ./inv remote.ping -i {lab.name}", file=sys.stderr)
    else:
        print(f"There is no lab {lab.name!r} here: ./inv lab.up starts one", file=sys.stderr)


def answers(report: Report[Ran]) -> None:
    """Print what hosts said, once for all that said the same."""
    groups: dict[tuple[int, str], list[Outcome[Ran]]] = {}
    for outcome in report.outcomes:
        if outcome.value is not None:
            groups.setdefault((outcome.value.status, outcome.value.digest), []).append(outcome)
    for (status, _), alike in groups.items():
        if alike[0].value is not None:
            _print_answer(alike, alike[0].value, status)
    if len(groups) > 1:
        most, *others = sorted(map(len, groups.values()), reverse=True)
        told = f"{count(most, 'host')} alike, {sum(others)} differ"
        print(told if most > 1 else f"all {len(groups)} hosts differ", file=sys.stderr)


def _signal(status: int) -> str:
    """Return the name of the signal that a status stands for, as shells count (POSIX, 2.8.2)."""
    try:
        return f" ({signal.Signals(status - 128).name})" if status > 128 else ""  # noqa: PLR2004
    except ValueError:
        return ""


def _print_answer(alike: list[Outcome[Ran]], ran: Ran, status: int) -> None:
    hosts = fold([outcome.host.name for outcome in alike])
    number = f" ({count(len(alike), 'host')})" if len(alike) > 1 else ""
    ended = f"  status {status}{_signal(status)}" if status else ""
    console().print(
        Text.assemble((hosts, f"bold {STYLES[alike[0].status]}"), (number, "dim"), (ended, "red"))
    )
    for content, whole in ((ran.stdout, ran.stdout_size), (ran.stderr, ran.stderr_size)):
        if content:
            text = plain_bytes(content)
            sys.stdout.write("".join(f"  {line}\n" for line in text.splitlines()))
        if whole > len(content):
            print(f"  … {size(whole - len(content))} more (--save FOLDER keeps all of it)")

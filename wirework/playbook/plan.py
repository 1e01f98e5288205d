"""A plan: what a playbook is to do to each host, kept to be carried out as it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wirework.errors import BadInput
from wirework.inventory import fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wirework.playbook.bind import PlayWork
    from wirework.playbook.results import RunResult
    from wirework.state import StepResult


@dataclass(frozen=True)
class PlannedPlay:
    """What one play is to do, by the names of its hosts: a result for each step."""

    name: str
    hosts: Mapping[str, tuple[StepResult, ...]]


@dataclass(frozen=True)
class Plan:
    """What a playbook is to do; ``playbook``, ``inventory`` and ``limit`` as they were given."""

    playbook: str
    inventory: str
    limit: str
    made: str
    plays: tuple[PlannedPlay, ...]

    @classmethod
    def of(cls, result: RunResult, *, inventory: str, limit: str) -> Plan:
        """Keep the result of a run with ``check``; BadInput when not every host has a plan."""
        if not result.check or not result.ok:
            raise BadInput("a plan is only kept when every host has one")
        plays = tuple(
            PlannedPlay(
                play.name,
                {o.host.name: o.value.converged.steps for o in play.report.outcomes if o.value},
            )
            for play in result.plays
        )
        made = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(str(result.playbook), inventory, limit, made, plays)

    @property
    def changes(self) -> int:
        """How many changes it holds."""
        steps = (step for play in self.plays for each in play.hosts.values() for step in each)
        return sum(len(step.changes) for step in steps)

    def check(self, work: Sequence[PlayWork], source: str) -> None:
        """Raise BadInput when playbook and inventory now ask for other plays, hosts or steps."""
        there = tuple(each for each in work if each.hosts)
        hint = "make a new plan"
        if [each.play.name for each in there] != [play.name for play in self.plays]:
            raise BadInput("the playbook has other plays than the plan", where=source, hint=hint)
        for now, planned in zip(there, self.plays, strict=True):
            name = now.play.name or now.play.hosts
            hosts = {each.host.name: each for each in now.hosts}
            if set(hosts) != set(planned.hosts):
                message = f"{name}: planned for {fold(sorted(planned.hosts))}, now for "
                raise BadInput(message + fold(sorted(hosts)), where=source, hint=hint)
            for host, steps in planned.hosts.items():
                if len(steps) != len(hosts[host].items):
                    message = f"{name}: {host} now has other steps than the plan"
                    raise BadInput(message, where=source, hint=hint)

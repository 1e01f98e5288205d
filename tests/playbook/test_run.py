"""Plays on the lab's real hosts: batches, failures, verifying, and what a run leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tasks.cli.plays import Prepared, carry_out
from tests.playbook.conftest import WRITE, Labor, Probe
from wirework import inventory
from wirework.errors import CommandFailed, PlaybookError, Unreachable
from wirework.fleet import Outcome
from wirework.inventory import Host
from wirework.playbook import Play, PlayResult, RunResult
from wirework.playbook.bind import BoundVerify
from wirework.playbook.run import _verify


def statuses(play: PlayResult) -> list[str]:
    return [outcome.status.value for outcome in play.report.outcomes]


class Watch:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def play(self, play: Play, hosts: Sequence[Host]) -> None:
        self.heard.append(f"play {play.name} on {len(hosts)}")

    def played(self, result: PlayResult) -> None:
        self.heard.append(f"played {result.name}")

    def batch(self, number: int, of: int, hosts: Sequence[Host]) -> None:
        self.heard.append(f"batch {number}/{of}: {' '.join(map(str, hosts))}")

    def started(self, host: Host) -> None:
        """Hear nothing: hosts of a batch start in any order."""

    def finished(self, outcome: Outcome[object]) -> None:
        """Hear nothing: hosts of a batch end in any order."""


def test_a_rerun_changes_nothing_in_one_round_a_host(labor: Labor) -> None:
    text = f"""\
    - hosts: all
      steps:
        - directory: {{path: {labor.top}/a/b}}
        - file: {{dest: {labor.top}/a/f, content: "{{{{ host.name }}}}"}}
          notify: note
        - link: {{path: {labor.top}/now, to: a}}
      handlers:
        - name: note
          command: {{argv: [sh, -c, "echo x >>{labor.top}/notes"]}}
    """
    first = labor.play(text)
    assert (first.ok, first.changed) == (True, 3 * 4)
    assert statuses(first.plays[0]) == ["changed"] * 3
    again = labor.play(text)
    assert (again.ok, again.changed) == (True, 0)
    assert statuses(again.plays[0]) == ["ok"] * 3
    rounds = [each.value.converged.rounds for each in again.plays[0].report.outcomes if each.value]
    assert rounds == [1, 1, 1]
    for host in ("web1", "web2", "web3"):
        assert (labor.lab.home(host) / labor.top / "a/f").read_text() == host
        assert (labor.lab.home(host) / labor.top / "notes").read_text() == "x\n"


def test_a_plan_touches_nothing_and_tells_what_the_run_then_does(labor: Labor) -> None:
    def told(result: RunResult) -> list[Any]:
        outcomes = result.plays[0].report.outcomes
        steps = [step for each in outcomes if each.value for step in each.value.converged.steps]
        return [(step.title, step.status.value, step.changes) for step in steps]

    text = f"""\
    - hosts: all
      steps:
        - directory: {{path: {labor.top}}}
        - file: {{dest: {labor.top}/f, content: "{{{{ host.name }}}}"}}
      verify:
        - http.check: {{url: x}}
    """
    plan = labor.play(text, check=True, diff=True)
    assert labor.files("web1") == []
    assert labor.project.probe.calls == []
    assert plan.changed == 6
    assert told(labor.play(text, diff=True)) == told(plan)
    assert len(labor.project.probe.calls) == 3


def test_batches_follow_each_other_and_are_told(labor: Labor) -> None:
    watch = Watch()
    assert labor.write(batch="[1, 100%]", watch=watch).ok
    assert watch.heard == ["play  on 3", "batch 1/2: web1", "batch 2/2: web2 web3", "played "]


def test_a_host_that_fails_stops_the_later_batches(labor: Labor) -> None:
    result = labor.write(bad="web2", batch="1")
    assert not result.ok
    assert statuses(result.plays[0]) == ["changed", "failed", "skipped"]
    assert labor.files("web1") == ["after", "name"]
    assert labor.files("web2") == ["name"]
    assert labor.files("web3") == []
    failed = result.plays[0].report.outcomes[1].value
    assert failed
    assert [step.status.value for step in failed.converged.steps][2:] == ["failed", "not run"]


def test_a_play_that_stops_early_ends_the_run(labor: Labor) -> None:
    text = WRITE.format(top=labor.top, bad="web1", batch=1) + (
        f"- hosts: all\n  steps:\n    - file: {{dest: {labor.top}/second, content: x}}\n"
    )
    result = labor.play(text)
    assert len(result.plays) == 1
    assert labor.files("web2") == []


def test_a_host_that_failed_takes_no_part_in_later_plays(labor: Labor) -> None:
    text = WRITE.format(top=labor.top, bad="web2", batch="100%") + (
        f"- hosts: all\n  steps:\n    - file: {{dest: {labor.top}/second, content: x}}\n"
        "- hosts: web2\n  steps:\n    - absent: {path: never}\n"
    )
    result = labor.play(text)
    assert [play.report.ok for play in result.plays] == [False, True]
    assert [each.host.name for each in result.plays[1].report.outcomes] == ["web1", "web3"]
    assert "second" not in labor.files("web2")
    assert "second" in labor.files("web3")
    assert not result.ok


def test_nothing_is_touched_when_one_host_has_a_mistake(labor: Labor) -> None:
    good = f"    - directory: {{path: {labor.top}}}\n"
    bad = "    - absent: {path: \"{{ {'web1': 'x', 'web2': 'x'}[host.name] }}\"}\n"
    text = f"- hosts: all\n  steps:\n{good}{bad}"
    work, errors = labor.prepare(text)
    assert len(errors) == 1
    prepared = Prepared(labor.project.load(text), labor.fleet, work, tuple(errors), "", "")
    with pytest.raises(PlaybookError) as caught:
        carry_out(prepared, None, check=False, diff=False)
    assert caught.value.where == f"{labor.project.root}/play.yaml:4"
    assert [labor.files(host.name) for host in labor.lab.hosts] == [[], [], []]


def test_ctrl_c_leaves_a_true_report_and_ends_the_run(labor: Labor) -> None:
    class Interrupted(Watch):
        def finished(self, outcome: Outcome[object]) -> None:
            del outcome
            raise KeyboardInterrupt

    text = WRITE.format(top=labor.top, bad="nobody", batch=1)
    result = labor.play(f"{text}{text}", watch=Interrupted())
    assert len(result.plays) == 1
    assert result.plays[0].report.interrupted
    assert not result.ok
    assert statuses(result.plays[0]) == ["changed", "skipped", "skipped"]
    assert labor.files("web1") == ["after", "name"]
    assert labor.files("web3") == []


def test_a_time_limit_is_for_the_whole_run(labor: Labor) -> None:
    slow = "- hosts: all\n  steps:\n    - command: {argv: [sleep, 20]}\n"
    result = labor.play(slow + slow, timeout=1.0)
    assert not result.ok
    assert statuses(result.plays[0]) == ["failed"] * 3
    assert result.seconds < 10


def test_a_host_that_lets_nobody_in_says_so_and_not_what_was_planned(labor: Labor) -> None:
    hosts = dict(labor.fleet.hosts)
    text = "- hosts: web1\n  steps:\n    - command: {argv: [touch, x]}\n"
    (labor.project.root / "none").write_text("")
    lost = Host(
        name="web1",
        address="127.0.0.1",
        port=hosts["web1"].port,
        user="nobody-here",
        key=labor.lab.key,
        known_hosts=labor.project.root / "none",
    )
    fleet = inventory.Inventory({"web1": lost}, labor.fleet.groups, labor.fleet.sources)
    labor.fleet = fleet
    (outcome,) = labor.play(text).plays[0].report.outcomes
    assert outcome.status.value == "unreachable"
    assert isinstance(outcome.error, Unreachable)
    assert "under way" not in str(outcome.error)


def test_a_host_whose_check_fails_is_failed_and_the_later_ones_are_spared(labor: Labor) -> None:
    labor.project.probe.succeeds_at = 99
    text = f"""\
    - hosts: all
      batch: 1
      steps:
        - directory: {{path: {labor.top}}}
      verify:
        - http.check: {{url: "http://{{{{ host.name }}}}/"}}
          name: page of {{{{ host.name }}}}
          retries: 1
          delay: 0
        - http.check: {{url: never}}
    """
    result = labor.play(text)
    assert statuses(result.plays[0]) == ["failed", "skipped", "skipped"]
    value = result.plays[0].report.outcomes[0].value
    assert value
    assert value.converged.ok
    assert not value.ok
    (check,) = value.verified
    assert (check.title, check.ok, check.said, check.tries) == ("page of web1", False, "503", 2)
    assert [call["url"] for call in labor.project.probe.calls] == ["http://web1/"] * 2


def test_a_host_that_did_not_converge_is_not_verified(labor: Labor) -> None:
    text = "- hosts: web1\n  steps: [{command: {argv: ['false']}}]\n  verify:\n"
    result = labor.play(text + "    - http.check: {url: x}\n")
    assert statuses(result.plays[0]) == ["failed"]
    assert labor.project.probe.calls == []


@pytest.mark.parametrize(
    ("succeeds_at", "retries", "ok", "tries"),
    [(1, 5, True, 1), (3, 5, True, 3), (3, 2, True, 3), (4, 2, False, 3), (2, 0, False, 1)],
)
def test_a_check_is_tried_until_it_comes_out_well(
    succeeds_at: int, retries: int, ok: bool, tries: int
) -> None:
    probe = Probe(succeeds_at=succeeds_at)
    verified = _verify(BoundVerify("t", "p:1", probe.bind({"url": "x"}), retries, 0.0))
    assert (verified.ok, verified.tries, len(probe.calls)) == (ok, tries, tries)


def test_a_check_that_raises_is_one_that_did_not_come_out_well() -> None:
    probe = Probe(raises=CommandFailed("connection refused", where="web1"))
    verified = _verify(BoundVerify("t", "p:1", probe.bind({"url": "x"}), 1, 0.0))
    assert (verified.ok, verified.said, verified.tries) == (False, "web1: connection refused", 2)


def test_checks_wait_between_their_tries() -> None:
    probe = Probe(succeeds_at=3)
    verified = _verify(BoundVerify("t", "p:1", probe.bind({"url": "x"}), 2, 0.05))
    assert 0.1 <= verified.seconds < 5

"""Saved plans: what they hold, and that they are carried out as they stand or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.playbook.conftest import Labor, Project
from wirework import inventory
from wirework.errors import BadInput, DocumentError
from wirework.playbook import Plan, RunResult, load_plan, save_plan

SITE = """\
- hosts: all
  vars: {{text: "{text}"}}
  steps:
    - directory: {{path: {top}/site}}
    - file: {{dest: {top}/site/page, content: "{{{{ text }}}} {{{{ host.name }}}}"}}
      notify: note
    - link: {{path: {top}/now, to: site}}
    - command: {{argv: [touch, {top}/flag], creates: {top}/flag}}
    - line: {{path: {top}/names, line: last, create: true}}
  handlers:
    - name: note
      command: {{argv: [touch, {top}/noted]}}
"""


def site(labor: Labor, text: str = "first") -> str:
    return SITE.format(top=labor.top, text=text)


def planned(labor: Labor, text: str) -> Plan:
    """Return the plan of a playbook as it comes out of its file again."""
    result = labor.play(text, check=True, diff=True)
    assert result.ok
    file = labor.project.root / "plan.json"
    save_plan(Plan.of(result, inventory="lab", limit=""), file)
    return load_plan(file)


def problems(result: RunResult) -> dict[str, str]:
    """Return what went wrong, by the names of hosts."""
    return {
        outcome.host.name: f"{step.title}: {step.problem}"
        for outcome in result.plays[0].report.outcomes
        if outcome.value and (step := outcome.value.converged.failed_step)
    }


def page(labor: Labor, host: str) -> Path:
    return labor.lab.home(host) / labor.top / "site" / "page"


def test_a_plan_is_carried_out_as_it_stands_and_once_more_changes_nothing(labor: Labor) -> None:
    plan = planned(labor, site(labor))
    done = labor.play(site(labor), plan=plan)
    assert (done.ok, problems(done)) == (True, {})
    assert page(labor, "web2").read_text() == "first web2"
    assert [[c.says for c in s.changes] for s in plan.plays[0].hosts["web1"]] == [
        [change.says for change in step.changes]
        for step in done.plays[0].report.outcomes[0].value.converged.steps  # type: ignore[union-attr]
    ]
    again = labor.play(site(labor), plan=plan)
    assert (again.ok, again.changed) == (True, 0)


def test_a_plan_says_each_change_and_its_diff_and_what_is_known_after_apply(labor: Labor) -> None:
    steps = planned(labor, site(labor)).plays[0].hosts["web3"]
    assert [step.status.value for step in steps] == ["changed"] * 6
    assert [step.uncertain for step in steps] == [False] * 4 + [True, False]
    assert "+first web3" in steps[1].changes[0].diff
    assert steps[1].where.endswith("play.yaml:5")


def edited(home: Path) -> None:
    (home / "site/page").write_text("by hand\n")


def unlinked(home: Path) -> None:
    (home / "now").unlink()


def shut(home: Path) -> None:
    (home / "site/page").chmod(0o600)


def linked_elsewhere(home: Path) -> None:
    unlinked(home)
    (home / "now").symlink_to("else")


WAS_RIGHT = "it was as it should be when the plan was made, now it is not"
DRIFTS: tuple[tuple[Callable[[Path], None], str], ...] = (
    (edited, "file TOP/site/page: TOP/site/page changed since the plan was made"),
    (shut, "file TOP/site/page: TOP/site/page changed since the plan was made"),
    (unlinked, f"link TOP/now: {WAS_RIGHT}: TOP/now -> site"),
    (linked_elsewhere, f"link TOP/now: {WAS_RIGHT}: TOP/now -> site (was else)"),
)


@pytest.mark.parametrize("look", [True, False], ids=["looking first", "while applying"])
@pytest.mark.parametrize(("drifts", "told"), DRIFTS, ids=[drift.__name__ for drift, _ in DRIFTS])
def test_a_host_that_has_drifted_is_named_with_what_drifted_and_not_touched(
    labor: Labor, drifts: Callable[[Path], None], told: str, look: bool
) -> None:
    assert labor.play(site(labor)).ok
    text = site(labor, "second")
    plan = planned(labor, text)
    home = labor.lab.home("web2") / labor.top
    drifts(home)
    before = (page(labor, "web2").read_text(), sorted(each.name for each in home.iterdir()))
    result = labor.play(text, plan=plan, check=look)
    assert problems(result) == {"web2": told.replace("TOP", labor.top)}
    assert (page(labor, "web2").read_text(), sorted(each.name for each in home.iterdir())) == before
    assert page(labor, "web1").read_text().startswith("first" if look else "second")


def test_what_has_become_true_in_the_meantime_is_no_drift(labor: Labor) -> None:
    assert labor.play(site(labor)).ok
    link = labor.lab.home("web1") / labor.top / "now"
    link.unlink()
    plan = planned(labor, site(labor))
    assert plan.changes == 1
    link.symlink_to("site")
    done = labor.play(site(labor), plan=plan)
    assert (done.ok, done.changed) == (True, 0)


def test_values_that_changed_here_are_drift_as_well(labor: Labor) -> None:
    plan = planned(labor, site(labor))
    result = labor.play(site(labor, "other"), plan=plan)
    reason = "the playbook, its files or its variables changed since the plan was made"
    assert {text.partition(": ")[2] for text in problems(result).values()} == {reason}
    assert not (labor.lab.home("web1") / labor.top).exists()


def test_a_later_play_is_held_to_the_plan_only_by_the_look_before(labor: Labor) -> None:
    text = f"""\
    - hosts: all
      steps:
        - file: {{dest: {labor.top}/f, content: "one\\n"}}
    - hosts: all
      steps:
        - line: {{path: {labor.top}/f, line: two, create: true}}
    """
    for host in labor.lab.hosts:
        (labor.lab.home(host.name) / labor.top).mkdir()
    plan = planned(labor, text)
    assert labor.play(text, plan=plan, check=True).ok
    assert labor.play(text, plan=plan).ok
    assert (labor.lab.home("web1") / labor.top / "f").read_text() == "one\ntwo\n"


OTHERS: tuple[tuple[str, str, str], ...] = (
    ("- hosts: all", "- hosts: web1", "planned for web[1-3], now for web1"),
    ("    - link", "    - absent: {path: x}\n    - link", "web1 now has other steps than the plan"),
    ("- hosts: all", "- hosts: all\n  name: X", "the playbook has other plays than the plan"),
)


@pytest.mark.parametrize(("old", "new", "told"), OTHERS, ids=["hosts", "steps", "plays"])
def test_a_plan_of_another_playbook_is_refused_before_any_host_is_asked(
    labor: Labor, old: str, new: str, told: str
) -> None:
    plan = planned(labor, site(labor))
    work, errors = labor.prepare(site(labor).replace(old, new, 1))
    assert not errors
    with pytest.raises(BadInput, match=r"plan\.json: .*make a new plan") as caught:
        plan.check(work, "plan.json")
    assert told in str(caught.value)


def test_a_plan_with_a_host_that_failed_is_not_kept(labor: Labor) -> None:
    (labor.lab.home("web1") / labor.top).mkdir()
    (labor.lab.home("web1") / labor.top / "now").mkdir()
    result = labor.play(site(labor), check=True)
    assert not result.ok
    with pytest.raises(BadInput, match="every host"):
        Plan.of(result, inventory="", limit="")


def test_a_secret_is_neither_in_the_plan_nor_drift_when_it_is_another(
    labor: Labor, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WW_TEST_SECRET", "hunter2-hunter2")
    project.write("templates/conf.j2", "password={{ api_token }}\n")
    extra = project.write(
        "extra.yaml", 'all: {vars: {api_token: {secret: "env:WW_TEST_SECRET"}}}\n'
    )
    labor.fleet = inventory.load((labor.lab.inventory, extra))
    text = f"""\
    - hosts: all
      steps:
        - directory: {{path: {labor.top}}}
        - template: {{src: conf.j2, dest: {labor.top}/conf}}
    """
    plan = planned(labor, text)
    kept = (project.root / "plan.json").read_text()
    assert "hunter2" not in kept
    assert oct((project.root / "plan.json").stat().st_mode)[-3:] == "600"
    monkeypatch.setenv("WW_TEST_SECRET", "changed-since")
    labor.fleet = inventory.load((labor.lab.inventory, extra))
    assert labor.play(text, plan=plan).ok
    assert (labor.lab.home("web1") / labor.top / "conf").read_text() == "password=changed-since\n"


def broken(kept: dict[str, Any], how: str) -> object:
    step = kept["plays"][0]["hosts"]["web1"][0]
    if how == "other version":
        kept["made_with"] = "0.0.1"
    elif how == "no plan":
        return {"all": {"hosts": {}}}
    elif how == "a list":
        return [kept]
    elif how == "a step cut off":
        del step["status"]
    elif how == "a verb of nobody":
        step["changes"][0]["verb"] = "destroy"
    elif how == "a status of nobody":
        step["status"] = "fine"
    elif how == "a text for a list":
        step["changes"] = "none"
    return kept


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("other version", "made with wirework 0.0.1, this is .* (make a new plan)"),
        ("no plan", "this is no saved plan (playbook.plan --out makes one)"),
        ("a list", "this is no saved plan"),
        ("a step cut off", "changed by hand or cut off: 'status'"),
        ("a verb of nobody", "'destroy' is no verb of a change"),
        ("a status of nobody", "'fine' is not a valid"),
        ("a text for a list", "changes is no list"),
    ],
)
def test_a_file_that_is_no_plan_is_refused_in_one_line(
    labor: Labor, tmp_path: Path, how: str, told: str
) -> None:
    planned(labor, site(labor))
    kept = json.loads((labor.project.root / "plan.json").read_text())
    file = tmp_path / "broken.json"
    file.write_text(json.dumps(broken(kept, how)))
    with pytest.raises(DocumentError) as caught:
        load_plan(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert all(part in str(caught.value) for part in told.split(".*"))


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"format": 1}', "\x00"])
def test_text_that_is_no_json_is_no_plan(tmp_path: Path, text: str) -> None:
    (tmp_path / "p").write_text(text)
    with pytest.raises(DocumentError):
        load_plan(tmp_path / "p")

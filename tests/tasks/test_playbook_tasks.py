"""Playbooks on the command line: checked, planned, carried out, and told so that it is read."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tasks.commandline import REPO, Typed
from wirework.lab import Lab

DEMO = str(REPO / "playbooks" / "demo.yaml")
SITE = """\
- name: Make a folder
  hosts: web
  batch: [1, 100%]
  steps:
    - directory: {path: play}
    - line: {path: play/names, line: "{{ host.name }}", create: true}
  verify:
    - http.check: {url: "http://127.0.0.1:1/"}
"""
HARMLESS = SITE[: SITE.index("  verify:")]


@pytest.fixture
def folder(lab: Lab) -> Iterator[None]:
    """The folder ``play`` on every host, gone again afterwards."""
    yield
    for host in lab.hosts:
        shutil.rmtree(lab.home(host.name) / "play", ignore_errors=True)


def test_a_playbook_that_is_fine_is_said_to_be(on_lab: Typed) -> None:
    said = on_lab("playbook.check", DEMO)
    assert (said.status, said.err) == (0, "")
    assert re.fullmatch(r".*demo\.yaml is fine: 1 play, 3 hosts, 21 steps in all\n", said.out)


def test_every_mistake_is_shown_with_its_line(on_lab: Typed, cwd: Path) -> None:
    (cwd / "play.yaml").write_text(
        "- hosts: web\n"
        "  steps:\n"
        "    - directry: {path: x}\n"
        "    - directory: {path: x, moode: 1}\n"
        "    - link: {path: x}\n"
    )
    said = on_lab("playbook.check", "play.yaml")
    assert said.status == 2
    lines = said.out.splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"play.yaml:{n}" for n in (3, 4, 5)]
    assert lines[0].endswith("there is no operation 'directry' (did you mean 'directory'?)")
    assert said.err == "3 mistakes in play.yaml\n"


def test_a_run_with_mistakes_names_the_first_and_counts_the_rest(
    on_lab: Typed, lab: Lab, cwd: Path
) -> None:
    (cwd / "play.yaml").write_text(
        "- hosts: web\n"
        "  steps:\n"
        "    - directory: {path: play}\n"
        "    - line: {path: '{{ here }}', line: x}\n"
        "    - line: {path: '{{ there }}', line: x}\n"
    )
    said = on_lab("playbook.run", "play.yaml")
    assert (said.status, said.out) == (2, "")
    assert said.err == (
        "error: play.yaml:4: 'here' is undefined (1 more mistake: ./inv playbook.check play.yaml)\n"
    )
    assert not (lab.home("web1") / "play").exists()


def test_a_plan_shows_every_change_and_makes_none(on_lab: Typed, lab: Lab) -> None:
    said = on_lab("playbook.run", DEMO, "--check", "--diff")
    assert (said.status, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0] == "Plan: Release the website  3 hosts"
    assert lines[1].startswith("  web[1-3]  7 changes to make  ")
    assert lines[1].endswith("  the diffs are web1's")
    assert "    + folder website/releases/1.0" in lines
    assert "        +    <p>This is release 1.0 on web1.</p>" in lines
    assert "    + website/current -> releases/1.0" in lines
    assert "    > ./server start  known after apply" in lines
    assert re.fullmatch(
        r"21 changes on 3 hosts, none made\. To make them: \./inv playbook\.run \S+demo\.yaml",
        lines[-1],
    )
    assert not list(lab.folder.glob("hosts/*/website"))


def test_without_diff_a_plan_has_no_diff(on_lab: Typed) -> None:
    said = on_lab("playbook.run", DEMO, "--check")
    assert "    + folder website/releases/1.0\n" in said.out
    assert "\n        " not in said.out


def test_a_run_folds_hosts_and_a_second_one_changes_nothing(
    on_lab: Typed, lab: Lab, cwd: Path, folder: None
) -> None:
    (cwd / "play.yaml").write_text(HARMLESS)
    first = on_lab("playbook.run", "play.yaml")
    assert (first.status, first.err) == (0, "")
    assert "  batch 2 of 2  web[2-3]\n  web[2-3]  2 changes  " in first.out
    assert re.search(r"\n6 changes on 3 hosts, in .*\n$", first.out)
    assert [(lab.home(n) / "play/names").read_text() for n in ("web1", "web3")] == [
        "web1\n",
        "web3\n",
    ]
    again = on_lab("playbook.run", "play.yaml")
    assert again.status == 0
    assert again.out.count("nothing to change  1 round, ") == 2
    assert re.search(r"\nnothing to change on 3 hosts, in .*\n$", again.out)
    plan = on_lab("playbook.run", "play.yaml", "--check")
    assert plan.out.endswith("nothing to change on 3 hosts: every host is as it should be\n")


def test_a_limit_takes_hosts_away(on_lab: Typed, lab: Lab, cwd: Path, folder: None) -> None:
    (cwd / "play.yaml").write_text(HARMLESS)
    said = on_lab("playbook.run", "play.yaml", "--limit", "web3")
    assert said.status == 0
    assert "2 changes on 1 host, in " in said.out
    assert [each.parent.name for each in lab.folder.glob("hosts/*/play")] == ["web3"]


def test_a_check_that_fails_stops_before_the_next_batch(
    on_lab: Typed, lab: Lab, cwd: Path, folder: None
) -> None:
    (cwd / "play.yaml").write_text(SITE)
    said = on_lab("playbook.run", "play.yaml")
    assert said.status == 1
    failed = r"^    ✗ .*http://127\.0\.0\.1:1/ .*refused.*\(play\.yaml:8\)$"
    assert re.search(failed, said.out, re.MULTILINE)
    (line,) = said.err.splitlines()
    assert line.startswith("3 hosts of 3 did not get there: web[1-3]. Mend the cause")
    assert [each.parent.name for each in lab.folder.glob("hosts/*/play")] == ["web1"]


def test_a_step_that_fails_shows_what_the_host_said(on_lab: Typed, cwd: Path) -> None:
    script = "echo it broke >&2; printf '\\033[2J'; exit 3"
    step = {"command": {"argv": ["sh", "-c", script]}}
    (cwd / "play.yaml").write_text(json.dumps([{"hosts": "web1", "steps": [step]}]))
    said = on_lab("playbook.run", "play.yaml")
    assert said.status == 1
    assert "✗" in said.out
    assert "        it broke\n" in said.out
    assert "status 3" in said.out
    assert "\x1b" not in said.out


def test_a_program_gets_plays_hosts_and_steps(on_lab: Typed, cwd: Path, folder: None) -> None:
    (cwd / "play.yaml").write_text(HARMLESS)
    said = on_lab("playbook.run", "play.yaml", "-o", "json")
    assert (said.status, said.err) == (0, "")
    told = json.loads(said.out)
    assert (told["ok"], told["check"], told["playbook"]) == (True, False, "play.yaml")
    (play,) = told["plays"]
    assert play["name"] == "Make a folder"
    outcomes = play["report"]["outcomes"]
    assert [(each["host"], each["status"]) for each in outcomes] == [
        ("web1", "changed"),
        ("web2", "changed"),
        ("web3", "changed"),
    ]
    first, second = outcomes[0]["result"]["converged"]["steps"]
    assert (first["status"], first["where"]) == ("changed", "play.yaml:5")
    assert [change["says"] for change in first["changes"]] == ["folder play"]
    assert second["status"] == "changed"


def test_mistakes_are_data_for_programs(on_lab: Typed, cwd: Path) -> None:
    (cwd / "play.yaml").write_text("- hosts: web\n  steps: [directry: {path: x}]\n")
    said = on_lab("playbook.check", "play.yaml", "-o", "json")
    assert said.status == 2
    told = json.loads(said.out)
    assert told["ok"] is False
    assert told["problems"] == [
        {
            "where": "play.yaml:2",
            "problem": "there is no operation 'directry'",
            "next": "did you mean 'directory'?",
        }
    ]


def test_a_task_of_the_command_line_is_a_check_of_a_play(on_lab: Typed, cwd: Path) -> None:
    (cwd / "play.yaml").write_text(
        "- hosts: web1\n"
        "  verify:\n"
        '    - http.check: {url: "http://127.0.0.1:1/", status: many}\n'
        "    - http.chek: {url: x}\n"
    )
    said = on_lab("playbook.check", "play.yaml")
    assert said.status == 2
    assert "play.yaml:4: there is no task 'http.chek' (did you mean 'http.check'?)\n" in said.out


def test_a_saved_plan_is_carried_out_and_refused_once_a_host_has_drifted(
    on_lab: Typed, typed: Typed, lab: Lab, cwd: Path, folder: None
) -> None:
    (cwd / "play.yaml").write_text(HARMLESS)
    plan = on_lab("playbook.plan", "play.yaml", "--out", "plan.json")
    assert (plan.status, plan.err) == (0, "")
    last = "6 changes on 3 hosts, none made. To make them: ./inv playbook.apply plan.json\n"
    assert plan.out.endswith(last)
    assert "    + play/names\n        +web1\n" in plan.out
    (lab.home("web2") / "play").mkdir()
    (lab.home("web2") / "play/names").write_text("by hand\n")
    refused = typed("playbook.apply", "plan.json")
    assert refused.status == 1
    assert "  web2  would fail" in refused.out
    assert "    ✗ line play/names: play/names changed since the plan was made" in refused.out
    assert "web1" not in refused.out
    assert refused.err == (
        "Nothing was touched: the plan no longer holds. Plan again: "
        f"./inv playbook.plan play.yaml --inventory {lab.inventory} --out plan.json\n"
    )
    assert not (lab.home("web1") / "play").exists()
    shutil.rmtree(lab.home("web2") / "play")
    done = typed("playbook.apply", "plan.json")
    assert (done.status, done.err) == (0, "")
    assert re.search(r"\n6 changes on 3 hosts, in .*\n$", done.out)
    assert (lab.home("web3") / "play/names").read_text() == "web3\n"
    again = typed("playbook.apply", "plan.json")
    assert re.search(r"\nnothing to change on 3 hosts, in .*\n$", again.out)


def test_a_plan_that_cannot_be_kept_is_refused_before_hosts_are_asked(
    on_lab: Typed, cwd: Path
) -> None:
    (cwd / "play.yaml").write_text(HARMLESS)
    said = on_lab("playbook.plan", "play.yaml", "--out", "none/plan.json")
    assert (said.status, said.out) == (2, "")
    assert said.err == (
        "error: none/plan.json: nothing can be saved there (does the folder exist?)\n"
    )


def test_a_program_reads_why_a_plan_was_refused(
    on_lab: Typed, typed: Typed, lab: Lab, cwd: Path
) -> None:
    (cwd / "play.yaml").write_text(HARMLESS)
    assert on_lab("playbook.plan", "play.yaml", "--out", "plan.json").status == 0
    (cwd / "play.yaml").write_text(HARMLESS.replace("play/names", "play/name"))
    said = typed("playbook.apply", "plan.json", "-o", "json")
    told = json.loads(said.out)
    assert (said.status, told["refused"], told["ok"]) == (1, True, False)
    outcome = told["run"]["plays"][0]["report"]["outcomes"][0]
    assert outcome["result"]["converged"]["steps"][1]["problem"].startswith("the plan has another")


def test_the_login_said_at_the_command_line_beats_the_inventory(on_lab: Typed, cwd: Path) -> None:
    (cwd / "play.yaml").write_text(HARMLESS)
    said = on_lab("playbook.run", "play.yaml", "--user", "nobody-here")
    assert said.status == 4
    assert "nobody-here" in said.out


def test_where_a_password_comes_from_is_checked_before_any_host_is_asked(
    on_lab: Typed, cwd: Path
) -> None:
    (cwd / "play.yaml").write_text(HARMLESS)
    said = on_lab("playbook.plan", "play.yaml", "--become-password", "hunter2")
    assert (said.status, said.out) == (2, "")
    assert "hunter2" not in said.err

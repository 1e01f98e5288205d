"""Trees of files under every shell: sent, mended and asked about."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.state.conftest import LocalShell
from tests.state.test_converge import NASTY, Folder, play, statuses
from tests.state.test_facts import ask
from wirework.errors import BadInput, Failed
from wirework.state.facts.trees import Beneath, Listing, Misfits

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")

SITE = {"a/b/page.html": "1\n", "run.sh": "#!/bin/sh\n", "-n": "dash", "sp ace'\n": "odd"}


def site(top: Path) -> Folder:
    for name, text in SITE.items():
        (top / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (top / "site" / name).write_text(text)
    (top / "site/run.sh").chmod(0o755)
    (top / "site/empty").mkdir()
    (top / "site/l").symlink_to("a/b")
    return Folder(file=top / "site")


def test_a_tree_is_sent_once_and_then_only_what_differs(host: LocalShell, tmp_path: Path) -> None:
    sources = site(tmp_path)
    wish = ("tree", {"src": "site", "dest": "srv/w", "delete": True})
    plan = play(host, wish, sources=sources, check=True, diff=True)
    first = play(host, wish, sources=sources, diff=True)
    assert [step.problem for step in first.steps if step.problem] == []
    assert first.steps == plan.steps
    assert first.rounds == 2
    there = host.home / "srv/w"
    assert {name: (there / name).read_text() for name in SITE} == SITE
    assert (there / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (there / "l/page.html").exists()
    again = play(host, wish, sources=sources)
    assert (statuses(again), again.rounds) == (["ok"], 1)
    (there / "extra/in").mkdir(parents=True)
    (there / "extra/in/f\n").write_text("x")
    (there / "-r").symlink_to("/")
    (there / "run.sh").write_text("other")
    kept = play(host, ("tree", {**wish[1], "delete": False}), sources=sources)
    assert [change.says for change in kept.steps[0].changes] == ["srv/w/run.sh"]
    plan = play(host, wish, sources=sources, check=True)
    done = play(host, wish, sources=sources)
    assert done.steps == plan.steps
    assert [change.says for change in done.steps[0].changes] == ["srv/w/-r", "folder srv/w/extra"]
    assert play(host, wish, sources=sources).changed is False


def test_a_tree_does_not_take_away_what_stands_in_its_way(host: LocalShell, tmp_path: Path) -> None:
    sources = site(tmp_path)
    (host.home / "w/run.sh").mkdir(parents=True)
    result = play(host, ("tree", {"src": "site", "dest": "w", "delete": True}), sources=sources)
    assert result.failed_step
    assert result.failed_step.problem.startswith("w/run.sh is a directory, not a file")
    with pytest.raises(BadInput, match="would empty"):
        play(host, ("tree", {"src": "site", "dest": "/", "delete": True}), sources=sources)


def test_a_listing_of_names_of_any_bytes(host: LocalShell) -> None:
    for folder in ("!", "-d", NASTY):
        (host.home / folder / NASTY).mkdir(parents=True)
        (host.home / folder / NASTY / "-").touch()
    (host.home / "l").symlink_to("!")
    names = ["!", "-d", NASTY, "l", "none"]
    some = Beneath(frozenset([NASTY, f"{NASTY}/-"]))
    none = Beneath(frozenset())
    assert ask(host, [Listing(name) for name in names]) == [some, some, some, none, none]


def test_modes_beneath_a_folder_are_mended_once(host: LocalShell) -> None:
    for name in ("!/a b", "!/-c"):
        (host.home / name).mkdir(parents=True)
        (host.home / name / "f\n1").write_text("x")
    (host.home / "out").write_text("x")
    (host.home / "out").chmod(0o600)
    (host.home / "!/l").symlink_to("../out")
    (host.home / "!/a b").chmod(0o2700)
    wish = ("directory", {"path": "!", "mode": "0750", "file_mode": "0640", "recursive": True})
    plan = play(host, wish, check=True)
    first = play(host, wish)
    assert [step.problem for step in first.steps if step.problem] == []
    assert first.steps == plan.steps
    assert [change.says for change in first.steps[0].changes] == [
        "! mode 0755 -> 0750",
        "4 entries in !",
    ]
    assert (host.home / "!/a b").stat().st_mode & 0o7777 == 0o750
    assert (host.home / "!/-c/f\n1").stat().st_mode & 0o7777 == 0o640
    assert (host.home / "out").stat().st_mode & 0o7777 == 0o600
    again = play(host, wish)
    assert (statuses(again), again.rounds) == (["ok"], 1)


@only_root
def test_hands_beneath_a_folder_are_mended_and_programs_keep_their_bits(host: LocalShell) -> None:
    (host.home / "d/e").mkdir(parents=True)
    (host.home / "d/e/f").write_text("x")
    (host.home / "d/e/f").chmod(0o4755)
    (host.home / "out").write_text("x")
    (host.home / "d/l").symlink_to("../out")
    wish = ("directory", {"path": "d", "owner": "54321", "group": "54322", "recursive": True})
    first = play(host, wish)
    assert [step.problem for step in first.steps if step.problem] == []
    found = [(host.home / name).lstat() for name in ("d", "d/e", "d/e/f", "d/l", "out")]
    assert [each.st_uid for each in found] == [54321] * 4 + [0]
    assert [each.st_gid for each in found][:4] == [54322] * 4
    assert found[2].st_mode & 0o7777 == 0o4755
    assert play(host, wish).rounds == 1
    nobody = ("directory", {"path": "d", "owner": "no-such-user", "recursive": True})
    failed = play(host, nobody)
    assert failed.failed_step
    assert "no-such-user" in failed.failed_step.problem


def test_answers_about_trees_that_nobody_can_read_are_refused() -> None:
    assert Misfits.parse([Misfits("d")] * 2, [b"3\ns0\n", b"s1\n 0\n", b""]) == [3, None]
    assert Listing.parse([Listing("d")], [b"." + b"x" * 5_000_000, b""]) == [
        Beneath(frozenset(), whole=False)
    ]
    for parts in ([b""], [b"s0"], [b"1\n2\n"], []):
        with pytest.raises(Failed):
            Misfits.parse([Misfits("d")], parts)
    for parts in ([b"./a"], [b"a\0"], []):
        with pytest.raises(Failed):
            Listing.parse([Listing("d")], parts)


def test_nobody_of_that_name_is_not_taken_for_nothing_to_do(host: LocalShell) -> None:
    (host.home / "d/e").mkdir(parents=True)
    asked = [Misfits("d", owner="no-such-user"), Misfits("none", file_mode="00644")]
    asked += [Misfits("d", folder_mode="07777"), Misfits("d", file_mode="00644")]
    assert ask(host, asked) == [None, None, 1, 0]


@only_root
@pytest.mark.parametrize("before", [0o2644, 0o2755, 0o4755, 0o6711])
@pytest.mark.parametrize("mode", [None, "0644", "2644", "4755"])
def test_set_id_bits_come_out_as_wished_with_new_hands(
    host: LocalShell, before: int, mode: str | None
) -> None:
    (host.home / "f").write_text("x")
    (host.home / "f").chmod(before)
    wish = (
        "file",
        {"dest": "f", "content": "x", "group": "54322", **({"mode": mode} if mode else {})},
    )
    result = play(host, wish)
    assert [step.problem for step in result.steps if step.problem] == []
    assert (host.home / "f").stat().st_mode & 0o7777 == (int(mode, 8) if mode else before)
    assert play(host, wish).changed is False

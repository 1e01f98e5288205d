"""Steps that concern one another, and hands that folders give, on real files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.state.conftest import LocalShell
from tests.state.test_converge import Folder, play, statuses

OTHER_GROUP = 54322

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def test_a_line_added_to_a_large_file_that_was_just_written(
    host: LocalShell, tmp_path: Path
) -> None:
    source = tmp_path / "large"
    source.write_text("x\n" * 50_000)
    (host.home / "f").write_text("old\n")
    result = play(
        host,
        ("line", {"path": "f", "line": "old"}),
        ("file", {"dest": "f", "src": "large"}),
        ("line", {"path": "f", "line": "end"}),
        sources=Folder(file=source),
    )
    assert statuses(result) == ["ok", "changed", "changed"]
    assert (host.home / "f").read_text() == "x\n" * 50_000 + "end\n"


def test_one_path_in_two_spellings_is_one_path(host: LocalShell) -> None:
    result = play(
        host,
        ("directory", {"path": "./app/"}),
        ("file", {"dest": "app/./f", "content": "1"}),
        ("line", {"path": ".//app//f", "line": "1"}),
    )
    assert statuses(result) == ["changed", "changed", "ok"]


@pytest.mark.parametrize("argv", [["exit", "0"], ["set", "--"], ["ww_mark", "done"], ["cd", "/"]])
def test_a_command_is_never_the_shells_own(host: LocalShell, argv: list[str]) -> None:
    result = play(host, ("command", {"argv": argv}), ("directory", {"path": "d"}))
    assert statuses(result) == ["failed", "not run"]
    assert result.failed_step
    assert result.failed_step.problem.endswith("(status 127)")


@only_root
@pytest.mark.parametrize("through", [".", "link"])
def test_folders_in_a_setgid_folder_get_its_group(host: LocalShell, through: str) -> None:
    top = host.home if through == "." else host.home / "real"
    top.mkdir(exist_ok=True)
    (host.home / "link").symlink_to("real")
    os.chown(top, -1, OTHER_GROUP)
    top.chmod(0o2755)
    wishes = [
        ("directory", {"path": f"{through}/a/b"}),
        ("file", {"dest": f"{through}/f", "content": "1"}),
        ("link", {"path": f"{through}/l", "to": "f"}),
    ]
    result = play(host, *wishes)
    assert [step.problem for step in result.steps if step.problem] == []
    assert [(top / name).lstat().st_gid for name in ("a", "f", "l")] == [OTHER_GROUP] * 3
    assert (top / "a/b").stat().st_gid == os.getegid()
    assert play(host, *wishes).changed is False


@only_root
def test_root_keeps_a_files_hands_gives_it_away_and_takes_it_back(host: LocalShell) -> None:
    file = host.home / "f"
    file.write_text("0")
    os.chown(file, 54321, OTHER_GROUP)
    for content, hands, found in [
        ("1", {}, (54321, OTHER_GROUP)),
        ("3", {"owner": "root", "group": "root"}, (0, 0)),
        ("4", {"owner": "54321", "group": str(OTHER_GROUP)}, (54321, OTHER_GROUP)),
        ("5", {"owner": "root"}, (0, OTHER_GROUP)),
    ]:
        result = play(host, ("file", {"dest": "f", "content": content, **hands}))
        assert [step.problem for step in result.steps if step.problem] == []
        assert (file.stat().st_uid, file.stat().st_gid) == found
        assert file.read_text() == content


@only_root
def test_setuid_survives_new_hands(host: LocalShell) -> None:
    (host.home / "f").write_text("1")
    (host.home / "f").chmod(0o4755)
    result = play(host, ("file", {"dest": "f", "content": "1", "owner": "54321"}))
    assert statuses(result) == ["changed"]
    assert (host.home / "f").stat().st_mode & 0o7777 == 0o4755
    assert (host.home / "f").stat().st_uid == 54321

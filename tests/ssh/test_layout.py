"""Where things from many hosts go on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wirework.errors import BadInput
from wirework.ssh import layout


def test_a_folder_is_made_private_with_those_above_it(tmp_path: Path) -> None:
    made = layout.folder(str(tmp_path / "a/b"))
    assert made == tmp_path / "a/b"
    assert made.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_is_there_is_used_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert layout.folder(str(tmp_path)) == tmp_path
    assert tmp_path.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    ("path", "reason"), [("file", "File exists"), ("file/below", "Not a directory")]
)
def test_a_folder_that_cannot_be_made_is_bad_input(tmp_path: Path, path: str, reason: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput) as caught:
        layout.folder(str(tmp_path / path))
    assert str(caught.value) == f"cannot make the folder {tmp_path / path}: {reason}"


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("web1", "web1"),
        ("2001:db8::1", "2001:db8::1"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("/abs", "_abs"),
        ("..", "_.."),
        (".", "_."),
    ],
)
def test_no_name_of_a_host_leads_out_of_the_folder(tmp_path: Path, host: str, name: str) -> None:
    assert layout.output_of(host, tmp_path) == tmp_path / f"{name}.out"
    copy = layout.copy_of("/var/log/syslog", host, tmp_path)
    assert copy == tmp_path / name / "syslog"
    assert copy.parent.is_dir()
    assert os.path.commonpath([copy.resolve(), tmp_path.resolve()]) == str(tmp_path.resolve())


@pytest.mark.parametrize(
    ("source", "name"), [("notes", "notes"), ("/a/../b", "b"), ("~/x y", "x y"), ("/a/.b", ".b")]
)
def test_a_copy_has_the_name_of_its_source(tmp_path: Path, source: str, name: str) -> None:
    assert layout.copy_of(source, "web1", tmp_path) == tmp_path / "web1" / name


@pytest.mark.parametrize("source", ["", "/", "/var/", ".", "/var/..", "a/."])
def test_a_source_that_names_no_file_is_refused_before_anything_is_made(
    tmp_path: Path, source: str
) -> None:
    with pytest.raises(BadInput) as caught:
        layout.copy_of(source, "web1", tmp_path / "copies")
    assert str(caught.value) == f"{source!r} names no file"
    assert not (tmp_path / "copies").exists()

"""The files behind ~/.ssh/config: which are read, which are refused, and what that costs."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.machine import require
from tests.ssh.openssh import ME, Asked, Refused, compare, same_surroundings, ssh
from wirework.errors import BadInput
from wirework.ssh.config import SYSTEM, USER, SSHConfig, files


@pytest.fixture(autouse=True)
def _surroundings(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    same_surroundings(monkeypatch)


def test_the_users_file_comes_before_the_systems_each_with_its_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("mount")
    home, etc = tmp_path / "home", tmp_path / "etc"
    for folder in (home / ".ssh" / "config.d", etc / "ssh_config.d"):
        folder.mkdir(parents=True)
    texts = {
        home / ".ssh" / "config": "Include config.d/* ~/.ssh/more\nUser user\n",
        home / ".ssh" / "config.d" / "web": f"Match host web1 user {ME.pw_name}\n Port 6001\n",
        home / ".ssh" / "config.d" / ".hidden": "Port 6002\n",
        home / ".ssh" / "more": "Match final\n ConnectTimeout 16\n",
        etc / "ssh_config": "Include ssh_config.d/*.conf\nUser system\nIdentityFile /keys/s\n",
        etc / "ssh_config.d" / "a.conf": "Host web*\n StrictHostKeyChecking yes\n",
        etc / "ssh_config.d" / "b.not": "Port 6003\n",
    }
    for path, text in texts.items():
        path.write_text(text)
        path.chmod(0o600)
    mounts = f"mount --bind {home} {ME.pw_dir} && mount --bind {etc} {SYSTEM.parent}"
    real = ssh(["web1"], before=["unshare", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "-"])
    assert real["connecttimeout"] == ["16"]
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(files, "SYSTEM", etc / "ssh_config")
    answer = SSHConfig.read([USER, etc / "ssh_config"]).lookup("web1")
    compare(answer, real, Asked("web1"))
    assert answer.where == {
        "port": f"{home}/.ssh/config.d/web:2",
        "user": f"{home}/.ssh/config:2",
        "connecttimeout": f"{home}/.ssh/more:2",
        "stricthostkeychecking": f"{etc}/ssh_config.d/a.conf:2",
        "identityfile": f"{etc}/ssh_config:3",
    }


def test_a_system_file_includes_nothing_from_a_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ssh_config"
    file.write_text("Include ~/.ssh/config\n")
    monkeypatch.setattr(files, "SYSTEM", file)
    with pytest.raises(BadInput, match=r"ssh_config:1: include: '~/.ssh/config' cannot be inc"):
        SSHConfig.read([file])


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """Be a user whom permissions bind."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def deep(folder: Path, levels: int) -> Path:
    """Return a file that includes another, which includes another; the last sets a port."""
    for level in range(levels):
        file = folder / str(level)
        file.write_text(f"Include {folder}/{level + 1}\n")
        file.chmod(0o600)
    last = folder / str(levels)
    last.write_text("Port 7001\n")
    last.chmod(0o600)
    return folder / "0"


def test_files_include_each_other_as_deep_as_in_ssh(tmp_path: Path) -> None:
    fine = deep(tmp_path, 16)
    compare(Asked("web1").lookup(fine), ssh(["-F", str(fine), "web1"]), Asked("web1"))
    too_deep = deep(tmp_path, 17)
    with pytest.raises(Refused):
        ssh(["-F", str(too_deep), "web1"])
    with pytest.raises(BadInput) as caught:
        SSHConfig.read([too_deep])
    assert str(caught.value) == (
        f"{tmp_path}/16:1: include: files include each other more than 16 deep"
        " (does one include itself?)"
    )


def test_a_file_that_includes_itself_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(f"Host other\nInclude {tmp_path}/c*\n")
    file.chmod(0o600)
    with pytest.raises(BadInput, match=r"config:2: include: files include each other more than"):
        SSHConfig.read([file])


@pytest.mark.parametrize(
    ("line", "most"),
    [("", "more than 10000 files"), ("# " + "x" * 4000, "more than 4194304 bytes")],
)
def test_files_that_multiply_are_bounded(tmp_path: Path, line: str, most: str) -> None:
    for level in range(16):
        file = tmp_path / str(level)
        file.write_text(f"{line}\n" + f"Include {tmp_path}/{level + 1}\n" * 3)
        file.chmod(0o600)
    (tmp_path / "16").touch(mode=0o600)
    with pytest.raises(BadInput, match=most):
        SSHConfig.read([tmp_path / "0"])


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_bytes(b"# comment\n" * 1024 * 1024)
    with pytest.raises(BadInput) as caught:
        SSHConfig.read([file])
    assert str(caught.value) == (
        f"{file}: cannot read this file: all files together have more than 4194304 bytes"
    )


def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.touch(mode=0)
    with nobody(), pytest.raises(BadInput) as caught:
        SSHConfig.read([file])
    assert str(caught.value) == f"{file}: cannot read this file: permission denied"


def test_an_include_without_permission_is_refused_as_ssh_does() -> None:
    require("setpriv")
    before = ["setpriv", "--reuid", "65534", "--clear-groups"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        file, part = folder / "config", folder / "part"
        file.write_text(f"Host other\nInclude {part}\n")
        file.chmod(0o644)
        part.touch(mode=0)
        with pytest.raises(Refused):
            ssh(["-F", str(file), "web1"], before=before)
        with nobody(), pytest.raises(BadInput) as caught:
            SSHConfig.read([file])
        assert str(caught.value) == f"{file}:2: cannot read {part}: permission denied"


def test_an_include_in_a_folder_without_permission_is_refused() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        file, shut = folder / "config", folder / "shut"
        file.write_text(f"Include {shut}/*\n")
        shut.mkdir()
        (shut / "part").touch()
        shut.chmod(0o444)  # its names can be read, and nothing behind them
        with nobody(), pytest.raises(BadInput) as caught:
            SSHConfig.read([file])
        shut.chmod(0o755)
        assert str(caught.value) == f"{file}:1: cannot read {shut}/part: permission denied"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe, Path("/dev/zero")):
        with pytest.raises(BadInput) as caught:
            SSHConfig.read([path])
        assert str(caught.value) == f"{path}: cannot read this file: it is not a regular file"
    file = tmp_path / "config"
    file.write_text(f"Include {pipe}\n")
    with pytest.raises(BadInput, match=r"config:1: cannot read .*/pipe: it is not a regular file"):
        SSHConfig.read([file])


@pytest.mark.parametrize("content", [b"Port 22\nUser a\0b\n", b"#\nPort\0 22\n", b"\n\0User bob"])
def test_a_nul_byte_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "config"
    file.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        SSHConfig.read([file])
    assert str(caught.value) == f"{file}:2: a NUL byte stands in this line"


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "config"
    file.write_bytes(content)
    said = f"{file}:"
    try:
        SSHConfig.read([file])
    except BadInput as error:
        said = str(error)
    assert said.startswith(f"{file}:")
    assert "\n" not in said


def test_a_path_may_hold_any_byte(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_bytes(b"# caf\xe9\nIdentityFile /keys/caf\xe9 # \xff\n")
    asked = Asked("web1")
    answer = asked.lookup(file)
    assert [os.fsencode(path) for path in answer.identity_files] == [b"/keys/caf\xe9"]
    compare(answer, ssh(["-F", str(file), "web1"]), asked)


def test_files_that_are_absent_are_empty(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("User bob\n")
    read = SSHConfig.read([tmp_path / "no", file / "no", Path("/dev/null"), file])
    assert read.lookup("web1").user == "bob"
    assert read.notes == ()


@pytest.mark.parametrize("mode", [0o606, 0o666, 0o602])
def test_a_file_that_others_can_write_is_refused_where_ssh_refuses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    own, part, file = tmp_path / ".ssh" / "config", tmp_path / "part", tmp_path / "config"
    file.write_text(f"Include {part}\n")
    for path in (own, part, file):
        path.touch()
        path.chmod(mode)
    with pytest.raises(Refused):
        ssh(["-F", str(file), "web1"])
    for path, open_to_others in ((file, part), (USER, own)):
        with pytest.raises(BadInput) as caught:
            SSHConfig.read([path])
        assert str(caught.value) == (
            f"{open_to_others}: others can write this file (mode {mode:04o})"
            f" (chmod go-w {open_to_others})"
        )
    file.write_text("User bob\n")
    asked = Asked("web1")
    compare(asked.lookup(file), ssh(["-F", str(file), "web1"]), asked)


def test_lines_that_are_passed_over_are_noted(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(
        f"CanonicalizeHostname yes\nMatch host web1 exec true\n Port 1\nMatch !exec false\n"
        f"  Port 2\nMatch tagged web\n  Port 3\nMatch all\nInclude {tmp_path}\nPort 4\n"
    )
    read = SSHConfig.read([file])
    assert read.notes == (
        f"{file}:1: CanonicalizeHostname is passed over: no DNS is asked",
        f"{file}:2: Match exec never applies here: no command is run",
        f"{file}:4: Match exec never applies here: no command is run",
        f"{file}:6: Match tagged never applies here: it is not known",
        f"{file}:9: {tmp_path} is a folder: nothing of it is read",
    )
    assert read.lookup("web1").port == 4


def test_the_lines_that_decided_are_named(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("Host web1\n\tIdentityFile a\n\nHost web*\n  IdentityFile b\n  port 22\n")
    second.write_text("HostName x\nPort 23\nUser bob\n")
    read = SSHConfig.read([first, second])
    assert read.lookup("web1").where == {
        "identityfile": f"{first}:2",
        "port": f"{first}:6",
        "hostname": f"{second}:1",
        "user": f"{second}:3",
    }
    given = read.lookup("web1", user="carol", port=24)
    assert (given.user, given.port) == ("carol", 24)
    assert set(given.where) == {"identityfile", "hostname"}


@pytest.mark.parametrize("pattern", ["*a" * 12 + "*b", "?*" * 30 + "b", "!" + "*a" * 20 + "*b"])
def test_no_pattern_takes_for_ever(tmp_path: Path, pattern: str) -> None:
    file = tmp_path / "config"
    file.write_text(f"Host {pattern} *\n  Port 1\nMatch host {pattern},*\n  Port 2\n")
    begin = time.process_time()
    Asked("a" * 250).lookup(file)
    assert time.process_time() - begin < 1


def test_a_fleet_is_looked_up_at_once(tmp_path: Path) -> None:
    file = tmp_path / "config"
    blocks = (
        f"Host web{number:04} *.dc{number}.example.com !no*\n  HostName 10.0.{number // 250}."
        f"{number % 250}\n  IdentityFile ~/.ssh/{number}\n"
        for number in range(300)
    )
    file.write_text("".join(blocks) + "Host *\n  ProxyCommand nc %h %p\n")
    read = SSHConfig.read([file])
    begin = time.process_time()
    for number in range(2000):
        read.lookup(f"web{number:04}", user="bob")
    assert time.process_time() - begin < 2.5

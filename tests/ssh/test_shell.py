"""The shell text that hosts run, under each shell that hosts have."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from tests.machine import require
from wirework.ssh import shell

SHELLS = {
    "dash": ("dash",),
    "bash": ("bash", "--posix"),
    "busybox": ("busybox", "sh"),
}


@pytest.fixture(params=[*SHELLS, "busybox tools"])
def sh(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """A shell, and the environment in which it finds its tools."""
    name = request.param
    if name != "busybox tools":
        require(name)
        return SHELLS[name], {"PATH": os.environ["PATH"]}
    require("busybox")
    tools = tmp_path / "tools"
    tools.mkdir()
    busybox = subprocess.run(
        ["sh", "-c", "command -v busybox"], check=True, timeout=10, capture_output=True
    ).stdout.strip()
    names = (
        "cat chmod chown date dd df head id mktemp mv printf rm setsid sh sha256sum sleep stat tail"
    )
    for tool in (*names.split(), "test", "timeout", "true", "wc"):
        (tools / tool).symlink_to(os.fsdecode(busybox))
    return ("sh",), {"PATH": str(tools)}


@pytest.fixture
def box(tmp_path: Path) -> Path:
    folder = tmp_path / "box"
    folder.mkdir()
    return folder


def receive(
    sh: tuple[tuple[str, ...], dict[str, str]],
    box: Path,
    content: bytes,
    *words: str,
    then: str = "cat",
    text: str = shell.RECEIVE,
) -> subprocess.CompletedProcess[bytes]:
    """Run ww_receive in ``box`` under ``set -eu`` and then a command that gets what is left."""
    command, environment = sh
    script = f'set -eu\n{text}\nww_receive "$@"\n{then}\n'
    tools = {**environment, "PATH": environment["PATH"]}
    return subprocess.run(
        [*command, "-c", script, "sh", *words],
        check=False,
        input=content,
        capture_output=True,
        cwd=box,
        env=tools,
        timeout=30,
        executable=_path(command[0], tools["PATH"]),
    )


def _path(name: str, path: str) -> str:
    for folder in path.split(os.pathsep):
        if Path(folder, name).exists():
            return str(Path(folder, name))
    raise AssertionError(name)


Sh = tuple[tuple[str, ...], dict[str, str]]


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 200_000])
def test_exactly_so_many_bytes_are_received(sh: Sh, box: Path, size: int) -> None:
    content = os.urandom(size)
    done = receive(sh, box, content + b"rest", "file", str(size), "", "", "")
    assert (done.returncode, done.stderr) == (0, b"")
    assert (box / "file").read_bytes() == content
    assert done.stdout == b"rest"
    assert (box / "file").stat().st_mode & 0o7777 == 0o644
    assert list(box.iterdir()) == [box / "file"]


@pytest.mark.parametrize(
    "name", ["-rf", "a b", 'it\'s "$HOME" `id`', "new\nline", "*", "ünï", b"\xff\xfe", "sub/-x"]
)
def test_names_of_every_kind_are_written(sh: Sh, box: Path, name: str | bytes) -> None:
    target = os.fsdecode(name)
    (box / "sub").mkdir()
    done = receive(sh, box, b"new", target, "3", "0600", "", "")
    assert (done.returncode, done.stderr) == (0, b"")
    assert (box / target).read_bytes() == b"new"


def test_an_existing_file_keeps_its_mode(sh: Sh, box: Path) -> None:
    (box / "file").write_bytes(b"old")
    (box / "file").chmod(0o4750)
    assert receive(sh, box, b"new", "file", "3", "", "", "").returncode == 0
    assert (box / "file").read_bytes() == b"new"
    assert (box / "file").stat().st_mode & 0o7777 == 0o4750


def test_an_existing_file_keeps_its_owner(sh: Sh, box: Path) -> None:
    if os.geteuid():
        pytest.skip("only root may give files away")
    (box / "file").write_bytes(b"old")
    os.chown(box / "file", 12, 34)
    assert receive(sh, box, b"new", "file", "3", "", "", "").returncode == 0
    found = (box / "file").stat()
    assert (found.st_uid, found.st_gid) == (12, 34)


def test_owner_group_and_mode_are_set(sh: Sh, box: Path) -> None:
    if os.geteuid():
        pytest.skip("only root may give files away")
    assert receive(sh, box, b"new", "file", "3", "2751", "12", "34").returncode == 0
    found = (box / "file").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (12, 34, 0o2751)
    assert receive(sh, box, b"new", "other", "3", "", "", "34").returncode == 0
    assert (box / "other").stat().st_gid == 34


def test_a_link_is_replaced_and_not_followed(sh: Sh, box: Path) -> None:
    (box / "real").write_bytes(b"precious")
    (box / "folder").mkdir()
    for number, target in enumerate(["real", "folder", "nowhere"]):
        link = box / f"link{number}"
        link.symlink_to(target)
        done = receive(sh, box, b"new", link.name, "3", "", "", "")
        assert (done.returncode, done.stderr) == (0, b"")
        assert not link.is_symlink()
        assert link.read_bytes() == b"new"
        assert link.stat().st_mode & 0o777 == 0o644
    assert (box / "real").read_bytes() == b"precious"
    assert list((box / "folder").iterdir()) == []


def failure(done: subprocess.CompletedProcess[bytes]) -> str:
    assert done.returncode != 0
    assert done.stdout == b""
    assert done.stderr.startswith(b"ww_receive: ")
    assert done.stderr.count(b"\n") == 1
    return done.stderr.decode().removeprefix("ww_receive: ").strip()


def test_a_folder_or_pipe_of_that_name_is_an_error(sh: Sh, box: Path) -> None:
    (box / "folder").mkdir()
    os.mkfifo(box / "pipe")
    folder = receive(sh, box, b"new", "folder", "3", "", "", "")
    assert failure(folder) == "there is a folder of that name"
    pipe = receive(sh, box, b"new", "pipe", "3", "", "", "")
    assert failure(pipe) == "there is something of that name that is no file"
    assert sorted(path.name for path in box.iterdir()) == ["folder", "pipe"]
    assert list((box / "folder").iterdir()) == []


def test_a_missing_folder_is_an_error(sh: Sh, box: Path) -> None:
    done = receive(sh, box, b"new", "none/file", "3", "", "", "")
    assert failure(done) == "cannot write in its folder: No such file or directory"


def test_too_few_bytes_leave_everything_as_it_was(sh: Sh, box: Path) -> None:
    (box / "file").write_bytes(b"old")
    done = receive(sh, box, b"ne", "file", "100000", "", "", "")
    assert failure(done) == "only 2 of 100000 bytes arrived"
    assert (box / "file").read_bytes() == b"old"
    assert list(box.iterdir()) == [box / "file"]


def test_another_sum_leaves_everything_as_it_was(sh: Sh, box: Path) -> None:
    (box / "file").write_bytes(b"old")
    wanted = hashlib.sha256(b"new").hexdigest()
    done = receive(sh, box, b"bad", "file", "3", "", "", "", wanted)
    assert failure(done) == "what arrived has another SHA-256 than what was sent"
    assert (box / "file").read_bytes() == b"old"
    assert list(box.iterdir()) == [box / "file"]
    assert receive(sh, box, b"new", "file", "3", "", "", "", wanted).returncode == 0


def test_an_unknown_owner_leaves_nothing(sh: Sh, box: Path) -> None:
    done = receive(sh, box, b"new", "file", "3", "", "no-such-user", "")
    assert failure(done).startswith("cannot give it to no-such-user: ")
    assert list(box.iterdir()) == []


def test_a_full_disk_is_named_and_leaves_nothing(sh: Sh, box: Path) -> None:
    require("mount")
    command, environment = sh
    script = f"""
mount -t tmpfs -o size=64k none . && cd "$PWD" || exit 99
printf old >file
{shell.RECEIVE}
ww_receive file 200000 '' '' '' && exit 98
cat file
ls -A | wc -l
"""
    tools = {**environment, "PATH": f"{environment['PATH']}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["unshare", "--mount", _path(command[0], tools["PATH"]), *command[1:], "-c", script],
        check=False,
        input=bytes(200_000),
        capture_output=True,
        cwd=box,
        env=tools,
        timeout=30,
    )
    assert done.stderr == b"ww_receive: no space left on the disk\n"
    assert done.stdout.split() == [b"old1"]


def test_a_signal_leaves_nothing(sh: Sh, box: Path) -> None:
    command, environment = sh
    process = subprocess.Popen(
        [*command, "-c", f"{shell.RECEIVE}\nww_receive file 100000 '' '' ''"],
        executable=_path(command[0], environment["PATH"]),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=box,
        env=environment,
        start_new_session=True,
    )
    try:
        assert process.stdin is not None
        process.stdin.write(bytes(70_000))
        process.stdin.flush()
        assert _wait_for_content(box)
        os.killpg(process.pid, 15)
        process.communicate(timeout=10)
    finally:
        process.kill()
        process.wait(10)
    assert list(box.iterdir()) == []


def _wait_for_content(box: Path) -> bool:
    import time

    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if any(path.stat().st_size for path in box.iterdir()):
            return True
        time.sleep(0.01)
    return False


def test_a_check_that_hangs_is_ended(sh: tuple[tuple[str, ...], dict[str, str]], box: Path) -> None:
    (box / "f").write_text("old")
    words = ("f", "3", "", "", "", "", "sh", "-c", "echo looking; sleep 600; : %s")
    assert "had=30\n" in shell.RECEIVE
    hasty = shell.RECEIVE.replace("had=30\n", "had=1\n")
    done = receive(sh, box, b"new", *words, text=hasty)
    why = b"not put in place, its check failed: it took longer than 1 s and was ended (status 124)"
    assert (done.returncode, b"ww_receive: " + why in done.stderr) == (1, True)
    assert [(path.name, path.read_text()) for path in box.iterdir()] == [("f", "old")]

from __future__ import annotations

import hashlib
import os
import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine import require
from tests.ssh.sshd import Server
from wirework.errors import BadInput, Failed
from wirework.ssh import LocalFile, Pool, Remote, get, put, run

NASTY = ["plain", "a b", 'it\'s "$HOME"', "new\nline", "-rf", "*", "ünï", os.fsdecode(b"\xff\xfe")]


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """The server runs on this machine, so what it has is seen here."""
    folder = tmp_path / "box"
    folder.mkdir()
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.bin"
    path.write_bytes(bytes(range(256)) * 700)
    path.chmod(0o640)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", NASTY)
def test_a_file_comes_back_as_it_went(
    remote: Remote, box: Path, tmp_path: Path, source: Path, name: str
) -> None:
    dest = str(box / name)
    sent = put(remote, source, dest)
    assert sent.changed
    assert (sent.path, sent.size) == (dest, 256 * 700)
    assert (box / name).read_bytes() == source.read_bytes()
    assert sent.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    got = get(remote, dest, tmp_path / "back")
    assert got.changed
    assert (got.size, got.sha256) == (sent.size, sent.sha256)
    assert (tmp_path / "back").read_bytes() == source.read_bytes()
    assert (tmp_path / "back").stat().st_mode & 0o777 == 0o600
    assert names(box) == [name]
    assert list(tmp_path.glob(".ww.*")) == []


@pytest.mark.parametrize("size", [0, 1, 65_536])
def test_sizes_at_the_edges(remote: Remote, box: Path, tmp_path: Path, size: int) -> None:
    path = tmp_path / "source"
    path.write_bytes(bytes(size))
    assert put(remote, path, str(box / "file")).changed
    assert (box / "file").stat().st_size == size
    assert get(remote, str(box / "file"), tmp_path / "back").size == size
    assert (tmp_path / "back").stat().st_size == size


def test_a_path_starts_at_the_login_folder(remote: Remote, source: Path) -> None:
    # Relative names are the hard case for tools: this one would be an option.
    name = f"-wirework-test-{os.getpid()}"
    home = Path(run(remote, "pwd").stdout.decode().strip())
    try:
        assert put(remote, source, name).changed
        assert (home / name).read_bytes() == source.read_bytes()
        assert not put(remote, source, name).changed
        assert put(remote, source, name, mode="0600").changed
        assert (home / name).stat().st_mode & 0o777 == 0o600
    finally:
        (home / name).unlink(missing_ok=True)


def test_a_file_goes_into_a_folder_under_its_own_name(
    remote: Remote, box: Path, source: Path
) -> None:
    for dest in (str(box), f"{box}/"):
        assert put(remote, source, dest).path == f"{box}/source.bin"
    assert (box / "source.bin").read_bytes() == source.read_bytes()


def test_nothing_is_sent_when_it_is_there_already(remote: Remote, box: Path, source: Path) -> None:
    dest = str(box / "file")
    put(remote, source, dest)
    before = (box / "file").stat()
    assert not put(remote, source, dest).changed
    assert not put(remote, source, dest, mode="640").changed
    after = (box / "file").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_only_the_mode_is_changed_when_only_it_differs(
    remote: Remote, box: Path, source: Path
) -> None:
    put(remote, source, str(box / "file"))
    before = (box / "file").stat().st_ino
    assert put(remote, source, str(box / "file"), mode="0600").changed
    after = (box / "file").stat()
    assert (after.st_ino, after.st_mode & 0o777) == (before, 0o600)


def test_the_mode_is_the_one_asked_for_the_existing_or_the_sources(
    remote: Remote, box: Path, source: Path, tmp_path: Path
) -> None:
    file = box / "file"
    put(remote, source, str(file))
    assert file.stat().st_mode & 0o777 == 0o640
    file.chmod(0o604)
    other = tmp_path / "other"
    other.write_bytes(b"other")
    put(remote, other, str(file))
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"other", 0o604)
    put(remote, source, str(file), mode="4711")
    assert file.stat().st_mode & 0o7777 == 0o4711


def test_a_check_tells_and_does_nothing(remote: Remote, box: Path, source: Path) -> None:
    assert put(remote, source, str(box / "file"), check=True).changed
    assert list(box.iterdir()) == []
    put(remote, source, str(box / "file"))
    assert not put(remote, source, str(box / "file"), check=True).changed
    assert put(remote, source, str(box / "file"), mode="0600", check=True).changed
    assert (box / "file").stat().st_mode & 0o777 == 0o640


def test_a_link_is_replaced_and_not_followed(remote: Remote, box: Path, source: Path) -> None:
    (box / "real").write_bytes(b"precious")
    (box / "link").symlink_to("real")
    assert put(remote, source, str(box / "link")).changed
    assert not (box / "link").is_symlink()
    assert (box / "real").read_bytes() == b"precious"


def test_a_file_is_measured_once_for_many_hosts(remote: Remote, box: Path, source: Path) -> None:
    local = LocalFile.of(source)
    assert put(remote, local, str(box / "a")).changed
    assert not put(remote, local, str(box / "a")).changed


def test_a_big_file_is_never_held_whole(remote: Remote, box: Path, tmp_path: Path) -> None:
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(40_000_000)
    local = LocalFile.of(path)
    remote.connect()
    tracemalloc.start()
    try:
        put(remote, local, str(box / "big"))
        got = get(remote, str(box / "big"), tmp_path / "back")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert got.size == 40_000_000
    assert got.sha256 == local.sha256
    assert peak < 20_000_000


def test_noise_of_the_login_shell_is_not_taken_for_an_answer(
    remote: Remote, box: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    greet = "echo 'Welcome! /etc/profile 100% file absent'; echo careful >&2; printf 'no end'; "
    execute = Remote.execute

    def noisy(self: Remote, command: list[str], **options: object) -> int:
        import shlex

        return execute(self, greet + shlex.join(command), **options)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(Remote, "execute", noisy)
    (box / "old").write_bytes(b"")
    assert put(remote, source, str(box / "file")).changed
    assert not put(remote, source, str(box / "file")).changed
    get(remote, str(box / "file"), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == source.read_bytes()


def test_what_belongs_to_another_user_goes_and_comes_through_sudo(
    server: Server, pool: Pool, tmp_path: Path, source: Path
) -> None:
    require("sudo")
    remote = pool.remote(server.host(become=True, become_user="nobody"))
    folder = run(remote, "mktemp -d /tmp/wirework-test.XXXXXX").stdout.decode().strip()
    try:
        put(remote, source, f"{folder}/file")
        owner = run(remote, ["stat", "-c", "%U", f"{folder}/file"]).stdout
        assert owner == b"nobody\n"
        get(remote, f"{folder}/file", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == source.read_bytes()
    finally:
        run(remote, ["rm", "-rf", folder])


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    import subprocess

    require("mount")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)], check=True, timeout=10
    )
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=10)


def test_too_little_space_is_told_before_a_byte_is_sent(
    remote: Remote, tiny_disk: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tiny_disk / "file").write_bytes(b"old")
    monkeypatch.setattr(LocalFile, "pieces", lambda _: pytest.fail("it was sent"))
    with pytest.raises(Failed, match=r"^box: not enough space for .*/file: it takes 179200 "):
        put(remote, source, str(tiny_disk / "file"))
    assert (tiny_disk / "file").read_bytes() == b"old"
    assert names(tiny_disk) == ["file"]


def test_a_disk_that_fills_up_meanwhile_is_told(
    remote: Remote, tiny_disk: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wirework.ssh import transfer

    monkeypatch.setattr(transfer, "DF", re.compile("(never)"))
    with pytest.raises(Failed, match=r"/file: no space left on the disk$"):
        put(remote, source, str(tiny_disk / "file"))
    assert names(tiny_disk) == []


def test_a_full_disk_here_is_told(remote: Remote, tiny_disk: Path, box: Path) -> None:
    (box / "file").write_bytes(bytes(200_000))
    with pytest.raises(Failed, match=r"file: no space left on this machine's disk$"):
        get(remote, str(box / "file"), tiny_disk / "file")
    assert names(tiny_disk) == []


@pytest.mark.parametrize(
    ("dest", "text"),
    [
        ("none/file", "there is no folder {box}/none"),
        ("none/", "there is no folder {box}/none"),
        ("file/below", "there is no folder {box}/file"),
        ("pipe", "{box}/pipe is no file but a device, pipe or socket"),
        ("clash", "{box}/clash/source.bin is a folder, source.bin is a file"),
    ],
)
def test_a_place_of_no_use_is_refused(
    remote: Remote, box: Path, source: Path, dest: str, text: str
) -> None:
    (box / "file").write_bytes(b"old")
    os.mkfifo(box / "pipe")
    (box / "clash" / "source.bin").mkdir(parents=True)
    with pytest.raises(Failed) as caught:
        put(remote, source, f"{box}/{dest}")
    assert caught.value.message == text.format(box=box)
    assert names(box) == ["clash", "file", "pipe"]


def test_a_pipe_here_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput, match="not a file"):
        LocalFile.of(tmp_path / "pipe")


def test_a_file_that_cannot_be_read_here_is_refused(remote: Remote, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        put(remote, tmp_path / "none", "/tmp/x")
    assert str(caught.value) == f"{tmp_path}/none: cannot read it: No such file or directory"
    with pytest.raises(BadInput, match="cannot read it: Is a directory"):
        put(remote, tmp_path, "/tmp/x")


@pytest.mark.parametrize("mode", ["rw", "999", "7", "+x", "0o644"])
def test_a_mode_of_no_use_is_refused(remote: Remote, source: Path, mode: str) -> None:
    with pytest.raises(BadInput, match="is not a mode"):
        put(remote, source, "/tmp/x", mode=mode)


def test_a_file_that_shrinks_while_it_is_sent_leaves_nothing(
    remote: Remote, box: Path, source: Path
) -> None:
    local = LocalFile.of(source)
    source.write_bytes(b"short")
    with pytest.raises(Failed, match="only 5 of 179200 bytes arrived"):
        put(remote, local, str(box / "file"))
    assert list(box.iterdir()) == []


def test_a_file_that_changes_while_it_is_sent_leaves_nothing(
    remote: Remote, box: Path, source: Path
) -> None:
    local = LocalFile.of(source)
    source.write_bytes(bytes(local.size + 10))
    with pytest.raises(Failed, match="another SHA-256"):
        put(remote, local, str(box / "file"))
    assert list(box.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("none", "there is no such file"),
        (".", "it is a folder"),
        ("pipe", "it is no file but a device, pipe or socket"),
    ],
)
def test_what_cannot_be_fetched_is_told(
    remote: Remote, box: Path, tmp_path: Path, name: str, text: str
) -> None:
    os.mkfifo(box / "pipe")
    (tmp_path / "back").write_bytes(b"old")
    with pytest.raises(Failed) as caught:
        get(remote, f"{box}/{name}", tmp_path / "back")
    assert str(caught.value) == f"box: cannot get {box}/{name}: {text}"
    assert (tmp_path / "back").read_bytes() == b"old"
    assert list(tmp_path.glob(".ww.*")) == []


def test_a_file_of_another_user_is_told(server: Server, pool: Pool, tmp_path: Path) -> None:
    require("sudo")
    remote = pool.remote(server.host(become=True, become_user="nobody"))
    with pytest.raises(Failed, match=r"^box: cannot get /etc/shadow: permission denied$"):
        get(remote, "/etc/shadow", tmp_path / "back")


def test_what_is_here_already_is_not_fetched(remote: Remote, box: Path, tmp_path: Path) -> None:
    (box / "file").write_bytes(b"content")
    (tmp_path / "back").write_bytes(b"content")
    before = (tmp_path / "back").stat()
    assert not get(remote, str(box / "file"), tmp_path / "back").changed
    assert (tmp_path / "back").stat().st_ino == before.st_ino


def test_files_without_a_size_are_fetched_all_the_same(remote: Remote, tmp_path: Path) -> None:
    get(remote, "/proc/version", tmp_path / "version")
    assert (tmp_path / "version").read_text() == Path("/proc/version").read_text()


def test_a_folder_here_is_refused(remote: Remote, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is a folder of that name"):
        get(remote, "/etc/hostname", tmp_path)
    with pytest.raises(BadInput, match="cannot write there: No such file or directory"):
        get(remote, "/etc/hostname", tmp_path / "none" / "file")

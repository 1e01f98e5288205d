from __future__ import annotations

import os
import threading
import tracemalloc
from pathlib import Path

import pytest

from tests.ssh.sshd import Server
from wirework.errors import BadInput, Failed, Unreachable
from wirework.inventory import Host
from wirework.ssh import Pool, Remote, run


def test_a_run_tells_what_was_said(remote: Remote) -> None:
    ran = run(remote, "printf out; printf error >&2; exit 1")
    assert (ran.status, ran.stdout, ran.stderr) == (1, b"out", b"error")
    assert (ran.stdout_size, ran.stderr_size) == (3, 5)
    assert not ran.ok
    assert not ran.truncated
    assert 0 < ran.seconds < 10


def test_a_50_mb_answer_is_kept_up_to_the_cap(remote: Remote) -> None:
    remote.connect()
    tracemalloc.start()
    try:
        ran = run(remote, "head -c 50000000 /dev/zero", cap=1000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ran.stdout == bytes(1000)
    assert ran.stdout_size == 50_000_000
    assert ran.truncated
    assert ran.ok
    assert peak < 20_000_000


def test_the_digest_covers_what_was_not_kept(remote: Remote) -> None:
    one = run(remote, "printf aaa1", cap=3)
    same = run(remote, "printf aaa1", cap=3)
    two = run(remote, "printf aaa2", cap=3)
    assert one.stdout == two.stdout == b"aaa"
    assert one.digest == same.digest
    assert one.digest != two.digest


def test_the_digest_tells_the_streams_apart(remote: Remote) -> None:
    assert run(remote, "echo x").digest != run(remote, "echo x >&2").digest


def test_a_listener_hears_each_stream_with_its_host(server: Server) -> None:
    heard: dict[tuple[str, str], bytes] = {}

    def listen(host: Host, stream: str, data: bytes) -> None:
        heard[host.name, stream] = heard.get((host.name, stream), b"") + data

    with Pool(known_hosts=(), listen=listen) as pool:
        run(pool.remote(server.host("a")), "echo 1; echo 2 >&2")
        run(pool.remote(server.host("b")), "echo 3")
    assert heard == {("a", "out"): b"1\n", ("a", "err"): b"2\n", ("b", "out"): b"3\n"}


def test_output_is_saved_whole_and_privately(remote: Remote, tmp_path: Path) -> None:
    path = tmp_path / "out"
    ran = run(remote, "head -c 300000 /dev/zero; exit 2", cap=10, save=path)
    assert ran.status == 2
    assert path.read_bytes() == bytes(300_000)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob(".ww.*")) == []


def test_nothing_is_saved_of_a_run_that_broke_off(remote: Remote, tmp_path: Path) -> None:
    path = tmp_path / "out"
    with pytest.raises(Unreachable):
        run(remote, "echo 1; kill -9 $PPID; sleep 20", save=path)
    assert list(tmp_path.glob("*out*")) == list(tmp_path.glob(".ww.*")) == []


def test_a_place_that_cannot_be_saved_to_is_named(remote: Remote, tmp_path: Path) -> None:
    path = tmp_path / "none" / "out"
    with pytest.raises(BadInput) as caught:
        run(remote, "true", save=path)
    assert str(caught.value) == f"{path}: cannot save there: No such file or directory"


def test_a_full_disk_under_what_is_saved_is_told(
    remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The one device that is always full.
    monkeypatch.setattr("tempfile.mkstemp", lambda **_: (os.open("/dev/full", os.O_WRONLY), "/x"))
    with pytest.raises(Failed, match=r"cannot save .*/out: No space left on device$"):
        run(remote, "head -c 300000 /dev/zero", save=tmp_path / "out")
    assert list(tmp_path.glob("out")) == []


def test_hosts_are_worked_on_side_by_side(server: Server, pool: Pool) -> None:
    both = threading.Barrier(2, timeout=10)

    def work(name: str) -> None:
        remote = pool.remote(server.host(name))
        remote.connect()
        both.wait()
        assert run(remote, "true").ok

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not both.broken

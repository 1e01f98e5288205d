"""New host keys written into known_hosts files, by many at once, and read by OpenSSH."""

from __future__ import annotations

import base64
import fcntl
import os
import re
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.ssh.sshd import Server, make_key
from wirework.errors import HostKeyChanged, HostKeyUnknown
from wirework.inventory import Host
from wirework.ssh import Pool
from wirework.ssh.hostkeys import fingerprint, pin
from wirework.ssh.hostkeys.pin import KnownFile

ED25519 = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"
APPEND = """
import sys
from pathlib import Path
from wirework.ssh.hostkeys.pin import KnownFile
file = KnownFile(Path(sys.argv[1]))
for number in range(20):
    with file.writing() as append:
        append([(f"{sys.argv[2]}-{number}", bytes.fromhex(sys.argv[3]))])
"""
FULL = """
import resource, sys
from pathlib import Path
from wirework.ssh.hostkeys.pin import KnownFile
path = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10,) * 2)
with KnownFile(path).writing() as append:
    append([("web1", bytes.fromhex(sys.argv[2]))])
"""


def key(number: int = 0) -> bytes:
    return ED25519 + number.to_bytes(32, "big")


def accepting(server: Server, known: Path, name: str = "box") -> Host:
    return server.host(name, known_hosts=known, host_keys="accept-new")


def ssh(server: Server, known: Path) -> subprocess.CompletedProcess[bytes]:
    options = {
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": known,
        "GlobalKnownHostsFile": os.devnull,
        "BatchMode": "yes",
        "IdentityFile": server.key,
        "IdentitiesOnly": "yes",
    }
    flags = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    argv = ["ssh", "-F", "none", *flags, "-p", str(server.port), "127.0.0.1", "echo in"]
    return subprocess.run(argv, check=False, timeout=20, capture_output=True)


def found(known: Path, name: str) -> bytes:
    argv = ["ssh-keygen", "-F", name, "-f", str(known)]
    return subprocess.run(argv, check=False, timeout=10, capture_output=True).stdout


def test_a_new_key_is_pinned_and_the_work_goes_on(
    server: Server, pool: Pool, tmp_path: Path
) -> None:
    known = tmp_path / "new" / "known_hosts"
    pool.remote(accepting(server, known)).connect()
    public = (server.folder / "host_ed25519.pub").read_text().split()
    assert known.read_text() == f"[127.0.0.1]:{server.port} {public[0]} {public[1]}\n"
    assert stat.S_IMODE(known.stat().st_mode) == 0o600
    assert stat.S_IMODE(known.parent.stat().st_mode) == 0o700
    # What was pinned is believed by those who accept nothing new.
    pool.remote(server.host("strict", known_hosts=known)).connect()


@pytest.mark.parametrize("hashed", [False, True])
def test_the_tools_of_openssh_find_what_was_pinned(
    server: Server, pool: Pool, tmp_path: Path, hashed: bool
) -> None:
    known = tmp_path / "known"
    make_key(tmp_path / "other")
    known.write_text(f"other {(tmp_path / 'other.pub').read_text().rstrip()}")
    if hashed:
        argv = ["ssh-keygen", "-q", "-H", "-f", str(known)]
        subprocess.run(argv, check=True, timeout=10, capture_output=True)
        known.write_text(known.read_text().rstrip())
    pool.remote(accepting(server, known)).connect()
    assert [line.startswith("|1|") for line in known.read_text().splitlines()] == [hashed] * 2
    assert b"found: line 2" in found(known, f"[127.0.0.1]:{server.port}")
    assert b"found: line 1" in found(known, "other")
    said = ssh(server, known)
    assert (said.returncode, said.stdout) == (0, b"in\n"), said.stderr


def test_a_changed_key_is_refused_by_those_who_accept_new_ones(
    server: Server, pool: Pool, tmp_path: Path
) -> None:
    make_key(tmp_path / "other")
    known = tmp_path / "known"
    public = (tmp_path / "other.pub").read_text()
    known.write_text(f"# note\n[127.0.0.1]:{server.port} {public}")
    before = known.read_bytes()
    with pytest.raises(HostKeyChanged) as caught:
        pool.remote(accepting(server, known)).connect()
    was = base64.b64decode(public.split()[1])
    now = base64.b64decode((server.folder / "host_ed25519.pub").read_text().split()[1])
    assert f"shows ssh-ed25519 {fingerprint(now)}, but {known}:2 has" in str(caught.value)
    assert f"has ssh-ed25519 {fingerprint(was)} (" in str(caught.value)
    assert known.read_bytes() == before


def test_a_key_that_another_has_pinned_meanwhile_is_compared(
    server: Server, pool: Pool, tmp_path: Path
) -> None:
    make_key(tmp_path / "other")
    known = tmp_path / "known"
    known.touch()
    connector = pool._connector
    target = connector.target(accepting(server, known))
    assert connector.host_keys.known(target) == []  # read, and empty
    public = (tmp_path / "other.pub").read_text()
    known.write_text(f"[127.0.0.1]:{server.port} {public}")
    with pytest.raises(HostKeyChanged):
        pool.remote(target.host).connect()


def test_many_threads_pin_one_key_once(server: Server, tmp_path: Path) -> None:
    known = tmp_path / "known"
    with Pool(known_hosts=()) as pool, ThreadPoolExecutor(12) as threads:
        remotes = [pool.remote(accepting(server, known, f"box{n}")) for n in range(12)]
        list(threads.map(lambda remote: remote.connect(), remotes))
    assert len(known.read_text().splitlines()) == 1


def test_threads_and_processes_write_whole_lines(tmp_path: Path) -> None:
    known = tmp_path / "known"
    argv = [sys.executable, "-c", APPEND, str(known)]
    processes = [subprocess.Popen([*argv, f"process{n}", key(n).hex()]) for n in range(2)]
    file = KnownFile(known)

    def write(number: int) -> None:
        with file.writing() as append:
            append([(f"thread-{number}", key(number))])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(40)))
    for process in processes:
        assert process.wait(30) == 0
    lines = known.read_text().splitlines()
    names = {line.split()[0] for line in lines}
    assert len(lines) == len(names) == 40 + 2 * 20
    with file.writing():
        for number, line in enumerate(lines, 1):
            (entry,) = file.of(line.split()[0])
            assert entry.number == number


def test_a_file_that_was_replaced_while_waiting_is_the_one_that_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, other = tmp_path / "known", tmp_path / "other"
    known.write_text("# old\n")
    other.write_text("# new\n")
    lock = fcntl.flock

    def replace_and_lock(file: int, how: int) -> None:
        if other.exists():
            other.replace(known)  # as ssh-keygen -R does
        lock(file, how)

    monkeypatch.setattr(pin.fcntl, "flock", replace_and_lock)
    with KnownFile(known).writing() as append:
        append([("web1", key())])
    assert re.fullmatch(r"# new\nweb1 ssh-ed25519 \S+\n", known.read_text())


def test_a_file_that_another_holds_is_told_in_time(
    server: Server, pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pin, "LOCK_TIMEOUT", 0.2)
    known = tmp_path / "known"
    with known.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(HostKeyUnknown, match="another process has been writing to it"):
            pool.remote(accepting(server, known)).connect()
    assert known.read_text() == ""


def test_a_full_disk_leaves_no_half_a_line(tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text("# note\n")
    argv = [sys.executable, "-c", FULL, str(known), key().hex()]
    said = subprocess.run(argv, check=False, timeout=30, capture_output=True)
    assert b"OSError" in said.stderr
    assert known.read_text() == "# note\n"


def test_a_file_that_cannot_be_written_is_told_and_nothing_is_accepted(
    server: Server, pool: Pool, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    host = accepting(server, tmp_path / "file" / "known")
    with pytest.raises(HostKeyUnknown) as caught:
        pool.remote(host).connect()
    assert re.fullmatch(
        rf"box: its new host key ssh-ed25519 SHA256:\S+ cannot be pinned into"
        rf" {tmp_path}/file/known: Not a directory \(make it writable, or name another in the"
        r" inventory: known_hosts\)",
        str(caught.value),
    )


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (os.devnull, "nothing would be remembered"),
        ("/etc/ssh/ssh_known_hosts", "it is every user's"),
        ("/etc/ssh", "it is no file"),
    ],
)
def test_a_file_that_is_no_place_for_keys_is_refused(
    server: Server, pool: Pool, path: str, why: str
) -> None:
    with pytest.raises(HostKeyUnknown) as caught:
        pool.remote(accepting(server, Path(path))).connect()
    assert f"is not accepted: no host key can be pinned into {path}: {why} (name" in str(
        caught.value
    )


def test_without_any_file_nothing_is_accepted(server: Server, pool: Pool) -> None:
    host = server.host(known_hosts=None, host_keys="accept-new")
    with pytest.raises(HostKeyUnknown, match="no known_hosts file is named for it"):
        pool.remote(host).connect()


def test_a_pipe_holds_no_keys_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert KnownFile(tmp_path / "pipe").of("web1") == []

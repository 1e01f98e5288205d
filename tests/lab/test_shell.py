"""Commands and files on embedded hosts, through the clients people run."""

from __future__ import annotations

import getpass
import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.lab.conftest import Client
from wirework.lab import Lab
from wirework.lab.embedded.record import Record


def test_a_command_starts_in_its_home_with_a_small_environment(lab: Lab, ssh: Client) -> None:
    done = ssh(lab, "web2", 'pwd; echo "$HOME"; echo "$USER"; env | cut -d= -f1 | sort')
    cwd, home, user, *names = done.stdout.decode().split()
    assert Path(cwd) == Path(home) == lab.home("web2")
    assert user == getpass.getuser()
    assert set(names) == {"HOME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "USER", "WIREWORK_LAB"}


def test_status_output_and_errors_are_told_apart(lab: Lab, ssh: Client) -> None:
    done = ssh(lab, "web1", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n", b"err\n")


def test_every_host_has_a_home_of_its_own(lab: Lab, ssh: Client) -> None:
    answers = {ssh(lab, host.name, "pwd").stdout for host in lab.hosts}
    assert len(answers) == len(lab.hosts)


def test_a_shell_killed_by_a_signal_is_no_success(lab: Lab, ssh: Client) -> None:
    done = ssh(lab, "web1", "echo before; kill -KILL $$")
    assert done.stdout == b"before\n"
    assert done.returncode == 255  # what ssh(1) makes of an exit signal


def test_every_byte_value_passes_both_ways(lab: Lab, ssh: Client) -> None:
    data = bytes(range(256)) * 300
    assert ssh(lab, "web1", "cat", stdin=data).stdout == data


def test_without_a_command_the_shell_reads_its_input(lab: Lab, ssh: Client) -> None:
    assert ssh(lab, "web1", stdin=b"echo from stdin; exit 3").stdout == b"from stdin\n"


def test_large_output_arrives_whole_before_the_status(lab: Lab, ssh: Client) -> None:
    done = ssh(lab, "web1", "head -c 50000000 /dev/zero; exit 4")
    assert (done.returncode, len(done.stdout)) == (4, 50_000_000)


def test_large_input_does_not_pile_up_in_the_server(lab: Lab, ssh: Client) -> None:
    data = os.urandom(1_000_000) * 60
    record = Record.load(lab.folder)
    assert record is not None
    before = psutil.Process(record.pid).memory_info().rss
    done = ssh(lab, "web1", "sleep 1; sha256sum", stdin=data)
    assert done.stdout.split()[0].decode() == hashlib.sha256(data).hexdigest()
    grown = psutil.Process(record.pid).memory_info().rss - before
    assert grown < len(data) / 3


def test_a_command_that_reads_nothing_ends_all_the_same(lab: Lab, ssh: Client) -> None:
    assert ssh(lab, "web1", "exit 5", stdin=bytes(20_000_000)).returncode == 5


def test_a_background_process_does_not_keep_the_session_open(lab: Lab, ssh: Client) -> None:
    start = time.monotonic()
    done = ssh(lab, "web1", "sleep 60 & echo $!; exit 6")
    assert time.monotonic() - start < 10
    assert done.returncode == 6
    sleeper = psutil.Process(int(done.stdout))
    assert sleeper.is_running(), "ending the session does not end what it left behind"
    sleeper.kill()


def test_a_background_process_that_writes_on_does_not_either(lab: Lab, ssh: Client) -> None:
    start = time.monotonic()
    done = ssh(lab, "web1", "echo first; yes & exit 0")
    assert time.monotonic() - start < 10
    assert done.returncode == 0
    assert done.stdout.startswith(b"first\n")


def test_a_client_that_leaves_takes_its_command_along(
    lab: Lab, ssh: Client, tmp_path: Path
) -> None:
    ssh(lab, "web1", "true")  # so that the wait below is for the command, not for the login
    note = tmp_path / "pid"
    # The streams end with the client, so a shell that says "Hangup" there would get SIGPIPE.
    trap = f"exec 2>/dev/null; trap 'echo hung up > {note}.end; exit' HUP"
    ready = f"echo $$ > {note}.new; mv {note}.new {note}"
    host = lab.hosts[0]
    client = subprocess.Popen(
        [
            *("ssh", "-F", "none", "-i", str(lab.key)),
            *("-o", f"UserKnownHostsFile={lab.known_hosts}", "-p", str(host.port), host.address),
            f"{trap}; {ready}; while :; do sleep 0.1; done",
        ],
        stdin=subprocess.DEVNULL,
    )
    _until(note.exists)
    client.send_signal(signal.SIGKILL)
    client.wait(timeout=10)
    _until(lambda: Path(f"{note}.end").exists())
    _until(lambda: not psutil.pid_exists(int(note.read_text())))


def test_an_unknown_subsystem_is_refused(lab: Lab, ssh: Client) -> None:
    done = ssh(lab, "web1", "netconf", options=("-s",), stdin=b"touch should-not-be-either")
    assert done.returncode == 1
    assert b"no subsystem but sftp" in done.stderr


def test_sftp_starts_in_the_home_and_reaches_further(
    lab: Lab, sftp: Client, tmp_path: Path
) -> None:
    data = os.urandom(300_000)
    (tmp_path / "source").write_bytes(data)
    done = sftp(
        lab,
        "web3",
        f"put {tmp_path}/source arrived",
        "ls -l arrived",
        f"put {tmp_path}/source {tmp_path}/elsewhere",
        f"get arrived {tmp_path}/back",
    )
    assert done.returncode == 0, done.stderr
    assert (lab.home("web3") / "arrived").read_bytes() == data
    assert (tmp_path / "elsewhere").read_bytes() == data
    assert (tmp_path / "back").read_bytes() == data


def test_sftp_of_a_missing_file_fails(lab: Lab, sftp: Client, tmp_path: Path) -> None:
    assert sftp(lab, "web3", f"get not-there {tmp_path}/x").returncode == 1


def test_another_key_is_refused(lab: Lab, ssh: Client, tmp_path: Path) -> None:
    other = tmp_path / "other"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True, timeout=20
    )
    done = subprocess.run(
        [
            *("ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"),
            *("-o", f"UserKnownHostsFile={lab.known_hosts}", "-i", str(other)),
            *("-p", str(lab.hosts[0].port), lab.hosts[0].address, "true"),
        ],
        check=False,
        capture_output=True,
        timeout=30,
    )
    assert done.returncode == 255
    assert b"Permission denied (publickey)" in done.stderr


def test_another_user_is_refused(lab: Lab, ssh: Client) -> None:
    done = ssh(lab, "web1", "true", options=("-l", "somebody-else"))
    assert done.returncode == 255
    assert b"Permission denied" in done.stderr


def test_hosts_have_keys_of_their_own(lab: Lab, ssh: Client, tmp_path: Path) -> None:
    lines = lab.known_hosts.read_text().splitlines()
    assert len({line.split()[2] for line in lines}) == len(lab.hosts)
    mixed = tmp_path / "known_hosts"
    first, second = (line.split() for line in lines[:2])
    mixed.write_text(" ".join([first[0], *second[1:]]) + "\n")
    done = ssh(lab, "web1", "true", options=("-o", f"UserKnownHostsFile={mixed}"))
    assert done.returncode == 255
    assert b"Host key verification failed" in done.stderr


@pytest.mark.parametrize("path", ["", "/hosts/web1"])
def test_only_the_owner_may_look_into_a_lab(lab: Lab, path: str) -> None:
    assert Path(f"{lab.folder}{path}").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["id_ed25519", "inventory.yaml", "known_hosts", "state.json"])
def test_only_the_owner_may_read_its_files(lab: Lab, name: str) -> None:
    assert (lab.folder / name).stat().st_mode & 0o777 == 0o600


def _until(happened: Callable[[], bool], timeout: float = 10.0) -> None:
    deadline = time.monotonic() + timeout
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)

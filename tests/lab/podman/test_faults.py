"""Faults are real: each is felt over SSH as the real one would be, and healed without a trace."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.podman.conftest import OnHosts, Ssh
from tests.labs import LabHosts
from wirework import lab as labs
from wirework.errors import BadInput, LabError
from wirework.lab import Lab, State
from wirework.lab.podman.model import PodmanHost

pytestmark = pytest.mark.xdist_group("podman")

FAULTS = {
    "pause": State.DOWN,
    "partition": State.DOWN,
    "kill-sshd": State.DOWN,
    "stop": State.DOWN,
    "fill-disk": State.UP,
    "slow-disk": State.UP,
    "read-only": State.UP,
    "no-sudo": State.UP,
}


@pytest.fixture
def lab(lab_hosts: LabHosts) -> Iterator[Lab]:
    """web1 is broken by the tests, web2 has to stay well; both are healed in the end."""
    lab = lab_hosts(groups={"web": 2, "tiny": 1}, images={"tiny": "busybox"})
    yield lab
    labs.heal(_root(lab), lab.name)


@pytest.mark.parametrize("host", ["web1", "tiny1"])
@pytest.mark.parametrize("kind", [kind for kind in FAULTS if kind != "no-sudo"])
def test_a_fault_shows_hits_one_host_and_heals(lab: Lab, kind: str, host: str) -> None:
    broken = {each.name: each for each in _hosts(_fault(lab, host, kind))}
    assert broken[host].state is FAULTS[kind]
    assert broken[host].faults == (kind,)
    assert broken["web2"].state is State.UP
    assert broken["web2"].faults == ()
    healed = labs.heal(_root(lab), lab.name, host=host)
    assert healed.running
    assert all(host.faults == () for host in _hosts(healed))


def test_a_full_disk_takes_no_more_and_gives_what_it_has(lab: Lab, ssh_to: Ssh) -> None:
    assert ssh_to(lab, "web1", "echo before > kept; mkdir folder").returncode == 0
    _fault(lab, "web1", "fill-disk")
    for folder in ("folder", "/tmp", "/var/tmp"):
        done = ssh_to(lab, "web1", f"cat kept; echo more > {folder}/new")
        assert done.stdout == b"before\n"
        assert b"No space left on device" in done.stderr
    as_root = ssh_to(lab, "web1", "sudo cp /etc/hosts /opt/new")
    assert b"No space left on device" in as_root.stderr
    assert b"100%" in ssh_to(lab, "web1", "df .").stdout
    assert ssh_to(lab, "web1", "getent hosts web2").returncode == 0
    labs.heal(_root(lab), lab.name)
    done = ssh_to(lab, "web1", "cat kept; echo more > folder/new && ls folder; ls -A /opt")
    assert done.stdout == b"before\nnew\n"


@pytest.mark.parametrize("host", ["web1", "tiny1"])
def test_a_read_only_disk_refuses_every_write(lab: Lab, ssh_to: Ssh, host: str) -> None:
    _fault(lab, host, "read-only")
    for folder in ("/tmp", "$HOME", "/var/log", "/etc"):
        done = ssh_to(lab, host, f"touch {folder}/new")
        assert b"Read-only file system" in done.stderr, folder
    labs.heal(_root(lab), lab.name)
    assert ssh_to(lab, host, "touch /tmp/new && rm /tmp/new").returncode == 0


def test_a_slow_disk_writes_a_megabyte_a_second(lab: Lab, ssh_to: Ssh) -> None:
    def seconds() -> float:
        began = time.monotonic()
        copy = "dd if=/dev/zero of=/var/tmp/big bs=100k count=25 conv=fsync"
        assert ssh_to(lab, "web1", copy).returncode == 0
        return time.monotonic() - began

    _fault(lab, "web1", "slow-disk")
    assert seconds() > 1.8
    labs.heal(_root(lab), lab.name)
    assert seconds() < 1.8


def test_without_sudo_become_fails_and_the_rest_works(lab: Lab, on_hosts: OnHosts) -> None:
    _fault(lab, "web1", "no-sudo")
    said = on_hosts(lab, "remote.run", "id -un", "--hosts", "web1", "--become")
    assert said.status == 1
    assert "web1: cannot become root: sudo wants a password" in said.err
    assert on_hosts(lab, "remote.run", "id -un", "--hosts", "web1").status == 0
    labs.heal(_root(lab), lab.name)
    assert on_hosts(lab, "remote.run", "id -un", "--hosts", "web1", "--become").status == 0


def test_a_stopped_host_comes_back_with_its_files_and_its_key(lab: Lab, ssh_to: Ssh) -> None:
    ssh_to(lab, "web1", "echo mine > survives")
    _fault(lab, "web1", "stop")
    labs.heal(_root(lab), lab.name, host="web1")
    assert ssh_to(lab, "web1", "cat survives").stdout == b"mine\n"


def test_a_fault_for_a_while_heals_by_itself(lab: Lab) -> None:
    given = _fault(lab, "web1", "kill-sshd", for_=2.0)
    (text,) = next(host.faults for host in _hosts(given) if host.name == "web1")
    assert text.startswith("kill-sshd (")
    assert text.endswith(" s left)")
    _until_healthy(lab)


def test_a_fault_given_again_gets_the_new_time(lab: Lab) -> None:
    _fault(lab, "web1", "partition")
    again = _fault(lab, "web1", "partition", for_=1.0)
    assert len(next(host.faults for host in _hosts(again) if host.name == "web1")) == 1
    _until_healthy(lab)


def test_several_faults_of_a_host_are_undone_together(lab: Lab, ssh_to: Ssh) -> None:
    for kind in ("no-sudo", "slow-disk", "read-only", "partition", "kill-sshd", "pause"):
        _fault(lab, "web1", kind)
    assert labs.heal(_root(lab), lab.name, host="web1").running
    assert ssh_to(lab, "web1", "sudo touch /etc/new && sudo rm /etc/new").returncode == 0


def test_a_restart_cures_what_a_restart_cures(lab: Lab, ssh_to: Ssh) -> None:
    for kind in ("no-sudo", "fill-disk", "partition", "stop"):
        _fault(lab, "web1", kind)
    assert labs.heal(_root(lab), lab.name).running
    assert ssh_to(lab, "web1", "sudo touch /etc/new && sudo rm /etc/new").returncode == 0


def test_one_disk_fault_at_a_time(lab: Lab) -> None:
    _fault(lab, "web1", "read-only")
    with pytest.raises(LabError) as caught:
        _fault(lab, "web1", "fill-disk")
    expected = "web1: its disk has the fault read-only already (lab.heal first)"
    assert str(caught.value) == expected


def test_a_stopped_host_gets_no_other_fault(lab: Lab) -> None:
    _fault(lab, "web1", "stop")
    with pytest.raises(LabError, match=r"^web1: it does not run \(lab.heal starts it\)$"):
        _fault(lab, "web1", "partition")
    faults = next(host.faults for host in _hosts(labs.status(_root(lab), lab.name)))
    assert faults == ("stop",)


def test_a_host_without_sudo_cannot_lose_it(lab: Lab) -> None:
    with pytest.raises(LabError, match=r"^tiny1: the image busybox has no sudo$"):
        _fault(lab, "tiny1", "no-sudo")


@pytest.mark.parametrize(
    ("host", "kind", "for_", "problem"),
    [
        ("web9", "pause", None, "the lab has no host 'web9' (one of web1, web2, tiny1)"),
        (
            "web1",
            "explode",
            None,
            (
                "'explode' is no fault (one of pause, partition, kill-sshd, stop, "
                "fill-disk, slow-disk, read-only, no-sudo)"
            ),
        ),
        ("web1", "pause", 0.0, "a fault lasts more than 0 and up to 86400 s, not 0"),
        ("web1", "pause", 1e6, "a fault lasts more than 0 and up to 86400 s, not 1e+06"),
    ],
)
def test_a_wish_that_is_no_fault_is_refused(
    lab: Lab, host: str, kind: str, for_: float | None, problem: str
) -> None:
    with pytest.raises(BadInput) as caught:
        labs.fault(_root(lab), lab.name, host=host, kind=kind, for_=for_)
    assert str(caught.value) == problem
    assert labs.status(_root(lab), lab.name).running


def test_where_there_is_no_lab_it_says_so(tmp_path: Path) -> None:
    expected = r"^there is no lab 'lab' here \(lab.up --driver podman\)$"
    with pytest.raises(BadInput, match=expected):
        labs.fault(tmp_path, host="web1", kind="pause")
    with pytest.raises(BadInput, match=expected):
        labs.heal(tmp_path)
    with pytest.raises(BadInput, match=expected):
        labs.shell_command(tmp_path, host="web1")


def _fault(lab: Lab, host: str, kind: str, *, for_: float | None = None) -> Lab:
    return labs.fault(_root(lab), lab.name, host=host, kind=kind, for_=for_)


def _until_healthy(lab: Lab) -> None:
    deadline = time.monotonic() + 15
    # The servers greet again a moment before the fault is struck off the record.
    while not (now := labs.status(_root(lab), lab.name)).running or _faulty(now):
        assert time.monotonic() < deadline, now
        time.sleep(0.2)


def _faulty(lab: Lab) -> list[PodmanHost]:
    return [host for host in _hosts(lab) if host.faults]


def _hosts(lab: Lab) -> list[PodmanHost]:
    return [host for host in lab.hosts if isinstance(host, PodmanHost)]


def _root(lab: Lab) -> Path:
    return lab.folder.parents[1]

"""Without root: what is missing is told in one line, and where nothing is, labs work as well."""

from __future__ import annotations

import os
import pwd
import shlex
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.podman.conftest import OnHosts, Ssh
from tests.machine import require
from wirework import lab as labs
from wirework.errors import BadInput, LabError
from wirework.lab import Lab, State
from wirework.lab.podman import driver, faults, hosts, image, network, rootless
from wirework.lab.podman.engine import Engine, known
from wirework.lab.podman.model import PodmanHost, Record

pytestmark = pytest.mark.xdist_group("podman-alone")

PROGRAMS = ("podman", "iptables", "newuidmap", "newgidmap", "slirp4netns")
SOME_USER = 4_000_000
"""One that no machine has a name for."""


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Makes us an ordinary user with these programs and no others, and a podman that says this."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: SOME_USER)
    monkeypatch.setattr(rootless, "_SYSTEM_FOLDERS", ())
    monkeypatch.setattr(rootless, "TUN", tmp_path / "tun")
    monkeypatch.setenv("PATH", str(folder))
    (tmp_path / "tun").touch()

    def become(*programs: str, podman: str = "echo 0 4000000 1; echo 1 100000 65536") -> Path:
        for name in programs:
            path = folder / name
            path.write_text(f"#!/bin/sh\n{podman if name == 'podman' else ''}\n")
            path.chmod(0o755)
        return folder

    return become


@pytest.mark.parametrize(
    ("missing", "problem"),
    [
        (
            {"podman"},
            (
                "the podman driver needs podman, which is missing (apt-get install podman runc"
                " conmon netavark aardvark-dns iptables, or use --driver embedded)"
            ),
        ),
        (
            {"newuidmap"},
            (
                "podman without root needs newuidmap, which is missing"
                " (apt-get install uidmap, or use --driver embedded)"
            ),
        ),
        (
            {"newgidmap"},
            (
                "podman without root needs newgidmap, which is missing"
                " (apt-get install uidmap, or use --driver embedded)"
            ),
        ),
        (
            {"slirp4netns"},
            (
                "podman without root needs slirp4netns or pasta, which are missing"
                " (apt-get install slirp4netns, or use --driver embedded)"
            ),
        ),
    ],
)
def test_a_missing_program_says_what_to_install(
    user: Callable[..., Path], tmp_path: Path, missing: set[str], problem: str
) -> None:
    user(*set(PROGRAMS) - missing)
    with pytest.raises(BadInput) as caught:
        labs.up(tmp_path, driver="podman", hosts=1)
    assert str(caught.value) == problem
    assert not (tmp_path / ".wirework").exists()


def test_without_a_tunnel_device_it_says_how_to_get_one(
    user: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user(*PROGRAMS)
    monkeypatch.setattr(os, "access", lambda path, _mode: path != rootless.TUN)
    with pytest.raises(BadInput) as caught:
        labs.up(tmp_path, driver="podman", hosts=1)
    assert str(caught.value) == (
        f"podman without root may not use {rootless.TUN}"
        f" (sudo chmod 0666 {rootless.TUN}, or use --driver embedded)"
    )
    rootless.TUN.unlink()
    with pytest.raises(BadInput) as caught:
        labs.up(tmp_path, driver="podman", hosts=1)
    assert str(caught.value) == (
        f"podman without root needs {rootless.TUN}, which is missing"
        " (sudo modprobe tun, or use --driver embedded)"
    )


@pytest.mark.parametrize(
    ("podman", "problem"),
    [
        (
            "echo 0 4000000 1",
            (
                "podman without root needs users for its containers, /etc/subuid has none for you"
                " (sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 4000000;"
                " podman system migrate; or use --driver embedded)"
            ),
        ),
        (
            "echo 'Error: cannot clone: Invalid argument' >&2; exit 125",
            (
                "podman does not work without root here: podman unshare: cannot clone:"
                " Invalid argument (use sudo, or --driver embedded)"
            ),
        ),
    ],
)
def test_too_few_users_for_containers_are_told(
    user: Callable[..., Path], tmp_path: Path, podman: str, problem: str
) -> None:
    user(*PROGRAMS, podman=podman)
    with pytest.raises(BadInput) as caught:
        labs.up(tmp_path, driver="podman", hosts=1)
    assert str(caught.value) == problem


def test_a_delay_is_refused(user: Callable[..., Path], tmp_path: Path) -> None:
    user(*PROGRAMS)
    with pytest.raises(BadInput) as caught:
        labs.up(tmp_path, driver="podman", hosts=1, delay=0.1)
    assert str(caught.value) == (
        "a delay needs root of this machine (use sudo, or leave --delay out)"
    )


def test_a_slow_disk_is_refused(user: Callable[..., Path], tmp_path: Path) -> None:
    user(*PROGRAMS)
    Record(token="t", hosts=(_host("web1"),), ready=True).save(tmp_path)
    with pytest.raises(BadInput) as caught:
        faults.make(tmp_path, "web1", "slow-disk", for_=None)
    assert str(caught.value) == "slow-disk needs root of this machine (use sudo for this lab)"
    record = Record.load(tmp_path)
    assert record is not None
    assert record.faults == ()


def test_a_lab_of_another_user_is_left_alone(user: Callable[..., Path], tmp_path: Path) -> None:
    user(*PROGRAMS)
    Record(token="t", hosts=(_host("web1"),), ready=True).save(tmp_path)
    owner = pwd.getpwuid(tmp_path.stat().st_uid).pw_name
    with pytest.raises(LabError) as caught:
        driver.clear(tmp_path)
    assert str(caught.value) == f"{tmp_path.name}: it was made by {owner} (lab.down as {owner})"
    assert Record.load(tmp_path) is not None


def test_down_does_not_set_podman_up_for_who_never_used_it(
    user: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tmp_path / "asked"
    user(*PROGRAMS, podman=f": > {shlex.quote(str(asked))}")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    driver.sweep(tmp_path / "lab")
    assert not asked.exists()
    (tmp_path / "data" / "containers").mkdir(parents=True)
    driver.sweep(tmp_path / "lab")
    assert asked.exists()


def test_the_lock_of_images_is_the_users_own(
    user: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with image._locked():
        lock = tmp_path / "cache" / "wirework" / "images.lock"
        assert lock.stat().st_mode & 0o077 == 0
        assert lock.parent.stat().st_mode & 0o077 == 0


def test_what_needs_roots_rights_is_done_in_podmans_namespace(
    user: Callable[..., Path], tmp_path: Path
) -> None:
    said = tmp_path / "said"
    user("podman", podman=f'echo "$@" > {shlex.quote(str(said))}')
    network.filter_in(7, "-L")
    assert said.read_text() == "unshare nsenter --target 7 --net iptables --wait 5 -L\n"


def test_hosts_get_a_pair_of_free_ports_each_but_those_behind_a_bastion() -> None:
    bastion, web1, web2 = hosts.publish(
        (_host("bastion1"), _host("web1"), _host("web2", gateway="bastion1"))
    )
    assert {bastion.address, web1.address} == {"127.0.0.1"}
    assert (bastion.ip, web1.ip) == ("198.18.0.10", "198.18.0.10")
    ports = {bastion.port, bastion.http_port, web1.port, web1.http_port}
    assert len(ports) == 4
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()
    assert web2 == _host("web2", gateway="bastion1")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    require("rootless")
    root = tmp_path_factory.mktemp("rootless")
    yield labs.up(root, driver="podman", hosts=2)
    labs.down(root)


def test_hosts_are_reached_by_ports_and_have_the_rest_of_their_own(
    lab: Lab, ssh_to: Ssh, on_hosts: OnHosts
) -> None:
    assert lab.running
    assert {host.address for host in lab.hosts} == {"127.0.0.1"}
    for host in lab.hosts:
        said = ssh_to(lab, host.name, "hostname; id -un; sudo -n id -u; ping -qc1 web2 >&2")
        assert said.stdout.decode().split() == [host.name, "ops", "0"]
        assert said.returncode == 0
    ssh_to(lab, "web1", "touch /tmp/only-here")
    assert ssh_to(lab, "web2", "ls /tmp/only-here").returncode != 0
    assert on_hosts(lab, "remote.ping", "--hosts", "all").status == 0


def test_up_again_finds_them(lab: Lab) -> None:
    again = labs.up(lab.folder.parents[1], driver="podman", hosts=2)
    assert (again, again.key.read_bytes()) == (lab, lab.key.read_bytes())


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("partition", State.DOWN),
        ("kill-sshd", State.DOWN),
        ("stop", State.DOWN),
        ("fill-disk", State.UP),
        ("read-only", State.UP),
        ("no-sudo", State.UP),
    ],
)
def test_faults_are_felt_and_heal(lab: Lab, ssh_to: Ssh, kind: str, state: State) -> None:
    root = lab.folder.parents[1]
    web1, web2 = labs.fault(root, host="web1", kind=kind).hosts
    assert (web1.state, web2.state) == (state, State.UP)
    try:
        if state is State.UP:
            assert ssh_to(lab, "web1", "sudo -n true && echo more > /tmp/new").returncode != 0
    finally:
        assert labs.heal(root).running
    assert ssh_to(lab, "web1", "sudo -n true && echo more > /tmp/new").returncode == 0


def test_a_host_behind_a_bastion_is_reached_through_it(ssh_to: Ssh, tmp_path: Path) -> None:
    require("rootless")
    lab = labs.up(tmp_path, driver="podman", hosts=1, bastion=True)
    try:
        assert lab.running
        assert ssh_to(lab, "web1", "hostname").stdout == b"web1\n"
        assert ssh_to(lab, "web1", "ping -qc1 -W1 198.18.0.1").returncode != 0
    finally:
        labs.down(tmp_path)
    assert _left(known(lab.folder), lab.folder) == []


def _left(engine: Engine, folder: Path) -> list[Any]:
    label = f"label=wirework.folder={folder}"
    found: list[Any] = engine.json("ps", "--all", "--filter", label)
    return found + engine.json("network", "ls", "--filter", label)


def _host(name: str, *, gateway: str = "") -> PodmanHost:
    return PodmanHost(
        name=name,
        group="web",
        address="198.18.0.10",
        port=22,
        http_port=8080,
        ip="198.18.0.10",
        image="debian",
        user="ops",
        gateway=gateway,
    )

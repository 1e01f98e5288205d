"""What goes wrong with podman is told in one line that says what to install or choose."""

from __future__ import annotations

import ipaddress
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from wirework import lab as labs
from wirework.errors import BadInput, LabError
from wirework.lab import Lab
from wirework.lab.podman import driver, engine, faults, image, network, throttle
from wirework.lab.podman.engine import Engine, PodmanFailed

ONE_SUBNET = ipaddress.IPv4Network("198.18.7.0/24")


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Puts programs of shell text in the place of podman and others, and nothing else."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    monkeypatch.setenv("PATH", str(bin_folder))

    def put(**programs: str) -> Path:
        for name, text in programs.items():
            path = bin_folder / name
            path.write_text(f"#!/bin/sh\n{text}\n")
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return bin_folder

    return put


@pytest.mark.parametrize("missing", ["podman", "iptables"])
def test_a_missing_program_says_what_to_install(
    stub: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    stub(**{name: "exit 0" for name in ("podman", "iptables") if name != missing})
    with pytest.raises(BadInput) as caught:
        labs.up(tmp_path, driver="podman", hosts=1)
    assert str(caught.value) == (
        f"the podman driver needs {missing}, which is missing (apt-get install"
        " podman runc conmon netavark aardvark-dns iptables, or use --driver embedded)"
    )
    assert not (tmp_path / ".wirework").exists()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            "time=x level=error\\nError: writing blob: no space left on device",
            (
                "podman run: writing blob: no space left on device"
                " (free some disk: podman system df shows what images take)"
            ),
        ),
        (
            "Error: fork/exec: cannot allocate memory",
            (
                "podman run: fork/exec: cannot allocate memory"
                " (free some memory, or ask for fewer hosts)"
            ),
        ),
        (
            "Error: could not find netavark",
            "podman run: could not find netavark (apt-get install netavark iptables)",
        ),
        (
            "Error: mount /proc: operation not permitted",
            (
                "podman run: mount /proc: operation not permitted"
                " (this machine lets nobody start containers: --driver embedded)"
            ),
        ),
        (
            "Error: can not pause containers on rootless containers with cgroup V1",
            (
                "podman run: can not pause containers on rootless containers with cgroup V1"
                " (a user needs control groups of version 2 for that: use sudo)"
            ),
        ),
        ("Error: something new", "podman run: something new"),
        ("", "podman run: it ended with an error and said nothing"),
    ],
)
def test_what_podman_says_becomes_one_line(
    stub: Callable[..., Path], said: str, message: str
) -> None:
    stub(podman=f"printf '{said}\\n' >&2; exit 125")
    with pytest.raises(PodmanFailed) as caught:
        Engine().run("run", "image")
    assert str(caught.value) == message


def test_a_podman_that_hangs_is_not_waited_for(stub: Callable[..., Path]) -> None:
    stub(podman="exec /bin/sleep 30")
    with pytest.raises(PodmanFailed, match=r"^podman ps was not done within 0.2 s"):
        Engine().run("ps", timeout=0.2)


def test_our_configuration_is_used_only_where_the_machines_fails(
    stub: Callable[..., Path], tmp_path: Path
) -> None:
    stub(podman="exit 0")
    assert engine.choose("image", tmp_path) == Engine()
    assert engine.known(tmp_path) == Engine()
    stub(podman='[ -n "${CONTAINERS_CONF:-}" ] || { echo "Error: rlimit" >&2; exit 126; }')
    chosen = engine.choose("image", tmp_path)
    assert chosen.conf == tmp_path / "containers.conf"
    assert engine.known(tmp_path) == chosen
    stub(podman='echo "Error: ${CONTAINERS_CONF:+with ours, too}" >&2; exit 126')
    with pytest.raises(PodmanFailed, match=r"^podman run: with ours, too$"):
        engine.choose("image", tmp_path)


def test_no_source_of_images_says_what_to_install(
    stub: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "LOCK", tmp_path / "run" / "lock")
    stub(
        podman=f"""case $1 in
            info) echo {tmp_path} ;;
            pull) echo "Error: no such host" >&2; exit 125 ;;
            *) exit 1 ;;
        esac"""
    )
    monkeypatch.setattr(image, "ROOM", 1)
    with pytest.raises(LabError) as caught:
        image.ensure([image.find("debian")])
    assert str(caught.value) == (
        "there is no source for the image of hosts: debian:12 cannot be pulled"
        " (podman pull: no such host), and mmdebstrap is missing"
        " (apt-get install mmdebstrap, or use --driver embedded)"
    )


def test_a_package_source_that_fails_is_told_in_its_own_words(
    stub: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "LOCK", tmp_path / "run" / "lock")
    monkeypatch.setattr(image, "ROOM", 1)
    stub(
        podman=f"case $1 in info) echo {tmp_path} ;; *) exit 1 ;; esac",
        mmdebstrap="echo 'W: odd'; echo 'E: apt-get update failed' >&2; exit 25",
    )
    with pytest.raises(LabError) as caught:
        image.ensure([image.find("debian")])
    assert str(caught.value) == (
        "the image base cannot be built: E: apt-get update failed"
        " (does apt-get update work on this machine?)"
    )


def test_too_little_disk_for_an_image_is_told_before_it_is_built(
    stub: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "ROOM", 1 << 60)
    stub(podman=f"case $1 in info) echo {tmp_path} ;; *) exit 1 ;; esac")
    with pytest.raises(LabError) as caught:
        image.ensure([image.find("debian")])
    assert str(caught.value).startswith("building an image takes 1073741824 GiB, ")
    assert str(caught.value).endswith(
        " MiB left (free some disk: podman system df shows what images take)"
    )


@pytest.mark.parametrize(("user", "wanted"), [(0, 640), (1000, 1280)])
def test_too_little_memory_is_told_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, user: int, wanted: int
) -> None:
    class Memory:
        available = 100 << 20

    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(psutil, "virtual_memory", Memory)
    with pytest.raises(LabError) as caught:
        driver._check_memory(40)
    assert str(caught.value) == (
        f"40 hosts take up to {wanted} MiB of memory, 100 MiB are free (ask for fewer hosts)"
    )


def test_a_subnet_that_another_lab_took_meanwhile_is_passed_over(
    stub: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "POOL", ipaddress.IPv4Network("203.0.112.0/23"))
    note = tmp_path / "tried"
    stub(
        podman=f"""case $2 in
            ls) echo '[]' ;;
            create) [ -e {note} ] || {{ : > {note}
                echo 'Error: subnet x is already used on the host or by another config' >&2
                exit 125; }} ;;
        esac"""
    )
    subnet = network.create(Engine(), "name", token="t", folder="/f")
    assert subnet.subnet_of(network.POOL)
    assert note.exists()


def test_when_every_subnet_is_taken_it_says_so(
    stub: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "POOL", ONE_SUBNET)
    taken = json.dumps([{"name": "x", "subnets": [{"subnet": str(ONE_SUBNET)}]}])
    stub(podman=f"echo '{taken}'")
    with pytest.raises(LabError) as caught:
        network.create(Engine(), "name", token="t", folder="/f")
    assert str(caught.value) == (
        "every subnet of 198.18.7.0/24 is in use (take down labs you do not use: podman network ls)"
    )


def test_a_disk_that_cannot_be_slowed_down_is_told(tmp_path: Path) -> None:
    with pytest.raises(LabError) as caught:
        throttle.slow_down(os.getpid(), Path("/proc"))
    assert str(caught.value) == (
        "/proc lies on no disk that can be slowed down"
        " (slow-disk needs a file system on one block device)"
    )


def test_a_half_made_lab_has_no_hosts_to_break(tmp_path: Path) -> None:
    folder = tmp_path / ".wirework" / "lab"
    folder.mkdir(parents=True)
    (folder / "state.json").write_text('{"driver": "podman"}')
    assert labs.status(tmp_path).hosts == ()
    with pytest.raises(BadInput, match=r"^there is no lab 'lab' here"):
        faults.make(folder, "web1", "pause", for_=None)


def test_embedded_hosts_have_no_faults(lab: Lab) -> None:
    root: Any = lab.folder.parents[1]
    instead = "lab.down, then lab.up --driver podman"
    for ask, what, hint in (
        (lambda: labs.fault(root, host="web1", kind="pause"), "faults", instead),
        (lambda: labs.heal(root), "faults", instead),
        (
            lambda: labs.shell_command(root, host="web1"),
            "ssh_config",
            "remote.shell web1 -i lab",
        ),
    ):
        with pytest.raises(BadInput) as caught:
            ask()
        assert str(caught.value) == f"lab: its hosts are embedded, which have no {what} ({hint})"

"""A lab of containers comes up, shows itself, goes down and leaves nothing, whatever happened."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from tests.lab.podman.conftest import Ssh
from tests.labs import LabHosts
from wirework import lab as labs
from wirework.errors import BadInput, LabError
from wirework.lab import Lab, State
from wirework.lab.podman import driver
from wirework.lab.podman.engine import known
from wirework.lab.podman.model import PodmanHost, Record

pytestmark = pytest.mark.xdist_group("podman-alone")

Listed = Callable[[str, Path], list[str]]

UP = (
    "import sys; from pathlib import Path; from wirework import lab;"
    "lab.up(Path(sys.argv[1]), name=sys.argv[2], driver='podman', hosts=int(sys.argv[3]))"
)


def test_hosts_have_names_addresses_and_groups_of_their_own(
    lab_hosts: LabHosts, ssh_to: Ssh
) -> None:
    lab = lab_hosts(groups={"web": 2, "tiny": 1}, images={"tiny": "busybox"})
    assert lab.driver == "podman"
    assert [(host.name, host.group) for host in lab.hosts] == [
        ("web1", "web"),
        ("web2", "web"),
        ("tiny1", "tiny"),
    ]
    assert len({host.address for host in lab.hosts}) == 3
    for host in lab.hosts:
        said = ssh_to(lab, host.name, "hostname; hostname -i; getent hosts web2 || true")
        assert said.stdout.decode().split()[:2] == [host.name, host.address]
    ssh_to(lab, "web1", "touch /tmp/only-here")
    assert ssh_to(lab, "web2", "ls /tmp/only-here").returncode != 0


def test_the_inventory_says_how_to_reach_them(lab_hosts: LabHosts) -> None:
    lab = lab_hosts(groups={"web": 2, "tiny": 1}, images={"tiny": "busybox"})
    web1, web2, tiny1 = lab.hosts
    place = {"port": 22, "http_port": 8080}
    assert yaml.safe_load(lab.inventory.read_text()) == {
        "all": {
            "vars": {
                "user": "ops",
                "key": "id_ed25519",
                "known_hosts": "known_hosts",
                "ssh_config": "none",
            },
            "children": {
                "web": {
                    "hosts": {
                        "web1": {"address": web1.address, **place},
                        "web2": {"address": web2.address, **place},
                    }
                },
                "tiny": {"hosts": {"tiny1": {"address": tiny1.address, **place, "user": "root"}}},
            },
        }
    }


def test_only_the_owner_may_look_into_a_lab(lab_hosts: LabHosts) -> None:
    lab = lab_hosts(groups={"web": 2, "tiny": 1}, images={"tiny": "busybox"})
    for path in (lab.folder, *lab.folder.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_changed_host_key_is_refused(lab_hosts: LabHosts, tmp_path: Path) -> None:
    lab = lab_hosts(groups={"web": 2, "tiny": 1}, images={"tiny": "busybox"})
    lines = [line.split() for line in lab.known_hosts.read_text().splitlines()]
    assert len({line[2] for line in lines}) == len(lab.hosts)
    mixed = tmp_path / "known_hosts"
    mixed.write_text(" ".join([lines[0][0], *lines[1][1:]]) + "\n")
    done = _ssh(lab, mixed)
    assert done.returncode == 255
    assert b"Host key verification failed" in done.stderr


def test_up_again_changes_nothing_and_another_shape_is_refused(root: Path) -> None:
    first = labs.up(root, driver="podman", hosts=1, image="busybox")
    token = _record(first).token
    again = labs.up(root, driver="podman", hosts=1, image="busybox")
    assert (again, _record(again).token) == (first, token)
    for wish, problem in (
        ({"hosts": 2, "image": "busybox"}, "lab: it is up with other hosts: web1 (busybox)"),
        ({"hosts": 1}, "lab: it is up with other hosts: web1 (busybox)"),
        ({"hosts": 1, "image": "busybox", "delay": 0.1}, "lab: it is up with a delay of 0 ms"),
    ):
        with pytest.raises(LabError) as caught:
            _up(root, **wish)
        assert str(caught.value) == f"{problem} (lab.down first)"
    with pytest.raises(LabError) as caught:
        labs.up(root, hosts=1, ports="free")
    assert str(caught.value) == "lab: it is up with the podman driver (lab.down first)"


def test_down_leaves_nothing(root: Path, listed: Listed) -> None:
    lab = labs.up(root, driver="podman", hosts=2, image="busybox", delay=0.02)
    (subnet,) = {host.ip.rpartition(".")[0] for host in _hosts(lab)}
    token = _record(lab).token
    labs.fault(root, host="web1", kind="partition", for_=600)
    assert _carriers(token)
    assert f"{subnet}." in _rules()
    helpers = len(_helpers_of(lab.folder))
    done = labs.down(root)
    assert (done.hosts, done.processes, done.removed) == (("web1", "web2"), helpers, True)
    assert not _carriers(token)
    assert listed("containers", lab.folder) == listed("networks", lab.folder) == []
    assert f"{subnet}." not in _rules()
    assert list(root.iterdir()) == []
    assert labs.down(root).removed is False


@pytest.mark.parametrize("kind", ["pause", "stop", "fill-disk"])
def test_down_removes_broken_hosts_too(root: Path, listed: Listed, kind: str) -> None:
    lab = labs.up(root, driver="podman", hosts=1, image="busybox")
    labs.fault(root, host="web1", kind=kind)
    labs.down(root)
    assert listed("containers", lab.folder) == []


def test_an_up_that_was_killed_is_cleared_away(root: Path, listed: Listed) -> None:
    half = subprocess.Popen([sys.executable, "-c", UP, str(root), "lab", "12"])
    folder = root / ".wirework" / "lab"
    _until(lambda: folder.is_dir() and bool(listed("containers", folder)))
    half.send_signal(signal.SIGKILL)
    half.wait(timeout=10)
    assert labs.status(root).running is False
    lab = labs.up(root, driver="podman", hosts=1, image="busybox")
    assert lab.running
    assert len(listed("containers", folder)) == 1
    labs.down(root)
    assert listed("containers", folder) == listed("networks", folder) == []


def test_an_up_that_is_interrupted_leaves_nothing(root: Path, listed: Listed) -> None:
    code = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {UP}"
    half = subprocess.Popen(
        [sys.executable, "-c", code, str(root), "lab", "12"], stderr=subprocess.PIPE
    )
    folder = root / ".wirework" / "lab"
    _until(lambda: folder.is_dir() and bool(listed("containers", folder)))
    half.send_signal(signal.SIGINT)
    _, said = half.communicate(timeout=60)
    assert b"KeyboardInterrupt" in said
    assert not folder.exists()
    assert listed("containers", folder) == listed("networks", folder) == []


def test_hosts_that_never_greet_are_removed(
    root: Path, listed: Listed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "START_TIMEOUT", 0.0)
    with pytest.raises(LabError, match=r"^lab: web1 gave no SSH greeting in time"):
        labs.up(root, driver="podman", hosts=1, image="busybox")
    folder = root / ".wirework" / "lab"
    assert listed("containers", folder) == listed("networks", folder) == []
    assert list(root.iterdir()) == []


def test_a_lab_whose_folder_was_removed_by_hand_is_found(root: Path, listed: Listed) -> None:
    lab = labs.up(root, driver="podman", hosts=1, image="busybox")
    shutil.rmtree(root / ".wirework")
    done = labs.down(root)
    assert (done.hosts, done.removed) == (("web1",), False)
    assert listed("containers", lab.folder) == listed("networks", lab.folder) == []


def test_what_others_left_without_a_folder_is_swept_up_too(root: Path, listed: Listed) -> None:
    gone = root / "gone"
    gone.mkdir()
    lab = labs.up(gone, driver="podman", hosts=1, image="busybox")
    shutil.rmtree(gone)
    labs.up(root, driver="podman", hosts=1, image="busybox")
    assert listed("containers", lab.folder) == listed("networks", lab.folder) == []


def test_a_lab_that_stopped_with_the_machine_is_started_again(root: Path) -> None:
    lab = labs.up(root, driver="podman", hosts=2, image="busybox")
    record, engine = _record(lab), known(lab.folder)
    engine.run("kill", *(record.container(host.name) for host in record.hosts))
    assert [host.state for host in labs.status(root).hosts] == [State.DOWN, State.DOWN]
    assert labs.up(root, driver="podman", hosts=2, image="busybox").running
    assert _record(lab).token == record.token


def test_a_lab_that_lost_a_container_is_made_anew(root: Path, listed: Listed) -> None:
    lab = labs.up(root, driver="podman", hosts=2, image="busybox")
    record, engine = _record(lab), known(lab.folder)
    engine.run("rm", "--force", "--time", "0", record.container("web1"))
    again = labs.up(root, driver="podman", hosts=2, image="busybox")
    assert again.running
    assert _record(again).token != record.token
    assert len(listed("containers", lab.folder)) == 2


def test_an_embedded_lab_that_crashed_gives_way(root: Path) -> None:
    labs.up(root, hosts=1, ports="free")
    folder = root / ".wirework" / "lab"
    with pytest.raises(LabError, match=r"^lab: it is up with the embedded driver"):
        labs.up(root, driver="podman", hosts=1, image="busybox")
    (server,) = _helpers_of(folder)
    server.kill()
    server.wait(timeout=10)
    assert labs.up(root, driver="podman", hosts=1, image="busybox").running


def test_labs_made_at_once_share_nothing(root: Path) -> None:
    both = [
        subprocess.Popen([sys.executable, "-c", UP, str(root), f"lab-{name}", "2"])
        for name in ("one", "two")
    ]
    assert [process.wait(timeout=90) for process in both] == [0, 0]
    one, two = (labs.status(root, f"lab-{name}") for name in ("one", "two"))
    assert one.running
    assert two.running
    assert not {host.address for host in one.hosts} & {host.address for host in two.hosts}
    assert one.key.read_bytes() != two.key.read_bytes()
    labs.down(root, "lab-one")
    assert labs.status(root, "lab-two").running


@pytest.mark.parametrize(
    ("wish", "problem"),
    [
        ({"driver": "docker"}, "'docker' is no driver of labs (one of embedded, podman)"),
        (
            {"image": "alpine"},
            (
                "'alpine' is no image of lab hosts"
                " (one of debian, python, busybox, services, systemd, openrc, rpm, password)"
            ),
        ),
        ({"groups": {"web": 1}, "images": {"web": "x"}}, "'x' is no image of lab hosts"),
        ({"images": {"db": "python"}}, "an image is named for the group db, which has no hosts"),
        (
            {"groups": {"bastion": 1}, "bastion": True},
            "the group of the bastion is made by --bastion: leave it out",
        ),
        ({"delay": 5.5}, "a delay is 0 to 5 s, not 5.5"),
        ({"delay": -1.0}, "a delay is 0 to 5 s, not -1"),
        ({"hosts": 201}, "a lab has 1 to 200 hosts, not 201"),
        (
            {"ports": "free"},
            (
                "podman hosts have addresses of their own, where every port is free"
                " (leave --free-ports out)"
            ),
        ),
        (
            {"driver": "embedded", "image": "python"},
            "embedded hosts cannot have an image (--driver podman can)",
        ),
        (
            {"driver": "embedded", "bastion": True},
            "embedded hosts cannot have a bastion (--driver podman can)",
        ),
        (
            {"driver": "embedded", "delay": 0.1},
            "embedded hosts cannot have a delay (--driver podman can)",
        ),
    ],
)
def test_a_request_that_makes_no_lab_is_refused(
    tmp_path: Path, wish: dict[str, Any], problem: str
) -> None:
    with pytest.raises(BadInput) as caught:
        _up(tmp_path, **wish)
    assert str(caught.value).startswith(problem)
    assert list(tmp_path.iterdir()) == []


def _up(root: Path, **wish: Any) -> Lab:
    up: Callable[..., Lab] = labs.up
    return up(root, **{"driver": "podman", **wish})


def _ssh(lab: Lab, known_hosts: Path) -> subprocess.CompletedProcess[bytes]:
    command, *options = labs.shell_command(lab.folder.parents[1], lab.name, host="web1")
    words = [command, "-o", f"UserKnownHostsFile={known_hosts}", *options, "true"]
    return subprocess.run(words, check=False, capture_output=True, timeout=30)


def _record(lab: Lab) -> Record:
    record = Record.load(lab.folder)
    assert record is not None
    return record


def _hosts(lab: Lab) -> list[PodmanHost]:
    assert all(isinstance(host, PodmanHost) for host in lab.hosts)
    return [host for host in lab.hosts if isinstance(host, PodmanHost)]


def _rules() -> str:
    said = subprocess.run(["iptables-save"], check=True, capture_output=True, text=True, timeout=20)
    return said.stdout


def _carriers(token: str) -> list[int]:
    """Processes with the token in their environment, and containers' that mention it."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("WIREWORK_LAB") == token:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def _helpers_of(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if str(folder) in process.cmdline() and process.pid != os.getpid():
                found.append(process)
        except psutil.Error:
            continue
    return found


def _until(happened: Callable[[], bool], timeout: float = 30.0) -> None:
    deadline = time.monotonic() + timeout
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)

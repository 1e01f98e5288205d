"""A lab comes up, shows itself, goes down and leaves nothing, whatever happened in between."""

from __future__ import annotations

import getpass
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import yaml

from tests.lab.conftest import Client
from wirework import lab as labs
from wirework.errors import BadInput, LabError
from wirework.lab import Lab, LabHost, State, ports, processes
from wirework.lab.embedded import driver as embedded
from wirework.lab.embedded.record import Record

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for folder in tmp_path.glob(".wirework/lab*"):
        labs.down(tmp_path, folder.name)


def test_hosts_are_up_when_up_returns(root: Path) -> None:
    lab = labs.up(root, groups={"web": 2, "db": 1}, ports="free")
    assert [(host.name, host.group) for host in lab.hosts] == [
        ("web1", "web"),
        ("web2", "web"),
        ("db1", "db"),
    ]
    assert lab.running
    assert lab == labs.status(root)
    assert len({port for host in lab.hosts for port in (host.port, host.http_port)}) == 6


def test_the_inventory_says_how_to_reach_them(root: Path) -> None:
    lab = labs.up(root, groups={"web": 1, "db": 1}, ports="free")
    web1, db1 = lab.hosts
    assert yaml.safe_load(lab.inventory.read_text()) == {
        "all": {
            "vars": {
                "user": getpass.getuser(),
                "key": "id_ed25519",
                "known_hosts": "known_hosts",
                "ssh_config": "none",
            },
            "children": {
                "web": {"hosts": {"web1": _connection(web1)}},
                "db": {"hosts": {"db1": _connection(db1)}},
            },
        }
    }


def test_the_example_inventory_is_the_one_a_lab_writes() -> None:
    hosts = tuple(
        LabHost(
            name=f"web{number}",
            group="web",
            address=ports.ADDRESS,
            port=ports.FIRST_SSH + number - 1,
            http_port=ports.FIRST_HTTP + number - 1,
        )
        for number in (1, 2, 3)
    )
    written = embedded._inventory(Record(token="", user="", hosts=hosts))
    lab = yaml.safe_load(written)["all"]
    example = yaml.safe_load((PROJECT / "inventory.yaml").read_text())["all"]
    assert example["children"] == lab["children"]
    # The example stands beside .wirework and is for everybody, so it names no user.
    assert example["vars"] == {
        "key": f".wirework/lab/{lab['vars']['key']}",
        "known_hosts": f".wirework/lab/{lab['vars']['known_hosts']}",
        "ssh_config": lab["vars"]["ssh_config"],
    }


def test_up_again_changes_nothing(root: Path) -> None:
    first = labs.up(root, hosts=1, ports="free")
    server = _server(first)
    assert labs.up(root, hosts=1, ports="free") == first
    assert _server(first) == server


def test_up_with_another_shape_asks_for_down_first(root: Path) -> None:
    labs.up(root, hosts=1, ports="free")
    with pytest.raises(LabError) as caught:
        labs.up(root, hosts=2, ports="free")
    assert str(caught.value) == "lab: it is up with other hosts: web1 (lab.down first)"
    assert labs.status(root).running


def test_down_leaves_nothing(root: Path) -> None:
    lab = labs.up(root, hosts=2, ports="free")
    server = _server(lab)
    done = labs.down(root)
    assert (done.hosts, done.processes, done.removed) == (("web1", "web2"), 1, True)
    assert list(root.iterdir()) == []
    assert not _runs(server)
    assert labs.status(root).hosts == ()


def test_down_twice_is_calm(root: Path) -> None:
    labs.up(root, hosts=1, ports="free")
    labs.down(root)
    done = labs.down(root)
    assert (done.hosts, done.processes, done.removed) == ((), 0, False)
    assert list(root.iterdir()) == []


def test_down_keeps_what_else_stands_beside_the_lab(root: Path) -> None:
    labs.up(root, hosts=1, ports="free")
    (root / ".wirework" / "known_hosts").write_text("")
    labs.down(root)
    assert [path.name for path in (root / ".wirework").iterdir()] == ["known_hosts"]


def test_down_ends_daemons_that_hosts_started_even_stubborn_ones(
    root: Path, ssh: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "PATIENCE", 0.5)
    lab = labs.up(root, hosts=1, ports="free")
    daemon = "setsid sh -c 'trap \"\" TERM HUP; echo $$; while :; do sleep 1; done' &"
    pid = int(ssh(lab, "web1", daemon).stdout)
    assert _runs(pid)
    assert labs.down(root).processes >= 2
    assert not _runs(pid)


def test_down_removes_folders_that_a_command_locked(root: Path, ssh: Client) -> None:
    lab = labs.up(root, hosts=1, ports="free")
    assert ssh(lab, "web1", "mkdir -p a/b && touch a/b/c && chmod 0 a/b a").returncode == 0
    labs.down(root)
    assert list(root.iterdir()) == []


def test_down_never_follows_a_link(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "precious").write_text("")
    lab = labs.up(root, hosts=1, ports="free")
    (lab.home("web1") / "link").symlink_to(elsewhere)
    labs.down(root)
    (root / ".wirework").mkdir()
    (root / ".wirework" / "lab").symlink_to(elsewhere)
    with pytest.raises(LabError, match="is a symbolic link, not a lab's folder"):
        labs.down(root)
    assert (elsewhere / "precious").exists()
    (root / ".wirework" / "lab").unlink()


def test_after_a_crash_status_says_down_and_down_cleans_up(root: Path, ssh: Client) -> None:
    lab = labs.up(root, hosts=2, ports="free")
    pid = int(ssh(lab, "web1", "sleep 300 & echo $!").stdout)
    os.kill(_server(lab), signal.SIGKILL)
    _until(lambda: not _runs(_server(lab)))
    crashed = labs.status(root)
    assert [host.state for host in crashed.hosts] == [State.DOWN, State.DOWN]
    assert not crashed.running
    assert labs.down(root).removed
    assert not _runs(pid)
    assert list(root.iterdir()) == []


def test_after_a_crash_up_starts_afresh(root: Path, ssh: Client) -> None:
    lab = labs.up(root, hosts=1, ports="free")
    pid = int(ssh(lab, "web1", "sleep 300 & echo $!").stdout)
    os.kill(_server(lab), signal.SIGKILL)
    _until(lambda: not _runs(_server(lab)))
    again = labs.up(root, hosts=1, ports="free")
    assert again.running
    assert not _runs(pid)
    assert ssh(again, "web1", "ls").stdout == b""


def test_a_recycled_pid_is_not_taken_for_the_server(root: Path) -> None:
    lab = labs.up(root, hosts=1, ports="free")
    record = Record.load(lab.folder)
    assert record is not None
    labs.down(root)
    stranger = subprocess.Popen([sys.executable, "-c", "input()", lab.folder], stdin=-1)
    lab.folder.mkdir(parents=True)
    # As after a reboot: the pid is somebody else's now, even with the folder in its arguments.
    replace(record, pid=stranger.pid).save(lab.folder)
    assert not labs.status(root).running
    labs.down(root)
    assert stranger.poll() is None, "down ended a process that is not the lab's"
    stranger.communicate(b"\n", timeout=10)


@pytest.mark.parametrize("record", [None, "", "{", '{"hosts": [{}]}', "[]"])
def test_a_lab_broken_off_while_it_was_made_is_cleared(root: Path, record: str | None) -> None:
    folder = root / ".wirework" / "lab"
    (folder / "hosts" / "web1").mkdir(parents=True)
    if record is not None:
        (folder / "state.json").write_text(record)
    assert labs.status(root).hosts == ()
    assert labs.up(root, hosts=1, ports="free").running


def test_the_server_ends_when_its_folder_disappears(root: Path, ssh: Client) -> None:
    lab = labs.up(root, hosts=1, ports="free")
    server = _server(lab)
    pid = int(ssh(lab, "web1", "sleep 300 & echo $!").stdout)
    lab.folder.rename(root / "moved")
    _until(lambda: not _runs(server))
    assert not _runs(pid)


def test_labs_side_by_side_share_nothing(root: Path, ssh: Client) -> None:
    one = labs.up(root, name="lab-one", hosts=1, ports="free")
    two = labs.up(root, name="lab-two", hosts=1, ports="free")
    assert one.hosts[0].port != two.hosts[0].port
    assert one.key.read_bytes() != two.key.read_bytes()
    assert ssh(two, "web1", "true", options=("-i", str(one.key))).returncode == 0
    labs.down(root, "lab-one")
    assert ssh(two, "web1", "pwd").stdout.decode().strip() == str(two.home("web1"))


def test_two_ups_at_once_make_one_lab(root: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from wirework import lab;"
        "print(lab.up(Path(sys.argv[1]), hosts=1, ports='free').hosts[0].port)"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", script, root], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    answers = {process.communicate(timeout=30)[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert answers == {f"{labs.status(root).hosts[0].port}\n".encode()}


def test_up_keeps_no_stream_of_its_caller_open(root: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from wirework import lab;"
        "lab.up(Path(sys.argv[1]), hosts=1, ports='free')"
    )
    # With pipes, run returns only when everybody has closed them.
    subprocess.run(
        [sys.executable, "-c", script, root], check=True, capture_output=True, timeout=20
    )
    assert labs.status(root).running


def test_a_port_that_is_taken_is_named_before_anything_starts(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for constant in ("FIRST_SSH", "FIRST_HTTP"):
            with monkeypatch.context() as patch:
                patch.setattr(ports, "FIRST_SSH", _unused_port())
                patch.setattr(ports, "FIRST_HTTP", _unused_port())
                patch.setattr(ports, constant, port)
                with pytest.raises(LabError) as caught:
                    labs.up(root, hosts=1)
            assert str(caught.value).startswith(f"port {port} of 127.0.0.1 is taken (")
            assert list(root.iterdir()) == []


def test_fixed_ports_count_up_from_the_first(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first_ssh, first_http = _unused_port(), _unused_port()
    monkeypatch.setattr(ports, "FIRST_SSH", first_ssh)
    monkeypatch.setattr(ports, "FIRST_HTTP", first_http)
    (host,) = labs.up(root, hosts=1).hosts
    assert (host.port, host.http_port) == (first_ssh, first_http)


def test_a_server_that_does_not_start_leaves_nothing_and_says_why(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = root / "bad"
    (bad / "asyncssh").mkdir(parents=True)
    (bad / "asyncssh" / "__init__.py").write_text("raise ImportError('it is broken')")
    monkeypatch.setenv("PYTHONPATH", str(bad))
    with pytest.raises(LabError) as caught:
        labs.up(root, hosts=1, ports="free")
    assert str(caught.value) == "lab: its server did not start: ImportError: it is broken"
    assert [path.name for path in root.iterdir()] == ["bad"]


def test_a_server_that_never_greets_is_ended(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def mute(address: str, port: int, timeout: float) -> bool:
        return False

    monkeypatch.setattr(embedded, "greets", mute)
    with pytest.raises(LabError, match=r"^lab: web1 gave no SSH greeting within 10 s"):
        labs.up(root, hosts=1, ports="free")
    assert list(root.iterdir()) == []
    for process in psutil.process_iter():
        assert str(root) not in " ".join(_command_line(process))


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        ({"name": "web"}, "'web' is no name for a lab (lab, or lab- and letters, digits, dashes)"),
        ({"name": "lab/../x"}, "'lab/../x' is no name for a lab"),
        ({"name": "lab-"}, "'lab-' is no name for a lab"),
        ({"hosts": 0}, "a lab has at least one host in web, not 0"),
        ({"hosts": 201}, "a lab has 1 to 200 hosts, not 201"),
        ({"groups": {}}, "a lab has 1 to 200 hosts, not 0"),
        ({"groups": {"web": 2, "db": 0}}, "a lab has at least one host in db, not 0"),
        ({"groups": {"web1": 2}}, "'web1' is no name for a group of a lab"),
        ({"groups": {"all": 2}}, "'all' is no name for a group of a lab"),
        ({"groups": {"../x": 2}}, "'../x' is no name for a group of a lab"),
        ({"ports": "any"}, "a lab's ports are fixed or free, not 'any'"),
    ],
)
def test_a_request_that_makes_no_lab_is_refused(
    root: Path, request_: dict[str, object], problem: str
) -> None:
    up: Callable[..., Lab] = labs.up
    with pytest.raises(BadInput) as caught:
        up(root, **{"ports": "free", **request_})
    assert str(caught.value).startswith(problem)
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("ask", [labs.up, labs.status, labs.down])
def test_a_root_that_is_no_folder_is_refused(tmp_path: Path, ask: Callable[..., object]) -> None:
    (tmp_path / "file").write_text("")
    for name in ("nowhere", "file"):
        with pytest.raises(BadInput) as caught:
            ask(tmp_path / name)
        assert str(caught.value) == f"the lab's root is no folder: {tmp_path / name}"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / ".wirework").write_text("in the way")
    with pytest.raises(LabError, match=r"^cannot make the folder .*/\.wirework: File exists$"):
        labs.up(tmp_path, hosts=1, ports="free")


def test_without_the_extra_the_import_says_what_to_install() -> None:
    script = (
        "import importlib.util as u; find = u.find_spec;"
        "u.find_spec = lambda name, *a: None if name == 'asyncssh' else find(name, *a);"
        "import wirework.lab"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, timeout=20
    )
    expected = b"BadInput: the lab needs asyncssh (pip install 'wirework[lab]')"
    assert done.stderr.strip().endswith(expected)


def _connection(host: LabHost) -> dict[str, object]:
    return {"address": "127.0.0.1", "port": host.port, "http_port": host.http_port}


def _server(lab: Lab) -> int:
    pid = json.loads((lab.folder / "state.json").read_text())["pid"]
    assert isinstance(pid, int)
    return pid


def _runs(pid: int) -> bool:
    """Whether a process is there and no zombie: some containers reap nobody."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _unused_port() -> int:
    with ports.hold(1, "free") as (pair,):
        return pair.port


def _until(happened: Callable[[], bool], timeout: float = 10.0) -> None:
    deadline = time.monotonic() + timeout
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_down_is_calm_where_podman_does_not_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "podman").write_text("#!/bin/sh\necho 'Error: no storage' >&2\nexit 125\n")
    (tools / "podman").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    root = tmp_path / "root"
    root.mkdir()
    assert not labs.down(root).removed
    (root / ".wirework").mkdir()
    assert not labs.down(root).removed

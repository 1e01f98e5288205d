"""Bastions hide what is behind them, delays are felt, and terminals reach hosts."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from tests.lab.podman.conftest import OnHosts, Ssh
from tests.labs import LabHosts
from tests.tasks.commandline import command
from wirework import lab as labs
from wirework.lab import Lab, State
from wirework.lab.podman.model import PodmanHost

pytestmark = pytest.mark.xdist_group("podman")

DELAY = 0.2


@pytest.fixture
def hidden(lab_hosts: LabHosts) -> Lab:
    """bastion1, and behind it web1 and web2."""
    return lab_hosts(2, image="busybox", bastion=True)


@pytest.fixture
def slow(lab_hosts: LabHosts) -> Lab:
    """web1, a fifth of a second away."""
    return lab_hosts(1, image="busybox", delay=DELAY)


def test_hosts_behind_a_bastion_are_reached_through_it(hidden: Lab, on_hosts: OnHosts) -> None:
    assert hidden.running
    said = on_hosts(hidden, "remote.run", "uname -n", "--hosts", "all", "-o", "jsonl")
    assert said.status == 0, said.err


def test_hosts_behind_a_bastion_reach_each_other_and_nothing_else(hidden: Lab, ssh_to: Ssh) -> None:
    front = _hosts(hidden)[0].ip
    said = ssh_to(hidden, "web1", "nc -w 2 web2 22 </dev/null | head -c 4")
    assert said.stdout == b"SSH-"
    outside = ssh_to(hidden, "web1", f"nc -w 2 {front} 22 </dev/null 2>&1 | head -c 4")
    assert outside.stdout != b"SSH-"


def test_hosts_behind_a_bastion_are_reached_in_no_other_way(hidden: Lab) -> None:
    for host in _hosts(hidden)[1:]:
        assert host.gateway == "bastion1"
        with pytest.raises(OSError, match="timed out"):
            socket.create_connection((host.ip, 22), timeout=1).close()


def test_a_hidden_host_that_was_stopped_is_hidden_again(hidden: Lab) -> None:
    labs.fault(_root(hidden), hidden.name, host="web2", kind="stop")
    labs.heal(_root(hidden), hidden.name)
    with pytest.raises(OSError, match="timed out"):
        socket.create_connection((_hosts(hidden)[2].ip, 22), timeout=1).close()


def test_a_bastion_that_is_gone_takes_all_with_it(hidden: Lab, on_hosts: OnHosts) -> None:
    given = labs.fault(_root(hidden), hidden.name, host="bastion1", kind="stop")
    try:
        assert [host.state for host in given.hosts] == [State.DOWN] * 3
        said = on_hosts(hidden, "remote.ping")
        assert said.status == 4
    finally:
        assert labs.heal(_root(hidden), hidden.name).running


def test_a_cut_behind_the_bastion_hits_one_host(hidden: Lab) -> None:
    given = labs.fault(_root(hidden), hidden.name, host="web1", kind="partition")
    try:
        assert [host.state for host in given.hosts] == [State.UP, State.DOWN, State.UP]
    finally:
        assert labs.heal(_root(hidden), hidden.name).running


def test_a_round_trip_takes_the_delay(slow: Lab, on_hosts: OnHosts) -> None:
    said = on_hosts(slow, "remote.ping", "-o", "json")
    text = json.dumps(json.loads(said.out))
    took = float(text.partition('"command_ms": ')[2].split(",")[0].strip("}] "))
    assert DELAY * 1000 <= took < DELAY * 1000 * 5


def test_a_delay_loses_no_byte_in_either_direction(slow: Lab) -> None:
    data = os.urandom(200_000)
    argv = labs.shell_command(_root(slow), slow.name, host="web1")
    done = subprocess.run([*argv, "cat"], check=False, input=data, capture_output=True, timeout=60)
    assert done.returncode == 0
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(data).digest()


def test_pages_come_through_the_delay_too(slow: Lab, ssh_to: Ssh) -> None:
    (host,) = slow.hosts
    serve = "mkdir -p /tmp/pages; echo page > /tmp/pages/index.html; httpd -p 8080 -h /tmp/pages"
    assert ssh_to(slow, "web1", serve).returncode == 0
    url = f"http://{host.address}:{host.http_port}/"
    began = time.monotonic()
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.read() == b"page\n"
    assert time.monotonic() - began >= DELAY


def test_a_slow_host_that_is_gone_is_gone(slow: Lab, on_hosts: OnHosts) -> None:
    labs.fault(_root(slow), slow.name, host="web1", kind="stop")
    try:
        said = on_hosts(slow, "remote.ping")
        assert said.status == 4
    finally:
        assert labs.heal(_root(slow), slow.name).running


def test_lab_shell_passes_the_status_on(slow: Lab) -> None:
    done = _shell(slow, b"exit 7\n")
    assert done.returncode == 7


def test_lab_shell_has_a_terminal(slow: Lab) -> None:
    ours, theirs = pty.openpty()
    argv = command("lab.shell", "web1", "--name", slow.name)
    process = subprocess.Popen(
        argv, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, cwd=_root(slow)
    )
    os.close(theirs)
    os.write(ours, b"tty; exit 5\n")
    said = b""
    while process.poll() is None:
        try:
            said += os.read(ours, 4096)
        except OSError:  # the other end has gone
            break
    _, errors = process.communicate(timeout=30)
    os.close(ours)
    assert process.returncode == 5, errors
    assert b"/dev/pts/" in said


def _shell(lab: Lab, stdin: bytes) -> subprocess.CompletedProcess[bytes]:
    argv = command("lab.shell", "web1", "--name", lab.name)
    return subprocess.run(
        argv, check=False, input=stdin, capture_output=True, cwd=_root(lab), timeout=60
    )


def _hosts(lab: Lab) -> list[PodmanHost]:
    return [host for host in lab.hosts if isinstance(host, PodmanHost)]


def _root(lab: Lab) -> Path:
    return lab.folder.parents[1]

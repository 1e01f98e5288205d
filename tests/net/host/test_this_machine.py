"""What this machine is, beside hostname(1), uname(1) and /proc."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from wirework.errors import BadInput
from wirework.net.host.machine import machine


def said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_names_and_kernel_are_those_of_the_system() -> None:
    found = machine()
    assert found.name == said("uname", "-n")
    assert found.kernel == said("uname", "-r")
    assert found.architecture == said("uname", "-m")


def test_the_full_name_is_the_one_that_hostname_finds() -> None:
    done = subprocess.run(
        ["hostname", "--fqdn"], check=False, capture_output=True, text=True, timeout=30
    )
    if done.returncode == 0:
        assert machine().fqdn == done.stdout.strip()
    else:
        assert machine().fqdn == ""


def test_figures_are_those_of_proc() -> None:
    found = machine()
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    assert abs(found.uptime - uptime) < 30
    total = next(
        line for line in Path("/proc/meminfo").read_text().splitlines() if "MemTotal" in line
    )
    assert found.memory == int(total.split()[1]) * 1024
    assert 0 < found.memory_available <= found.memory
    assert found.cpus == Path("/proc/cpuinfo").read_text().count("processor\t")
    assert "127.0.0.1/8" in found.addresses["lo"]


def test_a_resolver_that_is_silent_does_not_hold_it_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: Any, **__: Any) -> Any:
        time.sleep(5)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    started = time.monotonic()
    assert machine(timeout=0.05).fqdn == ""
    assert time.monotonic() - started < 4


def test_a_name_that_is_unknown_has_no_full_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "no-such-host.invalid")
    assert machine(timeout=2).fqdn == ""


def test_no_time_to_wait_is_refused() -> None:
    with pytest.raises(BadInput, match="--timeout"):
        machine(timeout=0)

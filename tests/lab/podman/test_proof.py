"""Twenty real hosts, three of them broken in three ways: the report tells the truth about each."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.lab.podman.conftest import OnHosts
from tests.labs import LabHosts
from wirework import lab as labs

pytestmark = pytest.mark.xdist_group("podman-alone")

TIMEOUT = 30.0
"""What the whole task may take; one that hangs on a dead host would not be done in it."""


def test_a_run_over_twenty_hosts_three_of_which_are_broken(
    lab_hosts: LabHosts, on_hosts: OnHosts
) -> None:
    lab = lab_hosts(20)
    root, run = _root(lab.folder), ("remote.run", "uname -n", "--hosts", "all")
    well = on_hosts(lab, *run, "--timeout", str(TIMEOUT))
    assert well.status == 0, well.err
    assert well.err.splitlines()[-1].startswith("20 hosts: 20 ok in ")
    for host, kind in (("web3", "pause"), ("web7", "partition"), ("web20", "kill-sshd")):
        labs.fault(root, lab.name, host=host, kind=kind)
    try:
        began = time.monotonic()
        ill = on_hosts(lab, *run, "--timeout", str(TIMEOUT))
        assert time.monotonic() - began < TIMEOUT
        assert ill.status == 4
        assert ill.err.splitlines()[-1].startswith("20 hosts: 17 ok, 3 unreachable in ")
        reasons = {line.split(": ")[1]: line for line in ill.errors}
        assert set(reasons) == {"web3", "web7", "web20"}
        assert "sends no SSH greeting within" in reasons["web3"]
        assert "no answer within" in reasons["web7"]
        assert "connection refused" in reasons["web20"]
    finally:
        healed = labs.heal(root, lab.name)
    assert healed.running
    again = on_hosts(lab, *run, "--timeout", str(TIMEOUT))
    assert again.status == 0, again.err
    assert again.err.splitlines()[-1].startswith("20 hosts: 20 ok in ")


def _root(folder: Path) -> Path:
    return folder.parents[1]

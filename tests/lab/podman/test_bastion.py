"""Forty hosts behind one bastion whose sshd has its default limits."""

from __future__ import annotations

import pytest

from tests.labs import LabHosts
from wirework.fleet import fan_out
from wirework.inventory import load
from wirework.lab import Lab
from wirework.ssh import Pool, run

pytestmark = pytest.mark.xdist_group("podman")

HIDDEN = 40
ESTABLISHED = "awk '$4 == \"01\" && ${field} ~ /:0016$/' /proc/net/tcp | wc -l"
"""Counts connections on port 22 by /proc/net/tcp (proc(5)): field 2 is this end, 3 the other."""


@pytest.fixture
def many(lab_hosts: LabHosts) -> Lab:
    return lab_hosts(HIDDEN, image="busybox", bastion=True)


def test_forty_hosts_share_one_connection_to_their_bastion(many: Lab) -> None:
    fleet = load([many.inventory])
    bastion = fleet.host("bastion1")
    with Pool(known_hosts=(), connect_retries=0, gateways=fleet.hosts.__getitem__) as pool:
        report = fan_out(
            fleet.select("all:!bastion1"),
            lambda host: run(pool.remote(host), "uname -n").stdout.decode().strip(),
            forks=HIDDEN,
        )
        assert [outcome.error for outcome in report.outcomes if outcome.error] == []
        assert [outcome.value for outcome in report.outcomes] == [
            f"web{number}" for number in range(1, HIDDEN + 1)
        ]
        incoming = run(pool.remote(bastion), ESTABLISHED.format(field=2))
        outgoing = run(pool.remote(bastion), ESTABLISHED.format(field=3))
        limits = run(pool.remote(bastion), ["/usr/sbin/sshd", "-T"], become=True).stdout
    assert int(incoming.stdout) == 1
    assert int(outgoing.stdout) == HIDDEN
    assert {b"maxsessions 10", b"maxstartups 10:30:100"} <= set(limits.lower().splitlines())

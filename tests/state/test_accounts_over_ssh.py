"""Users, keys and rules for sudo on a Debian host, over SSH and sudo, as people use them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.labs import LabImage
from tests.state.conftest import Nowhere
from wirework.inventory import load
from wirework.ssh import Pool
from wirework.state import OPERATIONS, Item, converge

pytestmark = pytest.mark.xdist_group("podman")

KEY = f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{'B' * 43} ann@desk"
WISHES: list[tuple[str, dict[str, Any]]] = [
    ("group", {"name": "deploy", "gid": 1700}),
    ("user", {"name": "ann", "groups": ["deploy"], "password": f"$6$salt${'h' * 86}"}),
    ("user", {"name": "daemon-x", "system": True, "shell": "/usr/sbin/nologin"}),
    ("authorized_key", {"user": "ann", "key": KEY}),
    ("authorized_key", {"user": "root", "key": KEY}),
    ("sudoers", {"name": "deploy", "content": "%deploy ALL=(ALL) NOPASSWD: ALL"}),
]


def test_a_debian_host_gets_its_people(lab_image: LabImage) -> None:
    host = load([lab_image("debian").inventory]).hosts["web1"]
    items = [Item(OPERATIONS[name].wish(arguments, Nowhere())) for name, arguments in WISHES]
    with Pool() as pool:
        remote = pool.remote(host)
        plan = converge(remote, items, check=True, become=True)
        done = converge(remote, items, become=True)
        again = converge(remote, items, become=True)
        back = [
            Item(OPERATIONS["user"].wish({"name": name, "present": False, **more}, Nowhere()))
            for name, more in (("ann", {"remove": True}), ("daemon-x", {}))
        ]
        gone = converge(remote, back, become=True)
    assert [step.problem for step in done.steps if step.problem] == []
    assert [step.changes for step in plan.steps] == [step.changes for step in done.steps]
    assert all(step.changes for step in done.steps)
    assert (again.ok, again.changed, again.rounds) == (True, False, 1)
    assert [step.problem for step in gone.steps] == ["", ""]

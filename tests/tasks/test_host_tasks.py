"""host.info, host.interfaces and host.ipv6 as people type them."""

from __future__ import annotations

import json
import re
import socket

import pytest

from tests.machine import require
from tests.net.namespaces import REPO
from tests.tasks.commandline import Said, Typed, command, run_process


def test_info_tells_what_this_machine_is(typed: Typed) -> None:
    said = typed("host.info")
    assert (said.status, said.err) == (0, "")
    assert re.match(rf"name +{re.escape(socket.gethostname())}", said.out)
    assert re.search(r"^lo +127\.0\.0\.1/8", said.out, re.MULTILINE)
    assert re.search(r"^outside from +\S", said.out, re.MULTILINE)


def test_info_is_data_for_programs(typed: Typed) -> None:
    data = json.loads(typed("host.info", "--output", "json").out)
    assert data["name"] == socket.gethostname()
    assert "127.0.0.1/8" in data["addresses"]["lo"]
    assert data["memory"] > data["memory_available"] > 0


def test_info_needs_time(typed: Typed) -> None:
    said = typed("host.info", "--timeout", "-1")
    assert said.status == 2
    assert said.errors == ["error: --timeout: -1 is no time to wait (above 0)"]


def test_interfaces_are_listed_one_a_line(typed: Typed) -> None:
    said = typed("host.interfaces")
    heading, lo, *_ = said.out.splitlines()
    assert (said.status, said.err) == (0, "")
    assert heading.split()[:4] == ["interface", "state", "kind", "mtu"]
    assert re.match(r"lo +up +loopback +\d+ +00:00:00:00:00:00 .* 127\.0\.0\.1/8", lo)


def test_one_interface_is_told_in_full(typed: Typed) -> None:
    said = typed("host.interfaces", "lo", "--up")
    assert said.status == 0
    assert re.search(r"^address +127\.0\.0\.1/8, scope host", said.out, re.MULTILINE)
    assert re.search(r"^received +.* packets, \d+ errors, \d+ dropped$", said.out, re.MULTILINE)
    data = json.loads(typed("host.interfaces", "lo", "-o", "json").out)
    assert (data["name"], data["kind"], data["received"]["errors"]) == ("lo", "loopback", 0)


def test_an_unknown_interface_is_bad_input(typed: Typed) -> None:
    said = typed("host.interfaces", "lx")
    assert (said.status, said.out) == (2, "")
    (line,) = said.errors
    assert "there is no interface 'lx'" in line
    assert "there are lo" in line


def test_ipv6_is_told_with_a_verdict_first(typed: Typed) -> None:
    said = typed("host.ipv6")
    assert said.status == 0
    assert "IPv6" in said.out.splitlines()[0]
    assert re.search(r"^python +yes$", said.out, re.MULTILINE)
    data = json.loads(typed("host.ipv6", "-o", "json").out)
    assert {"verdict", "missing", "ok", "routes", "interfaces"} <= set(data)


def test_an_unknown_stage_is_bad_input(typed: Typed) -> None:
    said = typed("host.ipv6", "--require", "internet")
    assert said.status == 2
    assert "one of python, kernel, loopback, address or route" in said.err


def in_a_namespace(setup: str, *words: str) -> Said:
    """Type a command line in a network namespace of its own."""
    require("namespaces")
    script = f'{setup}\nexec "$@"'
    return run_process(["unshare", "--net", "sh", "-ec", script, "sh", *command(*words)], REPO)


@pytest.mark.parametrize(
    ("words", "setup", "status", "told"),
    [
        (("host.ipv6", "--require", "route"), "ip link set lo up", 1, "on this machine only"),
        (("host.interfaces", "lo", "--up"), "", 1, "error: lo: is down (ip link set lo up)"),
        (("host.interfaces", "--up"), "", 0, "no interface is up"),
        (("host.info",), "", 0, "no route to the outside"),
    ],
)
def test_a_machine_without_a_network_is_told_so(
    words: tuple[str, ...], setup: str, status: int, told: str
) -> None:
    said = in_a_namespace(setup, *words)
    assert said.status == status, said.err
    assert told in said.out + said.err

"""A probe in namespaces of the tests' own: routes that lead nowhere, names that fail."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.machine import require
from tests.servers.running import installed

REPO = Path(__file__).parents[2]

# All of it is gone with the process: the namespaces, the mounts and dnsmasq.
SETUP = """
ip link set lo up
ip link add name veth1 type veth peer name veth2
ip addr add 192.0.2.1/24 dev veth1
ip link set veth1 up
ip link set veth2 up
sysctl -qw net.ipv4.neigh.veth1.retrans_time_ms=50
ip route add unreachable 198.51.100.1/32
ip route add prohibit 198.51.100.2/32
ip route add blackhole 198.51.100.3/32
mount --bind resolv.conf /etc/resolv.conf
mount --bind hosts /etc/hosts
"$1" --keep-in-foreground --log-facility=- --conf-file=/dev/null --no-resolv --no-hosts \
  --pid-file= --listen-address=127.0.0.1 --bind-interfaces --user=root --local=/r.test/ \
  --host-record=four.r.test,127.0.0.1 --host-record=six.r.test,::1 2>log &
trap "kill $!" EXIT
n=0
until grep -q started log; do n=$((n + 1)); test $n -lt 200; sleep 0.02; done
"$2" -c "$3"
"""
ASK = """
import dataclasses, json, socket, sys
from pathlib import Path
sys.path.insert(0, REPO)
from wirework.net.probe import Asking, probe

listener = socket.create_server(("127.0.0.1", 0))
port = str(listener.getsockname()[1])
found = {}

def ask(name, host, port=port, **options):
    given = probe(host, port, Asking(**{"timeout": 5.0, **options}))
    found[name] = dataclasses.asdict(given) | {"ok": given.ok, "summary": given.summary}
    found[name]["received"] = ""

for mode in ("blocking", "timeout", "nonblocking"):
    ask(f"unreachable {mode}", "198.51.100.1", mode=mode)
    ask(f"prohibit {mode}", "198.51.100.2", mode=mode)
    ask(f"blackhole {mode}", "198.51.100.3", mode=mode)
    ask(f"no route {mode}", "203.0.113.1", mode=mode)
ask("both", "both.test")
ask("both closed", "both.test", "9")
ask("both mixed", "mixed.test", "9")
ask("six of both", "both.test", family="6")
ask("four", "four.r.test")
ask("no four", "six.r.test", family="4")
ask("no six", "four.r.test", family="6")
ask("no such", "no.r.test")
ask("refused lookup", "elsewhere.test")
ask("no one there", "192.0.2.77", timeout=9.0)
Path("resolv.conf").write_text("nameserver 127.0.0.9\\noptions timeout:1 attempts:1\\n")
ask("no server", "four.r.test")
with socket.socket(type=socket.SOCK_DGRAM) as silent:
    silent.bind(("127.0.0.9", 53))
    ask("silent server", "four.r.test", timeout=0.3)
Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("1")
ask("no IPv6", "::1")
print(json.dumps(found, default=str))
"""

Told = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    require("resolver")
    require("namespaces")
    require("dnsmasq")
    at = tmp_path_factory.mktemp("places")
    (at / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    (at / "hosts").write_text(
        "::1 both.test\n127.0.0.1 both.test\n127.0.0.1 mixed.test\n198.51.100.1 mixed.test\n"
    )
    done = subprocess.run(
        [
            *("unshare", "--net", "--mount", "sh", "-ec", SETUP, "sh"),
            *(installed("dnsmasq"), sys.executable, ASK.replace("REPO", repr(str(REPO)))),
        ],
        check=False,
        cwd=at,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: Told = json.loads(done.stdout)
    return found


CAUSES = [
    *(
        (f"{route} {mode}", "connect", cause, errno)
        for mode in ("blocking", "timeout", "nonblocking")
        for route, cause, errno in (
            ("unreachable", "host unreachable", "EHOSTUNREACH"),
            ("prohibit", "prohibited", "EACCES"),
            ("blackhole", "network unreachable", "EINVAL"),
            ("no route", "network unreachable", "ENETUNREACH"),
        )
    ),
    ("both closed", "connect", "refused", "ECONNREFUSED"),
    ("six of both", "connect", "refused", "ECONNREFUSED"),
    ("no one there", "connect", "host unreachable", "EHOSTUNREACH"),
    ("no four", "resolve", "no address", "EAI_NODATA"),
    ("no six", "resolve", "no address", "EAI_NODATA"),
    ("no such", "resolve", "no such host", "EAI_NONAME"),
    ("refused lookup", "resolve", "resolver failed", "EAI_AGAIN"),
    ("no server", "resolve", "resolver failed", "EAI_AGAIN"),
    ("silent server", "resolve", "timed out", ""),
    ("no IPv6", "connect", "not supported", "EADDRNOTAVAIL"),
]


@pytest.mark.parametrize(("name", "stage", "cause", "errno"), CAUSES)
def test_the_stage_and_the_cause_are_named(
    told: Told, name: str, stage: str, cause: str, errno: str
) -> None:
    found = told[name]
    assert (found["failed"], found["cause"], found["errno"]) == (stage, cause, errno), found
    assert not found["ok"]


@pytest.mark.parametrize("name", ["four", "both"])
def test_the_address_that_answered_is_told(told: Told, name: str) -> None:
    assert told[name]["ok"], told[name]
    assert told[name]["address"].startswith("127.0.0.1:")


def test_each_address_that_was_tried_is_told(told: Told) -> None:
    stages = told["both"]["stages"]
    assert [(each["name"], each["cause"]) for each in stages] == [
        ("resolve", ""),
        ("connect", "refused"),
        ("connect", ""),
    ]
    assert stages[1]["address"].startswith("[::1]:")
    assert told["both closed"]["summary"].count("refused") == 1
    assert "[::1]:9, 127.0.0.1:9: refused" in told["both closed"]["summary"]
    mixed = told["both mixed"]["summary"]
    assert "127.0.0.1:9: refused" in mixed
    assert "198.51.100.1:9: the host cannot be reached" in mixed

"""Network namespaces of a test's own: what is in one, as Wirework and as iproute2 tell it.

A namespace lives as long as the process that asked for it, so nothing is left to remove.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPO = Path(__file__).parents[2]
TIMEOUT = 60.0

ASK = """
import json, socket, subprocess
from dataclasses import asdict
from pathlib import Path
from wirework.net.host.interfaces import interfaces
from wirework.net.host.ipv6 import ipv6
from wirework.net.host.machine import machine

def ip(*words):
    return json.loads(subprocess.check_output(["ip", "-j", *words]) or "[]")

def if_inet6():
    try:
        return Path("/proc/net/if_inet6").read_text().split("\\n")[:-1]
    except FileNotFoundError:
        return []

def send(to):
    # Something for the counters; where there is no way to it, nothing is counted.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        try:
            out.sendto(b"x" * 1000, (to, 9))
        except OSError:
            pass

send("127.0.0.1")
for _ in range(20):
    send("192.0.2.70")
before = ip("-s", "-d", "link")
print(json.dumps({
    "interfaces": asdict(interfaces())["interfaces"],
    "up": asdict(interfaces(up=True))["interfaces"],
    "ipv6": asdict(ipv6()) | {"ok": ipv6().ok},
    "machine": asdict(machine()),
    "links": before,
    "links_after": ip("-s", "-d", "link"),
    "addresses": ip("addr"),
    "if_inet6": if_inet6(),
}))
"""


@dataclass(frozen=True)
class Told:
    """What was told of one namespace: ours, and what iproute2 and /proc say."""

    interfaces: dict[str, dict[str, Any]]
    up: list[str]
    ipv6: dict[str, Any]
    machine: dict[str, Any]
    links: dict[str, dict[str, Any]]
    links_after: dict[str, dict[str, Any]]
    addresses: dict[str, list[dict[str, Any]]]
    if_inet6: list[str]


def told_within(setup: str) -> Told:
    """Make a namespace, run ``setup`` in it under sh -e, and tell what is there."""
    done = subprocess.run(
        ["unshare", "--net", "sh", "-ec", f'{setup}\nexec "$0" -c "$1"', sys.executable, ASK],
        check=False,
        cwd=REPO,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    return Told(
        interfaces={each["name"]: each for each in data["interfaces"]},
        up=[each["name"] for each in data["up"]],
        ipv6=data["ipv6"],
        machine=data["machine"],
        links={each["ifname"]: each for each in data["links"]},
        links_after={each["ifname"]: each for each in data["links_after"]},
        addresses={each["ifname"]: each["addr_info"] for each in data["addresses"]},
        if_inet6=data["if_inet6"],
    )

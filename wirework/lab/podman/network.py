"""A lab's networks: a free subnet each, and what keeps hosts behind a bastion out of reach."""

from __future__ import annotations

import ipaddress
import secrets
from typing import TYPE_CHECKING

import psutil

from wirework.errors import LabError
from wirework.lab.podman.engine import PodmanFailed, entering, run

if TYPE_CHECKING:
    from wirework.lab.podman.engine import Engine

POOL = ipaddress.IPv4Network("198.18.0.0/15")
"""Set aside for tests of networks (RFC 2544), so no real network of anybody's is hidden."""

LABEL = "wirework.lab"
"""The label that holds the lab's token, on networks and containers."""
FOLDER_LABEL = "wirework.folder"

_PREFIX = 24
_FIRST_HOST = 10
_TAKEN = ("already used", "subnet overlaps", "conflicts")


def address(subnet: ipaddress.IPv4Network, number: int) -> str:
    """Return the address of a host in a lab's subnet; numbers count up from 0."""
    return str(subnet[_FIRST_HOST + number])


def subnet_of(ip: str) -> ipaddress.IPv4Network:
    """Return the subnet of a lab that an address is of."""
    return ipaddress.IPv4Network(f"{ip}/{_PREFIX}", strict=False)


def hardware_address(ip: str) -> str:
    """Return an Ethernet address for an IP address, the same at every start.

    Otherwise this machine would go on for half a minute to send what is for a host that was
    started again to where it was before (arp(7)).
    """
    return "02:00:" + ipaddress.IPv4Address(ip).packed.hex(":")


def create(engine: Engine, name: str, *, token: str, folder: str) -> ipaddress.IPv4Network:
    """Make a network on a subnet that nobody uses, and return that.

    Raises LabError when every subnet of the pool is taken.
    """
    subnets = list(POOL.subnets(new_prefix=_PREFIX))
    in_use = _in_use(engine)
    first = secrets.randbelow(len(subnets))
    for subnet in subnets[first:] + subnets[:first]:
        if any(subnet.overlaps(each) for each in in_use):
            continue
        labels = ("--label", f"{LABEL}={token}", "--label", f"{FOLDER_LABEL}={folder}")
        options = ("--disable-dns", "--subnet", str(subnet))
        try:
            engine.run("network", "create", *labels, *options, name)
        except PodmanFailed as error:
            # Another lab may have taken it since we looked.
            if any(sign in error.said for sign in _TAKEN):
                continue
            raise
        return subnet
    raise LabError(
        f"every subnet of {POOL} is in use", hint="take down labs you do not use: podman network ls"
    )


def hide(pid: int, ip: str) -> None:
    """Let the container of a process, at this address, talk with its own subnet alone.

    This machine has an address in it too; what comes from there is dropped. An internal network
    of podman's would not do: there this machine has no address, and sends what is meant for it
    to its own gateway, out into the world.
    """
    subnet = subnet_of(ip)
    filter_in(pid, "-A", "INPUT", "!", "-i", "lo", "!", "-s", str(subnet), "-j", "DROP")
    filter_in(pid, "-A", "INPUT", "!", "-i", "lo", "-s", str(subnet[1]), "-j", "DROP")
    filter_in(pid, "-A", "OUTPUT", "!", "-o", "lo", "!", "-d", str(subnet), "-j", "REJECT")


def filter_in(pid: int, *rule: str) -> None:
    """Change the packet filter of the container of a process (iptables(8))."""
    run([*entering(pid, "--net"), "iptables", "--wait", "5", *rule])


def slow_down(pid: int, delay: float) -> None:
    """Delay what the container of a process sends, by the kernel's netem (tc-netem(8))."""
    rule = ("qdisc", "add", "dev", "eth0", "root", "netem", "delay", f"{delay * 1000:g}ms")
    run([*entering(pid, "--net"), "tc", *rule])


def has_netem() -> bool:
    """Whether the kernel can delay packets; tried in a network namespace that ends with it."""
    rule = ("tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms")
    try:
        run(["unshare", "--net", *rule])
    except PodmanFailed:
        return False
    return True


def _in_use(engine: Engine) -> list[ipaddress.IPv4Network]:
    """Return the subnets of this machine's interfaces and of podman's networks, up or not."""
    used = [
        ipaddress.IPv4Network(f"{address.address}/{address.netmask}", strict=False)
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family.name == "AF_INET" and address.netmask
    ]
    for network in engine.json("network", "ls"):
        for subnet in network.get("subnets") or ():
            parsed = ipaddress.ip_network(subnet["subnet"])
            if isinstance(parsed, ipaddress.IPv4Network):
                used.append(parsed)
    return used

"""This machine's interfaces: what they are, whether they are up, their addresses and counters."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from wirework.errors import BadInput, Failed
from wirework.net.host import links

if TYPE_CHECKING:
    from wirework.net.host.links import Address, Counters, Link

MOST_NAMES = 24
"""How many names an error tells; hosts of containers have hundreds."""


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface.

    ``kind`` is the kernel's word (vlan, veth, bridge, tun, wireguard, …) or that of the hardware
    (ethernet, loopback). ``up`` is what was configured; ``state`` is up, down, or "no carrier"
    for one that is up without anything at the other end; ``operstate`` is RFC 2863's word.
    ``below`` is the interface it stands on, for a veth its other end (``if2`` for number 2 of
    another network namespace); ``vlan`` is its VLAN's number, or None. ``mtu`` in bytes,
    ``speed`` in Mb/s or None when the driver does not tell; counters since it came to be.
    """

    name: str
    index: int
    kind: str
    state: str
    up: bool
    carrier: bool | None
    operstate: str
    mtu: int
    mac: str
    speed: int | None
    duplex: str
    master: str
    below: str
    vlan: int | None
    note: str
    flags: tuple[str, ...]
    addresses: tuple[Address, ...]
    received: Counters
    sent: Counters

    @property
    def summary(self) -> str:
        """Its name, state and addresses."""
        return f"{self.name} {self.state} {', '.join(map(str, self.addresses))}".rstrip()


@dataclass(frozen=True, slots=True)
class Interfaces:
    """Several interfaces, by index."""

    interfaces: tuple[Interface, ...]

    @property
    def summary(self) -> str:
        """How many there are."""
        up = sum(each.up for each in self.interfaces)
        return f"{len(self.interfaces)} interfaces, {up} up"


def interfaces(*, up: bool = False) -> Interfaces:
    """Return the interfaces of this network namespace, with ``up`` only those that are up."""
    return Interfaces(tuple(each for each in _all() if each.up or not up))


def interface(name: str, *, up: bool = False) -> Interface:
    """Return one interface by its name; raises BadInput, with the names there are.

    With ``up`` it has to be up, or Failed is raised.
    """
    there = _all()
    # Labels (eth0:1) are names of addresses, that look like names of interfaces.
    labels = {
        address.label: each
        for each in there
        for address in each.addresses
        if address.label != each.name
    }
    for each in there:
        if each.name == name and up and not each.up:
            raise Failed("is down", where=name, hint=f"ip link set {name} up")
        if each.name == name:
            return each
    if name in labels:
        raise BadInput(
            f"{name!r} is the label of an address", hint=f"the interface is {labels[name].name}"
        )
    names = [each.name for each in there]
    close = difflib.get_close_matches(name, names, 1)
    told = ", ".join(names[:MOST_NAMES])
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    meant = f"did you mean {close[0]}? " if close else ""
    raise BadInput(f"there is no interface {name!r}", hint=f"{meant}there are {told}{more}")


def _all() -> list[Interface]:
    found = links.links()
    names = {link.index: link.name for link in found}
    addresses = links.addresses()
    speeds = _speeds()
    return [
        _interface(link, names, addresses.get(link.index, ()), *speeds.get(link.name, (None, "")))
        for link in found
    ]


def _speeds() -> dict[str, tuple[int | None, str]]:
    """Return each interface's speed and duplex, which rtnetlink does not have (SIOCETHTOOL)."""
    duplex: dict[int, str] = {psutil.NIC_DUPLEX_FULL: "full", psutil.NIC_DUPLEX_HALF: "half"}
    return {
        name: (told.speed or None, duplex.get(told.duplex, ""))
        for name, told in psutil.net_if_stats().items()
    }


def _interface(
    link: Link,
    names: dict[int, str],
    addresses: tuple[Address, ...],
    speed: int | None,
    duplex: str,
) -> Interface:
    below = "" if link.below in (0, link.index) else names.get(link.below, f"if{link.below}")
    return Interface(
        name=link.name,
        index=link.index,
        kind=link.kind,
        state=_state(link),
        up="up" in link.flags,
        carrier=link.carrier,
        operstate=link.state,
        mtu=link.mtu,
        mac=link.mac,
        speed=speed,
        duplex=duplex,
        master=names.get(link.master, ""),
        below=f"if{link.below}" if link.below_elsewhere and link.below else below,
        vlan=link.vlan or None,
        note=link.note,
        flags=tuple(name for name in links.FLAGS if name in link.flags),
        addresses=addresses,
        received=link.received,
        sent=link.sent,
    )


def _state(link: Link) -> str:
    if "up" not in link.flags:
        return "down"
    return "up" if "running" in link.flags else "no carrier"

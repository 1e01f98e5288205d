"""Links, their addresses and default routes, read from rtnetlink's messages; rtnetlink(7)."""

from __future__ import annotations

import ipaddress
import socket
import struct
from dataclasses import dataclass

from wirework.errors import Failed
from wirework.net.host import netlink

_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_NEXT_HOP = struct.Struct("=HBBi")
_U32 = struct.Struct("=I")
_U16 = struct.Struct("=H")
_STATS = struct.Struct("=8Q")

# Numbers of attributes, as if_link.h, if_addr.h and rtnetlink.h have them.
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINK, IFLA_MASTER = 1, 3, 4, 5, 10
IFLA_OPERSTATE, IFLA_LINKINFO, IFLA_IFALIAS, IFLA_STATS64 = 16, 18, 20, 23
IFLA_CARRIER, IFLA_LINK_NETNSID = 33, 37
IFLA_INFO_KIND, IFLA_INFO_DATA = 1, 2
IFLA_VLAN_ID = 1
IFA_ADDRESS, IFA_LOCAL, IFA_LABEL, IFA_BROADCAST, IFA_CACHEINFO, IFA_FLAGS = 1, 2, 3, 4, 6, 8
RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_MULTIPATH, RTA_TABLE, RTA_VIA = 4, 5, 6, 9, 15, 18

FLAGS = (
    *("up", "broadcast", "debug", "loopback", "pointopoint", "notrailers", "running", "noarp"),
    *("promisc", "allmulti", "master", "slave", "multicast", "portsel", "automedia", "dynamic"),
    *("lower-up", "dormant", "echo"),
)
"""Names of a link's flags, from the lowest bit; netdevice(7)."""
STATES = ("unknown", "not-present", "down", "lower-layer-down", "testing", "dormant", "up")
"""RFC 2863's operational states, as the kernel numbers them."""
HARDWARE = {
    1: "ethernet",
    32: "infiniband",
    280: "can",
    512: "ppp",
    768: "ipip",
    769: "ip6tnl",
    772: "loopback",
    776: "sit",
    778: "gre",
    801: "wifi-monitor",
    803: "wifi-monitor",
    823: "ip6gre",
    65534: "none",
}
"""What a link without a kind of its own is, by its ARPHRD number; if_arp.h."""

SCOPES = {0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere"}
ADDRESS_FLAGS = (
    *("secondary", "nodad", "optimistic", "dadfailed", "homeaddress", "deprecated", "tentative"),
    *("permanent", "mngtmpaddr", "noprefixroute", "autojoin", "stable-privacy"),
)
"""Names of an address's flags, from the lowest bit; if_addr.h."""
_VERSIONS: dict[int, int] = {socket.AF_INET: 4, socket.AF_INET6: 6}
_FOREVER = 0xFFFFFFFF
_UNICAST = 1
_LOCAL_TABLE = 255


@dataclass(frozen=True, slots=True)
class Counters:
    """What went through one direction of a link since it came to be."""

    bytes: int
    packets: int
    errors: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of the kernel's table of links.

    ``carrier`` is None where the driver has none to tell of; ``vlan`` is 0 for no VLAN. ``below``
    is the link that this one stands on, for a veth its other end; it is an index of another
    namespace when ``below_elsewhere``.
    """

    index: int
    name: str
    kind: str
    flags: frozenset[str]
    state: str
    carrier: bool | None
    mtu: int
    mac: str
    master: int
    below: int
    below_elsewhere: bool
    vlan: int
    note: str
    received: Counters
    sent: Counters


@dataclass(frozen=True, slots=True)
class Address:
    """An address of an interface.

    ``peer`` is the other end of a point-to-point link. ``flags`` and ``label`` are those that
    ``ip addr`` shows; ``valid`` and ``preferred`` count the seconds left, None for ever.
    """

    version: int
    address: str
    prefix: int
    peer: str
    broadcast: str
    scope: str
    label: str
    flags: tuple[str, ...]
    valid: int | None
    preferred: int | None

    def __str__(self) -> str:
        peer = f" peer {self.peer}" if self.peer else ""
        return f"{self.address}{peer}/{self.prefix}"


@dataclass(frozen=True, slots=True)
class Route:
    """A default route: by which link (an index) and gateway ("" for none), and its metric."""

    version: int
    link: int
    gateway: str
    metric: int
    table: int


def links() -> list[Link]:
    """Return every link of this network namespace, by index; Failed when they are not told."""
    request = _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    found = map(read_link, netlink.dump(netlink.RTM_GETLINK, request))
    return sorted(found, key=lambda link: link.index)


def addresses() -> dict[int, tuple[Address, ...]]:
    """Return the addresses of each link, in the kernel's order, v4 before v6."""
    found: dict[int, list[Address]] = {}
    request = _ADDRESS.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    for body in netlink.dump(netlink.RTM_GETADDR, request):
        link, address = read_address(body)
        if address:
            found.setdefault(link, []).append(address)
    return {
        link: tuple(sorted(each, key=lambda address: address.version))
        for link, each in found.items()
    }


def default_routes(version: int) -> list[Route]:
    """Return the default routes of one version of IP, the one that is taken first, first."""
    family = socket.AF_INET if version == 4 else socket.AF_INET6  # noqa: PLR2004 (IPv4)
    request = _ROUTE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)
    found = [read_default_route(body) for body in netlink.dump(netlink.RTM_GETROUTE, request)]
    # For a family that it does not have, the kernel tells all others.
    told = [route for route in found if route and route.version == version]
    return sorted(told, key=lambda route: route.metric)


def read_link(body: bytes) -> Link:
    """Read an RTM_NEWLINK message."""
    _, hardware, index, flags, _ = _unpack(_LINK, body)
    told = netlink.attributes(body[_LINK.size :])
    info = netlink.attributes(told.get(IFLA_LINKINFO, b""))
    kind = _text(info.get(IFLA_INFO_KIND)) or HARDWARE.get(hardware, f"type {hardware}")
    data = netlink.attributes(info.get(IFLA_INFO_DATA, b"")) if kind == "vlan" else {}
    vlan = data.get(IFLA_VLAN_ID, b"")
    state, carrier = told.get(IFLA_OPERSTATE, b""), told.get(IFLA_CARRIER, b"")
    sent, received = _counters(told.get(IFLA_STATS64, b""))
    return Link(
        index=index,
        name=_text(told.get(IFLA_IFNAME)),
        kind=kind,
        flags=frozenset(name for bit, name in enumerate(FLAGS) if flags >> bit & 1),
        state=STATES[state[0]] if state and state[0] < len(STATES) else "unknown",
        carrier=bool(carrier[0]) if carrier else None,
        mtu=_number(told.get(IFLA_MTU)),
        mac=_mac(told.get(IFLA_ADDRESS, b""), hardware),
        master=_number(told.get(IFLA_MASTER)),
        below=_number(told.get(IFLA_LINK)),
        below_elsewhere=bool(told.get(IFLA_LINK_NETNSID)),
        vlan=_U16.unpack(vlan)[0] if len(vlan) == _U16.size else 0,
        note=_text(told.get(IFLA_IFALIAS)),
        received=received,
        sent=sent,
    )


def read_address(body: bytes) -> tuple[int, Address | None]:
    """Read an RTM_NEWADDR message: a link's index and its address, None when it is not of IP."""
    family, prefix, few_flags, scope, link = _unpack(_ADDRESS, body)
    told = netlink.attributes(body[_ADDRESS.size :])
    version = _VERSIONS.get(family)
    there = told.get(IFA_ADDRESS, b"")
    own = told.get(IFA_LOCAL, there)
    if version is None or not own:
        return link, None
    flags = _number(told.get(IFA_FLAGS)) or few_flags
    preferred, valid = _lifetimes(told.get(IFA_CACHEINFO, b""))
    return link, Address(
        version=version,
        address=_ip(own),
        prefix=prefix,
        peer=_ip(there) if there != own else "",
        broadcast=_ip(told.get(IFA_BROADCAST, b"")),
        scope=SCOPES.get(scope, str(scope)),
        label=_text(told.get(IFA_LABEL)),
        flags=_address_flags(flags, version),
        valid=valid,
        preferred=preferred,
    )


def read_default_route(body: bytes) -> Route | None:
    """Read an RTM_NEWROUTE message; None when it is not a default route to anywhere."""
    family, length, _, _, table, _, _, kind, _ = _unpack(_ROUTE, body)
    if length or kind != _UNICAST:
        return None
    told = netlink.attributes(body[_ROUTE.size :])
    table = _number(told.get(RTA_TABLE)) or table
    if table == _LOCAL_TABLE:
        return None
    metric = _number(told.get(RTA_PRIORITY))
    hops = told.get(RTA_MULTIPATH, b"")
    link = _number(told.get(RTA_OIF))
    if len(hops) >= _NEXT_HOP.size:
        size, _, _, link = _NEXT_HOP.unpack_from(hops)
        told = netlink.attributes(hops[_NEXT_HOP.size : size])
    # A gateway of the other family stands behind that family's number (RTA_VIA).
    gateway = told.get(RTA_GATEWAY) or told.get(RTA_VIA, b"")[2:]
    return Route(
        version=4 if family == socket.AF_INET else 6,
        link=link,
        gateway=_ip(gateway),
        metric=metric,
        table=table,
    )


def _unpack(shape: struct.Struct, body: bytes) -> tuple[int, ...]:
    if len(body) < shape.size:
        raise Failed("the kernel's answer holds a message that is too short")
    return shape.unpack_from(body)


def _text(data: bytes | None) -> str:
    """Return a name; what is not UTF-8 in it is written out."""
    return (data or b"").rstrip(b"\0").decode("utf-8", "backslashreplace")


def _number(data: bytes | None) -> int:
    return int(_U32.unpack(data)[0]) if data and len(data) == _U32.size else 0


def _ip(data: bytes) -> str:
    if not data:
        return ""
    try:
        return str(ipaddress.ip_address(data))
    except ValueError:
        raise Failed(f"the kernel's answer holds an address of {len(data)} bytes") from None


def _mac(data: bytes, hardware: int) -> str:
    """Return a hardware address; of tunnels it would be an end's IP address instead."""
    name = HARDWARE.get(hardware)
    tunnel = name in ("none", "ipip", "ip6tnl", "sit", "gre", "ip6gre", "ppp")
    return "" if tunnel else data.hex(":")


def _counters(data: bytes) -> tuple[Counters, Counters]:
    """Return what was sent and what was received; rtnl_link_stats64."""
    if len(data) < _STATS.size:
        return Counters(0, 0, 0, 0), Counters(0, 0, 0, 0)
    rx_packets, tx_packets, rx, tx, rx_errors, tx_errors, rx_lost, tx_lost = _STATS.unpack_from(
        data
    )
    return (
        Counters(tx, tx_packets, tx_errors, tx_lost),
        Counters(rx, rx_packets, rx_errors, rx_lost),
    )


def _lifetimes(data: bytes) -> tuple[int | None, int | None]:
    """Return for how long an address is preferred and valid; ifa_cacheinfo."""
    if len(data) < 2 * _U32.size:
        return None, None
    preferred, valid = struct.unpack_from("=II", data)
    return (
        None if preferred == _FOREVER else preferred,
        None if valid == _FOREVER else valid,
    )


def _address_flags(flags: int, version: int) -> tuple[str, ...]:
    names = [name for bit, name in enumerate(ADDRESS_FLAGS) if flags >> bit & 1]
    # One bit means two things: of IPv6 it marks the addresses of RFC 8981.
    return tuple(
        "temporary" if name == "secondary" and version != 4 else name  # noqa: PLR2004 (IPv4)
        for name in names
        if name != "permanent"
    )

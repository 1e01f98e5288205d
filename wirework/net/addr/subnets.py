"""Networks: what is in one, and lists of them merged, split and subtracted.

Sources: RFC 4632 (prefixes), RFC 3021 (/31), RFC 4291 (IPv6), RFC 6164 (/127).
"""

from __future__ import annotations

import ipaddress
import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import netaddr  # type: ignore[import-untyped]  # it ships no types

from wirework.errors import BadInput
from wirework.net.addr.special import use_of
from wirework.net.addr.spellings import V4, Spelling, listed, read, shown
from wirework.net.host import interfaces

if TYPE_CHECKING:
    from collections.abc import Sequence

EUI64_PREFIX = 64
"""An interface identifier has 64 bits, so that its network has no more; RFC 4291, 2.5.1."""
LINK_LOCAL = "fe80::/64"
MOST_SHOWN = 256

_MAC = re.compile(
    r"[0-9a-f]{12}|[0-9a-f]{1,2}([:-])(?:[0-9a-f]{1,2}\1){4}[0-9a-f]{1,2}"
    r"|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Subnet:
    """An address's network.

    ``address`` is the one that was given, ``prefix`` the network's length in bits. ``first`` and
    ``last`` are the addresses that hosts may have, ``hosts`` is how many. ``broadcast`` is "" where
    there is none (IPv6, /31, /32). ``eui64`` is the address that a MAC address gets there, ""
    when none was given. ``purpose`` is what IANA's registries say of its first address.
    """

    address: str
    network: str
    prefix: int
    netmask: str
    wildcard: str
    broadcast: str
    first: str
    last: str
    hosts: int
    addresses: int
    purpose: str
    eui64: str


@dataclass(frozen=True, slots=True)
class Subnets:
    """Several addresses' networks, as they were given."""

    subnets: tuple[Subnet, ...]


@dataclass(frozen=True, slots=True)
class Networks:
    """A list of networks: ``total`` of them, of which ``networks`` may hold the first only.

    ``addresses`` is how many addresses all of them have.
    """

    networks: tuple[str, ...]
    total: int
    addresses: int


@dataclass(frozen=True, slots=True)
class Membership:
    """Which of some networks hold an address or a network; ``ok`` when any does."""

    sought: str
    within: tuple[str, ...]
    outside: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether any of the networks holds it."""
        return bool(self.within)

    @property
    def summary(self) -> str:
        """What it is in, or that it is in none."""
        return f"{self.sought} is in {', '.join(self.within) or 'none of them'}"


def answer(
    texts: str,
    *,
    interface: str = "",
    mask: str = "",
    mac: str = "",
    merge: bool = False,
    split: str = "",
    subtract: str = "",
    contains: str = "",
    most: int = MOST_SHOWN,
) -> Subnet | Subnets | Networks | Membership:
    """Return what one of the following functions does; without any of their words, ``subnets``.

    Of an interface its addresses' networks are taken. Raises BadInput for words that do not go
    together, and all that those functions do.
    """
    actions = {"--merge": merge, "--split": split, "--subtract": subtract, "--contains": contains}
    words = [word for word, given in {**actions, "--mask": mask, "--mac": mac}.items() if given]
    if len(words) > 1 and words != ["--mask", "--mac"]:
        raise BadInput("do not go together", where=f"{words[0]} and {words[1]}")
    if interface and texts:
        raise BadInput("do not go together", where="NETWORK and --interface")
    if interface:
        texts = _of_interface(interface, whole=any(actions.values()), for_mac=bool(mac))
    if merge:
        return merged(texts, most=most)
    if split:
        return parts(texts, split, most=most)
    if subtract:
        return without(texts, subtract, most=most)
    if contains:
        return holding(texts, contains)
    return subnets(texts, mask=mask, mac=mac)


def subnets(texts: str, *, mask: str = "", mac: str = "") -> Subnet | Subnets:
    """Return the networks of addresses (10.1.2.3/26, separated by commas): one, or several.

    ``mask`` is a prefix or netmask for those that have none of their own. With ``mac`` the
    EUI-64 address in each is told; a MAC address alone gets a link-local one. Raises BadInput.
    """
    if not texts and not mac:
        raise BadInput("none is given", where="NETWORK", hint="10.1.2.3/26, --interface or --mac")
    given = listed(texts or LINK_LOCAL, "NETWORK")
    hardware = _mac(mac) if mac else None
    found = tuple(_subnet(_parse(text, mask=mask), hardware) for text in given)
    return found[0] if len(found) == 1 else Subnets(found)


def merged(texts: str, *, most: int = MOST_SHOWN) -> Networks:
    """Return the fewest networks that hold just what the given ones hold; ``most`` are told."""
    return _told(netaddr.cidr_merge(_networks(texts)), most)


def without(texts: str, less: str, *, most: int = MOST_SHOWN) -> Networks:
    """Return what is left of networks without others, as the fewest networks."""
    holes = netaddr.IPSet(_networks(less, "--subtract"))
    left = netaddr.IPSet(_networks(texts)) - holes
    return _told(list(left.iter_cidrs()), most)


def parts(texts: str, prefix: str, *, most: int = MOST_SHOWN) -> Networks:
    """Return networks cut into those of one length; the first ``most`` are told, all counted."""
    _check_most(most)
    digits = prefix.removeprefix("/")
    if not re.fullmatch(r"\d{1,3}", digits, re.ASCII):
        raise BadInput(f"{shown(prefix)} is no prefix", where="--split", hint="like /26")
    length = int(digits)
    wholes = _networks(texts)
    for whole in wholes:
        if not whole.prefixlen <= length <= _width(whole):
            raise BadInput(
                f"{whole} has no parts of /{length}",
                where="--split",
                hint=f"/{whole.prefixlen} to /{_width(whole)}",
            )
    cut = itertools.chain.from_iterable(whole.subnet(length) for whole in wholes)
    return Networks(
        networks=tuple(map(str, itertools.islice(cut, most))),
        total=sum(1 << length - whole.prefixlen for whole in wholes),
        addresses=sum(whole.size for whole in wholes),
    )


def holding(texts: str, sought: str) -> Membership:
    """Return which networks hold an address, or the whole of a network."""
    wanted = _parse(sought, alone=True, bare=True)
    wholes = _networks(texts)
    held = [wanted in whole for whole in wholes]
    return Membership(
        sought=_plain(wanted),
        within=tuple(str(whole) for whole, holds in zip(wholes, held, strict=True) if holds),
        outside=tuple(str(whole) for whole, holds in zip(wholes, held, strict=True) if not holds),
    )


def _of_interface(name: str, *, whole: bool, for_mac: bool) -> str:
    """Return an interface's addresses with their prefixes, or the ``whole`` of their networks.

    ``for_mac`` leaves out those in whose networks there is no room for a MAC address.
    """
    there = [
        ipaddress.ip_interface(f"{each.address}/{each.prefix}")
        for each in interfaces.interface(name).addresses
        if not for_mac or (each.version != V4 and each.prefix <= EUI64_PREFIX)
    ]
    if not there:
        kind = "address in a network with room for an EUI-64" if for_mac else "address"
        raise BadInput(f"{name} has no {kind}", where="--interface")
    return ",".join(str(each.network if whole else each) for each in there)


def _networks(texts: str, what: str = "NETWORK") -> list[netaddr.IPNetwork]:
    """Read networks, and addresses as networks of one."""
    return [_parse(each, alone=True, bare=True) for each in listed(texts, what)]


def _parse(
    text: str, *, mask: str = "", alone: bool = False, bare: bool = False
) -> netaddr.IPNetwork:
    """Read an address and its prefix.

    ``alone`` allows no host bits, as for a network that stands for itself; ``bare`` takes an
    address without prefix for a network of one.
    """
    address, slash, own = text.partition("/")
    found = read(address)
    if found.spelling is Spelling.LEGACY or found.zone:
        plain = str(found.address)
        what = "a zone" if found.zone else "a legacy spelling"
        raise BadInput(
            f"has {what}, which no network has", where=shown(text), hint=f"write {plain}"
        )
    width = found.address.max_prefixlen
    length = own if slash else mask or (str(width) if bare else "")
    if not length:
        slash_24 = "24" if width == ipaddress.IPV4LENGTH else "64"
        hint = f"{found.address}/{slash_24}, or --mask"
        raise BadInput("has no prefix", where=shown(text), hint=hint)
    where = shown(text) if slash else "--mask"
    prefix = _prefix(length, found.address.version, width, where)
    network = netaddr.IPNetwork(f"{found.address}/{prefix}")
    if alone and network.ip != network.network:
        hint = f"the network is {network.cidr}, the address alone {network.ip}"
        raise BadInput("has host bits set", where=shown(text), hint=hint)
    return network


def _prefix(text: str, version: int, width: int, where: str) -> int:
    """Return a prefix's length, from itself, a netmask or a wildcard."""
    digits = text.removeprefix("/")
    if re.fullmatch(r"\d{1,3}", digits, re.ASCII):
        if int(digits) > width:
            raise BadInput(
                f"/{digits} is no prefix of IPv{version}", where=where, hint=f"0 to {width}"
            )
        return int(digits)
    try:
        mask = netaddr.IPAddress(text, version, flags=netaddr.INET_PTON)
    except (netaddr.AddrFormatError, ValueError):
        raise BadInput(
            f"{shown(text)} is no prefix and no netmask of IPv{version}",
            where=where,
            hint=f"0 to {width}",
        ) from None
    if mask.is_netmask():
        return int(mask.netmask_bits())
    if mask.is_hostmask():
        return width - int(mask).bit_count()
    raise BadInput(
        f"{shown(text)} is no netmask", where=where, hint="its ones have to stand together"
    )


def _subnet(network: netaddr.IPNetwork, hardware: netaddr.EUI | None) -> Subnet:
    first, last = _host_range(network)
    of_version = ipaddress.IPv4Address if network.version == V4 else ipaddress.IPv6Address
    return Subnet(
        address=str(network.ip),
        network=str(network.cidr),
        prefix=network.prefixlen,
        netmask=str(network.netmask),
        wildcard=str(network.hostmask),
        broadcast=str(network.broadcast or "") if network.version == V4 else "",
        first=str(netaddr.IPAddress(first, network.version)),
        last=str(netaddr.IPAddress(last, network.version)),
        hosts=last - first + 1,
        addresses=network.size,
        purpose=use_of(of_version(int(network.network))).purpose,
        eui64=_eui64(network, hardware) if hardware else "",
    )


def _host_range(network: netaddr.IPNetwork) -> tuple[int, int]:
    """Return the first and the last address that hosts may have.

    The first of a network of IPv6 is its routers' anycast address (RFC 4291, 2.6.1). Networks
    of two addresses have neither that (RFC 6164) nor a broadcast address (RFC 3021).
    """
    if network.prefixlen >= _width(network) - 1:
        return network.first, network.last
    return network.first + 1, network.last - (network.version == V4)


def _eui64(network: netaddr.IPNetwork, hardware: netaddr.EUI) -> str:
    """Return a MAC address's address in a network; RFC 4291, appendix A."""
    if network.version == V4 or network.prefixlen > EUI64_PREFIX:
        raise BadInput(
            f"{network.cidr} has no room for an EUI-64",
            where="--mac",
            hint="a network of IPv6 of /64 or wider",
        )
    return str(hardware.ipv6(int(network.network)))


def _mac(text: str) -> netaddr.EUI:
    if not _MAC.fullmatch(text):
        raise BadInput(
            f"{shown(text)} is no MAC address", where="--mac", hint="like 52:54:00:12:34:56"
        )
    return netaddr.EUI(text, version=48)


def _told(networks: Sequence[netaddr.IPNetwork], most: int) -> Networks:
    _check_most(most)
    return Networks(
        networks=tuple(map(str, networks[:most])),
        total=len(networks),
        addresses=sum(network.size for network in networks),
    )


def _check_most(most: int) -> None:
    if most < 1:
        raise BadInput(f"{most} networks cannot be shown", where="--most", hint="1 or more")


def _width(network: netaddr.IPNetwork) -> int:
    return ipaddress.IPV4LENGTH if network.version == V4 else ipaddress.IPV6LENGTH


def _plain(network: netaddr.IPNetwork) -> str:
    """Return a network, or of a network of one its address."""
    return str(network.ip if network.size == 1 else network)

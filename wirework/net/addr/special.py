"""What an address is for, by IANA's registries of special-purpose addresses (RFC 6890)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Use:
    """What a network is for, and the RFC that says so."""

    network: IPNetwork
    purpose: str
    source: str


def _use(network: str, purpose: str, source: str) -> Use:
    return Use(ipaddress.ip_network(network), purpose, source)


REGISTRY: tuple[Use, ...] = (
    _use("0.0.0.0/0", "public", "RFC 1122"),
    _use("0.0.0.0/8", "this network", "RFC 791"),
    _use("0.0.0.0/32", "unspecified", "RFC 1122"),
    _use("10.0.0.0/8", "private", "RFC 1918"),
    _use("100.64.0.0/10", "shared with a carrier's NAT", "RFC 6598"),
    _use("127.0.0.0/8", "loopback", "RFC 1122"),
    _use("169.254.0.0/16", "link-local", "RFC 3927"),
    _use("172.16.0.0/12", "private", "RFC 1918"),
    _use("192.0.0.0/24", "protocol assignments", "RFC 6890"),
    _use("192.0.2.0/24", "documentation", "RFC 5737"),
    _use("192.31.196.0/24", "AS112", "RFC 7535"),
    _use("192.52.193.0/24", "automatic multicast tunnelling", "RFC 7450"),
    _use("192.88.99.0/24", "6to4 relay, deprecated", "RFC 7526"),
    _use("192.168.0.0/16", "private", "RFC 1918"),
    _use("192.175.48.0/24", "AS112", "RFC 7534"),
    _use("198.18.0.0/15", "benchmarking", "RFC 2544"),
    _use("198.51.100.0/24", "documentation", "RFC 5737"),
    _use("203.0.113.0/24", "documentation", "RFC 5737"),
    _use("224.0.0.0/4", "multicast", "RFC 5771"),
    _use("240.0.0.0/4", "reserved", "RFC 1112"),
    _use("255.255.255.255/32", "limited broadcast", "RFC 919"),
    _use("::/0", "reserved", "RFC 4291"),
    _use("::/128", "unspecified", "RFC 4291"),
    _use("::1/128", "loopback", "RFC 4291"),
    _use("::ffff:0:0/96", "IPv4-mapped", "RFC 4291"),
    _use("64:ff9b::/96", "NAT64", "RFC 6052"),
    _use("64:ff9b:1::/48", "NAT64, local use", "RFC 8215"),
    _use("100::/64", "discard only", "RFC 6666"),
    _use("2000::/3", "public", "RFC 3587"),
    _use("2001::/23", "protocol assignments", "RFC 2928"),
    _use("2001::/32", "Teredo", "RFC 4380"),
    _use("2001:2::/48", "benchmarking", "RFC 5180"),
    _use("2001:3::/32", "automatic multicast tunnelling", "RFC 7450"),
    _use("2001:4:112::/48", "AS112", "RFC 7535"),
    _use("2001:20::/28", "ORCHIDv2", "RFC 7343"),
    _use("2001:30::/28", "drone identifiers", "RFC 9374"),
    _use("2001:db8::/32", "documentation", "RFC 3849"),
    _use("2002::/16", "6to4", "RFC 3056"),
    _use("2620:4f:8000::/48", "AS112", "RFC 7534"),
    _use("3fff::/20", "documentation", "RFC 9637"),
    _use("5f00::/16", "segment routing", "RFC 9602"),
    _use("fc00::/7", "private (unique local)", "RFC 4193"),
    _use("fe80::/10", "link-local", "RFC 4291"),
    _use("fec0::/10", "site-local, deprecated", "RFC 3879"),
    _use("ff00::/8", "multicast", "RFC 4291"),
)
_MULTICAST_SCOPES = {
    1: "interface-local",
    2: "link-local",
    3: "realm-local",
    4: "admin-local",
    5: "site-local",
    8: "organization-local",
    14: "global",
}
"""RFC 7346, 2."""


def use_of(address: IPAddress) -> Use:
    """Return what an address is for: the narrowest network of the registries that holds it."""
    holding = [
        each
        for each in REGISTRY
        if each.network.version == address.version and address in each.network
    ]
    found = max(holding, key=lambda each: each.network.prefixlen)
    if address.version == 6 and found.purpose == "multicast":  # noqa: PLR2004 (IPv6)
        scope = _MULTICAST_SCOPES.get(int(address) >> 112 & 0xF)
        return Use(found.network, f"multicast, {scope}" if scope else "multicast", found.source)
    return found

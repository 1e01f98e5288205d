"""Addresses: their spellings, subnets, byte orders, and the names of ports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .cli import task

if TYPE_CHECKING:
    from wirework.net.addr.byte_orders import ByteOrder
    from wirework.net.addr.port_names import Services
    from wirework.net.addr.spellings import Conversions, Converted
    from wirework.net.addr.subnets import Membership, Networks, Subnet, Subnets


@task(
    view="addresses.converted",
    help={
        "address": "In any spelling: 192.0.2.1, 2001:db8::1, an integer, 0x…; several by commas.",
        "version": "Read numbers as IPv4 or IPv6: 4 or 6.",
    },
)
def convert(c: object, address: str, version: int = 0) -> Converted | Conversions:
    """Write an address in all its spellings, and tell what it is for."""
    from wirework.net.addr.spellings import convert_all

    return convert_all(address, version=version)


@task(
    view="addresses.subnet",
    last="network",
    help={
        "network": "An address and its prefix, 10.1.2.3/26; several by commas.",
        "mask": "The prefix or netmask of addresses that have none of their own.",
        "interface": "The networks of this interface's addresses instead.",
        "mac": "Tell the EUI-64 address that this MAC address gets there.",
        "merge": "The fewest networks that hold just these.",
        "split": "Cut into networks of this length: /26.",
        "subtract": "What is left without these networks, by commas.",
        "contains": "Tell which of the networks hold this address; ends with 1 if none does.",
        "most": "How many networks are shown at most (256); all are counted.",
    },
)
def subnet(
    c: object,
    network: str = "",
    mask: str = "",
    interface: str = "",
    mac: str = "",
    merge: bool = False,
    split: str = "",
    subtract: str = "",
    contains: str = "",
    most: int = 256,
) -> Subnet | Subnets | Networks | Membership:
    """Tell what is in a network; merge, split and subtract networks."""
    from wirework.net.addr.subnets import answer

    return answer(
        network,
        interface=interface,
        mask=mask,
        mac=mac,
        merge=merge,
        split=split,
        subtract=subtract,
        contains=contains,
        most=most,
    )


@task(
    view="addresses.services",
    help={
        "service": "Ports, ranges of ports or names, by commas: 22,ssh,8000-8100.",
        "protocol": "Of these protocols only: tcp, udp, sctp, dccp, by commas.",
    },
)
def service(c: object, service: str, protocol: str = "") -> Services:
    """Tell the names of ports, and the ports of names, as /etc/services has them."""
    from wirework.net.addr.port_names import services

    return services(service, protocols=protocol)


@task(
    name="byte-order",
    view="addresses.byte_order",
    help={
        "value": "An unsigned integer, decimal or 0x….",
        "bits": "Its width: 16, 32 or 64; without it the narrowest that holds it.",
    },
)
def byte_order(c: object, value: str, bits: int = 0) -> ByteOrder:
    """Show an integer's bytes in this machine's order and in the network's."""
    from wirework.net.addr.byte_orders import byte_order

    return byte_order(value, bits=bits)

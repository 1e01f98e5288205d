"""Addresses, networks and the names of ports on the screen."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING

from wirework.net.addr.spellings import Conversions, Converted, Spelling
from wirework.net.addr.subnets import Membership, Networks, Subnet, Subnets

from .facts import write_facts
from .render import rows, write_table

if TYPE_CHECKING:
    from wirework.net.addr.byte_orders import ByteOrder
    from wirework.net.addr.port_names import Services


def converted(result: Conversions | Converted) -> None:
    """Show one address in full, or the main spellings of several, one a line."""
    each = (result,) if isinstance(result, Converted) else result.addresses
    if isinstance(result, Converted):
        _converted(result)
    else:
        write_table(rows(list(each), ["given", "compressed", "packed", "integer", "purpose"]))
    for one in each:
        if one.warning:
            print(f"warning: {one.given} is {one.warning}", file=sys.stderr)


def _converted(each: Converted) -> None:
    spelling = f" ({each.spelling})" if each.spelling is not Spelling.USUAL else ""
    write_facts(
        [
            ("given", f"{each.given}{spelling}"),
            ("address", each.compressed),
            ("expanded", each.expanded if each.version != 4 else ""),  # noqa: PLR2004 (IPv4)
            ("version", each.version),
            ("integer", each.integer),
            ("packed", each.packed),
            ("reverse pointer", each.reverse_pointer),
            ("as IPv6", each.mapped),
            ("IPv4 within", each.ipv4),
            ("zone", each.zone),
            ("is", f"{each.purpose}, {each.registered}"),
        ]
    )


def subnet(result: Subnet | Subnets | Networks | Membership) -> None:
    """Show one network in full, several one a line, or a list of them."""
    match result:
        case Subnet():
            _subnet(result)
        case Subnets():
            names = ["address", "network", "first", "last", "hosts", "purpose"]
            names += ["eui64"] if any(each.eui64 for each in result.subnets) else []
            write_table(rows(list(result.subnets), names))
        case Networks():
            _networks(result)
        case Membership():
            _membership(result)


def _subnet(each: Subnet) -> None:
    facts = {field.name: getattr(each, field.name) for field in dataclasses.fields(each)}
    if each.address == each.network.partition("/")[0]:
        facts["address"] = ""
    facts["hosts"], facts["addresses"] = f"{each.hosts:,}", f"{each.addresses:,}"
    facts["is"] = facts.pop("purpose")
    facts["EUI-64"] = facts.pop("eui64")
    write_facts(facts.items())


def _networks(result: Networks) -> None:
    for each in result.networks:
        print(each)
    told = "1 network" if result.total == 1 else f"{result.total:,} networks"
    left = result.total - len(result.networks)
    more = f", of which {left:,} are not shown (--most)" if left else ""
    addresses = "1 address" if result.addresses == 1 else f"{result.addresses:,} addresses"
    print(f"{told}, {addresses}{more}", file=sys.stderr)


def _membership(result: Membership) -> None:
    for each in result.within:
        print(f"{result.sought} is in {each}")
    for each in result.outside:
        print(f"{result.sought} is not in {each}")


def services(result: Services) -> None:
    """List ports with their names, and tell on standard error what has none."""
    if result.services:
        write_table(rows(list(result.services), ["port", "name", "protocols"]))
    for each in result.unknown:
        hint = f" ({result.hint})" if result.hint else ""
        print(f"nothing is known of {each}{hint}", file=sys.stderr)


def byte_order(result: ByteOrder) -> None:
    """Show an integer's bytes in both orders."""
    write_facts(
        [
            ("value", f"{result.value} ({result.hex}, {result.bits} bits)"),
            ("network order", result.network_bytes),
            ("this machine", f"{result.machine_bytes} ({result.machine_order}-endian)"),
            ("read the wrong way", f"{result.swapped} ({result.swapped_hex})"),
        ]
    )

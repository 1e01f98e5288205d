"""This machine on the screen: what it is, its interfaces, how far IPv6 works."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.text import Text

from .facts import write_facts
from .render import console, table_of, write_table
from .terminal import count, plain, size

if TYPE_CHECKING:
    from wirework.net.host.interfaces import Interface, Interfaces
    from wirework.net.host.ipv6 import IPv6
    from wirework.net.host.links import Address, Counters
    from wirework.net.host.machine import Machine

FEW = 4
"""How many interfaces that have nothing but a link-local address are told one by one."""
STATE_STYLES = {"up": "green", "no carrier": "yellow", "down": "dim"}
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def info(machine: Machine) -> None:
    """Show what this machine is, one fact a line."""
    known_as = f" ({machine.fqdn})" if machine.fqdn not in ("", machine.name) else ""
    cpus = f"{count(machine.cpus, 'CPU')}, load {' '.join(f'{each:.2f}' for each in machine.load)}"
    outside = [each for each in (machine.outside_ipv4, machine.outside_ipv6) if each]
    write_facts(
        [
            ("name", f"{machine.name}{known_as}"),
            ("system", f"{machine.system}, {machine.architecture}"),
            ("kernel", machine.kernel),
            ("up for", duration(machine.uptime)),
            ("processors", cpus),
            ("memory", f"{size(machine.memory)}, {size(machine.memory_available)} available"),
            ("outside from", ", ".join(outside) or "no route to the outside"),
            *_addresses(machine),
        ]
    )


def _addresses(machine: Machine) -> list[tuple[str, object]]:
    """Return each interface's addresses; where many have a link-local one only, their number."""
    told: list[tuple[str, object]] = []
    link_local = [
        name
        for name, each in machine.addresses.items()
        if all(address.startswith("fe80:") for address in each)
    ]
    folded = link_local if len(link_local) > FEW else []
    told += [(name, each) for name, each in machine.addresses.items() if name not in folded]
    if folded:
        told.append((f"{len(folded)} others", "link-local only (host.interfaces lists them)"))
    return told


def interfaces(result: Interface | Interfaces) -> None:
    """List interfaces, one a line, or show one in full."""
    several = getattr(result, "interfaces", None)
    if several is None:
        _interface(result)  # type: ignore[arg-type]  # the other kind has interfaces
        return
    table = table_of("interface", "state", "kind", "mtu", "mac", "received", "sent", "addresses")
    for each in several:
        table.add_row(
            plain(each.name),
            Text(each.state, STATE_STYLES[each.state]),
            _kind(each),
            str(each.mtu),
            each.mac or "-",
            size(each.received.bytes),
            size(each.sent.bytes),
            ", ".join(map(str, each.addresses)) or "-",
        )
    if several:
        write_table(table)
    else:
        print("no interface is up", file=sys.stderr)


def ipv6(result: IPv6) -> None:
    """Show the verdict, then what it comes from."""
    console().print(Text(result.verdict, "green" if not result.missing else "yellow"))
    stages = {
        "python": result.python,
        "kernel": result.kernel,
        "::1": result.loopback,
        "global address": result.address,
        "default route": result.route,
    }
    routes = [
        f"{f'via {route.gateway} ' if route.gateway else ''}on {plain(route.interface)}"
        for route in result.routes
    ]
    found = {"default route": ", ".join(routes)}
    rows = [(name, found.get(name) or "yes" if there else "no") for name, there in stages.items()]
    write_facts([*rows, ("outside from", result.outside or "-")])
    table = table_of("interface", "state", "IPv6", "addresses")
    for each in result.interfaces:
        enabled = "-" if each.disabled is None else "disabled" if each.disabled else "on"
        table.add_row(
            plain(each.name),
            Text("up" if each.up else "down", STATE_STYLES["up" if each.up else "down"]),
            enabled,
            ", ".join(map(_with_marks, each.addresses)) or "-",
        )
    if result.interfaces:
        print()
        write_table(table)


def duration(value: int) -> str:
    """Return a long time as people say it: ``12 days 4 h``, ``3 h 20 min``, ``40 s``."""
    days, hours = value // _DAY, value % _DAY // _HOUR
    if days:
        return f"{count(days, 'day')} {hours} h"
    if hours:
        return f"{hours} h {value % _HOUR // _MINUTE} min"
    return f"{value // _MINUTE} min {value % _MINUTE} s" if value >= _MINUTE else f"{value} s"


def _interface(each: Interface) -> None:
    speed = f"{each.speed} Mb/s" if each.speed else "unknown"
    write_facts(
        [
            ("name", each.name),
            ("state", each.state if each.up else "down (not configured to be up)"),
            ("kind", _kind(each)),
            ("index", str(each.index)),
            ("mtu", str(each.mtu)),
            ("mac", each.mac),
            ("speed", f"{speed}, {each.duplex} duplex" if each.speed and each.duplex else speed),
            ("part of", each.master),
            ("note", each.note),
            ("flags", ", ".join(each.flags)),
            *(("address" if not at else "", _in_full(a)) for at, a in enumerate(each.addresses)),
            ("received", _counted(each.received)),
            ("sent", _counted(each.sent)),
        ]
    )


def _kind(each: Interface) -> str:
    """Return what an interface is, and what it stands on: ``vlan 100 on eth0``."""
    number = f" {each.vlan}" if each.vlan is not None else ""
    word = "to" if each.kind == "veth" else "on"
    below = f" {word} {each.below}" if each.below else ""
    master = f" in {each.master}" if each.master else ""
    return plain(f"{each.kind}{number}{below}{master}")


def _in_full(address: Address) -> str:
    told = [str(address), f"scope {address.scope}", *address.flags]
    if address.broadcast:
        told.append(f"broadcast {address.broadcast}")
    if address.valid is not None:
        told.append(f"valid {duration(address.valid)}")
    if ":" in address.label:
        told.append(f"label {plain(address.label)}")
    return ", ".join(told)


def _with_marks(address: Address) -> str:
    """Return an address with what keeps it from plain use: ``fe80::1/64 (link, tentative)``."""
    worth = ("tentative", "deprecated", "dadfailed", "temporary")
    marks = [address.scope] * (address.scope != "global")
    marks += [flag for flag in address.flags if flag in worth]
    return f"{address} ({', '.join(marks)})" if marks else str(address)


def _counted(counters: Counters) -> str:
    return (
        f"{size(counters.bytes)}, {count(counters.packets, 'packet')}, "
        f"{count(counters.errors, 'error')}, {counters.dropped} dropped"
    )

"""This machine: names, addresses, interfaces, IPv6."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .cli import task

if TYPE_CHECKING:
    from wirework.net.host.interfaces import Interface, Interfaces
    from wirework.net.host.ipv6 import IPv6
    from wirework.net.host.machine import Machine


@task(
    view="this_machine.info",
    help={"timeout": "Seconds to wait for the name that this machine's name resolves to (5)."},
)
def info(c: object, timeout: float = 5.0) -> Machine:
    """Tell this machine's names, system, memory and addresses; nothing is sent."""
    from wirework.net.host.machine import machine

    return machine(timeout=timeout)


@task(
    view="this_machine.interfaces",
    last="name",
    help={
        "name": "One interface, to be told in full; without it all are listed.",
        "up": "Only interfaces that are up; one by name has to be.",
    },
)
def interfaces(c: object, name: str = "", up: bool = False) -> Interface | Interfaces:
    """List the interfaces: kind, state, MTU, MAC, addresses, speed and counters."""
    from wirework.net.host.interfaces import interface, interfaces

    return interface(name, up=up) if name else interfaces(up=up)


@task(
    view="this_machine.ipv6",
    help={
        "require": "End with 1 unless it reaches so far: python, kernel, loopback, address, route."
    },
)
def ipv6(c: object, require: str = "") -> IPv6:
    """Tell how far IPv6 works here, on the whole and by interface."""
    from wirework.net.host.ipv6 import ipv6

    return ipv6(require=require)

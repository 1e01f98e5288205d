"""Throwaway hosts on this machine, to rehearse on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from .cli import task

if TYPE_CHECKING:
    from wirework.lab import Down, Lab

NAME = "The lab's name: lab, or lab-<something> for a second one."


@task(
    view="views.hosts_of",
    help={
        "hosts": "How many hosts; they are called web1, web2 and so on.",
        "group": "A group and its number of hosts, web=2; may be given again.",
        "name": NAME,
        "free_ports": "Take ports that are free, not 2201 and 8001 onwards.",
    },
)
def up(
    c: object,
    hosts: int = 3,
    group: tuple[str, ...] = (),
    name: str = "lab",
    free_ports: bool = False,
) -> Lab:
    """Start SSH hosts on loopback ports, each with a folder of its own."""
    from pathlib import Path

    from wirework import lab

    groups = lab.sizes(group)
    ports: Literal["free", "fixed"] = "free" if free_ports else "fixed"
    return lab.up(Path.cwd(), name=name, hosts=hosts, groups=groups, ports=ports)


@task(view="views.hosts_of", help={"name": NAME})
def status(c: object, name: str = "lab") -> Lab:
    """Show the lab's hosts and whether they answer."""
    from pathlib import Path

    from wirework import lab

    return lab.status(Path.cwd(), name)


@task(help={"name": NAME})
def down(c: object, name: str = "lab") -> Down:
    """Stop the lab, with everything that runs on its hosts, and remove its files."""
    from pathlib import Path

    from wirework import lab

    return lab.down(Path.cwd(), name)

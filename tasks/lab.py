"""Throwaway hosts on this machine, to rehearse on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .cli import task

if TYPE_CHECKING:
    from wirework.lab import Down, Lab

NAME = "The lab's name: lab, or lab-<something> for a second one."
KINDS = "pause, partition, kill-sshd, stop, fill-disk, slow-disk, read-only or no-sudo"


@task(
    view="views.hosts_of",
    help={
        "hosts": "How many hosts; they are called web1, web2 and so on.",
        "group": "A group and its number of hosts, web=2 or old=1:password; may be given again.",
        "name": NAME,
        "free_ports": "Take ports that are free, not 2201 and 8001 onwards.",
        "driver": "embedded: SSH servers on loopback ports; podman: containers, as root.",
        "image": "What podman hosts are made of: "
        "debian, python, busybox, services, systemd, openrc, rpm or password.",
        "bastion": "Put podman hosts behind one more that leads to them.",
        "delay": "What a round trip to podman hosts takes longer: 50ms, 0.2s.",
    },
)
def up(
    c: object,
    hosts: int = 3,
    group: tuple[str, ...] = (),
    name: str = "lab",
    free_ports: bool = False,
    driver: str = "embedded",
    image: str = "",
    bastion: bool = False,
    delay: str = "",
) -> Lab:
    """Start throwaway SSH hosts, embedded ones on loopback ports or containers."""
    from pathlib import Path

    from wirework import lab
    from wirework.documents.amounts import seconds

    return lab.up(
        Path.cwd(),
        name=name,
        driver=lab.driver_name(driver),
        hosts=hosts,
        groups=lab.sizes(group),
        ports="free" if free_ports else "fixed",
        image=image,
        images=lab.images(group),
        bastion=bastion,
        delay=seconds(delay, where="--delay") if delay else 0.0,
    )


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


@task(
    view="views.hosts_of",
    help={
        "host": "The host that gets the fault.",
        "kind": f"What shall be wrong with it: {KINDS}.",
        "for_": "Heal it by itself after this time: 10s, 2m.",
        "name": NAME,
    },
)
def fault(c: object, host: str, kind: str, for_: str = "", name: str = "lab") -> Lab:
    """Let something go wrong with a podman host: a hang, a cut, a full disk and more."""
    from pathlib import Path

    from wirework import lab
    from wirework.documents.amounts import seconds

    lasting = seconds(for_, where="--for") if for_ else None
    return lab.fault(Path.cwd(), name, host=host, kind=kind, for_=lasting)


@task(
    view="views.hosts_of", help={"host": "The host to heal; without it all of them.", "name": NAME}
)
def heal(c: object, host: str = "", name: str = "lab") -> Lab:
    """Undo the faults of a podman host, or of all, and start what does not run."""
    from pathlib import Path

    from wirework import lab

    return lab.heal(Path.cwd(), name, host=host)


@task(help={"host": "The host to log in on.", "name": NAME})
def shell(c: object, host: str, name: str = "lab") -> None:
    """Open a shell on a podman host with this machine's ssh; its status is passed on."""
    from pathlib import Path

    from wirework import lab

    from .cli.exits import leave

    leave(lab.run_shell(Path.cwd(), name, host=host))

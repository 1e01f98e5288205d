"""The hosts of a lab: which there shall be, starting them, and who answers."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from wirework.errors import BadInput
from wirework.lab import greeting
from wirework.lab.podman import image, network, rootless
from wirework.lab.podman.engine import PodmanFailed, entering, run
from wirework.lab.podman.model import (
    BASTION,
    BASTION_GROUP,
    HTTP_PORT,
    SSH_PORT,
    PodmanHost,
    Record,
)
from wirework.lab.podman.network import FOLDER_LABEL, LABEL
from wirework.lab.ports import ADDRESS, hold

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from wirework.lab.model import Wanted
    from wirework.lab.podman.engine import Engine

HOST_LABEL = "wirework.host"

# What a real host's root may do and podman's default leaves out: ping, and sudo's audit.
_CAPABILITIES = ("NET_RAW", "AUDIT_WRITE")


def plan(wanted: Wanted) -> tuple[PodmanHost, ...]:
    """Return the hosts that are wanted, without addresses yet; a bastion comes first."""
    gateway = BASTION if wanted.bastion else ""
    behind = [
        _host(name, group, wanted.images.get(group) or wanted.image or image.DEFAULT, gateway)
        for name, group in wanted.hosts
    ]
    if not wanted.bastion:
        return tuple(behind)
    return (_host(BASTION, BASTION_GROUP, image.DEFAULT, ""), *behind)


def shape(hosts: Iterable[PodmanHost]) -> list[tuple[str, str, str, str]]:
    """Return what makes two labs the same."""
    return [(host.name, host.group, host.image, host.gateway) for host in hosts]


def find(record: Record, name: str) -> PodmanHost:
    """Return the host of that name; raises BadInput for one that there is not."""
    for host in record.hosts:
        if host.name == name:
            return host
    names = ", ".join(host.name for host in record.hosts)
    raise BadInput(f"the lab has no host {name!r}", hint=f"one of {names}")


def connect(engine: Engine, record: Record, folder: Path) -> Record:
    """Make the lab's networks, and return its record with where the hosts are reached.

    That is an address of its own each, or a port of this machine where there is no way to those.
    """
    name = f"wirework-{record.token[:8]}"
    front = network.create(engine, name, token=record.token, folder=str(folder))
    networks: tuple[str, ...] = (name,)
    back = front
    if record.hosts[0].name == BASTION:
        inner = f"{name}-back"
        back = network.create(engine, inner, token=record.token, folder=str(folder))
        networks = (name, inner)
    addresses = (
        network.address(back if host.gateway else front, number)
        for number, host in enumerate(record.hosts)
    )
    hosts = tuple(
        replace(host, ip=address, address=address)
        for host, address in zip(record.hosts, addresses, strict=True)
    )
    if rootless.is_so():
        hosts = publish(hosts)
    return replace(record, networks=networks, hosts=hosts)


def publish(hosts: tuple[PodmanHost, ...]) -> tuple[PodmanHost, ...]:
    """Return the hosts with free loopback ports, which lead to theirs once they are started.

    Those behind a bastion keep their addresses: it is the bastion that reaches them. Podman takes
    the ports itself; where another program is faster, starting the host fails and says so.
    """
    direct = [host.name for host in hosts if not host.gateway]
    with hold(len(direct), "free") as pairs:
        ports = {
            name: (pair.port, pair.http_port) for name, pair in zip(direct, pairs, strict=True)
        }
    return tuple(
        replace(host, address=ADDRESS, port=ports[host.name][0], http_port=ports[host.name][1])
        if host.name in ports
        else host
        for host in hosts
    )


def start(engine: Engine, record: Record, folder: Path, host: PodmanHost) -> None:
    """Make and start a host's container; raises PodmanFailed."""
    source = str(folder / "hosts" / host.name).replace('"', '""')
    engine.run(
        "run",
        "--detach",
        *("--name", record.container(host.name), "--hostname", host.name),
        *("--label", f"{LABEL}={record.token}", "--label", f"{FOLDER_LABEL}={folder}"),
        *("--label", f"{HOST_LABEL}={host.name}"),
        *_networks(record, host),
        *_published(host),
        *(word for each in record.hosts for word in ("--add-host", f"{each.name}:{each.ip}")),
        *("--mount", f'type=bind,"source={source}",target=/run/lab,readonly'),
        *(word for name in _CAPABILITIES for word in ("--cap-add", name)),
        *("--pull", "never"),
        image.reference(image.find(host.image)),
    )
    _arrange(engine, record, host)


def start_again(engine: Engine, record: Record, name: str) -> None:
    """Start a host that was stopped, with the files that it had."""
    engine.run("start", record.container(name))
    _arrange(engine, record, find(record, name))


def pid_of(engine: Engine, record: Record, name: str) -> int:
    """Return the number of a host's first process on this machine; 0 when it does not run."""
    said = engine.run("inspect", "--format", "{{.State.Pid}}", record.container(name))
    return int(said.strip() or 0)


def who_greets(engine: Engine, record: Record, timeout: float) -> set[str]:
    """Return the names of the hosts whose sshd greets, those behind a bastion as it sees them."""
    direct = [host for host in record.hosts if not host.gateway]
    places = [(host.address, host.port) for host in direct]
    answers = greeting.who_greets(places, timeout)
    found = {host.name for host, up in zip(direct, answers, strict=True) if up}
    hidden = {host.ip: host.name for host in record.hosts if host.gateway}
    if not hidden:
        return found
    try:
        pid = pid_of(engine, record, BASTION)
        if not pid:
            return found
        look = (sys.executable, "-P", "-m", "wirework.lab.greeting", str(timeout), *hidden)
        said = run([*entering(pid, "--net"), *look])
    except PodmanFailed:  # it went away while we asked
        return found
    return found | {hidden[ip] for ip in said.split()}


def faults_of(record: Record, name: str) -> tuple[str, ...]:
    """Return a host's faults as people read them, with the seconds they still last."""
    return tuple(
        f"{fault.kind} ({max(0.0, fault.until - time.time()):.0f} s left)"
        if fault.until
        else fault.kind
        for fault in record.faults
        if fault.host == name
    )


def _host(name: str, group: str, made_of: str, gateway: str) -> PodmanHost:
    return PodmanHost(
        name=name,
        group=group,
        address="",
        port=SSH_PORT,
        http_port=HTTP_PORT,
        ip="",
        image=made_of,
        user=image.find(made_of).user,
        gateway=gateway,
    )


def _networks(record: Record, host: PodmanHost) -> list[str]:
    """Return the options for a host's networks; a bastion is in both."""
    if host.name == BASTION:
        inside = network.address(network.subnet_of(record.hosts[1].ip), 0)
        places = list(zip(record.networks, (host.ip, inside), strict=True))
    else:
        places = [(record.networks[-1], host.ip)]
    return [
        word
        for name, ip in places
        for word in ("--network", f"{name}:ip={ip},mac={network.hardware_address(ip)}")
    ]


def _published(host: PodmanHost) -> list[str]:
    """Return the options that lead ports of this machine to a host that is reached by them."""
    if host.address == host.ip:
        return []
    ports = ((host.port, SSH_PORT), (host.http_port, HTTP_PORT))
    return [
        word
        for outside, inside in ports
        for word in ("--publish", f"{host.address}:{outside}:{inside}")
    ]


def _arrange(engine: Engine, record: Record, host: PodmanHost) -> None:
    """Do to a host's network what ends with its processes and has to be done at each start."""
    if host.gateway:
        network.hide(pid_of(engine, record, host.name), host.ip)
    elif record.delay and not record.forwards:
        network.slow_down(pid_of(engine, record, host.name), record.delay)

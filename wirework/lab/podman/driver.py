"""Making, looking at and clearing away a lab of containers."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from wirework.errors import BadInput, LabError
from wirework.lab import folder as folders
from wirework.lab import processes
from wirework.lab.greeting import comes_to_greet
from wirework.lab.model import Down, Lab, State
from wirework.lab.podman import engine as engines
from wirework.lab.podman import files, forwarder, hosts, image, network, rootless
from wirework.lab.podman.engine import Engine, PodmanFailed
from wirework.lab.podman.hosts import HOST_LABEL
from wirework.lab.podman.model import BASTION_GROUP, SSH_CONFIG, PodmanHost, Record
from wirework.lab.podman.network import FOLDER_LABEL, LABEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wirework.lab.model import Wanted

MOST_DELAY = 5.0
MEMORY = 16 * 1024**2
"""Bytes that a host takes at most when it is idle: sshd, and podman's own process beside it."""

PORTS_MEMORY = 16 * 1024**2
"""Bytes more for a host with published ports: two processes of podman's carry its traffic."""

START_TIMEOUT = 60.0
"""Seconds from the start of the last host until each has to greet."""

_AT_ONCE = 2 * (os.cpu_count() or 1)
_GREETING_TIMEOUT = 4.0
"""Seconds for a greeting, to which come two round trips through the delay."""


def check(wanted: Wanted) -> None:
    """Raise BadInput for what cannot be made, or cannot be made here."""
    groups = {group for _, group in wanted.hosts}
    if wanted.ports != "fixed":
        raise BadInput(
            "podman hosts have addresses of their own, where every port is free",
            hint="leave --free-ports out",
        )
    for group in wanted.images:
        if group not in groups:
            raise BadInput(f"an image is named for the group {group}, which has no hosts")
    for name in (wanted.image, *wanted.images.values()):
        if name:
            image.find(name)
    if wanted.bastion and BASTION_GROUP in groups:
        raise BadInput("the group of the bastion is made by --bastion: leave it out")
    if not 0 <= wanted.delay <= MOST_DELAY:
        raise BadInput(f"a delay is 0 to {MOST_DELAY:g} s, not {wanted.delay:g}")
    if wanted.delay and rootless.is_so():
        raise BadInput("a delay needs root of this machine", hint="use sudo, or leave --delay out")
    engines.require()


def prepare(wanted: Wanted) -> None:
    """Build the images that are missing; raises LabError when that does not work."""
    names = {host.image for host in hosts.plan(wanted)}
    image.ensure(image.find(name) for name in sorted(names))


def up(folder: Path, wanted: Wanted) -> Lab:
    """Make the lab, or return the one of that shape that is up already.

    Raises LabError when the one that is up has another shape, and when hosts do not start.
    """
    record = Record.load(folder)
    if record and is_up(folder):
        return _unchanged(record, folder, wanted)
    clear(folder)
    _check_memory(len(wanted.hosts))
    record = Record(
        token=secrets.token_hex(16),
        hosts=hosts.plan(wanted),
        delay=wanted.delay,
        forwards=wanted.delay > 0 and not network.has_netem(),
    )
    try:
        _make(record, folder)
    except OSError as error:
        clear(folder)
        raise LabError(f"its folder cannot be made: {error}", where=folder.name) from error
    except BaseException:
        clear(folder)
        raise
    return status(folder)


def is_up(folder: Path) -> bool:
    """Whether a lab was made whole and everything of it is still there, running or not."""
    record = Record.load(folder)
    if record is None or not record.ready:
        return False
    if record.forwards and not processes.runs(record.pid, record.started, folder):
        return False
    with contextlib.suppress(PodmanFailed):
        there = _containers(engines.known(folder), f"{LABEL}={record.token}")
        return {record.container(host.name) for host in record.hosts} <= set(there)
    return False


def status(folder: Path) -> Lab:
    """Return a lab as it is now, each host's state as it greets."""
    record = Record.load(folder)
    if record is None:
        return Lab(name=folder.name, folder=folder, hosts=(), driver="podman")
    greeting: set[str] = set()
    if record.ready:
        greeting = hosts.who_greets(engines.known(folder), record, _patience(record))
    found = tuple(
        replace(
            host,
            state=State.UP if host.name in greeting else State.DOWN,
            faults=hosts.faults_of(record, host.name),
        )
        for host in record.hosts
    )
    return Lab(name=folder.name, folder=folder, hosts=found, driver="podman")


def clear(folder: Path) -> Down:
    """Remove a lab's processes, containers, networks and folder.

    Raises LabError when something resists.
    """
    _check_owner(folder)
    record = Record.load(folder)
    ended = processes.end(record.token) if record else 0
    swept = sweep(folder)
    names = tuple(host.name for host in record.hosts) if record else swept.hosts
    return replace(swept, hosts=names, processes=ended, removed=folders.remove(folder))


def sweep(folder: Path) -> Down:
    """Remove containers and networks of a folder's lab, and of labs whose folder has gone.

    Calm where there is no podman. ``hosts`` are those of the folder's lab.
    """
    nothing = Down(name=folder.name, folder=folder, hosts=(), processes=0, removed=False)
    if not engines.is_there() or (rootless.is_so() and not rootless.has_containers()):
        return nothing
    # The folder may be half made or gone: what was started carries its path all the same.
    engine = engines.known(folder)
    try:
        containers = _containers(engine, FOLDER_LABEL)
    except PodmanFailed:
        if Record.load(folder) is None:
            return nothing  # podman does not work on this machine, so it made no lab either
        raise
    networks = engine.json("network", "ls", "--filter", f"label={FOLDER_LABEL}")
    owners = {each["name"]: each["labels"][FOLDER_LABEL] for each in networks}
    ours = [name for name, labels in containers.items() if labels[FOLDER_LABEL] == str(folder)]
    _remove(engine, ours, [name for name, owner in owners.items() if owner == str(folder)])
    with contextlib.suppress(PodmanFailed):  # somebody else may be sweeping them up as well
        _remove(
            engine,
            [n for n, labels in containers.items() if not Path(labels[FOLDER_LABEL]).exists()],
            [name for name, owner in owners.items() if not Path(owner).exists()],
        )
    names = sorted(containers[name].get(HOST_LABEL, name) for name in ours)
    return replace(nothing, hosts=tuple(names))


def shell_command(folder: Path, host: str) -> list[str]:
    """Return the command that opens a shell on a host; raises BadInput for an unknown one."""
    record = Record.load(folder)
    if record is None:
        raise BadInput(f"there is no lab {folder.name!r} here", hint="lab.up --driver podman")
    found = hosts.find(record, host)
    command = ["ssh", "-F", str(folder / SSH_CONFIG), found.name]
    if not image.find(found.image).password:
        return command
    # ssh asks the program for the password, so that it stands in no argument (ssh(1)).
    asking = [f"SSH_ASKPASS={folder / files.ASKPASS}", "SSH_ASKPASS_REQUIRE=force"]
    return ["env", *asking, *command]


def _unchanged(record: Record, folder: Path, wanted: Wanted) -> Lab:
    """Return the lab that is up already, provided that it is the one wanted."""
    if hosts.shape(record.hosts) != hosts.shape(hosts.plan(wanted)):
        names = ", ".join(f"{host.name} ({host.image})" for host in record.hosts)
        raise LabError(
            f"it is up with other hosts: {names}", where=folder.name, hint="lab.down first"
        )
    if record.delay != wanted.delay:
        raise LabError(
            f"it is up with a delay of {record.delay * 1000:g} ms",
            where=folder.name,
            hint="lab.down first",
        )
    engine = engines.known(folder)
    # After a reboot of this machine they are all there, and none runs.
    broken = {fault.host for fault in record.faults}
    stopped = [
        host
        for host in record.hosts
        if host.name not in broken and not hosts.pid_of(engine, record, host.name)
    ]
    for host in stopped:
        hosts.start_again(engine, record, host.name)
    _wait(engine, record, folder, stopped, time.monotonic() + START_TIMEOUT)
    return status(folder)


def _check_owner(folder: Path) -> None:
    """Raise LabError for the lab of another user, whose containers podman would not show us."""
    try:
        owner = folder.stat().st_uid
    except FileNotFoundError:
        return
    if owner != os.geteuid():
        who = rootless.user_name(owner)
        raise LabError(f"it was made by {who}", where=folder.name, hint=f"lab.down as {who}")


def _check_memory(count: int) -> None:
    free = psutil.virtual_memory().available
    wanted = count * (MEMORY + PORTS_MEMORY if rootless.is_so() else MEMORY)
    if free < wanted:
        raise LabError(
            f"{count} hosts take up to {wanted >> 20} MiB of memory, {free >> 20} MiB are free",
            hint="ask for fewer hosts",
        )


def _make(record: Record, folder: Path) -> None:
    """Write a lab's folder, start its hosts, and return when each has greeted."""
    folder.mkdir(mode=0o700)
    # First of all: whatever goes wrong from here on, the record finds what was started.
    record.save(folder)
    engine = engines.choose(image.reference(image.find(record.hosts[0].image)), folder)
    record = hosts.connect(engine, record, folder)
    record.save(folder)
    files.prepare(record, folder)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        starting = [pool.submit(hosts.start, engine, record, folder, h) for h in record.hosts]
        try:
            for each in starting:
                each.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if record.forwards:
        record = forwarder.start(record, folder)
    files.describe(record, folder)
    _wait(engine, record, folder, record.hosts, time.monotonic() + START_TIMEOUT)
    replace(record, ready=True).save(folder)


def _wait(
    engine: Engine, record: Record, folder: Path, started: Sequence[PodmanHost], deadline: float
) -> None:
    """Return when every started host greets; raises LabError for the first that does not."""
    reachable = [host for host in started if not host.gateway]
    for host in reachable:
        if not comes_to_greet(host.address, host.port, _patience(record), deadline):
            raise _silent(engine, record, folder, host)
    hidden = [host for host in started if host.gateway]
    while hidden:
        greeting = hosts.who_greets(engine, record, _patience(record))
        hidden = [host for host in hidden if host.name not in greeting]
        if hidden and time.monotonic() > deadline:
            raise _silent(engine, record, folder, hidden[0])


def _patience(record: Record) -> float:
    return _GREETING_TIMEOUT + 2 * record.delay


def _silent(engine: Engine, record: Record, folder: Path, host: PodmanHost) -> LabError:
    words = ""
    with contextlib.suppress(PodmanFailed):
        words = engine.run("logs", "--tail", "1", record.container(host.name)).strip()
    said = f": {words}" if words else ""
    return LabError(f"{host.name} gave no SSH greeting in time{said}", where=folder.name)


def _containers(engine: Engine, label: str) -> dict[str, dict[str, Any]]:
    """Return the labels of all containers that have this one, by name, running or not."""
    listed = engine.json("ps", "--all", "--filter", f"label={label}")
    return {each["Names"][0]: each["Labels"] for each in listed}


def _remove(engine: Engine, containers: Sequence[str], networks: Sequence[str]) -> None:
    """Remove containers, several at once, and then networks."""
    parts = [containers[start::_AT_ONCE] for start in range(min(_AT_ONCE, len(containers)))]
    if parts:
        with ThreadPoolExecutor(len(parts)) as pool:
            list(pool.map(lambda names: engine.run("rm", "--force", "--time", "0", *names), parts))
    for name in networks:
        engine.run("network", "rm", "--force", name)

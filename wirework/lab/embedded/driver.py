"""Making, looking at and clearing away a lab of SSH servers on loopback ports."""

from __future__ import annotations

import getpass
import secrets
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import yaml

from wirework.documents import write
from wirework.errors import BadInput, LabError
from wirework.lab import folder as folders
from wirework.lab import processes
from wirework.lab.embedded.record import Record
from wirework.lab.greeting import greets, who_greets
from wirework.lab.model import INVENTORY, KEY, KNOWN_HOSTS, Down, Lab, LabHost, State
from wirework.lab.ports import ADDRESS, Pair, hold

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wirework.lab.model import Wanted

START_TIMEOUT = 10.0
"""Seconds until every host of a new lab has to greet."""

_GREETING_TIMEOUT = 2.0
_LOG = "log"


def check(wanted: Wanted) -> None:
    """Raise BadInput for a wish that takes containers."""
    for wish, option in (
        (wanted.image or wanted.images, "an image"),
        (wanted.bastion, "a bastion"),
        (wanted.delay, "a delay"),
    ):
        if wish:
            raise BadInput(f"embedded hosts cannot have {option}", hint="--driver podman can")


def prepare(wanted: Wanted) -> None:
    """Do nothing: there is nothing that labs share."""
    del wanted


def up(folder: Path, wanted: Wanted) -> Lab:
    """Bring up a lab, or return the one that is up already; leftovers are cleared away first.

    Raises LabError when a port is taken, when the lab that is up has another shape, or when it
    does not start.
    """
    name = folder.name
    record = Record.load(folder)
    if record and record.is_served(folder):
        return _unchanged(record, folder, wanted.hosts)
    clear(folder)
    with hold(len(wanted.hosts), wanted.ports) as pairs:
        made = tuple(
            LabHost(name=host, group=group, address=ADDRESS, port=p.port, http_port=p.http_port)
            for (host, group), p in zip(wanted.hosts, pairs, strict=True)
        )
        record = Record(token=secrets.token_hex(16), user=_user(), hosts=made)
        try:
            _start(record, folder, pairs)
        except OSError as error:
            clear(folder)
            raise LabError(f"its folder cannot be made: {error}", where=name) from error
        except BaseException:
            clear(folder)
            raise
    return _look(record, folder)


def is_up(folder: Path) -> bool:
    """Whether the lab of a folder runs."""
    record = Record.load(folder)
    return record is not None and record.is_served(folder)


def status(folder: Path) -> Lab:
    """Return a lab as it is now; all hosts are down after a crash."""
    record = Record.load(folder)
    if record is None:
        return Lab(name=folder.name, folder=folder, hosts=())
    if not record.is_served(folder):
        return Lab(name=folder.name, folder=folder, hosts=record.hosts)
    return _look(record, folder)


def clear(folder: Path) -> Down:
    """End a lab's processes and remove its folder; raises LabError when something resists."""
    record = Record.load(folder)
    return Down(
        name=folder.name,
        folder=folder,
        hosts=tuple(host.name for host in record.hosts) if record else (),
        processes=processes.end(record.token) if record else 0,
        removed=folders.remove(folder),
    )


def _user() -> str:
    """Return the name that people's ssh logs in with by itself."""
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise LabError("this user has no name to log in with", hint="export USER=…") from error


def _unchanged(record: Record, folder: Path, wanted: Sequence[tuple[str, str]]) -> Lab:
    """Return the lab that is up already, provided that it is the one wanted."""
    there = [(host.name, host.group) for host in record.hosts]
    if there != list(wanted):
        raise LabError(
            f"it is up with other hosts: {', '.join(host for host, _ in there)}",
            where=folder.name,
            hint="lab.down first",
        )
    return _look(record, folder)


def _start(record: Record, folder: Path, pairs: Sequence[Pair]) -> None:
    """Write a lab's folder, start its server, and return when every host has greeted."""
    folder.mkdir(mode=0o700)
    # First of all: whatever goes wrong from here on, the token finds what was started.
    record.save(folder)
    for host in record.hosts:
        (folder / "hosts" / host.name).mkdir(mode=0o700, parents=True)
    write(folder / INVENTORY, _inventory(record).encode())
    deadline = time.monotonic() + START_TIMEOUT
    sockets = [pair.listener.fileno() for pair in pairs]
    processes.launch(
        "wirework.lab.embedded.server",
        map(str, sockets),
        folder=folder,
        token=record.token,
        log=_LOG,
        sockets=sockets,
    )
    for pair in pairs:
        pair.listener.close()  # from here on a port is open only as long as the server is
    for host in record.hosts:
        if not greets(host.address, host.port, deadline - time.monotonic()):
            raise LabError(
                f"{host.name} gave no SSH greeting within {START_TIMEOUT:.0f} s"
                f"{processes.last_words(folder / _LOG)}",
                where=folder.name,
            )


def _look(record: Record, folder: Path) -> Lab:
    """Return the lab with each host's state, as its port answers."""
    places = [(host.address, host.port) for host in record.hosts]
    hosts = tuple(
        replace(host, state=State.UP if up else State.DOWN)
        for host, up in zip(record.hosts, who_greets(places, _GREETING_TIMEOUT), strict=True)
    )
    return Lab(name=folder.name, folder=folder, hosts=hosts)


def _inventory(record: Record) -> str:
    """Return the lab's inventory; its key paths are relative to the file, so it can be moved."""
    children: dict[str, dict[str, dict[str, dict[str, object]]]] = {}
    for host in record.hosts:
        connection = {"address": host.address, "port": host.port, "http_port": host.http_port}
        children.setdefault(host.group, {"hosts": {}})["hosts"][host.name] = connection
    variables = {"user": record.user, "key": KEY, "known_hosts": KNOWN_HOSTS, "ssh_config": "none"}
    fleet = {"all": {"vars": variables, "children": children}}
    text = yaml.safe_dump(fleet, sort_keys=False, default_flow_style=None, allow_unicode=True)
    return f"# Written by lab.up, removed by lab.down.\n{text}"

"""The embedded driver: SSH servers of one background process on loopback ports, without root."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, get_args

import yaml

from wirework.errors import BadInput, LabError
from wirework.lab import folder as folders
from wirework.lab import processes
from wirework.lab.folder import Record
from wirework.lab.groups import names
from wirework.lab.model import INVENTORY, KEY, KNOWN_HOSTS, Down, Lab, LabHost, State
from wirework.lab.ports import ADDRESS, Pair, Ports, hold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

START_TIMEOUT = 10.0
"""Seconds until every host of a new lab has to greet."""

_GREETING_TIMEOUT = 2.0


def up(
    root: Path,
    *,
    name: str = "lab",
    hosts: int = 3,
    groups: Mapping[str, int] | None = None,
    ports: Ports = "fixed",
) -> Lab:
    """Bring up a lab in ``<root>/.wirework/<name>/``, or return the one that is up already.

    ``groups`` says how many hosts each group has (``{"web": 2, "db": 1}`` makes web1, web2 and
    db1); without it there are ``hosts`` of them in the group ``web``. Leftovers of a lab that
    crashed are cleared away first. Raises BadInput for a request that makes no lab, LabError
    when a port is taken, when the lab that is up has another shape, or when it does not start.
    """
    folder = folders.locate(root, name)
    wanted = names(groups if groups is not None else {"web": hosts})
    if ports not in get_args(Ports):
        raise BadInput(f"a lab's ports are fixed or free, not {ports!r}")
    with folders.locked(folder):
        record = Record.load(folder)
        if record and processes.is_server(record, folder):
            return _unchanged(record, folder, wanted)
        _clear(record, folder)
        with hold(len(wanted), ports) as pairs:
            made = tuple(
                LabHost(name=host, group=group, address=ADDRESS, port=p.port, http_port=p.http_port)
                for (host, group), p in zip(wanted, pairs, strict=True)
            )
            record = Record(token=secrets.token_hex(16), user=_user(), hosts=made)
            try:
                _start(record, folder, pairs)
            except OSError as error:
                _clear(record, folder)
                raise LabError(f"its folder cannot be made: {error}", where=name) from error
            except BaseException:
                _clear(record, folder)
                raise
        return _look(record, folder)


def status(root: Path, name: str = "lab") -> Lab:
    """Return a lab as it is now; without hosts when there is none, all down after a crash."""
    folder = folders.locate(root, name)
    record = Record.load(folder)
    if record is None:
        return Lab(name=name, folder=folder, hosts=())
    if not processes.is_server(record, folder):
        return Lab(name=name, folder=folder, hosts=record.hosts)
    return _look(record, folder)


def down(root: Path, name: str = "lab") -> Down:
    """End every process of a lab and remove its folder; calm when there is nothing to do.

    Raises LabError when a process or a file resists.
    """
    folder = folders.locate(root, name)
    nothing = Down(name=name, folder=folder, hosts=(), processes=0, removed=False)
    if not folder.parent.is_dir():
        return nothing
    with folders.locked(folder):
        record = Record.load(folder)
        ended, removed = _clear(record, folder)
    names = tuple(host.name for host in record.hosts) if record else ()
    return replace(nothing, hosts=names, processes=ended, removed=removed)


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


def _clear(record: Record | None, folder: Path) -> tuple[int, bool]:
    """End a lab's processes and remove its folder; returns how many, and whether it was there."""
    ended = processes.end(record.token) if record else 0
    return ended, folders.remove(folder)


def _start(record: Record, folder: Path, pairs: Sequence[Pair]) -> None:
    """Write a lab's folder, start its server, and return when every host has greeted."""
    folder.mkdir(mode=0o700)
    # First of all: whatever goes wrong from here on, the token finds what was started.
    record.save(folder)
    for host in record.hosts:
        (folder / "hosts" / host.name).mkdir(mode=0o700, parents=True)
    folders.write(folder / INVENTORY, _inventory(record).encode())
    deadline = time.monotonic() + START_TIMEOUT
    _launch(record, folder, pairs)
    for pair in pairs:
        pair.listener.close()  # from here on a port is open only as long as the server is
    for host in record.hosts:
        if not _greets(host.port, deadline - time.monotonic()):
            raise LabError(
                f"{host.name} gave no SSH greeting within {START_TIMEOUT:.0f} s"
                f"{_last_words(folder)}",
                where=folder.name,
            )


def _launch(record: Record, folder: Path, pairs: Sequence[Pair]) -> None:
    """Start the server, which detaches itself; it keeps none of our streams open."""
    sockets = [pair.listener.fileno() for pair in pairs]
    # -P: the folder it stands in is no place to import from.
    command = [sys.executable, "-P", "-m", "wirework.lab.server", str(folder)]
    with (folder / "log").open("wb") as log:
        try:
            done = subprocess.run(
                [*command, *map(str, sockets)],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env={**os.environ, processes.MARK: record.token},
                pass_fds=sockets,
                start_new_session=True,
                timeout=START_TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            raise LabError(
                f"its server did not start within {START_TIMEOUT:.0f} s", where=folder.name
            ) from None
    if done.returncode:
        raise LabError(f"its server did not start{_last_words(folder)}", where=folder.name)


def _last_words(folder: Path) -> str:
    """Return the last line of the server's log for an error, or nothing."""
    lines = (folder / "log").read_text(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f": {last}" if last else ""


def _look(record: Record, folder: Path) -> Lab:
    """Return the lab with each host's state, as its port answers."""
    hosts = tuple(
        replace(host, state=State.UP if _greets(host.port, _GREETING_TIMEOUT) else State.DOWN)
        for host in record.hosts
    )
    return Lab(name=folder.name, folder=folder, hosts=hosts)


def _greets(port: int, timeout: float) -> bool:
    """Whether an SSH server greets on the port within the time (RFC 4253, 4.2)."""
    try:
        with socket.create_connection((ADDRESS, port), timeout=max(timeout, 0.01)) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _inventory(record: Record) -> str:
    """Return the lab's inventory; its key paths are relative to the file, so it can be moved."""
    children: dict[str, dict[str, dict[str, dict[str, object]]]] = {}
    for host in record.hosts:
        connection = {"address": host.address, "port": host.port, "http_port": host.http_port}
        children.setdefault(host.group, {"hosts": {}})["hosts"][host.name] = connection
    variables = {"user": record.user, "key": KEY, "known_hosts": KNOWN_HOSTS}
    fleet = {"all": {"vars": variables, "children": children}}
    text = yaml.safe_dump(fleet, sort_keys=False, default_flow_style=None, allow_unicode=True)
    return f"# Written by lab.up, removed by lab.down.\n{text}"

"""A delay where the kernel has none: ``python -m wirework.lab.podman.forwarder FOLDER ROUTE...``.

One process for a lab takes the connections to its hosts on loopback ports, and hands them on
with the delay (``wirework.net.forward``). It ends on SIGTERM or with its folder.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil

from wirework.errors import LabError
from wirework.lab import processes
from wirework.lab.podman.model import HTTP_PORT, SSH_PORT, Record
from wirework.lab.ports import ADDRESS, hold
from wirework.net import forward
from wirework.serving.limits import Limits
from wirework.serving.listen import Listener, Place
from wirework.serving.serve import Stop

_LOG = "forwarder.log"
_BACKLOG = 512
_WATCH = 1.0
"""Seconds between looks whether the lab is still there."""


def start(record: Record, folder: Path) -> Record:
    """Start the process, and return the record with the ports that lead to hosts now."""
    direct = [host for host in record.hosts if not host.gateway]
    with hold(len(direct), "free") as pairs:
        ports = {host.name: pair for host, pair in zip(direct, pairs, strict=True)}
        hosts = tuple(
            replace(host, address=ADDRESS, port=pair.port, http_port=pair.http_port)
            if (pair := ports.get(host.name))
            else host
            for host in record.hosts
        )
        record = replace(record, hosts=hosts)
        record.save(folder)
        sockets = [pair.listener.fileno() for pair in pairs]
        processes.launch(
            "wirework.lab.podman.forwarder",
            map(str, sockets),
            folder=folder,
            token=record.token,
            log=_LOG,
            sockets=sockets,
        )
    started = Record.load(folder)
    if started is None:
        raise LabError("its forwarder left no trace", where=folder.name)
    return started


def main(folder: Path, sockets: list[int]) -> None:
    """Forward for the lab of a folder, in a process of its own; the caller's returns at once."""
    record = Record.load(folder)
    if record is None:
        raise SystemExit(f"{folder} holds no lab")
    direct = [host for host in record.hosts if not host.gateway]
    doors = [socket.socket(fileno=descriptor) for descriptor in sockets]
    routes = [_route(door, host.ip, SSH_PORT) for door, host in zip(doors, direct, strict=True)]
    for host in direct:
        pages = socket.create_server((ADDRESS, host.http_port), backlog=_BACKLOG)
        routes.append(_route(pages, host.ip, HTTP_PORT))
    # The record is written before the caller goes on: it changes it next.
    ready, told = os.pipe()
    if os.fork():
        os.close(told)
        os.read(ready, 1)
        os._exit(0)
    process = psutil.Process()
    replace(record, pid=process.pid, started=process.create_time()).save(folder)
    os.close(ready)
    os.close(told)
    stop = Stop()
    threading.Thread(target=_watch, args=(folder, record.token, stop), daemon=True).start()
    forward.carry(
        routes,
        shape=forward.Shape(delay=record.delay),
        # Nobody waits for what is under way in a lab that goes.
        limits=Limits(drain=0.0),
        stop=stop,
    )


def _route(door: socket.socket, address: str, port: int) -> forward.Route:
    door.settimeout(0.0)
    place = Place(*door.getsockname())
    return forward.Route(Listener(door, place), forward.target(f"{address}:{port}"))


def _watch(folder: Path, token: str, stop: Stop) -> None:
    """End the forwarder with its lab, and also when that cannot be told any more."""
    try:
        while _still_ours(folder, token):
            time.sleep(_WATCH)
    finally:
        stop.press()


def _still_ours(folder: Path, token: str) -> bool:
    """Whether the folder is still there, and not that of a lab made anew."""
    record = Record.load(folder)
    return record is not None and record.token == token


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(descriptor) for descriptor in sys.argv[2:]])

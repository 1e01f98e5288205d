"""A delay where the kernel has none: ``python -m wirework.lab.podman.forwarder FOLDER ROUTE...``.

One process for a lab takes the connections to its hosts on loopback ports, and hands on what
it is sent half of the delay later, in each direction. It ends on SIGTERM or with its folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil

from wirework.errors import LabError
from wirework.lab import processes
from wirework.lab.podman.model import HTTP_PORT, SSH_PORT, Record
from wirework.lab.ports import ADDRESS, hold

_LOG = "forwarder.log"
_CHUNK = 65536
_UNDER_WAY = 64
"""Pieces of a stream that may be on their way at once; its sender waits when there are more."""
_WATCH = 1.0
_CONNECT_TIMEOUT = 10.0


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
    routes = [(door, host.ip, SSH_PORT) for door, host in zip(doors, direct, strict=True)]
    for host in direct:
        pages = socket.create_server((ADDRESS, host.http_port))
        routes.append((pages, host.ip, HTTP_PORT))
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
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    asyncio.run(_serve(folder, record.token, record.delay / 2, routes))


async def _serve(
    folder: Path, token: str, delay: float, routes: list[tuple[socket.socket, str, int]]
) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        for door, address, port in routes:
            take = partial(_take, address=address, port=port, delay=delay)
            server = await asyncio.start_server(take, sock=door, limit=_CHUNK)
            stack.callback(server.close)
        while not stop.is_set() and _still_ours(folder, token):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _WATCH)


async def _take(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    *,
    address: str,
    port: int,
    delay: float,
) -> None:
    """Carry one connection to its host; a host that cannot be reached ends it."""
    try:
        opening = asyncio.open_connection(address, port, limit=_CHUNK)
        inner, outer = await asyncio.wait_for(opening, _CONNECT_TIMEOUT)
    except (OSError, TimeoutError):
        writer.transport.abort()  # as a host does that refuses
        return
    try:
        await asyncio.gather(_carry(reader, outer, delay), _carry(inner, writer, delay))
    finally:
        writer.close()
        outer.close()


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter, delay: float) -> None:
    """Hand on each piece of a stream when it is ``delay`` seconds old, then its end."""
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_UNDER_WAY)

    async def read() -> None:
        data = b" "
        while data:
            try:
                data = await source.read(_CHUNK)
            except OSError:  # a connection that was reset ends as any other
                data = b""
            await pieces.put((loop.time() + delay, data))

    reading = asyncio.create_task(read())
    try:
        with contextlib.suppress(OSError):  # whoever should have it has gone
            while True:
                due, data = await pieces.get()
                await asyncio.sleep(due - loop.time())
                if not data:
                    break
                sink.write(data)
                await sink.drain()
            sink.write_eof()
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def _still_ours(folder: Path, token: str) -> bool:
    """Whether the folder is still there, and not that of a lab made anew."""
    record = Record.load(folder)
    return record is not None and record.token == token


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(descriptor) for descriptor in sys.argv[2:]])

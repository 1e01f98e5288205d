"""Echo servers beside each other: our models, socat, nc and a plain asyncio server.

Clients are a process of their own, on an epoll loop over bare sockets. Each request is 64 bytes
that have to come back as they were.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import select
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

REPO = Path(__file__).parents[1]
sys.path.insert(0, str(REPO))

import psutil  # noqa: E402

from wirework.net.services import service  # noqa: E402
from wirework.serving.listen import Place  # noqa: E402
from wirework.serving.serve import MODELS, serve  # noqa: E402

SIZE = 64
FEW, MANY = 100, 10_000
BAR = 3.0
PACE = 5_000
"""Requests a second while latency is measured, whatever the number of clients."""

TICK = 0.002
PATIENCE = 60.0

OURS = tuple(MODELS)
THEIRS = ("streams", "socat-pipe", "socat-cat", "nc")
MOST = {"nc": 1, "select": 900, "thread": 1000, "fork": 100, "socat-pipe": 100, "socat-cat": 100}
"""Clients at once that a server takes, or that a machine of two cores takes from it."""

TABLE = "{:<12}{:>8}{:>12}{:>11}{:>11}{:>13}{:>12}"


@dataclass(frozen=True)
class Figures:
    """What one server did for so many clients. Milliseconds; KiB."""

    server: str
    clients: int
    connected: float
    lost: int
    rate: float
    p50: float
    p99: float
    memory: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", default=",".join((*OURS, *THEIRS)))
    parser.add_argument("--clients", default=f"1,{FEW},{MANY}")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each of two phases")
    parser.add_argument("--rounds", type=int, default=1, help="of which the medians are shown")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--client", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    raise_limit()
    counts = [int(word) for word in options.clients.split(",")]
    if options.serve:
        return be_server(options.serve)
    if options.client:
        be_clients(options.client, counts[0], options.seconds)
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    names = options.servers.split(",")
    print(TABLE.format("server", "clients", "requests/s", "p50 ms", "p99 ms", "KiB/client", "lost"))
    seen: dict[tuple[str, int], Figures] = {}
    for count in counts:
        for name in names:
            if count > MOST.get(name, MANY) or not here(name):
                continue
            rounds = [measure(name, count, options.seconds) for _ in range(options.rounds)]
            seen[name, count] = shown = middle(rounds)
            print(
                TABLE.format(
                    shown.server,
                    shown.clients,
                    f"{shown.rate:.0f}",
                    f"{shown.p50:.2f}",
                    f"{shown.p99:.2f}",
                    f"{shown.memory:.1f}" if count >= FEW else "-",  # one drowns in the rest
                    shown.lost,
                ),
                flush=True,
            )
    return verdict(seen)


def verdict(seen: dict[tuple[str, int], Figures]) -> int:
    """Hold epoll and asyncio to the bar: nobody lost, latency at many no more than 3x at few."""
    status = 0
    for name in ("epoll", "asyncio"):
        few, many = seen.get((name, FEW)), seen.get((name, MANY))
        if few is None or many is None:
            continue
        ratio = many.p50 / few.p50
        missed = ratio > BAR or many.lost > 0
        status |= missed
        print(
            f"{name}: latency at {MANY} clients {ratio:.2f} times that at {FEW} (bar {BAR:g}),"
            f" {many.lost} lost, {many.memory:.1f} KiB a client{': MISSED' if missed else ''}"
        )
    return status


def middle(rounds: list[Figures]) -> Figures:
    """Return the medians; what was lost is lost."""
    first = rounds[0]

    def median(field: str) -> float:
        return statistics.median(getattr(each, field) for each in rounds)

    return Figures(
        first.server,
        first.clients,
        median("connected"),
        sum(each.lost for each in rounds),
        median("rate"),
        median("p50"),
        median("p99"),
        median("memory"),
    )


def here(name: str) -> bool:
    program = name.partition("-")[0]
    return program not in {"socat", "nc"} or shutil.which(program) is not None


def measure(name: str, count: int, seconds: float) -> Figures:
    """Run a server, and its clients in a process of their own."""
    with running(name) as (process, port):
        before = memory(process)
        clients = subprocess.Popen(
            [
                *(sys.executable, __file__, "--client", str(port)),
                *("--clients", str(count), "--seconds", str(seconds)),
            ],
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
            text=True,
        )
        try:
            clients.stdout.readline()  # everyone has been answered once
            each = (memory(process) - before) / count / 1024
            clients.stdin.close()
            told = json.loads(clients.stdout.readline())
        finally:
            clients.kill()
            clients.wait()
    return Figures(server=name, clients=count, memory=each, **told)


def memory(process: psutil.Process) -> float:
    """Return the bytes that a server and its children have for themselves."""
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            total += each.memory_full_info().uss
    return total


@contextlib.contextmanager
def running(name: str) -> Iterator[tuple[psutil.Process, int]]:
    """Run a server in a process group of its own."""
    port = free_port()
    with contextlib.ExitStack() as stack:
        if name == "nc":
            pipe = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "pipe"
            os.mkfifo(pipe)
            loop = os.open(pipe, os.O_RDWR)  # what comes out of it goes in again
            stack.callback(os.close, loop)
            process = subprocess.Popen(
                ["nc", "-k", "-l", "127.0.0.1", str(port)], stdin=loop, stdout=loop
            )
        elif name.startswith("socat"):
            does = "PIPE" if name == "socat-pipe" else "EXEC:cat"
            listen = f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,backlog=4096"
            process = subprocess.Popen(["socat", listen, does], stderr=subprocess.DEVNULL)
        else:
            process = subprocess.Popen([sys.executable, __file__, "--serve", f"{name}:{port}"])
        watched = psutil.Process(process.pid)
        try:
            wait_for(port)
            yield watched, port
        finally:
            family = watched.children(recursive=True)
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for child in family:
                with contextlib.suppress(psutil.Error):
                    child.kill()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            time.sleep(0.2)  # until that one is forgotten
            return


def raise_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def be_server(name_and_port: str) -> int:
    name, _, port = name_and_port.partition(":")
    if name == "streams":
        asyncio.run(streams(int(port)))
        return 0
    serve(service("echo"), [Place("127.0.0.1", int(port))], model=name)
    return 0


async def streams(port: int) -> None:
    """Echo as asyncio's own manual shows it."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


class Crowd:
    """Many connections on one epoll loop."""

    def __init__(self, port: int, count: int) -> None:
        self.epoll = select.epoll()
        self.socks: dict[int, socket.socket] = {}
        for number in range(count):
            sock = socket.socket()
            # Several addresses, so that there are ports enough; a reset leaves none of them taken.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.bind((f"127.0.0.{2 + number % 8}", 0))
            sock.settimeout(PATIENCE)
            sock.connect(("127.0.0.1", port))
            sock.settimeout(0.0)
            self.socks[sock.fileno()] = sock
            self.epoll.register(sock.fileno(), select.EPOLLIN)
        self.order = deque(self.socks)
        self.sent: dict[int, tuple[float, bytes]] = {}
        self.got: dict[int, bytes] = {}
        self.number = 0
        self.asked = 0
        self.lost = 0

    def ask(self) -> None:
        """Send the next request, from whoever's turn it is."""
        fd = self.order.popleft()
        self.number += 1
        data = b"%0*d" % (SIZE, self.number)
        self.sent[fd] = time.perf_counter(), data
        self.socks[fd].send(data)

    def answers(self, patience: float = PATIENCE) -> list[float]:
        """Wait for whole answers; return how long each took."""
        took = []
        for fd, _ in self.epoll.poll(patience):
            try:
                data = self.got.pop(fd, b"") + self.socks[fd].recv(SIZE)
            except OSError:
                data = b""
            start, wanted = self.sent[fd]
            if data == wanted:
                del self.sent[fd]
                self.order.append(fd)
                took.append(time.perf_counter() - start)
            elif data and wanted.startswith(data):
                self.got[fd] = data
            else:
                self.lost += 1
                del self.sent[fd]
                self.epoll.unregister(fd)
        return took

    def paced(self, seconds: float) -> list[float]:
        """Send at a steady pace, everybody in turn; return what each request took.

        Were everybody to ask again at once, the queue of the clients' own making would be
        measured, not the server.
        """
        start = now = time.perf_counter()
        took: list[float] = []
        while now - start < seconds or self.sent:
            due = min(int((now - start) * PACE), int(seconds * PACE)) + 1 - self.asked
            for _ in range(min(due, len(self.order))):
                self.asked += 1
                self.ask()
            took += self.answers(TICK)
            now = time.perf_counter()
            if now - start > seconds + PATIENCE:
                self.lost += len(self.sent)
                break
        return took

    def work(self, in_flight: int, seconds: float, least: int) -> tuple[list[float], float]:
        """Keep so many requests under way; return what each took, and the seconds of it all."""
        start = time.perf_counter()
        took: list[float] = []
        for _ in range(in_flight):
            self.ask()
        while self.sent:
            fresh = self.answers()
            if not fresh and time.perf_counter() - start > PATIENCE:
                self.lost += len(self.sent)
                break
            took += fresh
            if time.perf_counter() - start < seconds or len(took) + len(self.sent) < least:
                for _ in fresh:
                    self.ask()
        return took, time.perf_counter() - start


def be_clients(port: int, count: int, seconds: float) -> None:
    start = time.perf_counter()
    crowd = Crowd(port, count)
    connected = time.perf_counter() - start
    crowd.work(count, 0.0, count)  # everyone, once
    print("all are here", flush=True)
    sys.stdin.read()
    took = crowd.paced(max(seconds, count / PACE))
    all_at_once, whole = crowd.work(count, seconds, count)
    took.sort()
    told = {
        "connected": connected,
        "lost": crowd.lost,
        "rate": len(all_at_once) / whole,
        "p50": took[len(took) // 2] * 1000,
        "p99": took[len(took) * 99 // 100] * 1000,
    }
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    sys.exit(main())

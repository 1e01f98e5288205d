"""Forwarders beside each other: bulk throughput, and requests with their latency.

``python benchmarks/forward.py``: ours (``inv sock.forward``), socat (``TCP-LISTEN,fork``), and no
forwarder at all, over 1, 10 and 100 connections. Client, server and forwarder are processes of
their own. The best of the rounds counts: it was disturbed least. Status 1 when ours moves less than
0.7 times what socat does over one connection, or over many moves or answers less than socat.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

REPO = Path(__file__).parents[1]
HOST = "127.0.0.1"
PIECE = 256 * 1024
REQUEST = b"r" * 100
ONE, MANY = 0.7, 1.0
"""How many times socat's figures ours have to be, over one connection and over many."""

START = 20.0


class Figures(NamedTuple):
    """MB/s, requests/s, and the latency of a request in ms: median and 99th percentile."""

    bulk: float
    requests: float
    p50: float
    p99: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", default="1,10,100")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument(
        "--rounds", type=int, default=3, help="the tools take turns; the best counts"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    numbers = [int(number) for number in options.connections.split(",")]
    tools = ["ours", "none"] if shutil.which("socat") is None else ["ours", "socat", "none"]
    missed = False
    print("| connections | tool | MB/s | requests/s | p50 ms | p99 ms |")
    print("|---:|---|---:|---:|---:|---:|")
    for number in numbers:
        runs: dict[str, list[Figures]] = {tool: [] for tool in tools}
        for _ in range(options.rounds):
            for tool in tools:
                runs[tool].append(measure(tool, number, options.seconds))
        best = {
            tool: Figures(
                max(run.bulk for run in each),
                max(run.requests for run in each),
                min(run.p50 for run in each),
                min(run.p99 for run in each),
            )
            for tool, each in runs.items()
        }
        for tool, one in best.items():
            row = f"{one.bulk:.0f} | {one.requests:.0f} | {one.p50:.2f} | {one.p99:.2f}"
            print(f"| {number} | {tool} | {row} |", flush=True)
        if "socat" in tools:
            missed |= not beats(number, best["ours"], best["socat"])
    sys.exit(1 if missed else 0)


def beats(number: int, ours: Figures, socat: Figures) -> bool:
    """Show the ratio to socat, and tell whether it is as it has to be."""
    bulk, requests = ours.bulk / socat.bulk, ours.requests / socat.requests
    print(f"| {number} | ours to socat | {bulk:.2f} | {requests:.2f} | | |", flush=True)
    return bulk >= ONE if number == 1 else min(bulk, requests) >= MANY


def measure(tool: str, number: int, seconds: float) -> Figures:
    """Run one tool over a number of connections: bulk first, then requests."""
    bulk, _, _ = run(tool, "sink", number, seconds)
    requests, p50, p99 = run(tool, "echo", number, seconds)
    return Figures(bulk / 1e6, requests, p50, p99)


def run(tool: str, service: str, number: int, seconds: float) -> tuple[float, float, float]:
    with server(service) as target, forwarder(tool, target) as port:
        ours, its = multiprocessing.Pipe()
        load = flood if service == "sink" else ask
        client = multiprocessing.Process(target=load, args=(its, port, number, seconds))
        client.start()
        its.close()
        try:
            figures: tuple[float, float, float] = ours.recv()
            return figures
        finally:
            client.kill()
            client.join()


@contextlib.contextmanager
def server(service: str) -> Iterator[int]:
    """Serve on a free port in a process of its own: "echo", or "sink" which swallows."""
    listener = socket.create_server((HOST, 0), backlog=1024)
    process = multiprocessing.Process(target=serve, args=(listener, service), daemon=True)
    process.start()
    port = listener.getsockname()[1]
    listener.close()
    try:
        yield port
    finally:
        process.kill()
        process.join()


def serve(listener: socket.socket, service: str) -> None:
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    clients: dict[int, socket.socket] = {}
    while True:
        for fd, _ in poll.poll():
            if fd == listener.fileno():
                sock, _ = listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                clients[sock.fileno()] = sock
                poll.register(sock, select.EPOLLIN)
                continue
            sock = clients[fd]
            try:
                # MSG_TRUNC: the kernel drops it, so that the server costs next to nothing.
                flags = socket.MSG_TRUNC if service == "sink" else 0
                data = sock.recv(PIECE, flags)
                if service == "echo":
                    sock.sendall(data)
            except OSError:
                data = b""
            if not data:
                poll.unregister(fd)
                clients.pop(fd).close()


@contextlib.contextmanager
def forwarder(tool: str, target: int) -> Iterator[int]:
    if tool == "none":
        yield target
        return
    with socket.create_server((HOST, 0)) as probe:
        port = probe.getsockname()[1]
    words = {
        "ours": [
            *(sys.executable, "-m", "invoke", "--search-root", str(REPO), "sock.forward"),
            *(f"{HOST}:{port}", f"{HOST}:{target}"),
        ],
        "socat": [
            "socat",
            f"TCP-LISTEN:{port},bind={HOST},reuseaddr,fork,backlog=1024,nodelay",
            f"TCP:{HOST}:{target},nodelay",
        ],
    }[tool]
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        connect(port, START).close()
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def connect(port: int, patience: float) -> socket.socket:
    deadline = time.monotonic() + patience
    while True:
        try:
            sock = socket.create_connection((HOST, port), timeout=patience)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
            continue
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock


def flood(told: Connection, port: int, number: int, seconds: float) -> None:
    """Send all that goes, and tell the bytes a second."""
    data = b"x" * PIECE
    poll = select.epoll()
    socks = {}
    for _ in range(number):
        sock = connect(port, START)
        sock.settimeout(0.0)
        socks[sock.fileno()] = sock
        poll.register(sock, select.EPOLLOUT)
    sent, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < seconds:
        for fd, _ in poll.poll():
            with contextlib.suppress(BlockingIOError):
                sent += socks[fd].send(data)
    told.send((sent / took, 0.0, 0.0))


def ask(told: Connection, port: int, number: int, seconds: float) -> None:
    """Send a request on each connection as soon as the last one is answered; tell the rate."""
    poll = select.epoll()
    socks, sent = {}, {}
    for _ in range(number):
        sock = connect(port, START)
        socks[sock.fileno()] = sock
        poll.register(sock, select.EPOLLIN)
    took: list[float] = []
    began = time.perf_counter()
    for fd, sock in socks.items():
        sent[fd] = time.perf_counter()
        sock.send(REQUEST)
    while time.perf_counter() - began < seconds:
        for fd, _ in poll.poll():
            if len(socks[fd].recv(PIECE)) != len(REQUEST):
                raise SystemExit("an answer was lost or torn")
            now = time.perf_counter()
            took.append(now - sent[fd])
            sent[fd] = now
            socks[fd].send(REQUEST)
    rate = len(took) / (time.perf_counter() - began)
    took.sort()
    told.send((rate, took[len(took) // 2] * 1e3, took[len(took) * 99 // 100] * 1e3))


if __name__ == "__main__":
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    main()

"""Whether SSH servers greet: ``python -m wirework.lab.greeting SECONDS ADDRESS...`` asks many."""

from __future__ import annotations

import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

MOST_AT_ONCE = 64


def greets(address: str, port: int, timeout: float) -> bool:
    """Whether an SSH server greets on the port within the time (RFC 4253, 4.2)."""
    try:
        with socket.create_connection((address, port), timeout=max(timeout, 0.01)) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def who_greets(places: list[tuple[str, int]], timeout: float) -> list[bool]:
    """Ask many at once, each within the time."""
    if not places:
        return []
    with ThreadPoolExecutor(min(len(places), MOST_AT_ONCE)) as pool:
        return list(pool.map(lambda place: greets(place[0], place[1], timeout), places))


def comes_to_greet(address: str, port: int, timeout: float, deadline: float) -> bool:
    """Wait until a server that is being started greets.

    It has ``timeout`` seconds for that each time; ``deadline`` is one of time.monotonic.
    """
    while time.monotonic() < deadline:
        if greets(address, port, timeout):
            return True
        time.sleep(0.05)
    return False


def main(seconds: str, *addresses: str) -> None:
    """Write the addresses whose port 22 greets, a line each."""
    found = who_greets([(address, 22) for address in addresses], float(seconds))
    said = (address for address, up in zip(addresses, found, strict=True) if up)
    sys.stdout.write("".join(f"{address}\n" for address in said))


if __name__ == "__main__":
    main(*sys.argv[1:])

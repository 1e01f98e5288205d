"""What this machine is: its names, system, processors, memory and addresses."""

from __future__ import annotations

import os
import platform
import socket
import threading
import time
from dataclasses import dataclass

import psutil

from wirework.errors import BadInput
from wirework.net.host import outside
from wirework.net.host.interfaces import interfaces


@dataclass(frozen=True, slots=True)
class Machine:
    """This machine.

    ``fqdn`` is what its own name resolves to, "" when that does not answer in time. ``uptime`` in
    seconds, memory in bytes, ``load`` over 1, 5 and 15 minutes. ``addresses`` has for each
    interface with any its addresses with their prefixes. ``outside_ipv4`` and ``outside_ipv6``
    are those from which others are reached, "" without a route.
    """

    name: str
    fqdn: str
    system: str
    kernel: str
    architecture: str
    uptime: int
    cpus: int
    load: tuple[float, float, float]
    memory: int
    memory_available: int
    addresses: dict[str, tuple[str, ...]]
    outside_ipv4: str
    outside_ipv6: str

    @property
    def summary(self) -> str:
        """Its name and the address it goes out with."""
        return f"{self.fqdn or self.name} {self.outside_ipv4 or self.outside_ipv6}".strip()


def machine(*, timeout: float = 5.0) -> Machine:
    """Return what this machine is; its name is asked for at most ``timeout`` seconds."""
    if timeout <= 0:
        raise BadInput(f"{timeout:g} is no time to wait", where="--timeout", hint="above 0")
    name = socket.gethostname()
    memory = psutil.virtual_memory()
    return Machine(
        name=name,
        fqdn=_fqdn(name, timeout),
        system=_system(),
        kernel=platform.release(),
        architecture=platform.machine(),
        uptime=int(time.clock_gettime(time.CLOCK_BOOTTIME)),
        cpus=psutil.cpu_count() or 1,
        load=os.getloadavg(),
        memory=memory.total,
        memory_available=memory.available,
        addresses={
            each.name: tuple(map(str, each.addresses))
            for each in interfaces().interfaces
            if each.addresses
        },
        outside_ipv4=outside.source_address(4),
        outside_ipv6=outside.source_address(6),
    )


def _system() -> str:
    """Return the name that the distribution gives itself; os-release(5)."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _fqdn(name: str, timeout: float) -> str:
    """Return the canonical name of this machine's name, as ``hostname --fqdn`` finds it."""
    found: list[str] = []

    def ask() -> None:
        try:
            flags = socket.AI_CANONNAME
            found.append(socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM, flags=flags)[0][3])
        except (OSError, UnicodeError):
            found.append("")

    # The resolver has no timeout of its own; a daemon keeps nobody from ending.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(timeout)
    return found[0] if found else ""

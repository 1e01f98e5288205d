"""Libraries that run one command on many hosts, each as its manual says; one is run at a time.

``python clients.py TOOL INVENTORY COMMAND`` prints the wall time and the CPU (user and system,
in seconds) from after the imports to the last connection's end, and the peak memory in MB.
"""

from __future__ import annotations

import json
import resource
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

AT_ONCE = 50
"""Hosts at once where a tool has a bound; Fabric's ThreadingGroup takes them all."""
CONNECT_TIMEOUT = 10.0

Host = dict[str, str]
Work = tuple["Callable[[], int]", "Callable[[], None]"]


def wirework(inventory: Path, command: str, *, forks: int = AT_ONCE) -> Callable[[], int]:
    """Return what runs the command as ``invoke remote.run`` does; host keys are checked."""
    from wirework.fleet import fan_out
    from wirework.inventory import load
    from wirework.ssh import Pool, run

    hosts = tuple(load(inventory).hosts.values())

    def work() -> int:
        with Pool(known_hosts=()) as pool:
            report = fan_out(hosts, lambda host: run(pool.remote(host), command), forks=forks)
        return sum(outcome.ok for outcome in report.outcomes)

    return work


def all_at_once(inventory: Path, command: str) -> Callable[[], int]:
    """Return the same with no bound, so that every connection stands at the same time."""
    return wirework(inventory, command, forks=10_000)


def fabric(hosts: Sequence[Host], command: str) -> Callable[[], int]:
    """Return what runs the command as Fabric's manual does; it believes every host key."""
    from fabric import ThreadingGroup

    names = [f"{host['user']}@{host['address']}:{host['port']}" for host in hosts]
    options = {"key_filename": hosts[0]["key"]}

    def work() -> int:
        with ThreadingGroup(*names, connect_kwargs=options) as group:
            group.run(command, hide=True)  # raises when a host fails
            return len(group)

    return work


def paramiko(hosts: Sequence[Host], command: str) -> Callable[[], int]:
    """Return what does the least that paramiko allows; host keys are checked."""
    from paramiko import HostKeys, PKey, Transport

    key = PKey.from_path(hosts[0]["key"])
    known = HostKeys(hosts[0]["known_hosts"])

    def one(host: Host) -> bool:
        address, port = host["address"], int(host["port"])
        name = address if port == 22 else f"[{address}]:{port}"  # noqa: PLR2004 - SSH's own
        sock = socket.create_connection((address, port), CONNECT_TIMEOUT)
        transport = Transport(sock)
        try:
            transport.connect(hostkey=known[name]["ssh-ed25519"], username=host["user"], pkey=key)
            channel = transport.open_session()
            channel.exec_command(command)
            while channel.recv(65_536):
                pass
            return channel.recv_exit_status() == 0
        finally:
            transport.close()

    def work() -> int:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return sum(pool.map(one, hosts))

    return work


def parallel_ssh(hosts: Sequence[Host], command: str) -> Callable[[], int]:
    """Return what runs the command as parallel-ssh's manual does (libssh2); no key is checked."""
    from pssh.clients import ParallelSSHClient
    from pssh.config import HostConfig

    configs = [
        HostConfig(user=host["user"], port=int(host["port"]), private_key=host["key"])
        for host in hosts
    ]
    addresses = [host["address"] for host in hosts]

    def work() -> int:
        client = ParallelSSHClient(addresses, host_config=configs, pool_size=AT_ONCE)
        outputs = client.run_command(command)
        client.join(outputs)
        for output in outputs:
            list(output.stdout)
        return sum(output.exit_code == 0 for output in outputs)

    return work


OURS = {"wirework": wirework, "all-at-once": all_at_once}
THEIRS = {"fabric": fabric, "paramiko": paramiko, "parallel-ssh": parallel_ssh}


def main() -> None:
    tool, inventory, command = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    if tool in OURS:
        work = OURS[tool](inventory, command)
        count = 0
    else:
        hosts = json.loads(inventory.with_suffix(".hosts.json").read_text())
        work, count = THEIRS[tool](hosts, command), len(hosts)
    wall, cpu = time.perf_counter(), time.process_time()
    done = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"wall": wall, "cpu": cpu, "peak": peak, "done": done, "of": count or done}))


if __name__ == "__main__":
    main()

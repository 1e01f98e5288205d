"""One command on many hosts: Wirework beside Fabric's ThreadingGroup and bare paramiko.

Every run is a process of its own, so that its CPU is its own; what is measured begins after the
imports and the reading of the inventory, and ends when every connection is closed.
"""

from __future__ import annotations

import argparse
import contextlib
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from wirework import lab as labs
from wirework.inventory import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wirework.inventory import Host

AT_ONCE = 50
"""Hosts at once; Fabric's ThreadingGroup has no bound and takes them all."""
RUN_TIMEOUT = 60.0
START_TIMEOUT = 10.0
SSHD_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin"


class Cost(NamedTuple):
    """What one run took: wall time and the CPU (user and system) of its process, in seconds."""

    wall: float
    cpu: float


def wirework(hosts: tuple[Host, ...], command: str) -> Callable[[], int]:
    """Return what runs the command as ``invoke remote.run`` does; host keys are checked."""
    from wirework.fleet import fan_out  # noqa: PLC0415 - imports are not what is measured
    from wirework.ssh import Pool, run  # noqa: PLC0415 - the same

    def work() -> int:
        with Pool(known_hosts=()) as pool:
            report = fan_out(hosts, lambda host: run(pool.remote(host), command), forks=AT_ONCE)
        return sum(outcome.ok for outcome in report.outcomes)

    return work


def fabric(hosts: tuple[Host, ...], command: str) -> Callable[[], int]:
    """Return what runs the command as Fabric's manual does; it believes every host key."""
    from fabric import ThreadingGroup  # noqa: PLC0415 - imports are not what is measured

    names = [f"{host.user}@{host.address}:{host.port}" for host in hosts]
    options = {"key_filename": str(hosts[0].key)}

    def work() -> int:
        with ThreadingGroup(*names, connect_kwargs=options) as group:
            group.run(command, hide=True)  # raises when a host fails
            return len(group)

    return work


def paramiko(hosts: tuple[Host, ...], command: str) -> Callable[[], int]:
    """Return what does the least that paramiko allows; host keys are checked."""
    from paramiko import HostKeys, PKey, Transport  # noqa: PLC0415 - not what is measured

    key = PKey.from_path(str(hosts[0].key))
    known = HostKeys(str(hosts[0].known_hosts))

    def one(host: Host) -> bool:
        hostkey = known[f"[{host.address}]:{host.port}"]["ssh-ed25519"]
        sock = socket.create_connection((host.address, host.port), START_TIMEOUT)
        transport = Transport(sock)
        try:
            transport.connect(hostkey=hostkey, username=str(host.user), pkey=key)
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


TOOLS = {"wirework": wirework, "fabric": fabric, "paramiko": paramiko}


def measure(tool: str, inventory: Path, command: str) -> Cost:
    """Run a tool in this process; ends it if a host did not answer."""
    hosts = tuple(load(inventory).hosts.values())
    work = TOOLS[tool](hosts, command)
    wall, cpu = time.perf_counter(), time.process_time()
    done = work()
    cost = Cost(time.perf_counter() - wall, time.process_time() - cpu)
    if done != len(hosts):
        raise SystemExit(f"{tool}: {done} of {len(hosts)} hosts answered")
    return cost


@contextlib.contextmanager
def embedded(root: Path, count: int) -> Iterator[Path]:
    """Give the inventory of a lab whose hosts are all served by one Python process."""
    try:
        yield labs.up(root, hosts=count, ports="free").inventory
    finally:
        labs.down(root)


@contextlib.contextmanager
def openssh(root: Path, count: int) -> Iterator[Path]:
    """Give an inventory of loopback addresses behind one real sshd, which forks a process each."""
    sshd, keygen = shutil.which("sshd", path=SSHD_PATH), shutil.which("ssh-keygen")
    if sshd is None or keygen is None:
        raise SystemExit("there is no sshd here: apt-get install openssh-server")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd's own wish
    for name in ("host_key", "key"):
        words = [keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(root / name)]
        subprocess.run(words, check=True, timeout=START_TIMEOUT)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [f"Port={port}", "ListenAddress=127.0.0.1", f"HostKey={root}/host_key"]
    options += [f"AuthorizedKeysFile={root}/key.pub", "StrictModes=no", "UsePAM=no", "PidFile=none"]
    # bash reads ~/.bashrc under sshd unless it runs in a shell: nobody's is measured here.
    options += ["SetEnv=SHLVL=2", "MaxStartups=500"]
    words = [sshd, "-D", "-e", "-f", "/dev/null", *(f"-o{option}" for option in options)]
    public = (root / "host_key.pub").read_text()
    (root / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}")
    variables = {"address": "127.0.0.1", "port": port, "user": getpass.getuser()}
    variables |= {"key": "key", "known_hosts": "known_hosts"}
    hosts: dict[str, object] = {f"web{number}": {} for number in range(1, count + 1)}
    inventory = root / "inventory.yaml"  # JSON is YAML
    inventory.write_text(json.dumps({"all": {"vars": variables, "hosts": hosts}}))
    with (root / "log").open("wb") as log:
        server = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_TIMEOUT
        while b"listening" not in (root / "log").read_bytes():
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"sshd does not start: {(root / 'log').read_text()}")
            time.sleep(0.02)
        yield inventory
    finally:
        server.kill()
        server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--driver", choices=("embedded", "sshd"), default="embedded")
    parser.add_argument("--command", default="uptime", help="one that takes less than a minute")
    parser.add_argument("--measure", nargs=2, metavar=("TOOL", "INVENTORY"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure[0], Path(given.measure[1]), given.command)))
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is then ended
    start = embedded if given.driver == "embedded" else openssh
    costs: dict[str, list[Cost]] = {tool: [] for tool in TOOLS}
    child = [sys.executable, __file__, "--command", given.command, "--measure"]
    with tempfile.TemporaryDirectory() as root, start(Path(root), given.hosts) as inventory:
        for _ in range(given.rounds):
            for tool, found in costs.items():
                words = [*child, tool, str(inventory)]
                found.append(Cost(*json.loads(subprocess.check_output(words, timeout=RUN_TIMEOUT))))
    middle = {tool: Cost(*map(median, zip(*all_, strict=True))) for tool, all_ in costs.items()}
    print(f"{given.command} on {given.hosts} hosts ({given.driver}), median of {given.rounds}")
    print(f"{'tool':10}{'wall s':>9}{'client CPU ms a host':>22}{'CPU to ours':>13}")
    for tool, cost in middle.items():
        each, ratio = cost.cpu / given.hosts * 1000, cost.cpu / middle["wirework"].cpu
        print(f"{tool:10}{cost.wall:9.2f}{each:22.1f}{ratio:13.2f}")
    if given.driver == "embedded":
        print("The servers share this machine and one process: they, not the tools, set the wall.")


if __name__ == "__main__":
    main()

"""Hosts to measure on: one Python process, this machine's own sshd, or containers."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from wirework import lab as labs
from wirework.inventory import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wirework.inventory import Host

START_TIMEOUT = 10.0
SSHD_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin"


@contextlib.contextmanager
def embedded(root: Path, count: int) -> Iterator[Path]:
    """Give the inventory of a lab whose hosts are all served by one Python process."""
    try:
        yield labs.up(root, hosts=count, ports="free").inventory
    finally:
        labs.down(root)


@contextlib.contextmanager
def podman(
    root: Path, count: int, *, name: str = "lab", image: str = "debian", delay: float = 0.0
) -> Iterator[Path]:
    """Give the inventory of a lab of containers, each with its own OpenSSH; needs root."""
    try:
        lab = labs.up(root, name=name, driver="podman", hosts=count, image=image, delay=delay)
        yield lab.inventory
    finally:
        with _undisturbed():
            labs.down(root, name)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let no second Ctrl-C leave half of a lab behind."""
    before = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


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
    inventory = write(root / "inventory.yaml", variables, {f"web{n + 1}": {} for n in range(count)})
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


DRIVERS: dict[str, Callable[[Path, int], contextlib.AbstractContextManager[Path]]] = {
    "embedded": embedded,
    "sshd": openssh,
    "podman": podman,
}


def hosts_of(inventory: Path) -> tuple[Host, ...]:
    """Return the hosts of an inventory."""
    return tuple(load(inventory).hosts.values())


def many_times(inventory: Path, each: int, at: Path) -> Path:
    """Write an inventory to ``at`` in which every host stands ``each`` times, by other names."""
    hosts = {
        f"{host.name}x{number}": {
            "address": host.address,
            "port": host.port,
            "user": host.user,
            "key": str(host.key),
            "known_hosts": str(host.known_hosts),
        }
        for number in range(1, each + 1)
        for host in hosts_of(inventory)
    }
    return write(at, {"ssh_config": "none"}, hosts)


def write(at: Path, variables: dict[str, object], hosts: dict[str, dict[str, object]]) -> Path:
    """Write an inventory to ``at``."""
    at.write_text(json.dumps({"all": {"vars": variables, "hosts": hosts}}))  # JSON is YAML
    return at

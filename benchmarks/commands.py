"""Command lines that run one command on many hosts; the whole process is what they cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wirework.inventory import Host

ROOT = Path(__file__).parents[1]
AT_ONCE = "50"


def prepare(hosts: Sequence[Host], inventory: Path) -> None:
    """Write beside ``inventory`` what the tools read: ssh_config, and their own inventories."""
    folder = inventory.parent
    blocks = [
        f"Host {host.name}\n  HostName {host.address}\n  Port {host.port}\n  User {host.user}\n"
        f"  IdentityFile {host.key}\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {host.known_hosts}\n"
        for host in hosts
    ]
    (folder / "ssh_config").write_text("\n".join(blocks))
    (folder / "names").write_text("".join(f"{host.name}\n" for host in hosts))
    data = {
        host.name: {
            "ssh_hostname": host.address,
            "ssh_port": host.port,
            "ssh_user": host.user,
            "ssh_key": str(host.key),
            "ssh_known_hosts_file": str(host.known_hosts),
        }
        for host in hosts
    }
    (folder / "pyinfra_hosts.py").write_text(f"hosts = {list(data.items())!r}\n")
    plain = [
        {
            "address": host.address,
            "port": str(host.port),
            "user": host.user,
            "key": str(host.key),
            "known_hosts": str(host.known_hosts),
        }
        for host in hosts
    ]
    inventory.with_suffix(".hosts.json").write_text(json.dumps(plain))


def lines(inventory: Path, peers: Path, command: str) -> Mapping[str, Sequence[str]]:
    """Return each tool's command line."""
    folder = inventory.parent
    config = str(folder / "ssh_config")
    ours = [str(ROOT / ".venv" / "bin" / "invoke"), "-r", str(ROOT), "remote.run", command]
    ours += ["--hosts", "all", "--inventory", str(inventory)]
    # A master that stays behind would do its work after, and outside of, what is measured.
    ssh = ["ssh", "-F", config, "-o", "ControlMaster=no"]
    ansible = [str(peers / "ansible"), "-i", str(folder / "names"), "all", "-f", AT_ONCE]
    ansible += ["--ssh-common-args", f"-F {config} -o ControlMaster=no", "-m", "raw", "-a", command]
    clush = [str(peers / "clush"), "-f", AT_ONCE, "-o", f"-F {config}"]
    names = ",".join((folder / "names").read_text().split())
    return {
        "inv remote.run": ours,
        "inv … --procs 2": [*ours, "--procs", "2"],
        "pyinfra exec": [
            *(str(peers / "pyinfra"), "-y", "--parallel", AT_ONCE),
            *(str(folder / "pyinfra_hosts.py"), "exec", "--", command),
        ],
        "clush": [*clush, "-w", names, command],
        "xargs -P ssh": [
            "xargs",
            "-P",
            AT_ONCE,
            "-I{}",
            "-a",
            str(folder / "names"),
            *ssh,
            "{}",
            command,
        ],
        "ansible raw": ansible,
    }

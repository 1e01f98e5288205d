"""The play of ``site/`` as each tool runs it, and the hosts before and after."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import commands
import fleets
import peers
from costs import Cost, whole

from wirework.fleet import fan_out
from wirework.ssh import Pool, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SITE = Path(__file__).with_name("site")
PLAYBOOK = SITE / "site.yaml"
INVOKE = [str(commands.ROOT / ".venv" / "bin" / "invoke"), "-r", str(commands.ROOT)]
AT_ONCE = commands.AT_ONCE
CLIENTS = Path(__file__).with_name("clients.py")
END_TIMEOUT = 10.0

UNDO = """
for name in app worker; do ! id -u "$name" >/dev/null 2>&1 || userdel -r "$name" 2>/dev/null; done
! getent group deploy >/dev/null || groupdel deploy
rm -rf /srv/a /srv/b /srv/c /srv/d
sed -i '/^SITE_/d' /etc/environment && : >/srv/closed && sync
"""
STATE = """
for name in app worker; do id -gn "$name"; getent passwd "$name" | cut -d: -f6,7; done
ls -A /srv && cd /srv && find a b c d -exec stat -c '%n %F %a %U:%G' {} + | sort
find a b c d -type l -exec readlink {} + && find a b c d -type f -exec sha256sum {} + | sort
sort /etc/environment
"""
TIMES = "find /srv /etc/environment /etc/passwd /etc/group -exec stat -c '%n %i %Z' {} + | sort"


class Fleet:
    """The hosts of an inventory, on which every tool has its turn."""

    def __init__(self, inventory: Path) -> None:
        self.inventory = inventory
        self.hosts = fleets.hosts_of(inventory)
        self._masters = inventory.parent / "masters"
        commands.prepare(self.hosts, inventory)
        (inventory.parent / "ansible.ini").write_text(
            "".join(
                f"{host.name} ansible_host={host.address} ansible_port={host.port}"
                f" ansible_user={host.user} ansible_ssh_private_key_file={host.key}"
                " ansible_python_interpreter=/usr/bin/python3\n"
                for host in self.hosts
            )
        )

    def run(self, tool: str) -> Cost:
        """Run one tool whole, from logging in to its end."""
        words, env = TOOLS[tool](self.inventory)
        try:
            return whole(tool, words, env=env, cwd=SITE)
        finally:
            self._end_masters()

    def undo(self) -> None:
        """Bring the hosts to where every first run begins."""
        self._each(UNDO)

    def state(self, *, times: bool = False) -> str:
        """Return a digest of all that the play is about; ``times`` shows what was written anew."""
        said = self._each(STATE + (TIMES if times else ""))
        return hashlib.sha256(b"\0".join(said)).hexdigest()

    def _each(self, script: str) -> list[bytes]:
        with Pool(known_hosts=()) as pool:
            report = fan_out(
                self.hosts,
                lambda host: run(pool.remote(host), ["sh", "-ec", script], become=True),
            )
        said = []
        for outcome in report.outcomes:
            if outcome.value is None or not outcome.value.ok:
                problem = outcome.error or (outcome.value and outcome.value.stderr.decode())
                raise SystemExit(f"{outcome.host.name} cannot be prepared: {problem}")
            said.append(outcome.value.stdout)
        return said

    def _end_masters(self) -> None:
        """End the connections that ssh keeps for Ansible: each run logs in for itself."""
        for socket in self._masters.glob("*"):
            words = ["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "all"]
            subprocess.run(words, capture_output=True, check=False, timeout=END_TIMEOUT)


Command = tuple["Sequence[str]", dict[str, str]]


def _floor(inventory: Path) -> Command:
    words = [sys.executable, str(CLIENTS), "wirework", str(inventory), "sudo -n true"]
    return words, {"PYTHONPATH": str(commands.ROOT)}


def _remote_run(inventory: Path) -> Command:
    words = [*INVOKE, "remote.run", "true", "--become", "--hosts", "all"]
    return [*words, "--inventory", str(inventory)], {}


def playbook_run(playbook: Path, inventory: Path) -> Sequence[str]:
    """Return the command line that runs a playbook of ours."""
    return [*INVOKE, "playbook.run", str(playbook), "--inventory", str(inventory)]


def _ours(inventory: Path) -> Command:
    return playbook_run(PLAYBOOK, inventory), {}


def _pyinfra(inventory: Path) -> Command:
    words = [str(peers.installed() / "pyinfra"), "-y", "--parallel", AT_ONCE]
    return [*words, str(inventory.with_name("pyinfra_hosts.py")), str(SITE / "pyinfra_site.py")], {}


def _ansible(inventory: Path) -> Command:
    words = [str(peers.installed() / "ansible-playbook"), "-f", AT_ONCE]
    known = fleets.hosts_of(inventory)[0].known_hosts  # a lab has one such file
    env = {
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_SSH_COMMON_ARGS": f"-F none -o UserKnownHostsFile={known}",
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(inventory.with_name("masters")),
    }
    return [*words, "-i", str(inventory.with_name("ansible.ini")), str(SITE / "ansible.yml")], env


def _mitogen(inventory: Path) -> Command:
    words, env = _ansible(inventory)
    (plugins,) = peers.folder().glob("lib/python*/site-packages/ansible_mitogen/plugins/strategy")
    mine = {"ANSIBLE_STRATEGY": "mitogen_linear", "ANSIBLE_STRATEGY_PLUGINS": str(plugins)}
    return words, env | mine


TOOLS: dict[str, Callable[[Path], Command]] = {
    "remote.run": _remote_run,
    "log in, sudo": _floor,
    "playbook.run": _ours,
    "pyinfra": _pyinfra,
    "mitogen": _mitogen,
    "ansible": _ansible,
}
"""Each tool's command line, and what its environment has besides ours."""

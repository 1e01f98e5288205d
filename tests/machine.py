"""What the tests need of the machine beyond pip packages, and what to do where it is missing.

``python -m tests.machine`` installs it on Debian and Ubuntu when run as root; elsewhere it says
exactly what will not be tested and which packages bring it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

import pytest

from tests import packages, peers

SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where servers live; they are not on the PATH of most users."""

PROBE_TIMEOUT = 10.0


@dataclass(frozen=True, kw_only=True)
class Need:
    """Something the tests look for: programs, or a power that a probe command shows.

    ``package`` names the Debian packages that bring its programs, separated by spaces; ``peer``
    what pip installs in an environment of its own. Both are empty when nothing can bring them.
    ``purpose`` completes the sentence "without it, … is not tested".
    """

    name: str
    purpose: str
    package: str = ""
    peer: str = ""
    programs: tuple[str, ...] = ()
    probe: tuple[str, ...] = ()

    @property
    def installed(self) -> bool:
        """Whether every program is there."""
        return all(map(program, self.programs))

    @property
    def met(self) -> bool:
        """Whether every program is there and the probe, if any, ends with status 0."""
        if not self.installed:
            return False
        if not self.probe:
            return True
        try:
            done = subprocess.run(
                self.probe,
                check=False,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PROBE_TIMEOUT,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0


AS_ROOT = ("sh", "-c", 'test "$(id -u)" -eq 0')
# Podman itself says whether this user has users for containers; the rest is what it looks for.
AS_USER = (
    *("sh", "-c"),
    (
        'test "$(id -u)" -ne 0 && test -w /dev/net/tun'
        " && { command -v slirp4netns || command -v pasta; }"
        " && test \"$(podman unshare sh -c 'wc -l < /proc/self/uid_map')\" -gt 1"
    ),
)
# In a mount namespace of its own, so that nothing has to be unmounted afterwards.
A_MOUNT = ("unshare", "--mount", "mount", "-t", "tmpfs", "-o", "size=64k", "none", "/tmp")

A_VLAN = "ip link add a type veth peer name b; ip link add link a name a.5 type vlan id 5"

NEEDS: tuple[Need, ...] = (
    Need(
        name="sshd",
        programs=("sshd",),
        package="openssh-server",
        purpose="SSH against the server people run",
    ),
    Need(
        name="ssh",
        programs=("ssh", "sftp", "ssh-keygen"),
        package="openssh-client",
        purpose="the lab against the clients people run",
    ),
    Need(
        name="busybox",
        programs=("busybox",),
        package="busybox",
        purpose="shell text under busybox ash",
    ),
    Need(name="dash", programs=("dash",), package="dash", purpose="shell text under dash"),
    Need(name="bash", programs=("bash",), package="bash", purpose="shell text under bash"),
    Need(
        name="transfers",
        programs=("git", "curl", "wget", "tar", "gzip", "bzip2", "xz", "unzip"),
        package="git curl wget tar gzip bzip2 xz-utils unzip",
        purpose="archives, downloads and checkouts with the tools that hosts have",
    ),
    Need(
        name="sudo",
        programs=("sudo",),
        probe=("sudo", "-n", "true"),
        package="sudo",
        purpose="working as another user",
    ),
    Need(
        name="mount",
        programs=("mount", "unshare"),
        probe=A_MOUNT,
        purpose="a full disk (it takes the right to mount a tmpfs)",
    ),
    Need(
        name="podman",
        programs=("podman", "iptables", "mmdebstrap", "unshare"),
        # Podman itself would take a quarter of a second to say so.
        probe=("unshare", "--mount", "--net", "true"),
        package="podman runc conmon netavark aardvark-dns iptables mmdebstrap",
        purpose="labs of containers (they take root and the right to make namespaces)",
    ),
    Need(
        name="rootless",
        programs=("podman", "iptables", "newuidmap", "newgidmap"),
        probe=AS_USER,
        purpose="labs of containers without root (they take an ordinary user and /etc/subuid)",
    ),
    Need(
        name="descriptors",
        programs=("sh",),
        probe=("sh", "-c", "ulimit -Sn 5000"),
        purpose="hundreds and thousands of clients at once (they take 5000 open files: ulimit -Hn)",
    ),
    Need(
        name="setpriv",
        programs=("setpriv",),
        package="util-linux",
        purpose="any of the following servers",
    ),
    Need(
        name="chronyd",
        programs=("chronyd",),
        package="chrony",
        purpose="NTP against chrony",
    ),
    Need(
        name="vsftpd",
        programs=("vsftpd",),
        probe=AS_ROOT,
        package="vsftpd",
        purpose="FTP against vsftpd (it takes root)",
    ),
    Need(
        name="dovecot",
        programs=("dovecot", "/usr/lib/dovecot/imap", "/usr/lib/dovecot/pop3"),
        package="dovecot-imapd dovecot-pop3d",
        purpose="IMAP and POP3 against Dovecot",
    ),
    Need(
        name="opensmtpd",
        programs=("smtpd", "unshare", "mount"),
        probe=A_MOUNT,
        package="opensmtpd mount",
        purpose="SMTP against OpenSMTPD (it takes root and the right to mount)",
    ),
    Need(
        name="telnetd",
        programs=("inetutils-inetd", "telnetd"),
        package="inetutils-inetd inetutils-telnetd",
        purpose="telnet against telnetd",
    ),
    Need(
        name="tinyproxy",
        programs=("tinyproxy",),
        package="tinyproxy-bin",
        purpose="an HTTP proxy with a password",
    ),
    Need(
        name="squid",
        programs=("squid",),
        package="squid",
        purpose="an HTTP proxy without a password",
    ),
    Need(
        name="nginx",
        programs=("nginx",),
        package="nginx",
        purpose="HTTP against nginx",
    ),
    Need(
        name="apache2",
        programs=("apache2",),
        package="apache2-bin",
        purpose="HTTP against Apache",
    ),
    Need(
        name="mariadb",
        programs=("mariadbd", "mariadb-install-db", "mariadb"),
        package="mariadb-server-core mariadb-client-core",
        purpose="SQL against MariaDB",
    ),
    Need(
        name="supervisord",
        programs=("supervisord", "supervisorctl"),
        package="supervisor",
        purpose="XML-RPC against supervisord",
    ),
    Need(
        name="dnsmasq",
        programs=("dnsmasq",),
        package="dnsmasq-base",
        purpose="DNS against dnsmasq",
    ),
    Need(
        name="namespaces",
        programs=("unshare", "ip", "sysctl"),
        probe=("unshare", "--net", "ip", "link", "add", "type", "veth"),
        package="util-linux iproute2 procps",
        purpose="interfaces in namespaces beside ip(8) (they take root)",
    ),
    Need(
        name="tun",
        programs=("unshare", "ip"),
        probe=("unshare", "--net", "ip", "tuntap", "add", "tun0", "mode", "tun"),
        purpose="point-to-point interfaces (they take root and /dev/net/tun)",
    ),
    Need(
        name="vlan",
        programs=("unshare", "ip"),
        probe=("unshare", "--net", "sh", "-ec", A_VLAN),
        purpose="VLANs of a real kernel (they take root and the module 8021q)",
    ),
    Need(
        name="ipcalc",
        programs=("ipcalc",),
        package="ipcalc",
        purpose="subnets against ipcalc",
    ),
    Need(
        name="services",
        programs=("getent",),
        probe=("getent", "services", "ssh"),
        package="netbase",
        purpose="the names of ports against getent",
    ),
    Need(
        name="dig",
        programs=("dig",),
        package="bind9-dnsutils",
        purpose="DNS beside dig",
    ),
    Need(
        name="resolver",
        programs=("unshare", "ip", "mount"),
        probe=("unshare", "--net", "--mount", "ip", "link", "set", "lo", "up"),
        package="util-linux iproute2 mount",
        purpose="the system's resolver with files of the tests' own (it takes root)",
    ),
    Need(
        name="faketime",
        programs=("faketime",),
        package="faketime",
        purpose="NTP servers whose clock is wrong",
    ),
    Need(
        name="netcat",
        programs=("nc",),
        package="netcat-openbsd",
        purpose="servers with the client that everybody has",
    ),
    Need(
        name="socat",
        programs=("socat",),
        package="socat",
        purpose="sockets of every kind against socat",
    ),
    Need(
        name="nc",
        programs=("nc",),
        package="netcat-openbsd",
        purpose="our servers with nc as their client",
    ),
    Need(
        name="ansible-core",
        programs=(str(peers.program(peers.ANSIBLE, "ansible-inventory")),),
        peer=peers.ANSIBLE,
        purpose="inventories against ansible-inventory",
    ),
    Need(
        name="alpine",
        programs=("qemu-img", "debugfs", str(peers.program(peers.ALPINE, "python"))),
        probe=A_MOUNT,
        package="qemu-utils e2fsprogs",
        peer=peers.ALPINE,
        purpose="packages by Alpine's apk (it takes root and the right to mount)",
    ),
)


def program(name: str) -> str | None:
    """Return the path of a program, looked for on PATH and where servers live; None without."""
    folders = [*os.environ.get("PATH", os.defpath).split(os.pathsep), *SYSTEM_FOLDERS]
    return shutil.which(name, path=os.pathsep.join(folders))


def missing() -> list[Need]:
    """Return the needs that this machine does not meet, in the table's order."""
    return [need for need in NEEDS if not need.met]


def require(name: str) -> None:
    """Skip the test that asks when this machine does not meet the need.

    In CI (``CI`` is set) what a package would have brought fails the test instead: there the
    packages are ours to install. Raises KeyError for a name that is not in the table.
    """
    need = {need.name: need for need in NEEDS}[name]
    if need.met:
        return
    if need.installed:
        reason = f"{need.name} cannot run here, {need.purpose} is not tested"
    else:
        cure = f": install {need.package}" if need.package else ""
        cure = ": run python -m tests.machine" if need.peer else cure
        reason = f"{need.name} is missing, {need.purpose} is not tested{cure}"
    if (need.package or need.peer) and os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def prepare() -> None:
    """Install what is missing where that is possible, and say what stays untested."""
    absent = missing()
    names = sorted({name for need in absent if not need.installed for name in need.package.split()})
    if names and os.geteuid() == 0 and shutil.which("apt-get"):
        _say(f"Installing for the tests, without starting services: {' '.join(names)}")
        for trouble in packages.install(names):
            _say(trouble)
    for requirement in sorted({need.peer for need in absent if need.peer}):
        _say(f"Installing for the tests, in an environment of its own: {requirement}")
        if trouble := peers.install(requirement):
            _say(trouble)
    for need in missing():
        cure = f" (Debian: {need.package})" if need.package and not need.installed else ""
        _say(f"Not tested here: {need.purpose}; missing: {need.name}{cure}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    prepare()

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

SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where servers live; they are not on the PATH of most users."""

PROBE_TIMEOUT = 10.0
INSTALL_TIMEOUT = 600.0


@dataclass(frozen=True, kw_only=True)
class Need:
    """Something the tests look for: programs, or a power that a probe command shows.

    ``package`` is the Debian package that brings it, empty when no package can. ``purpose``
    completes the sentence "without it, … is not tested".
    """

    name: str
    purpose: str
    package: str = ""
    programs: tuple[str, ...] = ()
    probe: tuple[str, ...] = ()

    @property
    def met(self) -> bool:
        """Whether every program is there and the probe, if any, ends with status 0."""
        if not all(map(program, self.programs)):
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
        name="sudo",
        programs=("sudo",),
        probe=("sudo", "-n", "true"),
        package="sudo",
        purpose="working as another user",
    ),
    Need(
        name="mount",
        programs=("mount", "unshare"),
        # In a mount namespace of its own, so that nothing has to be unmounted afterwards.
        probe=("unshare", "--mount", "mount", "-t", "tmpfs", "-o", "size=64k", "none", "/tmp"),
        purpose="a full disk (it takes the right to mount a tmpfs)",
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
    cure = f": install {need.package}" if need.package else ""
    reason = f"{need.name} is missing, {need.purpose} is not tested{cure}"
    if need.package and os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def prepare() -> None:
    """Install what is missing where that is possible, and say what stays untested."""
    absent = missing()
    packages = sorted({need.package for need in absent if need.package})
    if packages and os.geteuid() == 0 and shutil.which("apt-get"):
        _say(f"Installing for the tests: {' '.join(packages)}")
        if _install(packages):
            absent = missing()
        else:
            _say("The packages could not be installed (apt-get says why above).")
    for need in absent:
        cure = f" (Debian package: {need.package})" if need.package else ""
        _say(f"Not tested here: {need.purpose}; missing: {need.name}{cure}")


def _install(packages: list[str]) -> bool:
    """Install Debian packages, refreshing the package lists only when they do not serve."""
    install = ["install", "-y", "-qq", "--no-install-recommends", *packages]
    # The simulation fails where the lists do not know a package, as in a fresh container.
    if _apt(["install", "--simulate", *packages], quiet=True) and _apt(install):
        return True
    _apt(["update", "-qq"])
    return _apt(install)


def _apt(words: list[str], *, quiet: bool = False) -> bool:
    """Run apt-get without questions; what it says goes to standard error, or nowhere."""
    try:
        done = subprocess.run(
            ["apt-get", *words],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL if quiet else None,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            timeout=INSTALL_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    prepare()

"""Podman as an ordinary user: what that takes, and what it changes (podman(1), Rootless mode)."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

from wirework.errors import BadInput

TUN = Path("/dev/net/tun")
USERS = 65_536
"""How many users a container needs for its own: as many as have names in a distribution."""

# Where iptables lives; it is not on the PATH of most users.
_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_MAPPERS = ("newuidmap", "newgidmap")
_NETWORKS = ("slirp4netns", "pasta")
_OR = "or use --driver embedded"


def is_so() -> bool:
    """Whether podman works without root for us, as it decides that itself."""
    return os.geteuid() != 0


def path() -> str:
    """Return where programs are looked for: PATH, for a user also where servers live."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join([*folders, *(_SYSTEM_FOLDERS if is_so() else ())])


def prefix() -> list[str]:
    """Return the words that run a command as root over containers (podman-unshare(1))."""
    return ["podman", "unshare"] if is_so() else []


def require() -> None:
    """Raise BadInput, with what to install or do, where a user can start no containers."""
    for program in _MAPPERS:
        if not shutil.which(program, path=path()):
            raise BadInput(
                f"podman without root needs {program}, which is missing",
                hint=f"apt-get install uidmap, {_OR}",
            )
    if not any(shutil.which(program, path=path()) for program in _NETWORKS):
        raise BadInput(
            "podman without root needs slirp4netns or pasta, which are missing",
            hint=f"apt-get install slirp4netns, {_OR}",
        )
    if not TUN.exists():
        raise BadInput(
            f"podman without root needs {TUN}, which is missing", hint=f"sudo modprobe tun, {_OR}"
        )
    if not os.access(TUN, os.R_OK | os.W_OK):
        raise BadInput(
            f"podman without root may not use {TUN}", hint=f"sudo chmod 0666 {TUN}, {_OR}"
        )


def check_users(count: int) -> None:
    """Raise BadInput where a container's users are too few (subuid(5))."""
    if count < USERS:
        ids = f"100000-{100_000 + USERS - 1}"
        raise BadInput(
            "podman without root needs users for its containers, /etc/subuid has none for you",
            hint=f"sudo usermod --add-subuids {ids} --add-subgids {ids}"
            f" {user_name(os.geteuid())}; podman system migrate; {_OR}",
        )


def has_containers() -> bool:
    """Whether podman ever stored anything for this user; asking podman would set it up."""
    return (_home("XDG_DATA_HOME", ".local/share") / "containers").is_dir()


def cache() -> Path:
    """Return the folder of this user for what is not worth keeping (XDG base directories)."""
    return _home("XDG_CACHE_HOME", ".cache") / "wirework"


def user_name(number: int) -> str:
    """Return the name of a user, or the number of one without."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _home(variable: str, usual: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / usual)

"""``up``, ``status`` and ``down``: whichever driver a lab has."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, get_args

from wirework.errors import BadInput, LabError
from wirework.lab import folder as folders
from wirework.lab.embedded import driver as embedded
from wirework.lab.groups import names
from wirework.lab.model import Down, DriverName, Wanted
from wirework.lab.podman import driver as podman
from wirework.lab.podman import faults
from wirework.lab.podman.engine import PodmanFailed
from wirework.lab.ports import Ports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wirework.lab.model import Lab


_DRIVERS: tuple[DriverName, ...] = get_args(DriverName)


class Driver(Protocol):
    """What makes hosts; ``up`` and ``clear`` are called by whoever holds the lab's lock."""

    def check(self, wanted: Wanted) -> None:
        """Raise BadInput for what this driver cannot make; nothing is touched."""

    def prepare(self, wanted: Wanted) -> None:
        """Make what labs share and what may take minutes."""

    def up(self, folder: Path, wanted: Wanted) -> Lab:
        """Make the lab, or return the one of that shape that is up already."""

    def is_up(self, folder: Path) -> bool:
        """Whether the lab of a folder runs."""

    def status(self, folder: Path) -> Lab:
        """Return the lab as it is now."""

    def clear(self, folder: Path) -> Down:
        """Remove whatever there is of the lab."""


def up(
    root: Path,
    *,
    name: str = "lab",
    driver: DriverName = "embedded",
    hosts: int = 3,
    groups: Mapping[str, int] | None = None,
    ports: Ports = "fixed",
    image: str = "",
    images: Mapping[str, str] | None = None,
    bastion: bool = False,
    delay: float = 0.0,
) -> Lab:
    """Bring up a lab in ``<root>/.wirework/<name>/``, or return the one that is up already.

    ``groups`` says how many hosts each group has (``{"web": 2, "db": 1}`` makes web1, web2 and
    db1); without it there are ``hosts`` of them in the group ``web``. Leftovers of a lab that
    crashed are cleared away first. ``ports`` are for embedded hosts. For podman hosts ``image``
    names what they are made of and ``images`` what a group is made of instead; with ``bastion``
    they stand behind one more host; ``delay`` is what a round trip takes longer, in seconds.
    Raises BadInput for a request that makes no lab, LabError when something it needs is taken,
    when the lab that is up has another shape, or when it does not start.
    """
    folder = folders.locate(root, name)
    made_by = _driver(driver)
    if ports not in get_args(Ports):
        raise BadInput(f"a lab's ports are fixed or free, not {ports!r}")
    wanted = Wanted(
        hosts=tuple(names(groups if groups is not None else {"web": hosts})),
        ports=ports,
        image=image,
        images=dict(images or {}),
        bastion=bastion,
        delay=delay,
    )
    made_by.check(wanted)
    # Outside of the lock: the first image takes minutes, and `lab.status` must not wait for it.
    made_by.prepare(wanted)
    with folders.locked(folder):
        there = driver_of(folder)
        if there and there != driver:
            if _driver(there).is_up(folder):
                raise LabError(
                    f"it is up with the {there} driver", where=name, hint="lab.down first"
                )
            _driver(there).clear(folder)
        return made_by.up(folder, wanted)


def status(root: Path, name: str = "lab") -> Lab:
    """Return a lab as it is now; without hosts when there is none, all down after a crash."""
    folder = folders.locate(root, name)
    return _driver(driver_of(folder) or "embedded").status(folder)


def down(root: Path, name: str = "lab") -> Down:
    """End everything of a lab and remove its folder; calm when there is nothing to do.

    Raises LabError when a process, a container or a file resists.
    """
    folder = folders.locate(root, name)
    if not folder.parent.is_dir():
        # Its folder may have been removed by hand, under hosts that still run.
        return _leftovers(folder)
    with folders.locked(folder):
        there = driver_of(folder)
        if there:
            return _driver(there).clear(folder)
        swept = _leftovers(folder)
        return replace(swept, removed=folders.remove(folder))


def fault(root: Path, name: str = "lab", *, host: str, kind: str, for_: float | None = None) -> Lab:
    """Give a host of a lab a fault, which heals by itself after ``for_`` seconds.

    Without ``for_`` it stays until ``heal``. The kinds are those of ``podman.faults.KINDS``.
    Raises BadInput for an unknown kind or host, and where hosts are embedded; LabError when the
    fault cannot be made here.
    """
    folder = folders.locate(root, name)
    _needs_containers(folder, "faults")
    with folders.locked(folder):
        faults.make(folder, host, kind, for_=for_)
    return podman.status(folder)


def heal(root: Path, name: str = "lab", *, host: str = "") -> Lab:
    """Undo the faults of a host, or of all, and start what does not run.

    Raises as ``fault`` does.
    """
    folder = folders.locate(root, name)
    _needs_containers(folder, "faults")
    with folders.locked(folder):
        faults.heal(folder, host)
    return podman.status(folder)


def shell_command(root: Path, name: str = "lab", *, host: str) -> list[str]:
    """Return the command that opens a shell on a host with the system's ssh.

    Raises BadInput for an unknown host, and where hosts are embedded.
    """
    folder = folders.locate(root, name)
    _needs_containers(folder, "ssh_config", hint=f"remote.shell {host} -i {name}")
    return podman.shell_command(folder, host)


def run_shell(root: Path, name: str = "lab", *, host: str) -> int:
    """Open a shell on a host, at the terminal that is ours, and return the status it ends with.

    It lasts as long as whoever sits there wants. Raises as ``shell_command``, and LabError
    without ssh.
    """
    command = shell_command(root, name, host=host)
    try:
        return subprocess.run(command, check=False).returncode
    except FileNotFoundError:
        raise LabError("there is no ssh here", hint="apt-get install openssh-client") from None


def driver_name(text: str) -> DriverName:
    """Return the driver of that name; raises BadInput for one that there is not."""
    for name in _DRIVERS:
        if name == text:
            return name
    raise BadInput(f"{text!r} is no driver of labs", hint=f"one of {', '.join(_DRIVERS)}")


def _leftovers(folder: Path) -> Down:
    """Remove the containers of a lab of which nothing is written any more."""
    try:
        return podman.sweep(folder)
    except PodmanFailed:
        # Where podman cannot even list its containers, none of ours runs.
        return Down(name=folder.name, folder=folder, hosts=(), processes=0, removed=False)


def _needs_containers(folder: Path, what: str, *, hint: str = "") -> None:
    driver = driver_of(folder)
    if driver is None:
        raise BadInput(f"there is no lab {folder.name!r} here", hint="lab.up --driver podman")
    if driver != "podman":
        raise BadInput(
            f"its hosts are embedded, which have no {what}",
            where=folder.name,
            hint=hint or "lab.down, then lab.up --driver podman",
        )


def driver_of(folder: Path) -> DriverName | None:
    """Return which driver made the lab of a folder; None where no lab can be read."""
    values = folders.load(folder)
    if values is None:
        return None
    return "podman" if values.get("driver") == "podman" else "embedded"


def _driver(name: DriverName) -> Driver:
    return podman if driver_name(name) == "podman" else embedded

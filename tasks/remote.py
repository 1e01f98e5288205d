"""Commands and files on hosts of the inventory, over SSH, many at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cli import fleet_task

if TYPE_CHECKING:
    from wirework.ssh import Got, LocalFile, Put, Ran, Remote
    from wirework.ssh.ping import Pong

DEST = "A path on the host; a folder takes the file in under its own name."


@fleet_task()
def ping(remote: Remote) -> Pong:
    """Log in on hosts and run nothing: who answers, and how fast."""
    from wirework.ssh.ping import ping

    return ping(remote)


def _before_run(command: str, save: str) -> dict[str, Any]:
    from wirework.errors import BadInput
    from wirework.ssh import layout

    if not command.strip():
        raise BadInput("the command is empty")
    return {"command": command, "save": layout.folder(save) if save else None}


@fleet_task(
    changes=True,
    view="views.answers",
    prepare=_before_run,
    help={
        "command": "What the hosts' shells shall run.",
        "save": "A folder here that gets each host's whole output, as <host>.out.",
    },
)
def run(remote: Remote, command: str, save: Path | str = "") -> Ran:
    """Run a command on hosts; answers that are alike are shown once.

    The first MiB of each answer is kept and shown; --save keeps all of it.
    """
    from wirework.ssh import layout, run

    file = layout.output_of(remote.host.name, Path(save)) if save else None
    return run(remote, command, save=file)


def _before_put(source: str, **rest: Any) -> dict[str, Any]:
    from wirework.ssh import LocalFile

    return {"source": LocalFile.of(Path(source)), **rest}


@fleet_task(
    changes=True,
    prepare=_before_put,
    help={
        "source": "A file on this machine.",
        "dest": DEST,
        "mode": "Its mode there in octal; without it the mode it has there, else the one here.",
    },
)
def put(remote: Remote, source: LocalFile, dest: str, mode: str = "", check: bool = False) -> Put:
    """Send a file to hosts; those that have it already are left alone."""
    from wirework.ssh import put

    return put(remote, source, dest, mode=mode or None, check=check)


def _before_get(source: str, into: str) -> dict[str, Any]:
    from wirework.ssh import layout

    return {"source": source, "into": layout.folder(into)}


@fleet_task(
    prepare=_before_get,
    help={
        "source": "A file on the hosts.",
        "into": "A folder here; each host's file goes into a folder with the host's name.",
    },
)
def get(remote: Remote, source: str, into: Path | str = "fetched") -> Got:
    """Fetch a file from hosts, into one folder a host."""
    from wirework.ssh import get, layout

    return get(remote, source, layout.copy_of(source, remote.host.name, Path(into)))

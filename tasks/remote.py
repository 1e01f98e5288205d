"""Commands and files on hosts of the inventory, over SSH, many at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from .cli import fleet_task, task

if TYPE_CHECKING:
    from wirework.ssh import Got, LocalFile, Put, Ran, Remote
    from wirework.ssh.environment import Environment
    from wirework.ssh.ping import Pong
    from wirework.ssh.script import LocalScript, WouldRun

DEST = "A path on the host; a folder takes the file in under its own name."
SAVE = "A folder here that gets each host's whole output, as <host>.out."
ENV = "A variable, NAME=VALUE or NAME=secret:SOURCE; may be given again."


@fleet_task()
def ping(remote: Remote) -> Pong:
    """Log in on hosts and run nothing: who answers, and how fast."""
    from wirework.ssh.ping import ping

    return ping(remote)


def _before_run(command: str, save: str, env: tuple[str, ...]) -> dict[str, Any]:
    from wirework.errors import BadInput
    from wirework.ssh import layout

    if not command.strip():
        raise BadInput("the command is empty")
    variables = _variables(env)
    return {"command": command, "save": layout.folder(save) if save else None, "env": variables}


@fleet_task(
    changes=True,
    view="views.answers",
    prepare=_before_run,
    help={"command": "What the hosts' shells shall run.", "save": SAVE, "env": ENV},
)
def run(remote: Remote, command: str, save: Path | str = "", env: tuple[str, ...] = ()) -> Ran:
    """Run a command on hosts; answers that are alike are shown once.

    The first MiB of each answer is kept and shown; --save keeps all of it. Variables travel on
    standard input: no list of processes shows them.
    """
    from wirework.ssh import layout, run

    file = layout.output_of(remote.host.name, Path(save)) if save else None
    return run(remote, command, save=file, env=cast("Environment", env))


def _before_script(
    file: str, args: str, save: str, env: tuple[str, ...], check: bool
) -> dict[str, Any]:
    import shlex

    from wirework.errors import BadInput
    from wirework.ssh import layout
    from wirework.ssh.script import LocalScript

    try:
        words = shlex.split(args)
    except ValueError as error:
        raise BadInput(f"cannot split --args into words: {error}") from error
    return {
        "file": LocalScript.of(Path(file)),
        "args": words,
        "save": layout.folder(save) if save else None,
        "env": _variables(env, reveal=not check),
        "check": check,
    }


@fleet_task(
    changes=True,
    view="scripts.answers",
    prepare=_before_script,
    help={
        "file": "A script on this machine, run by the interpreter of its #! line, else by sh.",
        "args": "Its arguments, split into words as a shell does: --args \"-v 'two words'\".",
        "save": SAVE,
        "env": ENV,
        "check": "Show where it would be run, and by what; run nothing of it.",
    },
)
def script(
    remote: Remote,
    file: LocalScript,
    args: list[str] | str = "",
    save: Path | str = "",
    env: tuple[str, ...] = (),
    check: bool = False,
) -> Ran | WouldRun:
    """Run a local script on hosts without leaving a file there.

    It travels on standard input and is run only when all of it has come. To itself it is
    /dev/fd/3, and its own standard input is empty. Answers are shown as remote.run shows them.
    """
    from wirework.ssh import layout
    from wirework.ssh import script as scripts

    if check:
        return scripts.foresee(remote, file)
    into = layout.output_of(remote.host.name, Path(save)) if save else None
    return scripts.script(remote, file, args, save=into, env=cast("Environment", env))


@task(
    help={
        "host": "The host: a name, or a pattern that matches one host only.",
        "command": "Run this command on the terminal, not a shell: htop.",
        "inventory": "The inventory file; a lab's name reaches that lab.",
        "become": "Be root there, or the host's become_user; sudo asks here for a password.",
    }
)
def shell(
    c: object, host: str, command: str = "", inventory: str = "", become: bool = False
) -> None:
    """Open a shell on a host, or run one command that needs a terminal.

    The exit code is 0 when it ended with status 0 and 1 otherwise. ~. at the beginning of a line
    ends the session from here.
    """
    import dataclasses

    from wirework.errors import BadInput
    from wirework.inventory import fold
    from wirework.ssh import Pool, terminal

    from .cli.exits import FAILED, leave
    from .cli.fleet import choose

    hosts, fleet = choose(inventory, host)
    if len(hosts) > 1:
        names = fold([each.name for each in hosts])
        raise BadInput(f"a shell is on one host, and {host!r} is {len(hosts)} of them: {names}")
    one = dataclasses.replace(hosts[0], become=True) if become else hosts[0]
    with Pool(gateways=fleet.hosts.__getitem__) as pool:
        status = terminal.interact(pool.remote(one), command or None)
    leave(FAILED if status else 0)


def _variables(words: tuple[str, ...], *, reveal: bool = True) -> Environment:
    from wirework.ssh.environment import environment, exports

    variables = environment(words)
    if reveal:
        exports(variables)  # what cannot be sent, or not be found, is told before any host hears
    return variables


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

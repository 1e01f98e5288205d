"""Running podman: argument lists, a timeout on everything, and one line for what went wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wirework.documents import write
from wirework.errors import BadInput, LabError
from wirework.lab.podman import rootless

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKAGES = "podman runc conmon netavark aardvark-dns iptables"
"""What Debian and Ubuntu call what containers need."""

TIMEOUT = 60.0
"""Seconds for one podman command; where many start at once they wait for each other."""

PROBE_TIMEOUT = 30.0

# Some kernels refuse crun, or the limits that podman raises by itself (containers.conf(5)).
_CONF = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=10000:10000"]
[engine]
runtime = "runc"
"""
_CONF_NAME = "containers.conf"

_ADVICE = (
    ("no space left on device", "free some disk: podman system df shows what images take"),
    ("cannot allocate memory", "free some memory, or ask for fewer hosts"),
    ("out of memory", "free some memory, or ask for fewer hosts"),
    ("too many open files", "raise the limit of open files (ulimit -n), or ask for fewer hosts"),
    ("cgroup v1", "a user needs control groups of version 2 for that: use sudo"),
    ("address already in use", "another program took that port meanwhile: try again"),
    ("could not find slirp4netns", "apt-get install slirp4netns"),
    ("could not find pasta", "apt-get install passt"),
    ("netavark", "apt-get install netavark iptables"),
    ("conmon", "apt-get install conmon"),
    ("runc", "apt-get install runc; a container needs --privileged to start others"),
    ("operation not permitted", "this machine lets nobody start containers: --driver embedded"),
)


class PodmanFailed(LabError):
    """A podman command ended with an error; ``said`` is all that it said."""

    def __init__(self, message: str, *, said: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.said = said


@dataclass(frozen=True)
class Engine:
    """Podman, with a configuration file of ours where the machine's own does not serve."""

    conf: Path | None = None

    def run(self, *words: str, timeout: float = TIMEOUT) -> str:
        """Run a podman command and return what it wrote on standard output.

        Raises PodmanFailed, with podman's last line, when it fails or is not done in time.
        """
        return run(["podman", *words], timeout=timeout, conf=self.conf)

    def json(self, *words: str) -> Any:
        """Run a podman command that answers in JSON."""
        text = self.run(*words, "--format", "json")
        return json.loads(text) if text.strip() else []

    def probe(self, image: str) -> None:
        """Start a container that does nothing; raises PodmanFailed, with podman's own words."""
        options = ("--rm", "--network", "none", "--pull", "never")
        self.run("run", *options, image, "/bin/true", timeout=PROBE_TIMEOUT)

    def storage(self) -> Path:
        """Return the folder that holds the files of containers."""
        return Path(self.run("info", "--format", "{{.Store.GraphRoot}}").strip())


def run(
    command: Sequence[str],
    *,
    timeout: float = TIMEOUT,
    stdin: str = "",
    cwd: Path | None = None,
    conf: Path | None = None,
) -> str:
    """Run a command of this machine for the lab; as ``Engine.run``, which it serves."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "PATH": rootless.path()}
    if conf is not None:
        environment["CONTAINERS_CONF"] = str(conf)
    try:
        done = subprocess.run(
            command,
            check=False,
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            env=environment,
            cwd=cwd,
        )
    except subprocess.TimeoutExpired:
        raise PodmanFailed(
            f"{_short(command)} was not done within {timeout:g} s", said="", hint="try again later"
        ) from None
    except FileNotFoundError:
        raise PodmanFailed(
            f"{command[0]} is missing", said="", hint=f"apt-get install {_package(command[0])}"
        ) from None
    except OSError as error:
        raise PodmanFailed(f"cannot run {command[0]}: {error.strerror}", said="") from error
    if done.returncode:
        raise _failed(command, done.stderr or done.stdout)
    return done.stdout


def is_there() -> bool:
    """Whether this machine has podman."""
    return shutil.which("podman") is not None


def require() -> None:
    """Raise BadInput, with what to install or choose, where no container can be started."""
    if sys.platform != "linux":
        raise BadInput("the podman driver needs Linux", hint="--driver embedded works everywhere")
    for program in ("podman", "iptables"):
        if not shutil.which(program, path=rootless.path()):
            raise BadInput(
                f"the podman driver needs {program}, which is missing",
                hint=f"apt-get install {PACKAGES}, or use --driver embedded",
            )
    if rootless.is_so():
        rootless.require()
        _check_users()


def entering(pid: int, *namespaces: str) -> list[str]:
    """Return the words that run a command in namespaces of a container's process (nsenter(1)).

    ``namespaces`` are its options, such as ``--net``.
    """
    return [*rootless.prefix(), "nsenter", "--target", str(pid), *namespaces]


def choose(image: str, folder: Path) -> Engine:
    """Return an engine that can start the image; our configuration is written only if needed.

    Raises PodmanFailed when neither the machine's configuration nor ours serves.
    """
    plain = Engine()
    try:
        plain.probe(image)
    except PodmanFailed:
        conf = folder / _CONF_NAME
        write(conf, _CONF.encode())
        ours = Engine(conf)
        ours.probe(image)
        return ours
    return plain


def known(folder: Path) -> Engine:
    """Return the engine that was chosen for a folder."""
    conf = folder / _CONF_NAME
    return Engine(conf if conf.is_file() else None)


def _check_users() -> None:
    """Raise BadInput where podman gives this user's containers no users of their own."""
    try:
        lines = run([*rootless.prefix(), "cat", "/proc/self/uid_map"]).splitlines()
    except PodmanFailed as error:
        raise BadInput(
            f"podman does not work without root here: {error.message}",
            hint=error.hint or "use sudo, or --driver embedded",
        ) from error
    # Each line says how many there are after where they start (user_namespaces(7)).
    rootless.check_users(sum(int(line.split()[2]) for line in lines))


def _failed(command: Sequence[str], said: str) -> PodmanFailed:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = next((line for line in lines if line.startswith("Error")), lines[0] if lines else "")
    words = last.removeprefix("Error: ") or "it ended with an error and said nothing"
    lower = said.lower()
    hint = next((advice for sign, advice in _ADVICE if sign in lower), "")
    return PodmanFailed(f"{_short(command)}: {words}", said=said, hint=hint)


def _short(command: Sequence[str]) -> str:
    """Return a command's first words, for an error; options and paths would only hide them."""
    return " ".join([Path(command[0]).name, *[w for w in command[1:2] if not w.startswith("-")]])


def _package(program: str) -> str:
    return {"nsenter": "util-linux", "podman": PACKAGES}.get(program, program)

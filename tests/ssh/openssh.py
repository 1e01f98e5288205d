"""The real ssh, asked what it makes of a configuration, and our answers in its words."""

from __future__ import annotations

import functools
import os
import pwd
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.machine import require
from wirework.ssh.config import Answer, SSHConfig

ME = pwd.getpwuid(os.getuid())
ENVIRONMENT = {"LANG": "C", "PATH": os.environ["PATH"], "SSH_AUTH_SOCK": "/run/agent"}

COMPARED = (
    "certificatefile",
    "connecttimeout",
    "hostkeyalias",
    "hostname",
    "identitiesonly",
    "identityagent",
    "identityfile",
    "port",
    "proxycommand",
    "proxyjump",
    "serveraliveinterval",
    "stricthostkeychecking",
    "user",
    "userknownhostsfile",
)
STRICT = {"true": "strict", "ask": "strict", "accept-new": "accept-new", "false": "off"}


def same_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give this process ssh's environment, and the home that ssh takes from passwd(5).

    No file in that home is read: tests name the files they mean.
    """
    require("ssh")
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", ME.pw_dir)


@dataclass(frozen=True)
class Asked:
    """A destination, and the user and port before it, as on ssh's command line."""

    destination: str
    user: str | None = None
    port: int | None = None

    @classmethod
    def parse(cls, line: str) -> Asked:
        *options, destination = line.split()
        given = dict(zip(options[::2], options[1::2], strict=True))
        port = given.get("-p")
        return cls(destination, given.get("-l"), None if port is None else int(port))

    @property
    def argv(self) -> list[str]:
        user = [] if self.user is None else ["-l", self.user]
        port = [] if self.port is None else ["-p", str(self.port)]
        return [*user, *port, self.destination]

    def lookup(self, file: Path) -> Answer:
        return SSHConfig.read([file]).lookup(self.destination, user=self.user, port=self.port)


class Refused(Exception):
    """The ssh refused a configuration; its argument is the first line it complains about."""


def ssh(argv: list[str], *, before: Sequence[str] = ()) -> dict[str, list[str]]:
    """Return the values that ``ssh -G`` shows for each keyword; ``before`` runs it."""
    done = subprocess.run(
        [*before, "ssh", "-G", *argv],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=ENVIRONMENT,
        timeout=20,
    )
    if done.returncode != 0:
        line = re.search(rb"line (\d+)", done.stderr)
        raise Refused(int(line[1]) if line else 0)
    said: dict[str, list[str]] = {keyword: [] for keyword in COMPARED}
    for line in done.stdout.decode(errors="surrogateescape").splitlines():
        keyword, _, value = line.partition(" ")
        said.setdefault(keyword, []).append(value)
    return said


@functools.cache
def defaults() -> dict[str, list[str]]:
    return ssh(["-F", "none", "web1"])


def shown(answer: Answer) -> dict[str, list[str]]:
    """Return an answer in ssh's words; of what it leaves open, nothing."""

    def one(value: object) -> list[str]:
        return [] if value is None else [str(value)]

    timeout = answer.connect_timeout
    return {
        "certificatefile": list(map(str, answer.certificate_files)),
        "connecttimeout": one(None if timeout is None else int(timeout)),
        "hostkeyalias": one(answer.host_key_alias),
        "hostname": one(answer.hostname),
        "identitiesonly": one({True: "yes", False: "no", None: None}[answer.identities_only]),
        "identityagent": one(answer.identity_agent),
        "identityfile": list(map(str, answer.identity_files)),
        "port": one(answer.port),
        "proxycommand": one(answer.proxy_command),
        "proxyjump": one(",".join(answer.proxy_jump) if answer.proxy_jump else None),
        "serveraliveinterval": one(answer.alive_interval),
        "stricthostkeychecking": one(answer.host_keys),
        "user": one(answer.user),
        "userknownhostsfile": [
            " ".join(map(str, answer.known_hosts)) if answer.known_hosts else "none"
        ],
    }


def compare(answer: Answer, real: dict[str, list[str]], asked: Asked) -> None:
    """Hold an answer against what ssh says; what nobody said has to be ssh's default."""
    ours = shown(answer)
    given = {"user": asked.user, "port": asked.port}
    for keyword in COMPARED:
        theirs = real[keyword]
        if keyword in answer.where or given.get(keyword) is not None:
            if keyword == "stricthostkeychecking":
                theirs = [STRICT[value] for value in theirs]
            elif keyword in ("identityfile", "certificatefile"):
                # ssh shows these two as they are written; an IdentityFile of none is left out.
                theirs = [re.sub("^~", ME.pw_dir, value) for value in theirs if value != "none"]
            elif keyword == "identityagent" and theirs == ["SSH_AUTH_SOCK"]:
                theirs = [ENVIRONMENT["SSH_AUTH_SOCK"]]
            assert (keyword, ours[keyword]) == (keyword, theirs)
        elif keyword == "hostname":
            assert answer.hostname is None
        else:
            assert (keyword, theirs) == (keyword, defaults()[keyword])

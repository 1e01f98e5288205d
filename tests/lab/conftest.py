from __future__ import annotations

import subprocess
from typing import Protocol

import pytest

from tests.machine import require
from wirework.lab import Lab

TIMEOUT = 30


class Client(Protocol):
    def __call__(
        self, lab: Lab, host: str, *command: str, stdin: bytes = b"", options: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[bytes]: ...


@pytest.fixture(scope="session")
def ssh() -> Client:
    """OpenSSH's client, checking host keys strictly; earlier options win over the usual ones."""
    require("ssh")

    def run(
        lab: Lab, host: str, *command: str, stdin: bytes = b"", options: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[bytes]:
        (it,) = (each for each in lab.hosts if each.name == host)
        words = ["ssh", *options, *usual(lab), "-p", str(it.port), it.address, *command]
        return subprocess.run(words, check=False, input=stdin, capture_output=True, timeout=TIMEOUT)

    return run


@pytest.fixture(scope="session")
def sftp() -> Client:
    """OpenSSH's sftp; each word of the command is a line of its batch."""
    require("ssh")

    def run(
        lab: Lab, host: str, *command: str, stdin: bytes = b"", options: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[bytes]:
        (it,) = (each for each in lab.hosts if each.name == host)
        words = ["sftp", "-b", "-", *options, *usual(lab), "-P", str(it.port), it.address]
        batch = "\n".join(command).encode() + stdin
        return subprocess.run(words, check=False, input=batch, capture_output=True, timeout=TIMEOUT)

    return run


def usual(lab: Lab) -> tuple[str, ...]:
    """Return the options that leave aside everything of whoever runs the tests."""
    return (
        *("-F", "none"),
        *("-o", "BatchMode=yes"),
        *("-o", "IdentitiesOnly=yes"),
        *("-o", "StrictHostKeyChecking=yes"),
        *("-o", f"UserKnownHostsFile={lab.known_hosts}"),
        *("-o", "GlobalKnownHostsFile=none"),
        *("-i", str(lab.key)),
    )

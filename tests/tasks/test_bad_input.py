"""Bad input as people type it: one clear line, the right exit code, and no host is changed."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import pytest
import yaml

from tests.machine import require
from tests.tasks.commandline import Typed
from wirework.lab import Lab


@dataclass(frozen=True)
class Place:
    """Where a case is set up: a folder to stand in, the lab, and a port that stays silent."""

    cwd: Path
    lab: Lab
    silent_port: int

    def write(self, name: str, text: str) -> Path:
        path = self.cwd / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def inventory(self, **variables: Any) -> None:
        """Write the lab's inventory; ``variables`` hold for web1."""
        document = yaml.safe_load(self.lab.inventory.read_text())
        everyone = {"key": str(self.lab.key), "known_hosts": str(self.lab.known_hosts)}
        document["all"]["vars"] |= everyone
        document["all"]["children"]["web"]["hosts"]["web1"] |= variables
        self.write("inventory.yaml", yaml.safe_dump(document))

    def play(self, *steps: str, **files: str) -> None:
        """Write a play of ``steps`` for web1, and files beside it."""
        self.inventory()
        lines = ["- hosts: web1", "  steps:", *(f"    - {step}" for step in steps)]
        self.write("play.yaml", "\n".join([*lines, ""]))
        for name, text in files.items():
            self.write(f"templates/{name}.j2", text)


def as_it_is(place: Place) -> None:
    place.inventory()


def without_inventory(place: Place) -> None:
    del place


def inventory_text(text: str) -> Callable[[Place], None]:
    return lambda place: void(place.write("inventory.yaml", text))


def web1(**variables: Any) -> Callable[[Place], None]:
    return lambda place: place.inventory(**variables)


def play(*steps: str, **files: str) -> Callable[[Place], None]:
    return lambda place: place.play(*steps, **files)


def void(_: object) -> None:
    """Drop a result."""


def unknown_host_key(place: Place) -> None:
    place.inventory(known_hosts=str(place.write("known", "")))


def changed_host_key(place: Place) -> None:
    """Write the key of web2 under the name of web1."""
    keys = dict(line.split(" ", 1) for line in place.lab.known_hosts.read_text().splitlines())
    first, second, _ = (f"[{host.address}]:{host.port}" for host in place.lab.hosts)
    known = place.write("known", f"{first} {keys[second]}\n")
    place.inventory(known_hosts=str(known))


def refused_key(place: Place) -> None:
    stranger = place.cwd / "stranger"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(stranger)
    stranger.chmod(0o600)
    place.inventory(key=str(stranger))


def silent_host(place: Place) -> None:
    place.inventory(port=place.silent_port, connect_timeout=1)


def silent_host_and_play(place: Place) -> None:
    place.play("directory: {path: made}")
    place.inventory(port=place.silent_port, connect_timeout=1)


def closed_port_and_play(place: Place) -> None:
    place.play("directory: {path: made}")
    place.inventory(port=1)


def unknown_group_and_play(place: Place) -> None:
    place.inventory()
    place.write("play.yaml", "- hosts: databases\n  steps: [directory: {path: made}]\n")


RUN = "remote.run 'touch made' --hosts"
PLAY = "playbook.run play.yaml"
KNOWN = r"ssh-ed25519 SHA256:\S+"


@dataclass(frozen=True)
class Case:
    """What is set up, what is typed, the exit code, and a pattern for the one line that tells."""

    set_up: Callable[[Place], None]
    line: str
    status: int
    says: str


CASES: dict[str, Case] = {
    "missing inventory": Case(
        without_inventory,
        f"{RUN} web",
        2,
        r"error: there is no inventory\.yaml in \S+ or above \(write one, name one with"
        r" --inventory, or set WIREWORK_INVENTORY\)",
    ),
    "missing inventory that is named": Case(
        as_it_is,
        f"{RUN} web -i nosuch.yaml",
        2,
        r"error: there is no inventory .*nosuch\.yaml.*\(check the name.*\)",
    ),
    "broken YAML": Case(
        inventory_text("all:\n  hosts: {web1: {}\n  vars: {}\n"),
        f"{RUN} web1",
        2,
        r"error: inventory\.yaml:2: the '\{' opened here is not closed where it should be",
    ),
    "a tab": Case(
        inventory_text("all:\n\thosts: {web1: {}}\n"),
        f"{RUN} web1",
        2,
        r"error: inventory\.yaml:2: a tab is used for indentation \(use spaces\)",
    ),
    "a key given twice": Case(
        inventory_text("all:\n  hosts: {web1: {}}\n  hosts: {web2: {}}\n"),
        f"{RUN} web1",
        2,
        r"error: inventory\.yaml:3: the key 'hosts' is given twice; line 2 has it",
    ),
    "unknown host": Case(
        as_it_is,
        f"{RUN} web1,web7",
        2,
        r"error: .*inventory\.yaml has no host or group named 'web7' \(did you mean web\d?\?\)",
    ),
    "unknown host to show": Case(
        as_it_is,
        "inventory.show web7",
        2,
        r"error: inventory\.yaml: there is no host 'web7' \(did you mean 'web\d'\?\)",
    ),
    "unknown group": Case(
        as_it_is,
        f"{RUN} databases",
        2,
        r"error: .*inventory\.yaml has no host or group named 'databases' \(.+\)",
    ),
    "unknown group in a play": Case(
        unknown_group_and_play,
        PLAY,
        2,
        r"error: play\.yaml:1: .*inventory\.yaml has no host or group named 'databases' \(.+\)",
    ),
    "a pattern that matches nothing": Case(
        as_it_is,
        f"{RUN} web:!web",
        2,
        r"error: 'web:!web' matches no host of .*inventory\.yaml \(groups: .*web.*\)",
    ),
    "undefined name in a template": Case(
        play("template: {src: page.j2, dest: made}", page="one\n{{ absent }}\n"),
        PLAY,
        2,
        r"error: .*templates/page\.j2:2: 'absent' is undefined \(define it in .*\)",
    ),
    "undefined name in a playbook": Case(
        play("directory: {path: made}", 'directory: {path: "{{ absent }}"}'),
        PLAY,
        2,
        r"error: play\.yaml:4: 'absent' is undefined \(define it in .*\)",
    ),
    "unknown step": Case(
        play("directory: {path: made}", "directry: {path: made}"),
        PLAY,
        2,
        r"error: play\.yaml:4: there is no operation 'directry' \(did you mean 'directory'\?\)",
    ),
    "unknown parameter": Case(
        play("directory: {path: made}", "directory: {path: made, moode: 1}"),
        PLAY,
        2,
        r"error: play\.yaml:4: directory has no parameter 'moode' \(did you mean 'mode'\?\)",
    ),
    "wrong type": Case(
        play("directory: {path: made}", "directory: {path: [made]}"),
        PLAY,
        2,
        r"error: play\.yaml:4: directory: path: expected text, not a list",
    ),
    "unknown host key": Case(
        unknown_host_key,
        f"{RUN} web1",
        4,
        rf"error: web1: its host key {KNOWN} is in no known_hosts file"
        r" \(\./inv inventory\.trust --hosts web1\)",
    ),
    "changed host key": Case(
        changed_host_key,
        f"{RUN} web1",
        4,
        rf"error: web1: its host key has changed: it shows {KNOWN}, but known:1 has {KNOWN}"
        r" \(.*ask the host's owner.*\)",
    ),
    "key refused": Case(
        refused_key,
        f"{RUN} web1",
        4,
        r"error: web1: 127\.0\.0\.1 refused to log in \S+"
        r" \(tried \S*stranger; it takes [^)]*\) \(.*\)",
    ),
    "port closed": Case(
        web1(port=1),
        f"{RUN} web1",
        4,
        r"error: web1: connection refused, 3 times \(is sshd running on 127\.0\.0\.1 port 1\?\)",
    ),
    "port closed, in a play": Case(
        closed_port_and_play,
        PLAY,
        4,
        r"  web1  unreachable: connection refused, 3 times"
        r" \(is sshd running on 127\.0\.0\.1 port 1\?\)",
    ),
    "a host that accepts and says nothing": Case(
        silent_host,
        f"{RUN} web1",
        4,
        r"error: web1: accepts connections but sends no SSH greeting within 1 s \(.*port \d+\)",
    ),
    "a host that accepts and says nothing, in a play": Case(
        silent_host_and_play,
        PLAY,
        4,
        r"  web1  unreachable: accepts connections but sends no SSH greeting within 1 s \(.*\)",
    ),
}


@pytest.fixture
def place(cwd: Path, lab: Lab) -> Iterator[Place]:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # the kernel accepts; nobody ever speaks
        yield Place(cwd, lab, silent.getsockname()[1])


def snapshot(lab: Lab) -> dict[str, tuple[int, int]]:
    """Return everything on the lab's hosts, with its size and time."""
    found = {}
    for path in lab.folder.glob("hosts/**/*"):
        now = path.lstat()
        found[str(path)] = (now.st_size, now.st_mtime_ns)
    return found


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_bad_input_is_one_clear_line_and_changes_nothing(
    typed: Typed, place: Place, case: Case
) -> None:
    case.set_up(place)
    before = snapshot(place.lab)
    said = typed(*shlex.split(case.line))
    everything = [*said.out.splitlines(), *said.err.splitlines()]
    assert said.status == case.status, everything
    assert [each for each in everything if re.fullmatch(case.says, each)], everything
    assert "Traceback" not in said.err
    assert len(said.errors) <= 1
    if case.status == 2:
        assert (said.out, said.err.count("\n")) == ("", 1)
    assert snapshot(place.lab) == before


@pytest.fixture
def full_disk(lab: Lab) -> Iterator[Path]:
    """A disk of 64 KiB on web1, in its folder ``full``."""
    require("mount")
    folder = lab.home("web1") / "full"
    folder.mkdir()
    kind = ("-t", "tmpfs", "-o", "size=64k,mode=0700")
    subprocess.run(["mount", *kind, "none", str(folder)], check=True, timeout=10)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=10)
    folder.rmdir()


def test_a_full_disk_refuses_a_file_and_keeps_the_old_one(
    typed: Typed, place: Place, full_disk: Path
) -> None:
    place.inventory()
    (full_disk / "data").write_text("old")
    place.write("data", "x" * 200_000)
    said = typed("remote.put", "data", "full/data", "--hosts", "web1")
    (line,) = said.errors
    pattern = r"error: web1: not enough space for full/data: it takes 200000 bytes, \d+ are free"
    assert re.fullmatch(pattern, line)
    assert said.status == 1
    assert [(each.name, each.read_text()) for each in full_disk.iterdir()] == [("data", "old")]


def test_a_full_disk_fails_a_step_and_keeps_the_old_file(
    typed: Typed, place: Place, full_disk: Path
) -> None:
    (full_disk / "data").write_text("old")
    place.play("file: {src: data, dest: full/data}")
    place.write("files/data", "x" * 200_000)
    said = typed("playbook.run", "play.yaml")
    assert said.status == 1
    assert re.search(r"✗ file full/data: .*no space left on the disk.* \(play\.yaml:3\)", said.out)
    assert said.err.startswith("1 host of 1 did not get there: web1. ")
    assert "Traceback" not in said.err
    assert [(each.name, each.read_text()) for each in full_disk.iterdir()] == [("data", "old")]

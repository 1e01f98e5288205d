"""``inventory.trust``: what it shows, what it asks, what it writes and what it ends with."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers.running import free_port
from tests.ssh.sshd import Server, make_key, running_sshd
from tests.tasks.commandline import INTERRUPTIBLE, TIMEOUT, Typed, command

QUESTION = b"[y/N] "

# Only who controls a terminal is interrupted from it.
ON_TERMINAL = f"""
import fcntl, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
{INTERRUPTIBLE}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("sshd")
    with running_sshd(folder, f"HostKey {make_key(folder / 'host_ecdsa', 'ecdsa')}") as running:
        yield running


@pytest.fixture
def known(tmp_path: Path) -> Path:
    return tmp_path / "known"


@pytest.fixture
def inventory(server: Server, cwd: Path, known: Path) -> Path:
    """Hosts that are all the one server: two direct, one behind a gateway, and one that is away."""
    near = {"address": "127.0.0.1", "port": server.port}
    hosts: dict[str, dict[str, Any]] = {
        "web1": near,
        "web2": {**near, "address": "localhost"},
        "door": {**near, "known_hosts": f"{known}.door"},
        "inner": {**near, "gateway": "door", "known_hosts": f"{known}.inner"},
        "away": {"address": "127.0.0.1", "port": free_port(), "connect_timeout": 2},
    }
    general = {"key": str(server.key), "known_hosts": str(known), "ssh_config": os.devnull}
    path = cwd / "inventory.yaml"
    path.write_text(yaml.safe_dump({"all": {"vars": general, "hosts": hosts}}, sort_keys=False))
    return path


@dataclass(frozen=True)
class Seen:
    status: int
    screen: str
    out: str


def on_terminal(cwd: Path, answer: bytes, *words: str, columns: int = 120) -> Seen:
    """Type a command line on a terminal, and an answer to each question; stdout is a pipe."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    with subprocess.Popen(
        command("inventory.trust", *words, launcher=("-c", ON_TERMINAL)),
        cwd=cwd,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": str(columns)},
        start_new_session=True,
    ) as process:
        os.close(theirs)
        screen = bytearray()
        try:
            while data := os.read(ours, 65536):
                screen += data
                if data.endswith(QUESTION):
                    os.write(ours, answer)
        except OSError as error:
            if error.errno != errno.EIO:  # what a terminal says when its last user has gone
                raise
        finally:
            os.close(ours)
        assert process.stdout is not None
        out = process.stdout.read().decode()
        text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.decode()).replace("\r", "")
        return Seen(process.wait(TIMEOUT), text, out)


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if "SHA256:" in line and "error" not in line]


def test_new_keys_are_shown_and_nothing_is_written_without_consent(
    typed: Typed, inventory: Path, server: Server, known: Path
) -> None:
    said = typed("inventory.trust", "--hosts", "web1")
    assert said.status == 2
    assert said.out.splitlines()[0].split() == ["host", "address", "type", "fingerprint", "state"]
    place = f"[127.0.0.1]:{server.port}"
    assert [row[:3] + row[4:] for row in rows(said.out)] == [
        ["web1", place, kind, "new"] for kind in ("ed25519", "ecdsa", "rsa")
    ]
    assert said.errors == [
        (
            "error: 3 new keys not pinned: there is no terminal to ask on (compare the fingerprints"
            " with the hosts' owners, then type: ./inv inventory.trust --hosts web1 --yes)"
        )
    ]
    assert not known.exists()


def test_with_yes_they_are_pinned_and_the_host_is_reached(
    typed: Typed, inventory: Path, known: Path
) -> None:
    unknown = typed("remote.ping", "--hosts", "web1")
    assert unknown.status == 4
    assert "(./inv inventory.trust --hosts web1)" in unknown.err
    said = typed("inventory.trust", "--hosts", "web*", "--limit", "web1", "--yes")
    assert (said.status, said.err) == (0, f"3 new keys pinned into {known}\n")
    assert len(known.read_text().splitlines()) == 3
    assert typed("remote.ping", "--hosts", "web1").status == 0
    again = typed("inventory.trust", "--hosts", "web1")
    assert {row[-1] for row in rows(again.out)} == {"known"}
    assert (again.status, again.err) == (0, "Nothing to pin: every key is known\n")


def test_hosts_have_to_be_named(typed: Typed, inventory: Path) -> None:
    said = typed("inventory.trust")
    assert (said.status, said.errors) == (
        2,
        ["error: say on which hosts (--hosts web, or --hosts all)"],
    )


def test_a_changed_key_is_never_pinned(
    typed: Typed, inventory: Path, server: Server, known: Path, tmp_path: Path
) -> None:
    other = make_key(tmp_path / "other")
    known.write_text(f"[127.0.0.1]:{server.port} {Path(f'{other}.pub').read_text()}")
    before = known.read_bytes()
    said = typed("inventory.trust", "--hosts", "web1", "--yes")
    assert said.status == 1
    assert [row[-1] for row in rows(said.out)] == ["changed"] * 3
    assert re.fullmatch(
        r"error: web1: its key has changed: it shows ssh-ed25519 SHA256:\S+, but"
        rf" {known}:1 has ssh-ed25519 SHA256:\S+ \(ask the host's owner before you type:"
        rf" ssh-keygen -R '\[127\.0\.0\.1\]:{server.port}' -f {known}\)",
        said.errors[0],
    )
    assert known.read_bytes() == before


def test_a_host_that_is_away_does_not_keep_the_others_from_being_pinned(
    typed: Typed, inventory: Path, known: Path
) -> None:
    said = typed("inventory.trust", "--hosts", "web1,away", "--yes")
    assert said.status == 4
    assert said.errors[0].startswith("error: away: connection refused")
    assert len(known.read_text().splitlines()) == 3


def test_an_unknown_gateway_is_asked_first(typed: Typed, inventory: Path, known: Path) -> None:
    said = typed("inventory.trust", "--hosts", "inner")
    assert said.status == 2
    assert [row[0] for row in rows(said.out)] == ["door"] * 3
    assert "error: inner: not asked: the key of its gateway door is not pinned" in said.errors
    said = typed("inventory.trust", "--hosts", "inner", "--yes")
    assert said.status == 0
    assert [(row[0], row[-1]) for row in rows(said.out)] == [("door", "new")] * 3 + [
        ("inner", "new")
    ] * 3
    assert said.err == f"6 new keys pinned into {known}.door, {known}.inner\n"
    # A gateway that is known is not asked again.
    said = typed("inventory.trust", "--hosts", "inner")
    assert [(row[0], row[-1]) for row in rows(said.out)] == [("inner", "known")] * 3


def test_programs_are_told_the_same(typed: Typed, inventory: Path, server: Server) -> None:
    said = typed("inventory.trust", "--hosts", "web1", "--output", "json")
    told = json.loads(said.out)
    public = (server.folder / "host_ed25519.pub").read_text().split()
    assert (said.status, told["ok"], told["pinned"], told["left"]) == (2, False, 0, 3)
    assert told["next"].endswith("./inv inventory.trust --hosts web1 --yes")
    first = told["keys"][0]
    assert (first["host"], first["type"], first["key"]) == ("web1", public[0], public[1])
    assert (first["state"], first["ok"]) == ("new", True)


def test_a_place_that_holds_no_keys_is_refused_before_anything_is_written(
    typed: Typed, inventory: Path, known: Path
) -> None:
    text = yaml.safe_load(inventory.read_text())
    text["all"]["hosts"]["web2"]["known_hosts"] = os.devnull
    inventory.write_text(yaml.safe_dump(text))
    said = typed("inventory.trust", "--hosts", "web*", "--yes")
    assert said.status == 2
    assert said.errors == [
        (
            "error: web2: no host key can be pinned into /dev/null: nothing would be remembered"
            " (name another in the inventory: known_hosts, or in ssh_config: UserKnownHostsFile)"
        )
    ]
    assert not known.exists()


def test_who_says_yes_has_seen_the_keys_once(cwd: Path, inventory: Path, known: Path) -> None:
    seen = on_terminal(cwd, b"y\n", "--hosts", "web*")
    assert seen.status == 0
    assert len(rows(seen.screen)) == 6
    assert f"Pin 6 new keys of 2 hosts into {known}? [y/N] y\n" in seen.screen
    assert seen.screen.endswith(f"6 new keys pinned into {known}\n")
    assert seen.out == ""
    assert len(known.read_text().splitlines()) == 6


def test_who_is_asked_may_want_json(cwd: Path, inventory: Path) -> None:
    seen = on_terminal(cwd, b"y\n", "--hosts", "web1", "--output", "json")
    assert (seen.status, len(rows(seen.screen))) == (0, 3)
    assert json.loads(seen.out)["pinned"] == 3


def test_each_round_is_asked_for(cwd: Path, inventory: Path, known: Path) -> None:
    seen = on_terminal(cwd, b"y\n", "--hosts", "inner")
    assert seen.status == 0
    questions = [line for line in seen.screen.splitlines() if "[y/N]" in line]
    assert questions == [
        f"Pin 3 new keys of 1 host into {known}.door? [y/N] y",
        f"Pin 3 new keys of 1 host into {known}.inner? [y/N] y",
    ]


@pytest.mark.parametrize("answer", [b"n\n", b"\n", b"yikes\n", b"\x04"])
def test_anything_but_yes_pins_nothing(
    cwd: Path, inventory: Path, known: Path, answer: bytes
) -> None:
    seen = on_terminal(cwd, answer, "--hosts", "web1")
    assert seen.status == 1
    assert seen.screen.endswith("\nNothing was pinned\n")
    assert not known.exists()


def test_who_interrupts_the_question_pins_nothing(cwd: Path, inventory: Path, known: Path) -> None:
    seen = on_terminal(cwd, b"\x03", "--hosts", "web1")
    assert seen.status == 130
    assert seen.screen.endswith("\nerror: interrupted\n")
    assert not known.exists()


def test_a_narrow_terminal_breaks_no_fingerprint(
    cwd: Path, inventory: Path, server: Server
) -> None:
    seen = on_terminal(cwd, b"n\n", "--hosts", "web1", columns=80)
    assert f"\nweb1  [127.0.0.1]:{server.port}\n" in seen.screen
    shown = [line for line in seen.screen.splitlines() if re.match(r"  \w+ +SHA256:\S{43} ", line)]
    assert len(shown) == 3
    assert max(map(len, shown)) < 80

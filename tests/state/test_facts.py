"""How answers are read (fixtures/facts/*.json), and that real shells give such answers."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.state.conftest import LocalShell
from wirework.errors import Failed
from wirework.ssh.bootstrap import bootstrap
from wirework.state import facts
from wirework.state.facts import (
    ABSENT,
    ARGUMENTS_AT_ONCE,
    CONTENT_LIMIT,
    Content,
    Entry,
    ExitStatus,
    Fact,
    Login,
    PathState,
    Sha256,
    Text,
    Whoami,
    accounts,
    git,
    kernel,
    packages,
    readiness,
    services,
)
from wirework.state.facts.accounts import Account, Password
from wirework.state.facts.git import Checkout, RemoteRef
from wirework.state.facts.kernel import Setting
from wirework.state.facts.services import Service
from wirework.state.script import Reader, Round

MODULES = (facts, accounts, git, kernel, packages, readiness, services)
FIXTURES = sorted((Path(__file__).parent / "fixtures/facts").glob("*.json"))
TOKEN = "0123456789abcdef"


def as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def value(fact: str, raw: Any) -> Any:
    if fact == "PathState":
        return Entry(**{**raw, "mode": int(raw.get("mode", "0"), 8)})
    if fact == "Content":
        return None if raw is None else Text(as_bytes(raw))
    if fact == "User":
        return raw and Account(**{**raw, "groups": tuple(raw["groups"])})
    if fact == "Shadow":
        return raw and Password(**raw)
    if fact == "Sysctl":
        return raw and Setting(**raw)
    if fact == "GitCheckout":
        return Checkout(**raw)
    if fact == "GitRemote":
        return RemoteRef(**raw)
    if fact == "ServiceState":
        return Service(**raw)
    return Login(**raw) if fact == "Whoami" else raw


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_answer_is_read(path: Path) -> None:
    case = json.loads(path.read_text())
    kind = next(vars(module)[case["fact"]] for module in MODULES if case["fact"] in vars(module))
    asked = [
        kind(*[tuple(word) if isinstance(word, list) else word for word in words])
        for words in case["asked"]
    ]
    parts = [as_bytes(part) for part in case["parts"]]
    if complaint := case.get("failed"):
        with pytest.raises(Failed) as caught:
            kind.parse(asked, parts)
        assert str(caught.value) == complaint
        return
    assert kind.parse(asked, parts) == [value(case["fact"], raw) for raw in case["parsed"]]


def ask(host: LocalShell, asked: Sequence[Fact[Any]]) -> list[Any]:
    reader, said = Reader(TOKEN), bytearray()
    script = Round((), asked).script(TOKEN)
    host.execute(bootstrap(len(script)), stdin=script, stdout=reader.feed, stderr=said.extend)
    assert reader.finished, bytes(said)
    assert said == b""
    return type(asked[0]).parse(asked, reader.facts(0))


def longest_command(script: str) -> int:
    return max(len(line) for line in script.split("\n"))


def test_five_thousand_paths_are_asked_in_commands_of_bounded_length(host: LocalShell) -> None:
    names = [f"d/{number:04d}-{'n' * 60}" for number in range(5000)]
    (host.home / "d").mkdir()
    for name in names[::500]:
        (host.home / name).write_text(name)
    states = [PathState(name) for name in names]
    digests = [Sha256(name) for name in names]
    for script in (PathState.ask(states), Sha256.ask(digests)):
        assert len(script) > 5 * ARGUMENTS_AT_ONCE
        assert longest_command(script) < ARGUMENTS_AT_ONCE + 100
    kinds = [entry.kind for entry in ask(host, states)]
    assert kinds == ["absent" if number % 500 else "file" for number in range(5000)]
    found = [digest for digest in ask(host, digests) if digest]
    assert found == [hashlib.sha256(name.encode()).hexdigest() for name in names[::500]]


def test_one_path_longer_than_a_chunk_is_still_asked_for() -> None:
    long = "x" * (ARGUMENTS_AT_ONCE + 1)
    assert PathState.ask([PathState("a"), PathState(long), PathState("b")]).count("set -- ") >= 3


def test_kinds_modes_and_targets_of_real_entries(host: LocalShell) -> None:
    (host.home / "f").write_text("12345")
    (host.home / "f").chmod(0o4750)
    (host.home / "d").mkdir()
    (host.home / "d").chmod(0o2711)
    (host.home / "nowhere").symlink_to("a\nb ")
    (host.home / "loop").symlink_to("loop")
    (host.home / "to d").symlink_to("d")
    os.mkfifo(host.home / "pipe", 0o600)
    names = ["f", "d", "nowhere", "loop", "to d", "to d/.", "pipe", "none", "f/below"]
    found = dict(zip(names, ask(host, [PathState(name) for name in names]), strict=True))
    assert (found["f"].kind, found["f"].mode, found["f"].size) == ("file", 0o4750, 5)
    assert (found["d"].kind, found["d"].mode, found["d"].size) == ("directory", 0o2711, 0)
    assert found["to d/."] == found["d"]
    links = [(found[name].kind, found[name].target) for name in ("nowhere", "loop", "to d")]
    assert links == [("link", "a\nb "), ("link", "loop"), ("link", "d")]
    assert found["pipe"].kind == "other"
    assert found["none"] == found["f/below"] == ABSENT


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_hands_without_a_name_are_numbers(host: LocalShell) -> None:
    (host.home / "f").touch()
    os.chown(host.home / "f", 54321, 54322)
    (entry,) = ask(host, [PathState("f")])
    assert (entry.owner, entry.group) == ("54321", "54322")


NAMES = [
    "plain",
    "-",
    "--",
    "-c",
    "a b",
    "back\\slash",
    "new\nline",
    "cr\r",
    "\udcff",
    "\x85",
    "$(id)",
]


def test_digests_of_files_of_any_name(host: LocalShell) -> None:
    asked = [f"d/{name}" for name in NAMES] + ["d", "none"]
    (host.home / "d").mkdir()
    for name in NAMES:
        (host.home / "d" / name).write_bytes(os.fsencode(name))
    digests = [hashlib.sha256(os.fsencode(name)).hexdigest() for name in NAMES]
    assert ask(host, [Sha256(name) for name in asked]) == [*digests, None, None]


def test_contents_come_whole_up_to_the_limit_and_are_told_when_they_do_not(
    host: LocalShell,
) -> None:
    limit = b"\n" * (CONTENT_LIMIT - 1) + b"e"
    (host.home / "limit").write_bytes(limit)
    (host.home / "large").write_bytes(limit + b"x")
    (host.home / "forged").write_bytes(f"\nanother done\n\n{TOKEN[:-1]} done\n\0\xff".encode())
    names = ["limit", "large", "forged", "none", "."]
    got = ask(host, [Content(name) for name in names])
    assert got[0] == Text(limit)
    assert got[1] == Text(limit, whole=False)
    assert got[2] == Text((host.home / "forged").read_bytes())
    assert got[3:] == [None, None]


def test_somebodys_questions_keep_their_output_and_input_to_themselves(host: LocalShell) -> None:
    (host.home / "d").mkdir()
    asked = [
        ExitStatus(("sh", "-c", "echo 9; echo 9 >&2; exit 3")),
        ExitStatus(("cat",)),
        ExitStatus(("test", "-d", "../d"), "d"),
        ExitStatus(("true",), "nowhere"),
        ExitStatus(("no-such-program",)),
        ExitStatus(("exit", "0")),
        ExitStatus(("true",)),
    ]
    statuses = ask(host, asked)
    assert statuses[:3] == [3, 0, 0]
    assert statuses[3] != 0
    assert statuses[4] == 127
    assert statuses[6] == 0


def test_who_the_work_is_done_as(host: LocalShell) -> None:
    import grp
    import pwd

    user = pwd.getpwuid(os.geteuid()).pw_name
    group = grp.getgrgid(os.getegid()).gr_name
    assert ask(host, [Whoami()]) == [Login(user, group, is_root=os.geteuid() == 0)]

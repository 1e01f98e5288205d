"""The shell functions that a round is sent: those that it calls, whole, and no others."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.machine import program, require
from tests.state.test_facts import FIXTURES as FACTS
from tests.state.test_facts import MODULES
from wirework.state.changes import Change
from wirework.state.facts import Fact, PathState, Sha256, Whoami
from wirework.state.facts.accounts import Group, Uid, User
from wirework.state.prelude import FUNCTIONS, TEXTS, needed, pieces
from wirework.state.script import Round

OPERATIONS = sorted((Path(__file__).parent / "fixtures/operations").glob("*/*.json"))
TOKEN = "f00dfeedf00dfeed"
MENTIONED = re.compile(r"\bww_\w+")
OWN = re.compile(r"(?m)\b(ww_\w+)=|\b(?:for|read|read -r) (ww_\w+)|^ +(ww_\w+)\(\)")
GIVEN = {"ww_t"}
"""What every round sets before anything else."""


def called(text: str) -> set[str]:
    """Names of ours in a text that are not its own variables, nor functions inside one."""
    code = re.sub(r"(?m)#.*$|'ww_\w+: ", "", text)
    own = {name for names in OWN.findall(code) for name in names}
    return set(MENTIONED.findall(code)) - own - GIVEN


def defined(text: str) -> set[str]:
    return set(re.findall(r"^(ww_\w+)\(\)", text, re.MULTILINE))


def fact_of(case: dict[str, Any], words: list[Any]) -> Fact[Any]:
    kind = next(vars(module)[case["fact"]] for module in MODULES if case["fact"] in vars(module))
    made: Fact[Any] = kind(*[tuple(word) if isinstance(word, list) else word for word in words])
    return made


def test_the_pieces_of_a_text_are_all_of_it() -> None:
    assert all("".join(pieces(text)) == text for text in TEXTS)
    assert "".join(FUNCTIONS.values()) == "".join(text.lstrip("\n") for text in TEXTS)


def test_every_piece_is_one_function_that_the_shell_can_read() -> None:
    require("dash")
    assert sum(len(defined(text)) for text in TEXTS) == len(FUNCTIONS), "a name is defined twice"
    for name, piece in FUNCTIONS.items():
        assert defined(piece) == {name}
        # Text after a function would be sent with it alone, or not at all.
        assert piece.rstrip("\n")[-1] in "})"
        shell = [str(program("dash")), "-n"]
        subprocess.run(shell, input=piece.encode(), check=True, timeout=10)


def test_every_function_that_a_function_calls_is_there() -> None:
    for name, piece in FUNCTIONS.items():
        assert called(piece) <= defined(needed([f"{name}\n"])), name


@given(names=st.sets(st.sampled_from(sorted(FUNCTIONS))))
def test_functions_keep_their_order_and_are_sent_once(names: set[str]) -> None:
    text = needed(f"{name} word\n" for name in names)
    sent = re.findall(r"^(ww_\w+)\(\)", text, re.MULTILINE)
    assert sent == [name for name in FUNCTIONS if name in sent]
    assert names <= set(sent)


@pytest.mark.parametrize("path", FACTS, ids=lambda path: path.stem)
def test_every_fact_finds_its_functions(path: Path) -> None:
    case = json.loads(path.read_text())
    script = (
        Round((), [fact_of(case, words) for words in case["asked"]])
        .script(TOKEN)
        .decode("utf-8", "surrogateescape")
    )
    assert called(script) <= defined(script)


@pytest.mark.parametrize("path", OPERATIONS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_change_finds_its_functions(path: Path) -> None:
    changes = [
        Change(tuple(raw["argv"]), "") for raw in json.loads(path.read_text()).get("changes", [])
    ]
    script = Round(changes, ()).script(TOKEN).decode("utf-8", "surrogateescape")
    named = {change.argv[0] for change in changes if change.argv[0].startswith("ww_")}
    assert named | called(script) <= defined(script)


def test_what_nothing_calls_is_not_sent() -> None:
    assert needed(["true\n"]) == ""
    assert needed(["ww_nobody\n", "my_ww_mark\n"]) == ""
    facts = [PathState("/a"), Sha256("/a"), Whoami(), User("a"), Uid("1"), Group("a")]
    for asked in ([PathState("/a")], facts):
        script = Round((), asked).script(TOKEN)
        snippets = b"".join(type(fact).ask([fact]).encode() for fact in asked)
        assert len(script) - len(snippets) < 600

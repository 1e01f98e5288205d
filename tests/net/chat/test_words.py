"""Nicknames and what of people's words is passed on; lines of any pieces; allowances."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirework.net.chat import words
from wirework.net.chat.allowance import Allowance
from wirework.net.chat.framing import Lines, TooLong
from wirework.net.chat.words import NameRefused, nickname, seemly


@pytest.mark.parametrize(
    "name", ["ann", "Ann-2", "Jürgen", "李雷", "a_b.c", "x" * 32, "4u", "नमस्ते"]
)
def test_a_nickname_is_of_any_script(name: str) -> None:
    assert nickname(f" {name} ") == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a b",
        "x" * 33,
        "-ann",
        ".",
        "/who",
        "{",
        "a\x1b[31m",
        "a\u202eb",
        "a\u200bb",
        "Server",
    ],
)
def test_an_odd_nickname_is_refused(name: str) -> None:
    with pytest.raises(NameRefused):
        nickname(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ann", "ann"), ("ﬁn", "fin"), ("straße", "STRASSE"), ("A\u030angel", "ångel")],
)
def test_names_that_look_the_same_are_the_same(one: str, other: str) -> None:
    assert words.key(nickname(one)) == words.key(nickname(other))


def test_a_free_name_is_one_that_may_be_had() -> None:
    assert words.free("ann", {"ann", "ann2"}) == "ann3"
    assert len(words.free("x" * 32, {})) == 32


@given(st.text())
def test_nothing_that_moves_a_cursor_is_passed_on(text: str) -> None:
    passed = seemly(text)
    assert not any(ord(each) < 32 or 0x7F <= ord(each) < 0xA0 for each in passed)
    assert seemly(passed) == passed
    passed.encode()


def test_a_lone_surrogate_can_be_sent_on() -> None:
    assert seemly("a\ud800b\x1b]0;title\x07\tc") == "a?b]0;title c"


@given(
    data=st.lists(st.sampled_from([b"a", b"bb" * 3, b"\n", b"\r\n", b"\r", b"c" * 9])).map(
        b"".join
    ),
    cuts=st.lists(st.integers(0, 200)),
)
def test_lines_do_not_depend_on_how_the_bytes_came(data: bytes, cuts: list[int]) -> None:
    whole, pieces = Lines(8), Lines(8)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    found = []
    for begin, end in itertools.pairwise(edges):
        found += pieces.feed(data[begin:end])
    assert found == whole.feed(data)
    assert pieces.unfinished == whole.unfinished
    lines = [line.removesuffix(b"\r") for line in data.split(b"\n")]
    ended = [line if len(line) <= 8 else TooLong() for line in lines[:-1]]
    assert found[: len(ended)] == ended
    assert len(found) - len(ended) in ((0, 1) if len(lines[-1]) >= 8 else (0,))


def test_an_endless_line_is_told_once_and_kept_nowhere() -> None:
    lines = Lines(8)
    found = [each for _ in range(1000) for each in lines.feed(b"x" * 1000)]
    assert found == [TooLong()]
    assert lines.dropped == 1_000_000
    assert len(lines._rest) == 0
    assert lines.feed(b"\nok\n") == [b"ok"]


def test_an_allowance_refills() -> None:
    now = [0.0]
    allowance = Allowance(2, 3, lambda: now[0])
    assert [allowance.take() for _ in range(4)] == [0, 0, 0, 0.5]
    now[0] = 1.0
    assert [allowance.take() for _ in range(3)] == [0, 0, 0.5]
    now[0] = 100.0
    assert [allowance.take() for _ in range(4)] == [0, 0, 0, 0.5]

"""What is typed for --send and --expect, and what a server's words look like in a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirework.errors import BadInput
from wirework.net.causes import said
from wirework.net.expecting import matches, pattern, unescaped


@given(st.binary(max_size=300), st.integers(min_value=10, max_value=200))
def test_words_are_one_printable_line_of_a_length(data: bytes, most: int) -> None:
    line = said(data, most)
    assert len(line) <= most
    assert line.isprintable()
    assert line[0] == line[-1]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", "''"),
        (b"220 a\r\n", r"'220 a\r\n'"),
        ("grüß".encode(), "'grüß'"),
        (b"\xff\x00", r"'\xff\x00'"),
        (b"x" * 80, f"'{'x' * 69}…'"),
    ],
)
def test_words_are_shown_as_they_are(data: bytes, line: str) -> None:
    assert said(data) == line


@given(st.binary())
def test_any_bytes_can_be_typed(data: bytes) -> None:
    typed = "".join(f"\\x{byte:02x}" for byte in data)
    assert unescaped(typed, where="--send") == data


@given(st.text(st.characters(exclude_characters="\\", exclude_categories=["Cs"])))
def test_plain_text_is_sent_as_it_is(text: str) -> None:
    assert unescaped(text, where="--send") == text.encode()


@pytest.mark.parametrize("text", ["\\", "a\\q", "\\x1", "\\xzz", "\\\n"])
def test_an_escape_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="means nothing"):
        unescaped(text, where="--send")


def test_lines_have_their_beginnings_and_ends() -> None:
    assert matches(pattern("^250 ok$", where="x"), b"220 hi\n250 ok\nbye\xff\n")
    assert not matches(pattern("^50", where="x"), b"250")


@pytest.mark.parametrize("text", ["(", "[", "*", "a{99999999999}"])
def test_what_is_no_regular_expression_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="no regular expression"):
        pattern(text, where="--expect")

"""Times and sizes, as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirework.documents import amounts
from wirework.errors import BadInput


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("50ms", 0.05),
        ("2", 2),
        ("1.5s", 1.5),
        ("5m", 300),
        ("5min", 300),
        (".5 s", 0.5),
        ("1H", 3600),
    ],
)
def test_times(text: str, seconds: float) -> None:
    assert amounts.seconds(text, where="x") == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size"),
    [("500", 500), ("64k", 64_000), ("1MB", 10**6), ("1MiB", 2**20), ("1.5 kB", 1500), ("7b", 7)],
)
def test_sizes(text: str, size: int) -> None:
    assert amounts.size(text, where="x") == size


@pytest.mark.parametrize("text", ["", "x", "1x", "1ib", "-1", "0", "0.5", "1e3", "inf", "nan"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as raised:
        amounts.size(text, where="--rate")
    assert raised.value.where == "--rate"


@given(st.text(max_size=12))
def test_any_text_is_an_amount_or_bad_input(text: str) -> None:
    for read in (amounts.seconds, amounts.size):
        try:
            assert read(text, where="x") >= 0
        except BadInput as error:
            assert error.where == "x"  # noqa: PT017  (either is right)
    amounts.is_time(text)


@pytest.mark.parametrize("text", ["", "fast", "-1s", "10d", "1e3", "nan", "inf", "1.s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        amounts.seconds(text, where="--delay")
    assert str(caught.value) == f"--delay: {text!r} is no duration (50ms, 2s, 5m, 1h)"

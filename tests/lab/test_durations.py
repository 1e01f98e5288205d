from __future__ import annotations

import pytest

from wirework.errors import BadInput
from wirework.lab.durations import seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("50ms", 0.05),
        ("10s", 10),
        ("2m", 120),
        ("1h", 3600),
        ("0.5", 0.5),
        (" 3 ", 3),
        (".5s", 0.5),
    ],
)
def test_durations_are_read_as_people_type_them(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "fast", "-1s", "1 s", "10d", "1e3", "nan", "inf", "1.s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        seconds(text)
    assert str(caught.value) == f"{text!r} is no duration (as in 50ms, 10s or 2m)"

"""A forwarder's places, targets, times and sizes, as people write them."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirework.errors import BadInput
from wirework.net import forward as forwarding
from wirework.net.forward import Shape
from wirework.serving.listen import Place


@pytest.mark.parametrize(
    ("words", "shape"),
    [
        ({}, Shape()),
        ({"delay": "50ms", "jitter": "10ms"}, Shape(delay=0.05, jitter=0.01)),
        ({"rate": "1MB"}, Shape(rate=10**6)),
        ({"rate": "1MB/s"}, Shape(rate=10**6)),
        ({"cut_after": "10"}, Shape(cut_bytes=10)),
        ({"cut_after": "10MB"}, Shape(cut_bytes=10**7)),
        ({"cut_after": "10s"}, Shape(cut_seconds=10)),
        ({"cut_after": "2m"}, Shape(cut_bytes=2_000_000)),
        ({"cut_after": "2min"}, Shape(cut_seconds=120)),
    ],
)
def test_shapes(words: dict[str, str], shape: Shape) -> None:
    assert forwarding.shape(**words) == shape


@pytest.mark.parametrize(
    ("words", "where"),
    [
        ({"delay": "fast"}, "--delay"),
        ({"delay": "2m"}, "--delay"),
        ({"jitter": "5ms"}, "--jitter"),
        ({"delay": "5ms", "jitter": "6ms"}, "--jitter"),
        ({"rate": "0"}, "--rate"),
        ({"cut_after": "soon"}, "--cut-after"),
        ({"cut_after": "0s"}, "--cut-after"),
    ],
)
def test_what_no_network_does_is_refused(words: dict[str, str], where: str) -> None:
    with pytest.raises(BadInput) as raised:
        forwarding.shape(**words)
    assert raised.value.where == where


@given(
    st.floats(0, 60),
    st.integers(1, 10**10),
)
def test_the_bound_leaves_a_rate_its_delay_up_to_its_largest(delay: float, rate: int) -> None:
    bound = Shape(delay=delay, rate=rate).bound
    assert 65_536 <= bound <= 4 * 2**20
    assert bound == 4 * 2**20 or bound >= int(rate * delay / 2)


def test_places_and_targets() -> None:
    assert forwarding.place("8080") == Place("127.0.0.1", 8080)
    assert forwarding.place(":80") == Place("*", 80)
    assert forwarding.place("unix:/x") == Place("", path="/x")
    assert forwarding.target("unix:/x").addresses == ((socket.AF_UNIX, "/x"),)
    assert forwarding.target("[::1]:80").addresses == ((socket.AF_INET6, ("::1", 80, 0, 0)),)
    assert forwarding.target("127.0.0.1:80").addresses == ((socket.AF_INET, ("127.0.0.1", 80)),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "127.0.0.1",
        "127.0.0.1:0",
        "127.0.0.1:99999",
        ":80",
        "::1:80",
        "[::1]",
        "unix:",
        "unix:" + "x" * 108,
        "nosuch.invalid:80",
        "a" * 70 + ":80",
    ],
)
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as raised:
        forwarding.target(text)
    assert raised.value.where == "TARGET"


def test_networks() -> None:
    found = forwarding.networks("10.0.0.0/8, 2001:db8::/32,127.0.0.1")
    assert [str(each) for each in found] == ["10.0.0.0/8", "2001:db8::/32", "127.0.0.1/32"]
    assert forwarding.networks("") == ()
    with pytest.raises(BadInput, match=r"10\.0\.0\.0/8 has its host bits at zero"):
        forwarding.networks("10.0.0.1/8")

"""Which servers agree: intervals as data, and chrony servers whose clocks differ."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.net.datagrams import answering, silent, unused
from tests.net.ntp.time_answers import good
from tests.servers.chronyd import Chronyd, running_chronyd
from wirework.errors import BadInput
from wirework.net.ntp import Asking, Comparison, Interval, compare, intersection

PATIENT = Asking(timeout=10.0)


@pytest.fixture(scope="module")
def clocks() -> Iterator[tuple[Chronyd, Chronyd]]:
    with running_chronyd() as second, running_chronyd(clock="-7s") as wrong:
        yield second, wrong


def of(*ports: int, asking: Asking = PATIENT) -> Comparison:
    return compare(",".join(f"127.0.0.1:{port}" for port in ports), asking=asking)


def verdicts(compared: Comparison) -> list[str]:
    return [each.verdict.value for each in compared.servers]


@pytest.mark.parametrize(
    ("intervals", "shared"),
    [
        ([], None),
        ([(1, 2)], (1, 2)),
        ([(1, 3), (2, 4)], (2, 3)),
        ([(1, 2), (2, 4)], (2, 2)),
        ([(1, 2), (3, 4)], None),
        ([(1, 3), (2, 4), (9, 10)], (2, 3)),
        ([(1, 3), (2, 4), (9, 10), (9, 10)], None),
        ([(0, 10), (4, 5), (4.5, 6)], (4.5, 5)),
        # Both narrow ones are within the wide one, and either could be right.
        ([(0, 10), (1, 2), (8, 9)], None),
        ([(0, 10), (1, 2), (1, 3), (8, 9)], (1, 2)),
        ([(1, 2), (1, 2), (1, 2)], (1, 2)),
        ([(5, 5), (5, 5), (4, 4)], (5, 5)),
    ],
)
def test_what_most_intervals_share(
    intervals: list[tuple[float, float]], shared: tuple[float, float] | None
) -> None:
    found = intersection([Interval(low, high) for low, high in intervals])
    assert found == (Interval(*shared) if shared else None)


INTERVALS = st.lists(
    st.tuples(st.integers(-20, 20), st.integers(0, 10)).map(
        lambda each: Interval(each[0], each[0] + each[1])
    ),
    max_size=9,
)


@given(INTERVALS)
def test_the_shared_interval_is_what_counting_at_every_point_finds(
    intervals: list[Interval],
) -> None:
    points = [half / 2 for half in range(-50, 70)]
    depths = [sum(each.low <= point <= each.high for each in intervals) for point in points]
    deepest = max(depths)
    inside = [point for point, depth in zip(points, depths, strict=True) if depth == deepest]
    in_one_piece = inside[-1] - inside[0] == (len(inside) - 1) / 2

    found = intersection(intervals)

    if 2 * deepest > len(intervals) and deepest and in_one_piece:
        assert found == Interval(inside[0], inside[-1])
    else:
        assert found is None


def test_servers_that_agree(chronyd: Chronyd, clocks: tuple[Chronyd, Chronyd]) -> None:
    compared = of(chronyd.port, clocks[0].port)
    assert (compared.ok, verdicts(compared)) == (True, ["agrees", "agrees"])
    assert compared.low is not None
    assert compared.high is not None
    assert compared.offset is not None
    assert abs(compared.offset) < 0.5
    assert compared.low < compared.high
    assert compared.summary.startswith("2 servers agree: offset ")


def test_the_one_that_disagrees_is_named(chronyd: Chronyd, clocks: tuple[Chronyd, Chronyd]) -> None:
    second, wrong = clocks
    compared = of(chronyd.port, wrong.port, second.port)
    assert verdicts(compared) == ["agrees", "disagrees", "agrees"]
    assert (compared.ok, abs(compared.offset or 9) < 0.5) == (False, True)
    assert compared.problem == f"tells another time: 127.0.0.1:{wrong.port}"


def test_two_servers_with_different_times_decide_nothing(
    chronyd: Chronyd, clocks: tuple[Chronyd, Chronyd]
) -> None:
    compared = of(chronyd.port, clocks[1].port)
    assert verdicts(compared) == ["undecided", "undecided"]
    assert (compared.ok, compared.offset, compared.low) == (False, None, None)
    assert compared.problem.startswith("no majority agrees: ")


def test_servers_that_do_not_answer_are_named_and_the_others_compared(
    chronyd: Chronyd, clocks: tuple[Chronyd, Chronyd]
) -> None:
    dead = unused()
    with silent() as quiet:
        compared = of(dead, chronyd.port, quiet, clocks[0].port, asking=Asking(timeout=1.5))
    assert verdicts(compared) == ["unusable", "agrees", "unusable", "agrees"]
    assert compared.offset is not None
    assert compared.problem == f"no usable answer: 127.0.0.1:{dead}, 127.0.0.1:{quiet}"


def test_an_unsynchronised_server_has_no_say(chronyd: Chronyd) -> None:
    with answering(lambda request, _: [good(request, off=50, leap=3).encode()]) as port:
        compared = of(chronyd.port, port)
    assert verdicts(compared) == ["agrees", "unusable"]
    assert not compared.ok


def test_a_clock_that_is_off_is_no_fault_of_the_servers(clocks: tuple[Chronyd, Chronyd]) -> None:
    with answering(lambda request, _: [good(request, off=-7).encode()]) as port:
        compared = of(clocks[1].port, port, asking=Asking(timeout=10, max_offset=2))
    assert verdicts(compared) == ["agrees", "agrees"]
    assert compared.offset == pytest.approx(-7, abs=0.5)
    assert (compared.ok, compared.problem) == (False, "this clock is off by more than 2 s")


@pytest.mark.parametrize("servers", ["one", "one,one", "one:123,one"])
def test_a_single_server_is_no_comparison(servers: str) -> None:
    with pytest.raises(BadInput, match="one server alone agrees with itself"):
        compare(servers)

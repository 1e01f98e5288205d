from __future__ import annotations

import pytest

from wirework.errors import BadInput
from wirework.fleet.batches import limit, split
from wirework.inventory import Host


def hosts(count: int) -> tuple[Host, ...]:
    return tuple(Host(f"h{number}", "127.0.0.1") for number in range(count))


@pytest.mark.parametrize(
    ("count", "sizes", "expected"),
    [
        (4, ["100%"], [4]),
        (8, ["1", "25%", "100%"], [1, 2, 5]),
        (5, ["2"], [2, 2, 1]),
        (3, ["10%"], [1, 1, 1]),
        (10, ["25%"], [3, 3, 3, 1]),
        (2, ["50"], [2]),
        (3, [1, 2], [1, 2]),
        (0, ["1"], []),
    ],
)
def test_sizes_cut_the_hosts(count: int, sizes: list[str | int], expected: list[int]) -> None:
    assert [len(batch) for batch in split(hosts(count), sizes)] == expected


def test_every_host_is_in_one_batch_and_in_order() -> None:
    fleet = hosts(7)
    assert [host for batch in split(fleet, ["1", "30%"]) for host in batch] == list(fleet)


@pytest.mark.parametrize("size", ["0", "0%", "150%", "abc", "", "-1", "1.5", "½"])
def test_a_size_of_no_use_is_refused(size: str) -> None:
    with pytest.raises(BadInput, match="is not a batch size") as caught:
        split(hosts(3), [size])
    assert repr(size) in str(caught.value)


def test_no_size_at_all_is_refused() -> None:
    with pytest.raises(BadInput, match="there is no batch size"):
        split(hosts(3), [])


@pytest.mark.parametrize(
    ("text", "total", "expected"), [("0", 8, 0), (3, 8, 3), ("25%", 8, 2), ("25%", 7, 1)]
)
def test_a_limit_is_a_number_or_a_share(text: str | int, total: int, expected: int) -> None:
    assert limit(text, total) == expected


def test_a_limit_of_no_use_is_refused() -> None:
    with pytest.raises(BadInput, match="'some' is not a failure limit"):
        limit("some", 4)

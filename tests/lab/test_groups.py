from __future__ import annotations

import pytest

from wirework.errors import BadInput
from wirework.lab.groups import images, sizes


def test_groups_are_read_as_people_type_them() -> None:
    assert sizes(["web=2", "db=1", "old=3:password"]) == {"web": 2, "db": 1, "old": 3}


def test_no_groups_are_none() -> None:
    assert sizes([]) is None


def test_a_group_may_name_its_image() -> None:
    assert images(["web=2", "old=1:password"]) == {"old": "password"}


def test_a_colon_without_an_image_is_refused() -> None:
    with pytest.raises(BadInput, match=r"^'web=1:' names no image \(as in old=1:password\)$"):
        images(["web=1:"])


@pytest.mark.parametrize("text", ["web", "web=", "web=two", "web=-1", "web=1.5", "2", "web=:x"])
def test_what_is_no_group_and_number_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        sizes([text])
    assert str(caught.value) == f"{text!r} is no group and number of hosts (as in web=2)"


def test_a_group_given_twice_is_refused() -> None:
    with pytest.raises(BadInput, match=r"^the group web is given twice$"):
        sizes(["web=1", "web=2"])

"""The shape of a lab: how many hosts each group has, and what they are called."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wirework.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST_HOSTS = 200

_GROUP = re.compile(r"[a-z]([a-z0-9_-]*[a-z_-])?")


def sizes(texts: Iterable[str]) -> dict[str, int] | None:
    """Read groups as people type them (``web=2``); None when there are none.

    Raises BadInput for what is no group and number, and for a group given twice.
    """
    groups: dict[str, int] = {}
    for text in texts:
        group, equals, count = text.partition("=")
        if not equals or not count.isdecimal():
            raise BadInput(f"{text!r} is no group and number of hosts", hint="as in web=2")
        if group in groups:
            raise BadInput(f"the group {group} is given twice")
        groups[group] = int(count)
    return groups or None


def names(groups: Mapping[str, int]) -> list[tuple[str, str]]:
    """Return (host, group) for each host; the names count up within their group.

    Raises BadInput for groups that make no lab.
    """
    for group, count in groups.items():
        if not _GROUP.fullmatch(group) or group in ("all", "ungrouped"):
            # A last digit would make the hosts of "web" and "web1" collide.
            raise BadInput(
                f"{group!r} is no name for a group of a lab",
                hint="small letters, digits, dashes; no digit at its end",
            )
        if count < 1:
            raise BadInput(f"a lab has at least one host in {group}, not {count}")
    total = sum(groups.values())
    if not 1 <= total <= MOST_HOSTS:
        raise BadInput(f"a lab has 1 to {MOST_HOSTS} hosts, not {total}")
    return [
        (f"{group}{number}", group)
        for group, count in groups.items()
        for number in range(1, count + 1)
    ]

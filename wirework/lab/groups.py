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
    """Read groups as people type them (``web=2``, ``old=1:password``); None without any.

    Raises BadInput for what is no group and number, and for a group given twice.
    """
    groups: dict[str, int] = {}
    for text in texts:
        group, equals, rest = text.partition("=")
        count = rest.partition(":")[0]
        if not equals or not count.isdecimal():
            raise BadInput(f"{text!r} is no group and number of hosts", hint="as in web=2")
        if group in groups:
            raise BadInput(f"the group {group} is given twice")
        groups[group] = int(count)
    return groups or None


def images(texts: Iterable[str]) -> dict[str, str]:
    """Return the images of groups that name one: ``{"old": "password"}`` of the above.

    Raises BadInput for a colon with nothing behind it.
    """
    found: dict[str, str] = {}
    for text in texts:
        group, _, rest = text.partition("=")
        _, colon, image = rest.partition(":")
        if colon and not image:
            raise BadInput(f"{text!r} names no image", hint="as in old=1:password")
        if colon:
            found[group] = image
    return found


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

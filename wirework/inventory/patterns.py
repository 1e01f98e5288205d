"""Host patterns: ``web:&prod:!web03``, ``db*``, ``web[01-20,25]``."""

from __future__ import annotations

import difflib
import fnmatch
import re
from typing import TYPE_CHECKING

from wirework.errors import PatternError
from wirework.inventory import ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wirework.inventory.model import Host, Inventory

_SEPARATOR = re.compile(r"[,:](?![^][]*\])")  # not inside brackets
_NUMBERS = re.compile(r"\[[0-9][-0-9, ]*\]")
_SHOWN = 8


def select(inventory: Inventory, pattern: str, *, limit: str = "") -> tuple[Host, ...]:
    """Return the hosts that ``pattern``, and ``limit`` if given, match, in inventory order.

    Parts are joined by ``,`` or ``:`` and are unions; ``&part`` keeps what is also in it, ``!part``
    leaves it out. Their order does not matter: first the unions (every host, if there are none),
    then ``&``, then ``!``. A part is the name of a host or group, a folded range of host names
    (each must exist), or a glob (``* ? [abc]``) over hosts and groups; ``all`` and ``ungrouped``
    are meant by their full names only. Case matters.
    Raises PatternError when a part is malformed or names nobody, or when no host is left.
    """
    matched = _Matcher(inventory).pattern(pattern)
    asked = f"{pattern!r} matches"
    if matched and limit.strip():
        matched &= _Matcher(inventory).pattern(limit)
        asked = f"{pattern!r} limited to {limit!r} matches"
    if not matched:
        raise PatternError(
            f"{asked} no host of {inventory.source}", hint=f"groups: {_groups(inventory)}"
        )
    return tuple(host for name, host in inventory.hosts.items() if name in matched)


class _Matcher:
    """Finds the host names behind each part of a pattern."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._members: dict[str, set[str]] = {name: set() for name in inventory.groups}
        for host in inventory.hosts.values():
            for group in ("all", *host.groups):
                self._members[group].add(host.name)

    def pattern(self, pattern: str) -> set[str]:
        unions: list[set[str]] = []
        kept: list[set[str]] = []
        dropped: list[set[str]] = []
        kinds = {"&": kept, "!": dropped}
        parts = list(self._split(pattern))
        if not parts:
            raise PatternError("the host pattern is empty", hint="'all' means every host")
        for part in parts:
            kind = kinds.get(part[0], unions)
            term = part if kind is unions else part[1:].strip()
            if not term:
                raise PatternError(f"{part!r} in the pattern {pattern!r} names nothing")
            kind.append(self._term(term))
        hosts = set().union(*unions) if unions else set(self._inventory.hosts)
        return hosts.intersection(*kept).difference(*dropped)

    def _split(self, pattern: str) -> Iterable[str]:
        """Yield the parts of a pattern without the empty ones (``web,`` is plain ``web``)."""
        for piece in re.split(r",(?![^][]*\])", pattern):
            # An IPv6 address is full of colons; a host of exactly that name is meant.
            whole = piece.strip().lstrip("&!") in self._inventory.hosts
            for part in [piece] if whole else _SEPARATOR.split(piece):
                if part.strip():
                    yield part.strip()

    def _term(self, term: str) -> set[str]:
        if _NUMBERS.search(term):
            return set().union(*map(self._simple, ranges.expand(term)))
        return self._simple(term)

    def _simple(self, term: str) -> set[str]:
        if term in self._inventory.hosts:
            return {term}
        if term in self._members:
            return self._members[term]
        if any(mark in term for mark in "*?["):
            return self._glob(term)
        # Nobody who mistypes a name means the group of those without one.
        known = [*self._inventory.hosts, *self._inventory.groups]
        known.remove("ungrouped")
        near = difflib.get_close_matches(term, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"groups: {_groups(self._inventory)}"
        raise PatternError(
            f"{self._inventory.source} has no host or group named {term!r}", hint=hint
        )

    def _glob(self, term: str) -> set[str]:
        if term.count("[") != term.count("]"):
            raise PatternError(f"the brackets in {term!r} do not pair up")
        if re.search(r"\[[^]]*:", term):
            raise PatternError(
                f"{term!r} is no pattern: a ':' cannot stand in brackets", hint="write web[01-20]"
            )
        matches: Callable[[str], object] = re.compile(fnmatch.translate(term)).match
        found = {name for name in self._inventory.hosts if matches(name)}
        groups = [name for name in self._members if name not in ("all", "ungrouped")]
        matching = [name for name in groups if matches(name)]
        if not found and not matching:
            raise PatternError(
                f"no host or group of {self._inventory.source} matches {term!r}",
                hint=f"groups: {_groups(self._inventory)}",
            )
        return found.union(*(self._members[name] for name in matching))


def _groups(inventory: Inventory) -> str:
    names = list(inventory.groups)
    more = f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more

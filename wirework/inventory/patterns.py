"""Host patterns: ``web:&prod:!web03``, ``db*``, ``web[01-20,25]``, ``web[0]``, ``~web|db``."""

from __future__ import annotations

import difflib
import fnmatch
import re
import stat
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from wirework.errors import PatternError
from wirework.inventory import ranges

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wirework.inventory.model import Host, Inventory

MAX_FILE_BYTES = 1_000_000
"""The largest file of patterns that is read."""

_SHOWN = 8
# What may end a part, and what hides such a mark: brackets, and in a regex more than these.
_MARKS = re.compile(r"\[[^]]*\]?|[,:]")
_REGEX_MARKS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^]\\])*\]?|[(){},:]", re.DOTALL)
_REGEX_AHEAD = re.compile(r"[\s&!]*~")
_RANGE = re.compile(r"\[(?:[0-9][-0-9, ]*|[^][:]*:[^][]*)\]")
_FIRST_OF_RANGE = re.compile(r"\[([0-9a-zA-Z]++)[^][]*\]")
_NO_CLASS = re.compile(r"\[[^][]*(?::|[0-9]{2}[-,]|[-,][0-9]{2})")
_SLICE = re.compile(
    r"(?P<base>.+)\[(?:(?P<at>-?[0-9]{1,18})|(?P<first>-?[0-9]{1,18})?:(?P<last>-?[0-9]{1,18})?)\]"
)
_COMMENT = re.compile(r"(?:^|\s)#.*")


def select(inventory: Inventory, pattern: str, *, limit: str = "") -> tuple[Host, ...]:
    """Return the hosts that ``pattern``, and ``limit`` if given, match, in inventory order.

    Parts are joined by ``,`` or ``:`` and are unions; ``&part`` keeps what is also in it, ``!part``
    leaves it out. Their order does not matter: first the unions (every host, if there are none),
    then ``&``, then ``!``. Case matters. A part is one of

    - the name of a host or group, or a range of names (``web[01-20,25]``), each of which must exist
    - a glob (``* ? [abc]``), or ``~`` and a regular expression that matches from the start, over
      hosts and groups but ``all`` and ``ungrouped``, which are meant by their full names only
    - a slice: a group or glob and then ``[0]``, ``[-1]``, ``[1:3]`` (both ends are in), ``[1:]`` or
      ``[:2]``. After a regular expression it takes the colon; ``~web[12]`` is web1 and web2
    - ``@file``: the union of its lines, each a pattern; ``#`` starts a comment

    Raises PatternError when a part is malformed or names nobody, or when no host is left.
    Source: https://docs.ansible.com/ansible/latest/inventory_guide/intro_patterns.html
    """
    matcher = _Matcher(inventory)
    matched = matcher.pattern(pattern)
    asked = f"{pattern!r} matches"
    if matched and limit.strip():
        matched &= matcher.pattern(limit)
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

    def pattern(self, pattern: str, *, in_file: bool = False) -> set[str]:
        unions: list[set[str]] = []
        kept: list[set[str]] = []
        dropped: list[set[str]] = []
        kinds = {"&": kept, "!": dropped}
        parts = list(self._parts(pattern))
        if not parts:
            raise PatternError("the host pattern is empty", hint="'all' means every host")
        for part in parts:
            kind = kinds.get(part[0], unions)
            term = part if kind is unions else part[1:].strip()
            if term in ("", "~", "@"):
                raise PatternError(f"{part!r} in the pattern {pattern!r} names nothing")
            if in_file and term[0] == "@":
                raise PatternError("a file of patterns cannot name another file")
            kind.append(self._term(term))
        if in_file and not unions:
            # On its own such a line is all hosts but some: added to the others, simply too many.
            raise PatternError(
                f"{pattern!r} names nobody to add", hint="write web:!web3, or !@file"
            )
        hosts = set().union(*unions) if unions else set(self._inventory.hosts)
        return hosts.intersection(*kept).difference(*dropped)

    def _parts(self, pattern: str) -> Iterator[str]:
        """Yield the parts of a pattern without the empty ones (``web,`` is plain ``web``)."""
        for piece in _pieces(pattern):
            whole = ":".join(piece)
            # An IPv6 address is full of colons; a host of exactly that name is meant.
            name = _FIRST_OF_RANGE.sub(r"\1", whole.strip().lstrip("&! "))
            for part in [whole] if name in self._inventory.hosts else piece:
                if part.strip():
                    yield part.strip()

    def _term(self, term: str) -> set[str]:
        if term in self._inventory.hosts:
            return {term}
        if term[0] == "@":
            return self._file(term[1:].strip())
        found = _SLICE.fullmatch(term)
        if found and self._takes_slice(found):
            return self._slice(found)
        return self._whole(term)

    def _takes_slice(self, found: re.Match[str]) -> bool:
        """Whether the brackets at the end are a slice, not part of a regex or a range of names."""
        base = found["base"]
        if base[0] == "~":
            return found["at"] is None
        return base in self._members or _is_glob(base)

    def _slice(self, found: re.Match[str]) -> set[str]:
        base = found["base"]
        members = self._whole(base)
        ends = (found["at"] or found["first"] or "0", found["at"] or found["last"] or "-1")
        if any(re.match("-?0[0-9]", end) for end in ends):
            raise PatternError(
                f"{found.group()!r} counts hosts of {base!r}, from 0 and without leading zeros",
                hint="names are written web[01-20] or web01",
            )
        count = len(members)
        first, last = (int(end) + (count if int(end) < 0 else 0) for end in ends)
        if not (0 <= first < count and 0 <= last < count):
            raise PatternError(
                f"{found.group()!r} goes beyond {base!r}, which has {count} "
                + ("host" if count == 1 else "hosts"),
                hint="the first is [0], the last [-1]; names are written web[1-3]",
            )
        if first > last:
            raise PatternError(f"{found.group()!r} does not count upwards")
        ordered = [name for name in self._inventory.hosts if name in members]
        return set(ordered[first : last + 1])

    def _whole(self, term: str) -> set[str]:
        """Return what a part means that has no slice at its end."""
        if term[0] == "~":
            return self._matching(term, _regex(term))
        if _is_glob(term):
            return self._matching(term, _glob(term))
        return set().union(*map(self._named, ranges.expand(term)))

    def _named(self, name: str) -> set[str]:
        if name in self._inventory.hosts:
            return {name}
        if name in self._members:
            return self._members[name]
        # Nobody who mistypes a name means the group of those without one.
        known = [*self._inventory.hosts, *self._inventory.groups]
        known.remove("ungrouped")
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"groups: {_groups(self._inventory)}"
        raise PatternError(
            f"{self._inventory.source} has no host or group named {name!r}", hint=hint
        )

    def _matching(self, term: str, form: re.Pattern[str]) -> set[str]:
        hosts = {name for name in self._inventory.hosts if form.match(name)}
        groups = [
            name for name in self._members if name not in ("all", "ungrouped") and form.match(name)
        ]
        if not hosts and not groups:
            raise PatternError(
                f"no host or group of {self._inventory.source} matches {term!r}",
                hint=f"groups: {_groups(self._inventory)}",
            )
        return hosts.union(*(self._members[name] for name in groups))

    def _file(self, name: str) -> set[str]:
        found: set[str] = set()
        for number, line in enumerate(_read(name).split("\n"), 1):
            if pattern := _COMMENT.sub("", line).strip():
                try:
                    found |= self.pattern(pattern, in_file=True)
                except PatternError as error:
                    raise PatternError(
                        error.message, where=f"{name}:{number}", hint=error.hint
                    ) from None
        return found


def _pieces(pattern: str) -> Iterable[list[str]]:
    """Yield what stands between commas, each as the parts between its colons."""
    piece: list[str] = []
    start = end = 0
    while end < len(pattern):
        end = _end_of_part(pattern, start)
        piece.append(pattern[start:end])
        if pattern[end : end + 1] != ":":
            yield piece
            piece = []
        start = end + 1


def _end_of_part(pattern: str, start: int) -> int:
    marks = _REGEX_MARKS if _REGEX_AHEAD.match(pattern, start) else _MARKS
    depth = 0
    for found in marks.finditer(pattern, start):
        mark = found.group()
        if mark in ("(", "{"):
            depth += 1
        elif mark in (")", "}"):
            depth -= 1
        elif mark in (",", ":") and depth <= 0:
            return found.start()
    return len(pattern)


def _is_glob(term: str) -> bool:
    return "*" in term or "?" in term or ("[" in term and not _RANGE.search(term))


def _glob(term: str) -> re.Pattern[str]:
    if term.count("[") != term.count("]"):
        raise PatternError(f"the brackets in {term!r} do not pair up")
    if _NO_CLASS.search(term):
        raise PatternError(
            f"brackets beside * and ? stand for one character, and those in {term!r} do not",
            hint="write web[01-20] without * and ?",
        )
    return re.compile(fnmatch.translate(term))


def _regex(term: str) -> re.Pattern[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of what a later Python may read in another way
            return re.compile(term[1:].strip())
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise PatternError(f"{term!r} is not a regular expression: {error}") from None


def _read(name: str) -> str:
    if name == "-":
        raise PatternError(
            "'@-' is not supported: patterns are not read from standard input",
            hint="write them to a file: @hosts.txt",
        )
    path = Path(name)
    try:
        # A pipe might keep us waiting for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            raise PatternError("this is not a regular file", where=name)
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PatternError(f"cannot read this file of patterns: {reason}", where=name) from error
    except ValueError:
        raise PatternError("this is not a usable file name", where=repr(name)) from None
    if len(data) > MAX_FILE_BYTES:
        raise PatternError(f"there are more than {MAX_FILE_BYTES:,} bytes in it", where=name)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PatternError("this is not UTF-8 text", where=f"{name}:{line}") from None


def _groups(inventory: Inventory) -> str:
    names = list(inventory.groups)
    more = f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more

"""What a fact is, and the shell text that all of them are made of."""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wirework.state.changes import Change

V = TypeVar("V")

ARGUMENTS_AT_ONCE = 64 * 1024
"""Bytes of paths given to one command; POSIX promises little more (getconf ARG_MAX)."""
PATHS_AT_ONCE = 200
"""A shell's time for going through its arguments grows with the square of their number."""


@dataclass(frozen=True)
class Fact(Generic[V]):
    """A question about a host whose answer is a ``V``.

    Equal fields of one class are one question. A class that adds none needs no decorator.
    """

    confirms: ClassVar[bool] = True
    """Whether a predicted answer is worth asking for, to see that it came true."""

    buffered: ClassVar[bool] = False
    """Whether answers may wait for each other and come at once, which is less work at both ends.

    Not where a program is run that may leave a process behind: that would hold them all up.
    """

    @property
    def about(self) -> str:
        """What it asks about, in a word or two for people."""
        return " ".join([self._kind(), *(str(value) for value in vars(self).values())])

    @classmethod
    def _kind(cls) -> str:
        return re.sub("(?<=[a-z0-9])(?=[A-Z])", " ", cls.__name__).lower()

    def spoiled_by(self, change: Change) -> bool:
        """Tell whether the answer may be another one once ``change`` is done."""
        return change.opaque

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """Return the snippet that answers all of ``asked``."""
        raise NotImplementedError

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[V]:
        """Return the answers, in the order of ``asked``."""
        raise NotImplementedError


@dataclass(frozen=True)
class NameFact(Fact[V]):
    """A question about what has a name: a user, a group, a package, a service."""

    name: str

    def __hash__(self) -> int:
        """Tell questions of different classes apart at once."""
        return hash((type(self), self.name))


@dataclass(frozen=True)
class PathFact(Fact[V]):
    """A question about one path."""

    path: str

    def __hash__(self) -> int:
        """Tell questions of different classes apart at once."""
        return hash((type(self), self.path))

    @property
    def about(self) -> str:
        """The path, and what of it."""
        return f"{self.path} ({self._kind()})"

    def spoiled_by(self, change: Change) -> bool:
        """Tell whether ``change`` leaves nothing known of the path."""
        # Asked for every fact and every change: most changes spoil nothing.
        if not change.spoils:
            return change.opaque
        return change.opaque or any(is_within(self.path, spoilt) for spoilt in change.spoils)


def is_within(path: str, top: str) -> bool:
    """Tell whether ``path`` is ``top`` or stands beneath it."""
    return path == top or path.startswith(top.rstrip("/") + "/")


def parents(path: str) -> tuple[str, ...]:
    """Return the folders above a path, the nearest last; ``/`` and ``.`` are left out."""
    above: list[str] = []
    while (parent := posixpath.dirname(path.rstrip("/"))) not in ("", "/", ".", path):
        above.append(parent)
        path = parent
    return tuple(reversed(above))


def quote(word: str) -> str:
    """Quote one word for a POSIX shell; bytes that are not UTF-8 stay as they are."""
    return shlex.quote(word)


P = TypeVar("P", bound=PathFact)  # type: ignore[type-arg]  # the answer's type is of no matter


def words(asked: Sequence[P]) -> str:
    """Return paths as words of one command."""
    return " ".join(quote(fact.path) for fact in asked)


def chunks(asked: Sequence[P]) -> Iterator[Sequence[P]]:
    """Cut a list of questions so that each piece fits the arguments of one command."""
    start = size = 0
    for index, fact in enumerate(asked):
        size += len(fact.path.encode("utf-8", "surrogateescape")) + 1
        if index > start and (size > ARGUMENTS_AT_ONCE or index - start == PATHS_AT_ONCE):
            yield asked[start:index]
            start, size = index, 0
    if asked[start:]:
        yield asked[start:]

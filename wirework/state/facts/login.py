"""Who the work is done as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from wirework.state.facts.base import Fact

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Login:
    """Who the work is done as."""

    user: str
    group: str
    is_root: bool


@dataclass(frozen=True)
class Whoami(Fact[Login]):
    """Who the work is done as, on the host."""

    buffered: ClassVar[bool] = True

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """Ask id(1) for names and the number that tells root."""
        del asked
        return "id -un; id -gn; id -u\n"

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[Login]:
        """Read three lines: user, group, number."""
        words = parts[0].decode("utf-8", "surrogateescape").split("\n")
        return [Login(words[0], words[1], is_root=words[2] == "0") for _ in asked]

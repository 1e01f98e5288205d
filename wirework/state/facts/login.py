"""Who the work is done as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from wirework.errors import Failed
from wirework.state.facts.base import Fact

if TYPE_CHECKING:
    from collections.abc import Sequence

LOGIN_WORDS = 3


@dataclass(frozen=True)
class Login:
    """Who the work is done as."""

    user: str
    group: str
    is_root: bool


class Whoami(Fact[Login]):
    """Who the work is done as, on the host."""

    buffered: ClassVar[bool] = True

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """Ask whose a process here is: one stat(1), or three of id(1) where no /proc is mounted."""
        del asked
        return (
            "stat -L -c '%u %g %U:%G' /proc/self || "
            'printf \'%s %s %s:%s\\n\' "$(id -u)" "$(id -g)" "$(id -un)" "$(id -gn)"\n'
        )

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[Login]:
        """Read the numbers, then the names; the numbers stand for names that there are not."""
        words = parts[0].decode("utf-8", "surrogateescape").strip().split(" ", 2)
        if len(words) != LOGIN_WORDS:
            raise Failed("the host does not say who we are there")
        uid, gid, names = words
        user, _, group = names.partition(":")
        login = Login(
            user=uid if user == "UNKNOWN" else user,
            group=gid if group == "UNKNOWN" else group,
            is_root=uid == "0",
        )
        return [login for _ in asked]

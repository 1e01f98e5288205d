"""What people's own commands answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from wirework.state.facts.base import Fact, quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wirework.state.changes import Change


@dataclass(frozen=True)
class ExitStatus(Fact[int]):
    """The exit status of somebody's own question, asked from the folder ``chdir`` as ``user``."""

    argv: tuple[str, ...]
    chdir: str = ""
    user: str = ""

    def spoiled_by(self, change: Change) -> bool:
        """Nobody knows what a command looks at, so any change may change its answer."""
        del change
        return True

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """Run each in a subshell of its own, without input or output."""
        return "".join(f"( {f.words()} ) >/dev/null; printf '%s\\n' \"$?\"\n" for f in asked)

    def words(self) -> str:
        """Return what the shell is to run."""
        words = " ".join(map(quote, self.argv))
        if self.user:
            return f"ww_exec {quote(self.user)} {quote(self.chdir)} '' {words}"
        return f"cd -- {quote(self.chdir)} && {words}" if self.chdir else words

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[int]:
        """Read one number a line."""
        del asked
        return [int(word) for word in parts[0].split()]

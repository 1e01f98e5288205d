"""Whether what a host shall offer is there by now: a port, a path, a text, an answer over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from wirework.errors import Failed
from wirework.state.facts.base import Fact, quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wirework.state.changes import Change

Kind = Literal["port", "path", "contains", "url"]


@dataclass(frozen=True)
class Ready(Fact[bool]):
    """Whether something is there now; ``subject`` is a port's number, a path or a URL."""

    kind: Kind
    subject: str
    text: str = ""

    def words(self) -> tuple[str, ...]:
        """Return the words that tell the host what to look at."""
        subject = f"{int(self.subject):04X}" if self.kind == "port" else self.subject
        return (self.kind, subject, *((self.text,) if self.text else ()))

    def spoiled_by(self, change: Change) -> bool:
        """Any change may bring it, or take it away."""
        del change
        return True

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """Look at each once."""
        return "".join(
            f"ww_ready {' '.join(map(quote, fact.words()))}; printf '%s\\n' \"$?\"\n"
            for fact in asked
        )

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[bool]:
        """Read one status a line."""
        lines = parts[0].decode("ascii", "replace").split() if parts else []
        if len(lines) != len(asked) or not all(line.isdigit() for line in lines):
            raise Failed("the host gave no readable answer about what is to be waited for")
        return [line == "0" for line in lines]

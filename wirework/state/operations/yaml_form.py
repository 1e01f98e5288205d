"""How a value is written in YAML so that every reader, of 1.1 and of 1.2, takes it for the same."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Literal

from wirework.documents.scalars import plain

_TAKEN_OTHERWISE = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"  # numbers of YAML 1.2
    r"|[-+]?0o[0-7]+|[yYnN]|=|<<"
    r"|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"  # 22:22, a number of base 60 in YAML 1.1
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*"
)
_PLAIN = re.compile(r"[^\W\d]\w*(?:[./@+~-]+\w+)*/?|(?:/[\w.@+~-]+)+/?")
_PLAIN_IN_BLOCK = re.compile(rf"(?:{_PLAIN.pattern})(?:(?:[ (),;=]+|:/{{0,2}})[\w./@+-]*\w\)?)*")
_ESCAPED = re.compile(
    "[^\t\n\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
Quote = Literal["", "'", '"']


def is_sure(text: str) -> bool:
    """Tell whether no reader takes a text for a number, a date or the like when unquoted."""
    return isinstance(plain(text), str) and not _TAKEN_OTHERWISE.fullmatch(text)


@dataclass(frozen=True)
class Form:
    """How values are written here: the file's own ways.

    ``step`` is what a level is indented by, ``list_step`` a list under its key; ``quote`` is
    what texts are quoted by even where they need not be.
    """

    step: int = 2
    list_step: int = 2
    quote: Quote = ""

    def quoted(self, quote: Quote) -> Form:
        """Return the same ways with this quote."""
        return replace(self, quote=quote)

    def flow(self, value: object) -> str:
        """Return a value in one line, with brackets."""
        if isinstance(value, dict):
            members = (f"{self.text(key)}: {self.flow(each)}" for key, each in value.items())
            return f"{{{', '.join(members)}}}"
        if isinstance(value, list):
            return f"[{', '.join(map(self.flow, value))}]"
        return self.scalar(value, _PLAIN)

    def text(self, key: str) -> str:
        """Return a key."""
        return self.scalar(key, _PLAIN)

    def scalar(self, value: object, unquoted: re.Pattern[str] = _PLAIN_IN_BLOCK) -> str:
        """Return a text, a number, true, false or null in one line."""
        if isinstance(value, str):
            if not self.quote and unquoted.fullmatch(value) and is_sure(value):
                return value
            if self.quote == "'" and value.isprintable():
                return "'" + value.replace("'", "''") + "'"
            dumped = json.dumps(value, ensure_ascii=False)
            return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", dumped)
        if isinstance(value, float):
            # YAML 1.1 knows no number with an exponent but without a dot.
            return re.sub("^([-0-9]+)e", r"\1.0e", repr(value))
        return json.dumps(value)

    def scalar_or_flow(self, value: object) -> str:
        """Return a value in one line, for a place below which there are no brackets."""
        return self.flow(value) if isinstance(value, dict | list) else self.scalar(value)

    def block(self, value: object, column: int) -> tuple[str, list[str]]:
        """Return what stands behind the ``:`` or ``-``, and the lines below it.

        ``column`` is where the lines of a mapping, a list or a text of lines begin.
        """
        if isinstance(value, dict) and value:
            lines: list[str] = []
            for key, each in value.items():
                lines += self.member(f"{self.text(key)}:", each, column)
            return "", lines
        if isinstance(value, list) and value:
            return "", [line for each in value for line in self.item(each, column)]
        if isinstance(value, dict | list):
            return self.flow(value), []
        if isinstance(value, str) and _is_literal(value):
            body = value.removesuffix("\n").split("\n")
            mark = "|" if value.endswith("\n") else "|-"
            return mark, [f"{' ' * column}{line}" if line else "" for line in body]
        return self.scalar(value), []

    def below(self, value: object, column: int) -> int:
        """Return where a value's lines begin beneath a key at ``column``."""
        return column + (self.list_step if isinstance(value, list) else self.step)

    def member(self, key: str, value: object, column: int) -> list[str]:
        """Return a key (its colon included) and its value as lines."""
        head, lines = self.block(value, self.below(value, column))
        return [f"{' ' * column}{key}{' ' if head else ''}{head}", *lines]

    def item(self, value: object, column: int) -> list[str]:
        """Return a list's item as lines, a mapping's first key behind the dash."""
        head, lines = self.block(value, column + 2)
        if head:
            return [f"{' ' * column}- {head}", *lines]
        return [f"{' ' * column}- {lines[0][column + 2 :]}", *lines[1:]]


def _is_literal(text: str) -> bool:
    """Tell whether a text is well written as lines (``|``)."""
    lines = text.removesuffix("\n").split("\n")
    return (
        "\n" in text
        and all(lines[at] and not lines[at].startswith((" ", "\t")) for at in (0, -1))
        and not _ESCAPED.search(text)
        and "\r" not in text
        and not any(line and not line.strip() for line in lines)
    )

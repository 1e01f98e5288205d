"""What people may call themselves, and what of their words is passed on."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

NAME_LIMIT = 32
"""Characters of a nickname."""

# Controls (C0, DEL, C1), line and paragraph separators, and what turns the direction of text:
# none of them may reach another person's terminal. Tabs become blanks.
_UNSEEN = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff]+"
)
_PUNCTUATION = "-_."
_RESERVED = frozenset({"server", "you", "everybody", "all"})


class NameRefused(ValueError):
    """A nickname that nobody may have, or that somebody has; ``suggestion`` may be free."""

    def __init__(self, code: str, text: str, suggestion: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.suggestion = suggestion


def seemly(text: str) -> str:
    """Return text without what would move a cursor, change colours or turn its direction.

    Lone surrogates, which JSON can spell and UTF-8 cannot, become question marks.
    """
    text = _UNSEEN.sub("", text.replace("\t", " "))
    return text.encode("utf-8", "replace").decode("utf-8").strip()


def nickname(text: str) -> str:
    """Return the nickname that was asked for, in Unicode's form NFKC (UAX 15).

    Letters, marks and digits of any script, and ``-``, ``_`` and ``.`` behind the first.
    Raises NameRefused.
    """
    name = unicodedata.normalize("NFKC", text.strip())
    if not name:
        raise NameRefused("name", "a nickname is not empty")
    if len(name) > NAME_LIMIT:
        raise NameRefused("name", f"a nickname has at most {NAME_LIMIT} characters")
    if unicodedata.category(name[0])[0] not in "LN":
        raise NameRefused("name", "a nickname begins with a letter or a digit")
    if not all(unicodedata.category(each)[0] in "LMN" or each in _PUNCTUATION for each in name):
        raise NameRefused("name", "a nickname has letters, digits, '-', '_' and '.' only")
    if key(name) in _RESERVED:
        raise NameRefused("name", f"nobody is called {name} here")
    return name


def key(name: str) -> str:
    """Return what two nicknames that people would take for the same have in common."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", folded)


def free(name: str, taken: Container[str]) -> str:
    """Return a nickname like this one whose key is not taken: ``ann2``."""
    number = 2
    while True:
        suffix = str(number)
        other = name[: NAME_LIMIT - len(suffix)] + suffix
        if key(other) not in taken:
            return other
        number += 1

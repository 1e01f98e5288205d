"""Where a Unix socket is: a path, or a name that no file has (unix(7))."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from wirework.errors import BadInput

LONGEST = 107
"""Bytes of a path; sockaddr_un has 108, and the last one is a NUL."""


@dataclass(frozen=True, slots=True)
class Address:
    """A path, or with ``@`` before it a name of the abstract kind."""

    text: str

    @classmethod
    def of(cls, text: str) -> Address:
        """Return the address that was typed; raises BadInput for one that no socket can have."""
        if text in ("", "@"):
            raise BadInput("a Unix socket has a path, or a name: @name")
        if "\0" in text:
            raise BadInput("a socket's path has no NUL", where=repr(text))
        size = len(os.fsencode(text.removeprefix("@")))
        if size > LONGEST:
            raise BadInput(
                f"the path has {size} bytes, and a socket's has at most {LONGEST}",
                where=text,
                hint="a shorter folder, or cd there and give the name alone",
            )
        return cls(text)

    @property
    def is_abstract(self) -> bool:
        """Whether it is a name only, which is gone with its socket."""
        return self.text.startswith("@")

    @property
    def path(self) -> Path:
        """The path; it says nothing of an abstract name."""
        return Path(self.text)

    @property
    def bound(self) -> bytes:
        """What bind and connect are given."""
        return os.fsencode(f"\0{self.text[1:]}" if self.is_abstract else self.text)

    def __str__(self) -> str:
        return self.text


def spelled(bound: bytes | str | None) -> str:
    """Return the address of a socket as people write it; "" for one that has none."""
    name = os.fsdecode(bound or b"")
    return f"@{name[1:]}" if name.startswith("\0") else name

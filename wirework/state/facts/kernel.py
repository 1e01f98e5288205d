"""What the running kernel is set to: its host name and the values below /proc/sys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from wirework.errors import Failed
from wirework.state.facts.base import Fact, quote

if TYPE_CHECKING:
    from collections.abc import Sequence

VALUE_LIMIT = 4096
"""Bytes that are read of one value; the kernel shows a page at most."""


class Hostname(Fact[str]):
    """The name that the running kernel answers to."""

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """Ask uname(1), which POSIX has and hostname(1) is not."""
        del asked
        return "uname -n\n"

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[str]:
        """Read one line."""
        name = parts[0].decode("utf-8", "surrogateescape").strip()
        if not name:
            raise Failed("the host gave no readable answer about its name")
        return [name for _ in asked]


@dataclass(frozen=True)
class Setting:
    """A kernel parameter: runs of blanks in ``value`` are one."""

    value: str
    writable: bool = True


@dataclass(frozen=True)
class Sysctl(Fact[Setting | None]):
    """A kernel parameter by its path below /proc/sys; None when this kernel has none such."""

    path: str

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """Read the files: a letter each, then what is in it.

        To root every file is writable, says busybox's ``test``; and its mode does not tell of a
        container's read-only /proc/sys.
        """
        return "".join(
            f"p={quote('/proc/sys/' + fact.path)}\n"
            'w=; [ ! -w "$p" ] || w=$(stat -c %A "$p")\n'
            'if [ ! -f "$p" ]; then printf a; else '
            "case $w in ??w*) printf w ;; *) printf r ;; esac; fi\n"
            f'[ ! -f "$p" ] || head -c {VALUE_LIMIT} "$p"\nww_next\n'
            for fact in asked
        )

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[Setting | None]:
        """Read one part a parameter."""
        settings: list[Setting | None] = []
        for _, part in zip(asked, parts, strict=False):
            letter, value = part[:1], part[1:].decode("utf-8", "surrogateescape")
            if letter not in (b"a", b"w", b"r"):
                raise Failed("the host gave no readable answer about its kernel's parameters")
            known = Setting(" ".join(value.split()), writable=letter == b"w")
            settings.append(None if letter == b"a" else known)
        return settings

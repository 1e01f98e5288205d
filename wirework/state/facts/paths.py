"""What stands at paths, and what is in the files there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from wirework.errors import Failed
from wirework.state.facts.base import PathFact, chunks, quote, words

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTENT_LIMIT = 1024 * 1024
"""Bytes of a file that ``Content`` brings back; a larger file is told apart, not cut."""

Kind = Literal["absent", "file", "directory", "link", "other"]


@dataclass(frozen=True)
class Entry:
    """What stands at a path: a link is told as itself, never as what it points to.

    ``owner`` and ``group`` are names, or numbers where the host has no name for them.
    ``size`` counts a file's bytes and is 0 for everything else.
    """

    kind: Kind
    mode: int = 0
    owner: str = ""
    group: str = ""
    size: int = 0
    target: str = ""

    def with_owner(self, owner: str, group: str) -> Entry:
        """Return the same entry in other hands."""
        return replace(self, owner=owner, group=group)


ABSENT = Entry("absent")
STAT_WORDS = 5
"""How many words ``PathState`` asks of stat(1); the last, ``user:group``, may hold spaces."""

_KINDS: dict[int, Kind] = {0o100000: "file", 0o040000: "directory", 0o120000: "link"}


_LOOK = r"""ww_k=
for p do shift
if [ -h "$p" ]; then ww_k=${ww_k}l; elif [ -e "$p" ]; then ww_k=${ww_k}e
else ww_k=${ww_k}a; continue; fi
set -- "$@" "$p"; done
printf '%s\n' "$ww_k"
ww_next
[ $# -eq 0 ] || stat -c '%f %s %u %g %U:%G' -- "$@"
ww_next
case $ww_k in *l*)
for p do shift; if [ -h "$p" ]; then set -- "$@" "$p"; fi; done
readlink -z -- "$@" || for p do readlink -n -- "$p"; printf '\0'; done
esac
ww_next
"""
"""Letters, then lines of stat, then targets; only coreutils reads many links at once."""


class PathState(PathFact[Entry]):
    """What stands at a path."""

    buffered: ClassVar[bool] = True

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """One ``stat`` for all that is there, and one ``readlink`` for the links among it."""
        return "".join(f"set -- {words(chunk)}\n{_LOOK}" for chunk in chunks(asked))

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[Entry]:
        """Read letters, then lines of stat in the same order, then targets that end in NUL."""
        entries: list[Entry] = []
        rest = iter(parts)
        for chunk in chunks(asked):
            letters = next(rest, b"").decode("ascii", "replace").strip()
            lines = iter(next(rest, b"").decode("utf-8", "surrogateescape").splitlines())
            targets = next(rest, b"").decode("utf-8", "surrogateescape").split("\0")
            if len(letters) != len(chunk):
                raise Failed("the host gave no readable answer about its files")
            for letter, fact in zip(letters, chunk, strict=True):
                if letter == "a":
                    entries.append(ABSENT)
                    continue
                line = next(lines, "").split(" ", STAT_WORDS - 1)
                if len(line) != STAT_WORDS or (letter == "l" and len(targets) == 1):
                    raise Failed(f"{fact.path} went away while it was looked at")
                entries.append(_entry(line, targets.pop(0) if letter == "l" else ""))
            if targets != [""]:
                raise Failed("the host gave no readable answer about its links")
        return entries


def _entry(line: list[str], target: str) -> Entry:
    mode, size, uid, gid, names = line
    user, _, group = names.partition(":")
    bits = int(mode, 16)
    kind = _KINDS.get(bits & 0o170000, "other")
    return Entry(
        kind=kind,
        # A link's own mode means nothing on Linux (symlink(7)).
        mode=0 if kind == "link" else bits & 0o7777,
        owner=uid if user == "UNKNOWN" else user,
        group=gid if group == "UNKNOWN" else group,
        size=int(size) if kind == "file" else 0,
        target=target,
    )


class Sha256(PathFact[str | None]):
    """The SHA-256 of a file's content in hex; None when there is no file to read."""

    buffered: ClassVar[bool] = True

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """One ``sha256sum`` for all files; names it would write otherwise, one by one."""
        plain = [fact for fact in asked if not _is_odd(fact.path)]
        odd = [fact for fact in asked if _is_odd(fact.path)]
        many = "".join(
            f"set -- {words(chunk)}\n"
            'for p do shift; if [ -f "$p" ]; then set -- "$@" "$p"; fi; done\n'
            '[ $# -eq 0 ] || sha256sum -- "$@"\n'
            for chunk in chunks(plain)
        )
        single = "".join(
            f"ww_next\n[ ! -f {quote(f.path)} ] || sha256sum <{quote(f.path)}\n" for f in odd
        )
        return many + single

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[str | None]:
        """Find each digest by the name printed beside it."""
        digests: dict[str, str] = {}
        for line in parts[0].decode("utf-8", "surrogateescape").splitlines():
            digest, _, name = line.partition("  ")
            digests[name] = digest
        for fact, part in zip((f for f in asked if _is_odd(f.path)), parts[1:], strict=True):
            if words := part.decode("ascii", "replace").split():
                digests[fact.path] = words[0]
        return [digests.get(fact.path) for fact in asked]


def _is_odd(path: str) -> bool:
    """Tell names that sha256sum escapes, reads as standard input or breaks lines with."""
    return path == "-" or any(char in path for char in "\n\r\\") or path.splitlines() != [path]


@dataclass(frozen=True)
class Text:
    """A file's content; ``whole`` is False when it is too large to be brought here."""

    content: bytes
    whole: bool = True


class Content(PathFact[Text | None]):
    """A file's content up to CONTENT_LIMIT; None when there is no file to read."""

    buffered: ClassVar[bool] = True
    confirms: ClassVar[bool] = False

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """Read one byte more than the limit, to tell a full file from a cut one."""
        return "".join(
            f"p={quote(fact.path)}\n"
            f'if [ -f "$p" ] && [ -r "$p" ]; then printf f; head -c {CONTENT_LIMIT + 1} <"$p"; '
            "else printf a; fi\nww_next\n"
            for fact in asked
        )

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[Text | None]:
        """Read one part a file: a letter, then the bytes."""
        texts: list[Text | None] = []
        for _, part in zip(asked, parts, strict=False):
            if part[:1] != b"f":
                texts.append(None)
            else:
                texts.append(Text(part[1 : CONTENT_LIMIT + 1], len(part) - 1 <= CONTENT_LIMIT))
        return texts


class Glimpse(Content):
    """A file's content for a diff: asked only of a run that shows diffs, else None."""

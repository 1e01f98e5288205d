"""Users and groups as the host knows them: getent(1) where there is one, else its own files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from wirework.errors import Failed
from wirework.state.facts.base import NameFact, PathFact, quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wirework.state.changes import Change

PASSWD_FIELDS = 7
GROUP_FIELDS = 4
FILE_LIMIT = 1024 * 1024
"""Bytes of /etc/group that are read."""

V = TypeVar("V")


@dataclass(frozen=True)
class Account:
    """A user: ``group`` is the primary one, ``groups`` are the others, sorted."""

    group: str
    home: str
    shell: str
    comment: str = ""
    groups: tuple[str, ...] = ()

    def with_groups(self, groups: tuple[str, ...]) -> Account:
        """Return the same user in these groups beside the primary one."""
        return replace(self, groups=groups)


class User(NameFact[Account | None]):
    """A user by name; None when there is none."""

    buffered: ClassVar[bool] = True

    def spoiled_by(self, change: Change) -> bool:
        """Tell so when a group goes: nobody is in it any more."""
        gone = (fact for fact, there in change.predicts.items() if there is False)
        return change.opaque or any(isinstance(fact, Group) for fact in gone)

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """Ask for the users, the groups of the host's own file, and first groups it has not."""
        # What the shell can do itself is no process on every host.
        return (
            f"{_lines('passwd', asked)}"
            "ww_next\n"
            f"ww_f=$(head -c {FILE_LIMIT} /etc/group)\n"
            "printf '%s\\n' \"$ww_f\"\n"
            "set -f; IFS='\n'; set --\n"
            "for u in $ww_d; do u=${u#*:*:*:}; u=${u%%:*}\n"
            'case $ww_f in *":$u:"*) ;; *) set -- "$@" "$u" ;; esac; done\n'
            "set +f; unset IFS\n"
            'if [ $# -gt 0 ] && command -v getent >/dev/null; then getent group "$@"; fi\n'
        )

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[Account | None]:
        """Read lines of passwd(5), then lines of group(5)."""
        users, groups = _records(parts[0], PASSWD_FIELDS), _records(parts[1], GROUP_FIELDS)
        names = {fields[2]: fields[0] for fields in reversed(groups)}
        found: dict[str, Account] = {}
        for name, _, _, gid, comment, home, shell in users:
            more = {fields[0] for fields in groups if name in fields[3].split(",")}
            first = names.get(gid, gid)
            others = tuple(sorted(more - {first}))
            found.setdefault(name, Account(first, home, shell, comment, others))
        return [found.get(fact.name) for fact in asked]


class Uid(NameFact[int | None]):
    """A user's number; None when there is no such user."""

    buffered: ClassVar[bool] = True

    def spoiled_by(self, change: Change) -> bool:
        """Tell so of a user who is made: only the host knows its number, unless asked for."""
        return change.opaque or User(self.name) in change.predicts

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """Ask for the users."""
        return _lines("passwd", asked)

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[int | None]:
        """Read lines of passwd(5)."""
        return _numbers(asked, _records(parts[0], PASSWD_FIELDS))


class Group(NameFact[bool]):
    """Whether there is a group of that name."""

    buffered: ClassVar[bool] = True

    def spoiled_by(self, change: Change) -> bool:
        """Tell so when the user of that name goes: with its group or not, hosts differ."""
        return change.opaque or _removes_user(self.name, change)

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """Ask for the groups."""
        return _lines("group", asked)

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[bool]:
        """Read lines of group(5)."""
        names = {fields[0] for fields in _records(parts[0], GROUP_FIELDS)}
        return [fact.name in names for fact in asked]


class Gid(NameFact[int | None]):
    """A group's number; None when there is no such group."""

    buffered: ClassVar[bool] = True

    def spoiled_by(self, change: Change) -> bool:
        """Tell so of a group that is made: only the host knows its number, unless asked for."""
        made = Group(self.name) in change.predicts
        return change.opaque or made or _removes_user(self.name, change)

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """Ask for the groups."""
        return _lines("group", asked)

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[int | None]:
        """Read lines of group(5)."""
        return _numbers(asked, _records(parts[0], GROUP_FIELDS))


@dataclass(frozen=True)
class Password:
    """What shadow(5) says of a password, which itself stays on the host.

    ``digest`` is the SHA-256 of its hash in hex; ``locked`` tells the ``!`` in front of it.
    """

    digest: str
    locked: bool


class Shadow(NameFact[Password | None]):
    """A user's password; None when there is none, or only root may see it."""

    buffered: ClassVar[bool] = True

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """Read shadow(5) by the shell itself, so that no hash stands in any argument list."""
        return (
            f"set -- {_words(asked)}\n"
            "if [ -r /etc/shadow ]; then\n"
            "while IFS=: read -r n p r; do for u do\n"
            '[ "$n" = "$u" ] || continue\n'
            "l=open\n"
            "while :; do case $p in !*) l=locked p=${p#!} ;; *) break ;; esac; done\n"
            'printf \'%s %s \' "$n" "$l"; printf %s "$p" | sha256sum\n'
            "done; done </etc/shadow\n"
            "fi\n"
        )

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[Password | None]:
        """Read lines of a name, a word and a digest."""
        found: dict[str, Password] = {}
        for line in _text(parts[0]).strip().splitlines():
            name, state, digest, *_ = line.split()
            found[name] = Password(digest, locked=state == "locked")
        return [found.get(fact.name) for fact in asked]


class IsFolder(PathFact[bool]):
    """Whether a path leads to a folder, links followed: of a new home no more is known."""

    buffered: ClassVar[bool] = True

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """Let the shell look; a letter each."""
        return "".join(
            f"if [ -d {quote(fact.path)} ]; then printf d; else printf -- -; fi\n" for fact in asked
        )

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[bool]:
        """Read one letter a path."""
        letters = _text(parts[0]).strip()
        if len(letters) != len(asked) or set(letters) - set("d-"):
            raise Failed("the host gave no readable answer about its folders")
        return [letter == "d" for letter in letters]


N = TypeVar("N", bound=NameFact)  # type: ignore[type-arg]  # the answer's type is of no matter


def _removes_user(name: str, change: Change) -> bool:
    return change.predicts.get(User(name), "no word of it") is None


def _words(asked: Sequence[N]) -> str:
    return " ".join(quote(fact.name) for fact in asked)


def _lines(database: str, asked: Sequence[N]) -> str:
    """Return the snippet that prints the lines of a database, which also come to stand in ww_d."""
    return (
        f"set -- {_words(asked)}\n"
        f'if command -v getent >/dev/null; then ww_d=$(getent {database} "$@")\n'
        f'else ww_e=; for u do ww_e="$ww_e -e ^$u:"; done; ww_d=$(grep $ww_e /etc/{database}); fi\n'
        "printf '%s\\n' \"$ww_d\"\n"
    )


def _text(part: bytes) -> str:
    return part.decode("utf-8", "surrogateescape")


def _records(part: bytes, fields: int) -> list[list[str]]:
    """Return the lines of passwd(5) or group(5) as lists of their fields."""
    records = [line.split(":") for line in _text(part).split("\n") if line.strip()]
    records = [record for record in records if record[0][:1] not in "#+-"]
    if any(len(record) != fields for record in records):
        raise Failed("the host gave no readable answer about its users")
    return records


def _numbers(asked: Sequence[N], records: list[list[str]]) -> list[int | None]:
    found = {record[0]: int(record[2]) for record in reversed(records)}
    return [found.get(fact.name) for fact in asked]

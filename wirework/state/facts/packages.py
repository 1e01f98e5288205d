"""Which packages a host has, by the manager it has: apt, apk or dnf."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, Self, TypeVar, cast

from wirework.errors import Failed
from wirework.state.facts.base import Fact, NameFact, is_within, quote
from wirework.state.facts.package_text import (
    Found,
    Presence,
    apk,
    apk_newer,
    apt_policy,
    dnf_newer,
    dpkg,
    nothing,
    rpm,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wirework.state.changes import Change

Manager = Literal["apt", "apk", "dnf", "none"]

NAMES_AT_ONCE = 1000
"""Names given to one command: far fewer bytes than any host's limit."""
INDEXES: dict[str, str] = {
    "apt": "/var/lib/apt/lists",
    "apk": "/var/cache/apk",
    "dnf": "/var/cache/dnf",
}
"""Where each manager keeps what it knows of its repositories."""

# Debian has an apk and a dnf in its archive, and Fedora an apt: whose database is in use counts.
FIND_MANAGER = """\
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH
if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null &&
[ -s /var/lib/dpkg/status ]; then m=apt
elif command -v apk >/dev/null; then m=apk
elif command -v dnf >/dev/null && command -v rpm >/dev/null; then m=dnf
else m=none
fi
printf '%s\\n' "$m"
ww_next
"""

V = TypeVar("V")


class PackageManager(Fact[Manager]):
    """Which package manager looks after the host."""

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """Look for the managers' own tools."""
        del asked
        return f"( {FIND_MANAGER})\n"

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[Manager]:
        """Read one word."""
        return [_manager(parts) for _ in asked]


class PackageFact(NameFact[V]):
    """A question about one package, answered from the database of those installed."""

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """One dpkg-query, apk info or rpm -q for all names."""
        return _each_way(
            asked,
            apt="dpkg-query -W "
            "-f='${db:Status-Abbrev}\\t${Package}\\t${Architecture}\\t${Version}\\n'",
            apk="apk info -e -v",
            dnf="rpm -q --qf '%{NAME}\\t%{ARCH}\\t%{EPOCHNUM}\\t%{VERSION}-%{RELEASE}\\n'",
        )

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[V]:
        """Read a line for each package of the database that has one of the names."""
        names = [fact.name for fact in asked]
        found = _READERS[_manager(parts)](names, _lines(parts))
        return [cls.of(found.get(name, Found())) for name in names]

    @classmethod
    def of(cls, found: Found) -> V:
        """Return this fact's part of what the database tells of a package."""
        raise NotImplementedError


class Installed(PackageFact[Presence]):
    """Whether a package is installed; ``broken`` when its installation did not come to an end."""

    @classmethod
    def of(cls, found: Found) -> Presence:
        """Return whether it is there."""
        return found.presence


class InstalledVersion(PackageFact[str | None]):
    """The version of a package that is installed, or None."""

    @classmethod
    def of(cls, found: Found) -> str | None:
        """Return the version, of a whole installation only."""
        return found.version if found.presence == "yes" else None


class Leftover(PackageFact[bool]):
    """Whether a package was removed and its configuration was left behind (apt only)."""

    @classmethod
    def of(cls, found: Found) -> bool:
        """Return whether something was left."""
        return found.leftover


class Newer(NameFact[str | None]):
    """The version that an upgrade of an installed package would bring, None when there is none."""

    def spoiled_by(self, change: Change) -> bool:
        """Tell whether the host may know of other versions afterwards."""
        fresh = any(is_within(spoilt, index) for spoilt in change.spoils for index in _KEPT)
        return change.opaque or fresh

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """Ask the index that the host has; only dnf may fetch a new one for it."""
        return _each_way(
            asked,
            apt="apt-cache policy",
            apk="apk version -l '<'",
            dnf="dnf -q check-update",
        )

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[str | None]:
        """Find each name in what its manager prints for people."""
        found = _NEWER[_manager(parts)]([fact.name for fact in asked], _lines(parts))
        return [found.get(fact.name) for fact in asked]


class IndexAge(Fact[int | None]):
    """Seconds since the index was fetched; None when there is none, or a repository is newer."""

    confirms: ClassVar[bool] = False

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """Look at the age of the folder, for a manager that found its files unchanged."""
        del asked
        return f"( {FIND_MANAGER}{_INDEX_AGE})\n"

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[int | None]:
        """Read one number; one of the future is as good as none."""
        _manager(parts)
        word = " ".join(_lines(parts)).strip()
        if not re.fullmatch("(-?[0-9]+)?", word):
            raise Failed("the host gave no readable answer about its package index")
        age = int(word) if word and not word.startswith("-") else None
        return [age for _ in asked]


_INDEX_AGE = r"""
known= stamp=
case $m in
apt) i=/var/lib/apt/lists
  set -- "$i"/*_Packages* -- /etc/apt/sources.list /etc/apt/sources.list.d/* ;;
apk) i=/var/cache/apk
  # What is in folders of the host is not fetched, nor kept.
  grep -q :// /etc/apk/repositories /etc/apk/repositories.d/* || known=1
  set -- "$i"/APKINDEX* /etc/apk/cache/APKINDEX* \
    -- /etc/apk/repositories /etc/apk/repositories.d/* ;;
dnf) i=/var/cache/dnf
  # dnf writes in the folder for other reasons, too.
  for p in "$i"/*.solv; do
    if [ -e "$p" ] && { [ -z "$stamp" ] || [ "$p" -ot "$stamp" ]; }; then stamp=$p; fi
  done
  set -- "$i"/*.solv /var/cache/libdnf5/*/repodata -- /etc/yum.repos.d/* ;;
*) exit 0 ;;
esac
while [ "$1" != -- ]; do if [ -e "$1" ] || [ -h "$1" ]; then known=1; fi; shift; done
shift
[ -n "$known" ] && [ -d "$i" ] || exit 0
: "${stamp:=$i}"
for p do if [ "$p" -nt "$stamp" ]; then exit 0; fi; done
echo $(($(date +%s) - $(stat -c %Y -- "$stamp")))
"""

_KEPT = tuple(INDEXES.values())


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def _each_way(asked: Sequence[_Named], *, apt: str, apk: str, dnf: str) -> str:
    """Return the snippet that gives all names to the command of the host's manager."""
    names = list(dict.fromkeys(fact.name for fact in asked))
    cases = "".join(
        f"case $m in apt) {apt} {some} ;; apk) {apk} {some} ;; dnf) {dnf} {some} ;; esac\n"
        for start in range(0, len(names), NAMES_AT_ONCE)
        for some in [" ".join(map(quote, names[start : start + NAMES_AT_ONCE]))]
    )
    return f"( {FIND_MANAGER}{cases}:\n)\n"


def _manager(parts: Sequence[bytes]) -> Manager:
    word = parts[0].decode("ascii", "replace").strip() if parts else ""
    if word not in (*INDEXES, "none"):
        raise Failed("the host gave no readable answer about its packages")
    return cast("Manager", word)


def _lines(parts: Sequence[bytes]) -> list[str]:
    return b"".join(parts[1:]).decode("utf-8", "surrogateescape").split("\n")


_READERS: dict[Manager, Callable[[Sequence[str], Sequence[str]], dict[str, Found]]] = {
    "apt": dpkg,
    "apk": apk,
    "dnf": rpm,
    "none": nothing,
}
_NEWER: dict[Manager, Callable[[Sequence[str], Sequence[str]], dict[str, str]]] = {
    "apt": apt_policy,
    "apk": apk_newer,
    "dnf": dnf_newer,
    "none": nothing,
}

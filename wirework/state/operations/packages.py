"""Packages, by whichever manager a host has: apt, apk or dnf."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wirework.errors import BadInput, Refused
from wirework.state.arguments import Names
from wirework.state.changes import Change
from wirework.state.facts.packages import (
    INDEXES,
    IndexAge,
    Installed,
    InstalledVersion,
    Leftover,
    Manager,
    Newer,
    PackageManager,
)
from wirework.state.operation import Steps, operation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wirework.state.changes import Verb
    from wirework.state.facts import Fact

STATES = ("present", "latest", "absent")
LOCK_SECONDS = 120
"""How long a manager's lock is waited for, as somebody's own apt or a timer's may hold it."""


@dataclass(frozen=True)
class _Package:
    """One package that is wished for, at a version or at any."""

    name: str
    version: str = ""

    def word(self, manager: Manager) -> str:
        """Return it as the manager wants it written."""
        if not self.version:
            return self.name
        return f"{self.name}{'-' if manager == 'dnf' else '='}{self.version}"

    def installed(self) -> Fact[Any]:
        """Return the question whether it is there as wished."""
        return InstalledVersion(self.name) if self.version else Installed(self.name)

    def met_by(self, found: str | None, manager: Manager) -> bool:
        """Tell whether an answer leaves nothing to do."""
        if not self.version or manager != "dnf" or not found:
            return found == (self.version or "yes")
        # dnf takes a version without its release or epoch for any of them.
        wished = self.version.removeprefix("0:")
        if ":" not in self.version:
            found = found.rpartition(":")[2]
        return wished == (found if "-" in wished else found.rpartition("-")[0])

    def predicts(self, manager: Manager) -> dict[Fact[Any], Any]:
        """Return what is known of it once it is there."""
        known: dict[Fact[Any], Any] = {Installed(self.name): "yes"}
        whole = ":" in self.version and "-" in self.version and self.version[:2] != "0:"
        if self.version and (whole or manager != "dnf"):
            known[InstalledVersion(self.name)] = self.version
        return known


@operation
def package(
    name: Names,
    *,
    state: str = "present",
    version: str = "",
    update: bool = True,
    cache_age: int = 3600,
    purge: bool = False,
) -> Steps:
    """Have packages ``present``, ``latest`` or ``absent``, by apt, apk or dnf.

    A name may carry a version, ``nginx=1.22.1-9``; for one name ``version`` says the same. The
    index is fetched first when it is older than ``cache_age`` seconds, unless ``update`` is
    false. ``purge`` takes away a package's configuration as well.
    """
    if not name:
        raise BadInput("package needs a name")
    if state not in STATES:
        raise BadInput(f"state is {', '.join(STATES[:-1])} or {STATES[-1]}, not {state!r}")
    if purge and state != "absent":
        raise BadInput("purge goes with state: absent")
    if cache_age < 0:
        raise BadInput("cache_age counts seconds, so it is not below 0")
    if version and (len(name) > 1 or "=" in name[0]):
        raise BadInput("version goes with one plain name", hint="[nginx=1.22.1-9, curl=…]")
    wished = [_package(word, version) for word in dict.fromkeys(name)]
    if len({each.name for each in wished}) < len(wished):
        raise BadInput("one package is named with two versions")
    if state != "present" and any(each.version for each in wished):
        raise BadInput("a version goes with state: present")
    if state == "absent":
        return _absent([each.name for each in wished], purge=purge)
    if state == "latest":
        return _latest([each.name for each in wished], cache_age if update else None)
    return _present(wished, cache_age if update else None)


def _package(word: str, version: str) -> _Package:
    name, _, pinned = word.partition("=")
    # apt-get takes a dash at the end for "remove it", and no manager's names hold anything else.
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9+._:-]*[A-Za-z0-9+._])?", name):
        raise BadInput(f"{name!r} is no name of a package")
    if "=" in word and not pinned:
        raise BadInput(f"{word!r} names no version")
    pinned = pinned or version
    if pinned and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+:~^_-]*", pinned):
        raise BadInput(f"{pinned!r} is no version")
    return _Package(name, pinned)


def _present(wished: Sequence[_Package], cache_age: int | None) -> Steps:
    manager, age, *found = yield (
        PackageManager(),
        IndexAge(),
        *(each.installed() for each in wished),
    )
    _usable(manager)
    missing = [w for w, now in zip(wished, found, strict=True) if not w.met_by(now, manager)]
    if not missing:
        return
    yield from _refreshed(manager, age, cache_age)
    for verb, some in (
        ("install", [each for each in missing if not each.version]),
        ("pin", [each for each in missing if each.version]),
    ):
        if some:
            yield _change(
                manager,
                verb,
                [each.word(manager) for each in some],
                {fact: value for each in some for fact, value in each.predicts(manager).items()},
            )


def _latest(names: Sequence[str], cache_age: int | None) -> Steps:
    newer_facts = [Newer(name) for name in names]
    manager, age, *answers = yield (
        PackageManager(),
        IndexAge(),
        *(Installed(name) for name in names),
        *newer_facts,
    )
    _usable(manager)
    found, newer = answers[: len(names)], answers[len(names) :]
    if _is_old(age, cache_age):
        yield from _refreshed(manager, age, cache_age)
        newer = yield tuple(newer_facts)
    missing = [name for name, now in zip(names, found, strict=True) if now != "yes"]
    if missing:
        yield _change(manager, "install", missing, {Installed(name): "yes" for name in missing})
    old = {
        name: version
        for name, version in zip(names, newer, strict=True)
        if version and name not in missing
    }
    if old:
        yield _change(
            manager,
            "upgrade",
            list(old),
            {Newer(name): None for name in old},
            says=", ".join(f"{name} -> {version}" for name, version in old.items()),
        )


def _absent(names: Sequence[str], *, purge: bool) -> Steps:
    left = [Leftover(name) for name in names] if purge else []
    manager, *answers = yield (PackageManager(), *(Installed(name) for name in names), *left)
    _usable(manager)
    found, leftovers = answers[: len(names)], answers[len(names) :] or [False] * len(names)
    there = [
        name for name, now, rest in zip(names, found, leftovers, strict=True) if now != "no" or rest
    ]
    if there:
        predicts: dict[Fact[Any], Any] = {}
        for name in there:
            predicts |= {Installed(name): "no", InstalledVersion(name): None}
            if purge:
                predicts[Leftover(name)] = False
        yield _change(manager, "purge" if purge else "remove", there, predicts)


def _usable(manager: Manager) -> None:
    if manager == "none":
        raise Refused("the host has no package manager that is known", hint="apt, apk or dnf")


def _is_old(age: int | None, cache_age: int | None) -> bool:
    return cache_age is not None and (age is None or age >= cache_age)


def _refreshed(manager: Manager, age: int | None, cache_age: int | None) -> Steps:
    if _is_old(age, cache_age):
        yield Change(
            ("ww_index", manager, str(LOCK_SECONDS)),
            says=f"fetch the package index of {manager}",
            verb="run",
            predicts={IndexAge(): 0},
            spoils=(INDEXES[manager],),
        )


def _change(
    manager: Manager,
    verb: str,
    words: Sequence[str],
    predicts: dict[Fact[Any], Any],
    *,
    says: str = "",
) -> Change:
    """Return a change of packages: what their scripts do to the host, nobody can tell before."""
    return Change(
        ("ww_package", manager, verb, str(LOCK_SECONDS), *words),
        says=f"{'package' if len(words) == 1 else 'packages'} {says or ', '.join(words)}",
        verb=_VERBS[verb],
        predicts=predicts,
        opaque=True,
    )


_VERBS: dict[str, Verb] = {
    "install": "create",
    "upgrade": "change",
    "pin": "change",
    "remove": "remove",
    "purge": "remove",
}

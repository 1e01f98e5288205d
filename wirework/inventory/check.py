"""Everything that is wrong or odd about an inventory, told in one go; nothing is connected to."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from wirework.inventory.explain import setting
from wirework.inventory.exposed import in_plain_text
from wirework.inventory.load import read
from wirework.inventory.settings import NAMES, SETTINGS, Setting

if TYPE_CHECKING:
    from pathlib import Path

    from wirework.inventory.explain import Source
    from wirework.inventory.model import Host, Inventory

SSH_PORT = 22

_PLACE = re.compile(r"(.*?):([0-9]+)", re.DOTALL)
_SETTING = {setting.name: setting for setting in SETTINGS}


class Kind(StrEnum):
    """An error keeps work on a host from being done; a warning may be as it was meant."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong or odd: ``where`` is a ``file:line``, a file or a host's name."""

    kind: Kind
    where: str
    what: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found, errors first, by file and line.

    ``loads`` is whether the inventory can be used; ``groups`` are those that it names.
    """

    inventory: str
    loads: bool
    hosts: int
    groups: int
    errors: int
    warnings: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def is_bad_input(self) -> bool:
        """Whether nothing can be done with this inventory."""
        return not self.loads


Findings = Iterable[Finding]


def check(
    sources: Sequence[Path], *, also: Callable[[Inventory], Findings] = lambda _: ()
) -> Checked:
    """Read an inventory, go on after each mistake, and look at what else may be wrong.

    ``also`` looks at an inventory that loads. No secret is fetched, and none is shown.
    """
    inventory, mistakes = read(sources)
    found = [Finding(Kind.ERROR, each.where, each.message, each.hint) for each in mistakes]
    if inventory is not None:
        found += _of_fleet(inventory)
        if not mistakes:  # else what is missed might be just what was left out
            found += _of_whole(inventory)
            found += also(inventory)
    unique = sorted(dict.fromkeys(found), key=_order(sources))
    errors = sum(each.kind is Kind.ERROR for each in unique)
    groups = set(inventory.groups) - {"all", "ungrouped"} if inventory else ()
    return Checked(
        inventory=", ".join(map(str, sources)),
        loads=not mistakes,
        hosts=len(inventory.hosts) if inventory else 0,
        groups=len(groups),
        errors=errors,
        warnings=len(unique) - errors,
        findings=tuple(unique),
    )


def of_note(note: str) -> Finding:
    """Make a warning of a note ``place: text``."""
    where, _, what = note.partition(": ")
    return Finding(Kind.WARNING, where, what)


def said_at(inventory: Inventory, host: Host, name: str) -> str:
    """Return the place that says a setting of a host, or the host's name where none does."""
    sources = setting(inventory, host, _SETTING[name]).sources
    return next((source.where for source in sources if source.wins), host.name)


def _order(sources: Sequence[Path]) -> Callable[[Finding], tuple[bool, int, str, int]]:
    """Return a key to sort by: errors first, then inventory files, then by file and line."""
    ranks = {str(source): number for number, source in enumerate(sources)}

    def key(finding: Finding) -> tuple[bool, int, str, int]:
        place = _PLACE.fullmatch(finding.where)
        file, line = (place[1], int(place[2])) if place else (finding.where, 0)
        return finding.kind is not Kind.ERROR, ranks.get(file, len(ranks)), file, line

    return key


def _of_fleet(inventory: Inventory) -> Iterator[Finding]:
    """Yield what is wrong with single hosts and places, whatever else is."""
    yield from _key_files(inventory)
    yield from _other_files(inventory)
    yield from _overruled(inventory)
    yield from _connections(inventory)
    yield from _secrets(inventory)


def _of_whole(inventory: Inventory) -> Iterator[Finding]:
    """Yield what can only be told of an inventory of which nothing was left out."""
    yield from map(of_note, inventory.notes)
    yield from _same_place(inventory)
    used = {name for host in inventory.hosts.values() for name in host.groups}
    for group in inventory.groups.values():
        if group.name not in used and group.name not in ("all", "ungrouped"):
            yield Finding(Kind.WARNING, group.where, f"the group {group.name!r} has no hosts")


def _same_place(inventory: Inventory) -> Iterator[Finding]:
    """Yield hosts that are reached in the same way, and so are one machine."""
    first: dict[tuple[object, ...], Host] = {}
    for host in inventory.hosts.values():
        if host.connection != "ssh":
            continue
        port = host.port or SSH_PORT
        way = (host.address, port, host.gateway or "", *sorted(host.ssh_options.items()))
        other = first.setdefault(way, host)
        if other is not host:
            yield Finding(
                Kind.WARNING,
                said_at(inventory, host, "address"),
                f"{host.name} is at {host.address} port {port}, as {other.name} is",
                "what is done on both is done twice there",
            )


def _key_files(inventory: Inventory) -> Iterator[Finding]:
    for host, path in _files(inventory, "key"):
        if what := _unfit_key(path):
            hint = f"chmod 600 {path}" if "by others" in what else _maker(path)
            yield Finding(Kind.ERROR, said_at(inventory, host, "key"), what, hint)


def _unfit_key(path: Path) -> str:
    """Say why a private key is of no use, as it would be told at the login; "" if it is."""
    try:
        found = path.stat()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return f"the key {path} cannot be used: {reason}"
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISREG(found.st_mode):
        return f"the key {path} is no file"
    if found.st_uid == os.getuid() and mode & 0o077:
        return f"the key {path} can be read by others (mode {mode:04o})"
    return "" if os.access(path, os.R_OK) else f"you may not read the key {path}"


def _other_files(inventory: Inventory) -> Iterator[Finding]:
    hints = {"known_hosts": "./inv inventory.trust makes it", "ssh_config": "check the path"}
    for name, hint in hints.items():
        for host, path in _files(inventory, name):
            if not path.exists():
                where = said_at(inventory, host, name)
                yield Finding(Kind.WARNING, where, f"there is no file {path}", _maker(path) or hint)


def _maker(path: Path) -> str:
    """Return what makes a lab's files."""
    return "./inv lab.up makes it" if ".wirework" in path.parts else ""


def _files(inventory: Inventory, name: str) -> Iterator[tuple[Host, Path]]:
    """Yield each file that a setting names once, with the first host that has it."""
    first: dict[Path, Host] = {}
    for host in inventory.hosts.values():
        path = getattr(host, name)
        if path is not None:
            first.setdefault(path, host)
    for path, host in first.items():
        yield host, path


def _overruled(inventory: Inventory) -> Iterator[Finding]:
    """Yield nearer places that do not count, since a farther one uses the weightier name."""
    for host in inventory.hosts.values():
        layers = inventory.layers(host)
        given = [name for layer in layers for name in layer.vars if name in NAMES]
        settings = {NAMES[name][0].name: NAMES[name][0] for name in given}
        several = {name for name in settings if len(_names_of(settings[name], given)) > 1}
        for name in several - {"ssh_options"}:
            depth = {
                layer.vars.where(variable): number
                for number, layer in enumerate(layers)
                for variable in layer.vars
                if variable in NAMES
            }
            winner, *others = setting(inventory, host, settings[name]).sources
            for loser in others:
                nearer = depth.get(loser.where, 0) > depth.get(winner.where, 0)
                if winner.wins and nearer and _differ(loser, winner):
                    yield Finding(
                        Kind.WARNING,
                        loser.where,
                        f"{loser.name} does not count: {winner.name} at {winner.where} wins",
                        f"write {winner.name} here, too",
                    )


def _names_of(wanted: Setting, given: Iterable[str]) -> set[str]:
    return set(given).intersection((wanted.name, *wanted.ansible))


def _differ(loser: Source, winner: Source) -> bool:
    return not loser.note and loser.name != winner.name and str(loser.value) != str(winner.value)


def _connections(inventory: Inventory) -> Iterator[Finding]:
    for host in inventory.hosts.values():
        if host.connection != "ssh":
            yield Finding(
                Kind.WARNING,
                said_at(inventory, host, "connection"),
                f"hosts with the connection {host.connection!r} are not worked on",
                "Wirework works on hosts over SSH",
            )


def _secrets(inventory: Inventory) -> Iterator[Finding]:
    seen: set[int] = set()
    for host in inventory.hosts.values():
        for layer in inventory.layers(host):
            if id(layer.vars) in seen:  # a group's are those of all its hosts
                continue
            seen.add(id(layer.vars))
            for way, where in in_plain_text(layer.vars):
                name = way.rpartition(".")[2]
                yield Finding(
                    Kind.WARNING,
                    where,
                    f"{way} stands here in plain text",
                    f'write {name}: {{secret: "env:NAME"}}, or encrypt it',
                )

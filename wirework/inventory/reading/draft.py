"""What inventory files have said so far: groups and hosts, whose names may still mean nothing."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wirework.documents import Map
from wirework.errors import InventoryError, PatternError
from wirework.inventory import ranges
from wirework.inventory.settings.kinds import is_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from wirework.inventory.reading.findings import Findings
    from wirework.inventory.reading.sources import Section
    from wirework.inventory.settings.connection import Level, Reader

PRIORITY = "ansible_group_priority"
MAX_NAMED = 200_000
"""How many hosts may be named in all, each counted as often as it is named."""

_PARTS = ("hosts", "children", "vars")
_GROUP_NAME = re.compile(r"\w[\w.-]*")
# A name or a range, and a port; an IPv6 address needs brackets to have one.
_WITH_PORT = re.compile(r"((?:[^][:]|\[[^]]*\])+):([0-9]{1,5})")
_INTEGER = re.compile(r"[-+]?[0-9]{1,9}")
_ADDRESS = re.compile(r"\[([0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.%]*)\]")


@dataclass
class GroupDraft:
    """A group; ``described`` once more than its name has been read."""

    name: str
    where: str
    described: bool = False
    hosts: dict[str, None] = field(default_factory=dict)
    children: dict[str, str] = field(default_factory=dict)  # name to where it is listed
    parents: list[str] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    priority: int = 1


@dataclass(frozen=True, slots=True)
class Origin:
    """The file that says something; relative paths in it are below the folder ``base``."""

    file: Path
    base: Path


@dataclass
class HostDraft:
    """A host: where it was first named, and what is said of it."""

    where: str
    origin: Origin
    groups: list[str] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)


class Draft:
    """Takes in the groups of one file after the other; mistakes are collected."""

    def __init__(self, findings: Findings, reader: Reader) -> None:
        self.hosts: dict[str, HostDraft] = {}
        self.groups: dict[str, GroupDraft] = {}
        self._findings = findings
        self._reader = reader
        self._named = 0

    def read(self, sections: Sequence[Section], origin: Origin) -> None:
        """Take in what a file says; raises InventoryError for more than ``MAX_NAMED`` hosts."""
        for section in sections:
            top = section.groups
            if not self.groups:
                self.groups["all"] = GroupDraft("all", top.where("all"), described=True)
            for name, body in top.items():
                if name in _PARTS:
                    self._findings.wrong(
                        f"{name!r} stands outside of any group",
                        where=top.where(name),
                        hint="put it under 'all:'",
                    )
                elif self._group(name, body, top.where(name), origin) and section.describes:
                    self.groups[name].described = True

    def finish(self) -> None:
        """Link what has been read, and collect which names mean nothing, or two things."""
        if not self.groups:
            self.groups["all"] = GroupDraft("all", "", described=True)
        ungrouped = self.groups.setdefault(
            "ungrouped", GroupDraft("ungrouped", self.groups["all"].where)
        )
        ungrouped.described = True
        for name, group in self.groups.items():
            for child in group.children:
                self.groups[child].parents.append(name)
            for host in group.hosts:
                self.hosts[host].groups.append(name)
        ungrouped.hosts.clear()
        for name, draft in self.hosts.items():
            draft.groups = [group for group in draft.groups if group not in ("all", "ungrouped")]
            if not draft.groups:
                draft.groups = ["ungrouped"]
                ungrouped.hosts[name] = None
        self._check()

    def _check(self) -> None:
        for name, group in self.groups.items():
            if not group.described:
                described = [other for other, known in self.groups.items() if known.described]
                does = "is listed" if not group.levels else "has variables"
                self._findings.wrong(
                    f"the group {name!r} {does} here but described nowhere",
                    where=group.where,
                    hint=did_you_mean(name, described) or f"write {name}: {{}} if it is empty",
                )
            if name in self.hosts:
                self._findings.wrong(
                    f"{name!r} is the name of a host and of a group, at {group.where}",
                    where=self.hosts[name].where,
                )
        if self.groups["ungrouped"].children:
            self._findings.wrong(
                "'ungrouped' cannot have children", where=self.groups["ungrouped"].where
            )

    def _group(self, name: str, body: Any, where: str, origin: Origin) -> bool:
        """Take in a group, and say whether it can be one."""
        if not _GROUP_NAME.fullmatch(name):
            self._findings.wrong(
                f"{name!r} cannot be a group's name",
                where=where,
                hint="letters, digits and _ . - only",
            )
            return False
        group = self.groups.setdefault(name, GroupDraft(name, where))
        if isinstance(body, Map):
            for part, entries in body.items():
                self._part(group, part, entries, body.where(part), origin)
        elif body is not None:
            self._findings.wrong(
                f"the group {name!r} must hold hosts, children or vars, not a single value or list",
                where=where,
            )
        return True

    def _part(self, group: GroupDraft, part: str, entries: Any, where: str, origin: Origin) -> None:
        if part not in _PARTS:
            near = difflib.get_close_matches(part, _PARTS, n=1)
            self._findings.wrong(
                f"the group {group.name!r} cannot hold {part!r}",
                where=where,
                hint=f"did you mean {near[0]}?" if near else "only hosts, children and vars",
            )
        elif isinstance(entries, str) and entries and part != "vars":
            alone = Map(*_place(where))
            alone[entries] = None
            self._part(group, part, alone, where, origin)
        elif isinstance(entries, Map):
            read = {"hosts": self._hosts, "children": self._children, "vars": self._vars}
            read[part](group, entries, origin)
        elif entries is not None:
            self._findings.wrong(
                f"{part!r} of the group {group.name!r} must be a mapping",
                where=where,
                hint=_how_to_write(part, entries),
            )

    def _hosts(self, group: GroupDraft, entries: Map, origin: Origin) -> None:
        for text, given in entries.items():
            where = entries.where(text)
            if not isinstance(given, Map | None):
                self._findings.wrong(
                    f"the variables of the host {text!r} must be a mapping",
                    where=where,
                    hint=f"write {text}: {{address: 10.0.0.1}}",
                )
                continue
            pattern, port = _split_port(text)
            try:
                names = ranges.expand(pattern) if "[" in pattern or "]" in pattern else (pattern,)
            except PatternError as error:
                self._findings.wrong(error.message, where=where, hint=error.hint)
                continue
            self._named += len(names)
            if self._named > MAX_NAMED:
                raise InventoryError(f"there are more than {MAX_NAMED:,} hosts", where=where)
            own = self._reader.level("host", given, origin.base) if given else None
            first = self._port(port, where, origin) if port else None
            for name in names:
                if not is_name(name):
                    self._findings.wrong(
                        f"{name!r} cannot be a host's name",
                        where=where,
                        hint="letters, digits and _ . : - only",
                    )
                    break
                group.hosts[name] = None
                host = self.hosts.get(name)
                if host is None:
                    host = self.hosts[name] = HostDraft(where, origin)
                    if first:  # as in Ansible, only where a host is named first
                        host.levels.append(first)
                if own:
                    host.levels.append(own)

    def _port(self, port: str, where: str, origin: Origin) -> Level:
        given = Map(*_place(where))
        given["ansible_port"] = int(port)
        return self._reader.level("host", given, origin.base)

    def _children(self, group: GroupDraft, entries: Map, origin: Origin) -> None:
        for child, body in entries.items():
            where = entries.where(child)
            if child == "all":
                self._findings.wrong(
                    "'all' holds every group and is the child of none", where=where
                )
            elif self._group(child, body, where, origin):
                if body is not None:
                    self.groups[child].described = True
                group.children.setdefault(child, where)

    def _vars(self, group: GroupDraft, entries: Map, origin: Origin) -> None:
        if PRIORITY in entries:
            where, value = entries.where(PRIORITY), str(entries[PRIORITY]).strip()
            if _INTEGER.fullmatch(value):
                group.priority = int(value)
            else:
                self._findings.wrong(f"{PRIORITY} must be a whole number", where=where)
        level = self._reader.level(_level_name(group.name), entries, origin.base)
        level.vars.pop(PRIORITY, None)  # it says something of the group, and nothing of its hosts
        group.levels.append(level)


def _split_port(text: str) -> tuple[str, str]:
    """Return a name or range, and the port that is given with it, or ""."""
    found = _WITH_PORT.fullmatch(text) if ":" in text else None
    if not found:
        return text, ""
    address = _ADDRESS.fullmatch(found[1])
    return (address[1] if address else found[1]), found[2]


def _level_name(group: str) -> str:
    return group if group == "all" else f"group {group}"


def _place(where: str) -> tuple[str, int]:
    """Return the file and line of a place, for a mapping that stands there."""
    file, _, line = where.rpartition(":")
    return (file, int(line)) if line.isdigit() else (where, 1)


def _how_to_write(part: str, entries: Any) -> str:
    first = next(iter(entries), "") if isinstance(entries, list) else entries
    name = first if isinstance(first, str) and first else "name"
    if part == "vars":
        return "write vars: {name: value}"
    return f"write {name}: with a colon and without a dash, one a line, below {part}:"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint with the nearest of the names that are known, or ""."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]}?" if near else ""

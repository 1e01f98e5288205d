"""Inventory files in Ansible's YAML shape, read into frozen hosts and groups."""

from __future__ import annotations

import difflib
import graphlib
import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from wirework import documents
from wirework.documents import Map
from wirework.errors import InventoryError, PatternError
from wirework.inventory import connection, ranges
from wirework.inventory.model import Group, Host, Inventory

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_PARTS = ("hosts", "children", "vars")
_GROUP_NAME = re.compile(r"\w[\w.-]*")
_EXAMPLE = "write all: {hosts: {web1: {address: 10.0.0.1}}}"


def load(path: Path) -> Inventory:
    """Read the inventory file at ``path``.

    Top-level keys are groups (``all`` is one), each with ``hosts`` (host name or range such as
    ``web[01:20]`` to variables or nothing), ``children`` (groups likewise) and ``vars``.
    Variables of ``all`` give way to those of other groups, parents to children, of equally deep
    groups the alphabetically first to the last, and groups to the host itself. A host that its
    groups name as its own gateway has none.
    Raises DocumentError, InventoryError or SecretError with the ``file:line`` of what is wrong.
    Source: https://docs.ansible.com/ansible/latest/inventory_guide/intro_inventory.html
    """
    document = documents.read(path)
    top = Map(document.source, 1) if document.value is None else document.value
    if not isinstance(top, Map):
        raise InventoryError(
            "an inventory is a mapping of groups", where=f"{document.source}:1", hint=_EXAMPLE
        )
    draft = _Draft(path.absolute().parent)
    draft.read(top)
    draft.check()
    if not draft.hosts:
        raise InventoryError("there are no hosts in it", where=top.where(), hint=_EXAMPLE)
    return draft.inventory(path)


@dataclass
class _GroupDraft:
    where: str
    described: bool = False
    hosts: dict[str, None] = field(default_factory=dict)
    children: dict[str, str] = field(default_factory=dict)  # name to where it is listed
    parents: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    vars: dict[str, Any] = field(default_factory=dict)


@dataclass
class _HostDraft:
    where: str
    groups: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    vars: dict[str, Any] = field(default_factory=dict)


class _Draft:
    """What has been read so far; names may be used before they are described."""

    def __init__(self, folder: Path) -> None:
        self.hosts: dict[str, _HostDraft] = {}
        self._reader = connection.Reader(folder)
        self._groups: dict[str, _GroupDraft] = {}
        self._gateways: dict[str, str] = {}  # name to where it is asked for

    def read(self, top: Map) -> None:
        self._groups["all"] = _GroupDraft(top.where("all"), described=True)
        for name, body in top.items():
            if name in _PARTS:
                raise InventoryError(
                    f"{name!r} stands outside of any group",
                    where=top.where(name),
                    hint="put it under 'all:'",
                )
            self._read_group(name, body, top.where(name))
            self._groups[name].described = True
        ungrouped = self._groups.setdefault("ungrouped", _GroupDraft(top.where(), described=True))
        for name, group in self._groups.items():
            for child in group.children:
                self._groups[child].parents.append(name)
            for host in group.hosts:
                self.hosts[host].groups.append(name)
        ungrouped.hosts.clear()
        for name, draft in self.hosts.items():
            draft.groups = [group for group in draft.groups if group not in ("all", "ungrouped")]
            if not draft.groups:
                draft.groups = ["ungrouped"]
                ungrouped.hosts[name] = None

    def _read_group(self, name: str, body: Any, where: str) -> None:
        if not _GROUP_NAME.fullmatch(name):
            raise InventoryError(
                f"{name!r} cannot be a group's name",
                where=where,
                hint="letters, digits and _ . - only",
            )
        group = self._groups.setdefault(name, _GroupDraft(where))
        if body is None:
            return
        if not isinstance(body, Map):
            raise InventoryError(
                f"the group {name!r} must hold hosts, children or vars, not a single value or list",
                where=where,
            )
        group.described = True
        for part, entries in body.items():
            if part not in _PARTS:
                near = difflib.get_close_matches(part, _PARTS, n=1)
                raise InventoryError(
                    f"the group {name!r} cannot hold {part!r}",
                    where=body.where(part),
                    hint=f"did you mean {near[0]}?" if near else "only hosts, children and vars",
                )
            if entries is None:
                continue
            if not isinstance(entries, Map):
                raise InventoryError(
                    f"{part!r} of the group {name!r} must be a mapping",
                    where=body.where(part),
                    hint=_how_to_write(part, entries),
                )
            if part == "hosts":
                self._read_hosts(group, entries)
            elif part == "children":
                self._read_children(group, entries)
            else:
                self._read_vars(group, entries)

    def _read_hosts(self, group: _GroupDraft, entries: Map) -> None:
        for text, given in entries.items():
            where = entries.where(text)
            if not isinstance(given, Map | None):
                raise InventoryError(
                    f"the variables of the host {text!r} must be a mapping",
                    where=where,
                    hint=f"write {text}: {{address: 10.0.0.1}}",
                )
            try:
                names = ranges.expand(text)
            except PatternError as error:
                raise InventoryError(error.message, where=where, hint=error.hint) from None
            level = _HostDraft(where)
            if given is not None:
                self._read_vars(level, given)
            for name in names:
                if not connection.is_name(name):
                    raise InventoryError(
                        f"{name!r} cannot be a host's name",
                        where=where,
                        hint="letters, digits and _ . : - only",
                    )
                group.hosts[name] = None
                host = self.hosts.setdefault(name, _HostDraft(where))
                host.settings.update(level.settings)
                host.vars.update(level.vars)

    def _read_children(self, group: _GroupDraft, entries: Map) -> None:
        for name, body in entries.items():
            if name == "all":
                raise InventoryError(
                    "'all' holds every group and is the child of none", where=entries.where(name)
                )
            group.children.setdefault(name, entries.where(name))
            self._read_group(name, body, entries.where(name))

    def _read_vars(self, level: _GroupDraft | _HostDraft, given: Map) -> None:
        settings, rest = self._reader.split(given)
        level.settings.update(settings)
        level.vars.update(rest)
        if gateway := settings.get("gateway"):
            self._gateways.setdefault(gateway, given.where("gateway"))

    def check(self) -> None:
        """Refuse names that are used but mean nothing, or two things."""
        for name, group in self._groups.items():
            if not group.described:
                described = [other for other, known in self._groups.items() if known.described]
                raise InventoryError(
                    f"the group {name!r} is listed here but described nowhere",
                    where=group.where,
                    hint=_did_you_mean(name, described) or f"write {name}: {{}} if it is empty",
                )
            if name in self.hosts:
                raise InventoryError(
                    f"{name!r} is the name of a host and of a group, at {group.where}",
                    where=self.hosts[name].where,
                )
        if self._groups["ungrouped"].children:
            raise InventoryError(
                "'ungrouped' cannot have children", where=self._groups["ungrouped"].where
            )
        for name, where in self._gateways.items():
            if name not in self.hosts:
                raise InventoryError(
                    f"the gateway {name!r} is no host of this inventory",
                    where=where,
                    hint=_did_you_mean(name, self.hosts) or "add it, with its address",
                )

    def inventory(self, source: Path) -> Inventory:
        order = self._parents_first()
        depth = {"all": 0}
        lineage: dict[str, frozenset[str]] = {}
        for name in order:
            parents = [parent for parent in self._groups[name].parents if parent != "all"]
            depth[name] = 1 + max((depth[parent] for parent in parents), default=0)
            lineage[name] = frozenset((name,)).union(*(lineage[parent] for parent in parents))
        levels = _Levels(self._groups, depth)
        hosts: dict[str, Host] = {}
        for name, draft in self.hosts.items():
            groups = frozenset().union(*(lineage[group] for group in draft.groups))
            hosts[name] = levels.host(name, draft, groups)
        self._check_gateways(hosts)
        return Inventory(MappingProxyType(hosts), MappingProxyType(self._frozen()), source)

    def _parents_first(self) -> list[str]:
        """Return every group but ``all``, none before its parents; refuse loops."""
        graph = {name: group.parents for name, group in self._groups.items()}
        try:
            order = list(graphlib.TopologicalSorter(graph).static_order())
        except graphlib.CycleError as error:
            loop: list[str] = error.args[1]
            raise InventoryError(
                f"groups are each other's children: {' > '.join(loop)}",
                where=self._groups[loop[0]].children[loop[1]],
            ) from None
        return [name for name in order if name != "all"]

    def _check_gateways(self, hosts: Mapping[str, Host]) -> None:
        for host in hosts.values():
            way = [host.name]
            while gateway := hosts[way[-1]].gateway:
                way.append(gateway)
                if gateway in way[:-1]:
                    raise InventoryError(
                        f"gateways lead in a circle: {' > '.join(way)}",
                        where=self._gateways[gateway],
                        hint="give the first of them gateway: null",
                    )

    def _frozen(self) -> dict[str, Group]:
        whole = self._groups["all"]
        top = (name for name, group in self._groups.items() if not group.parents and name != "all")
        whole.children |= dict.fromkeys(top, whole.where)
        return {
            name: Group(
                name=name,
                hosts=tuple(group.hosts),
                children=tuple(group.children),
                vars=MappingProxyType(group.vars),
            )
            for name, group in self._groups.items()
        }


class _Levels:
    """Lays the variables of groups over each other, once for each set of groups that occurs."""

    def __init__(self, groups: Mapping[str, _GroupDraft], depth: Mapping[str, int]) -> None:
        self._groups = groups
        self._depth = depth
        self._done: dict[frozenset[str], _HostDraft] = {}

    def host(self, name: str, draft: _HostDraft, groups: frozenset[str]) -> Host:
        level = self._done.get(groups)
        if level is None:
            level = self._done[groups] = self._merge(groups)
        settings = {"address": name, **level.settings, **draft.settings}
        if settings.get("gateway") == name:
            settings["gateway"] = None
        variables = {**level.vars, **draft.vars} if draft.vars else level.vars
        return Host(
            name=name, groups=tuple(level.groups), vars=MappingProxyType(variables), **settings
        )

    def _merge(self, groups: frozenset[str]) -> _HostDraft:
        level = _HostDraft("", sorted(groups, key=lambda name: (self._depth[name], name)))
        for name in ("all", *level.groups):
            level.settings.update(self._groups[name].settings)
            level.vars.update(self._groups[name].vars)
        return level


def _how_to_write(part: str, entries: Any) -> str:
    first = next(iter(entries), "") if isinstance(entries, list) else entries
    name = first if isinstance(first, str) and first else "name"
    if part == "vars":
        return "write vars: {name: value}"
    return f"write {name}: with a colon and without a dash, one a line, below {part}:"


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]}?" if near else ""

"""Variables laid over each other, as Ansible does it: which levels a host has, in which order.

Source: VARIABLE_PRECEDENCE in
https://docs.ansible.com/ansible/latest/reference_appendices/config.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from wirework.errors import InventoryError
from wirework.inventory.reading.vars_files import VarsFolder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from wirework.inventory.reading.draft import GroupDraft, HostDraft
    from wirework.inventory.reading.findings import Findings
    from wirework.inventory.reading.sources import Files
    from wirework.inventory.settings.connection import Level, Reader


class VarsFiles:
    """The files in ``group_vars`` or ``host_vars`` beside each source, each read once."""

    def __init__(
        self, kind: str, bases: Sequence[Path], files: Files, reader: Reader, findings: Findings
    ) -> None:
        self._files = files
        self._reader = reader
        self._folders: list[tuple[Path, VarsFolder]] = []
        self._findings = findings
        for base in bases:
            try:
                self._folders.append((base, VarsFolder(base / kind)))
            except InventoryError as error:
                findings.add(error)

    def read(self, names: Sequence[str]) -> dict[str, list[list[Level]]]:
        """Return the levels of each name that has any: a list for each source's folder."""
        found: dict[str, list[list[Level]]] = {}
        for number, (base, folder) in enumerate(self._folders):
            for name in names:
                levels = list(self._levels(base, folder, name))
                if levels:
                    empty: list[list[Level]] = [[] for _ in self._folders]
                    found.setdefault(name, empty)[number] = levels
            for stray in folder.strays(names):
                self._findings.note("is for no group or host of this inventory", where=str(stray))
        return found

    def _levels(self, base: Path, folder: VarsFolder, name: str) -> Iterator[Level]:
        try:
            paths = folder.files(name)
        except InventoryError as error:
            self._findings.add(error)
            return
        for path in paths:
            given = self._files.variables(path)
            if given:
                yield self._reader.level(str(path.relative_to(base)), given, base)


@dataclass(frozen=True, slots=True)
class Merged:
    """What the groups of a host say together, the names of the groups in the order they apply."""

    groups: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    vars: dict[str, Any] = field(default_factory=dict)


class Levels:
    """The levels of a whole inventory; those of groups are merged once for each set of groups.

    Later levels replace what earlier ones say, mappings too. Every group gives first what the
    inventory files say of it, from the outermost to the innermost, then all in the same order
    what its files in ``group_vars`` say.
    """

    def __init__(
        self,
        groups: Mapping[str, GroupDraft],
        hosts: Mapping[str, HostDraft],
        *,
        group_files: Mapping[str, list[list[Level]]],
        host_files: Mapping[str, list[list[Level]]],
        order: Sequence[str],
    ) -> None:
        self._groups = groups
        self._hosts = hosts
        self._group_files = group_files
        self._host_files = host_files
        self._ranks: dict[str, tuple[int, int, str]] = {}
        self._lineage: dict[str, frozenset[str]] = {}
        self._merged: dict[frozenset[str], Merged] = {}
        for name in order:
            parents = [parent for parent in groups[name].parents if parent != "all"]
            depth = 1 + max((self._ranks[parent][0] for parent in parents), default=0)
            self._ranks[name] = (depth, groups[name].priority, name)
            above = (self._lineage[parent] for parent in parents)
            self._lineage[name] = frozenset((name,)).union(*above)

    def of_groups(self, host: str) -> Merged:
        """Return what the groups of a host say together."""
        groups = self._lineages(host)
        merged = self._merged.get(groups)
        if merged is None:
            merged = Merged(tuple(sorted(groups, key=self._ranks.__getitem__)))
            for level in self._group_levels(merged.groups):
                merged.settings.update(level.settings)
                merged.vars.update(level.vars)
            self._merged[groups] = merged
        return merged

    def of_host(self, host: str) -> Sequence[Level]:
        """Return what is said of a host itself, in order."""
        own = self._hosts[host].levels
        files = self._host_files.get(host)
        return [*own, *chain.from_iterable(files)] if files else own

    def of_group(self, group: str) -> Sequence[Level]:
        """Return what is said of a group itself, in order."""
        return [*self._groups[group].levels, *chain.from_iterable(self._group_files.get(group, []))]

    def all(self, host: str) -> tuple[Level, ...]:
        """Return every level of a host, in the order in which they apply."""
        return (*self._group_levels(self.of_groups(host).groups), *self.of_host(host))

    def _lineages(self, host: str) -> frozenset[str]:
        groups = self._hosts[host].groups
        if len(groups) == 1:
            return self._lineage[groups[0]]
        return frozenset().union(*(self._lineage[group] for group in groups))

    def _group_levels(self, groups: Sequence[str]) -> Iterator[Level]:
        for group in ("all", *groups):
            yield from self._groups[group].levels
        # First those of all, source by source, then those of the others in the same way.
        for names in (("all",), groups):
            files = [self._group_files[name] for name in names if name in self._group_files]
            for of_one_source in zip(*files, strict=True):
                for levels in of_one_source:
                    yield from levels

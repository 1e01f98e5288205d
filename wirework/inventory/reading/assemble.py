"""Frozen hosts and groups out of what has been read."""

from __future__ import annotations

import graphlib
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from wirework.errors import BadInput, InventoryError, SecretError
from wirework.inventory.model import Group, Host
from wirework.inventory.reading.draft import did_you_mean
from wirework.inventory.settings import NAMES, ssh_args
from wirework.inventory.settings.connection import Level, Reader, Templated
from wirework.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wirework.inventory.reading.draft import Draft, GroupDraft
    from wirework.inventory.reading.findings import Findings
    from wirework.inventory.reading.levels import Levels, Merged
    from wirework.inventory.settings.templated import Renderer

_ARGS = [name for name, (setting, _) in NAMES.items() if setting.name == "ssh_options"][::-1]
"""The variables that hold options of ssh, the weightiest first."""


def parents_first(groups: Mapping[str, GroupDraft], findings: Findings) -> list[str] | None:
    """Return every group but ``all``, none before its parents; None when they form loops."""
    graph = {name: list(group.parents) for name, group in groups.items()}
    looped = False
    while True:
        try:
            order = list(graphlib.TopologicalSorter(graph).static_order())
        except graphlib.CycleError as error:
            loop: list[str] = error.args[1]
            findings.wrong(
                f"groups are each other's children: {' > '.join(loop)}",
                where=groups[loop[0]].children[loop[1]],
            )
            graph[loop[1]].remove(loop[0])  # to find the next one
            looped = True
        else:
            return None if looped else [name for name in order if name != "all"]


class Assembler:
    """Makes the hosts of a draft; what is wrong is collected, and left out."""

    def __init__(self, draft: Draft, levels: Levels, reader: Reader, findings: Findings) -> None:
        self._draft = draft
        self._levels = levels
        self._reader = reader
        self._findings = findings
        self._renderers: dict[bool, Renderer] = {}
        self._broken: set[str] = set()  # where a template has failed already

    def hosts(self) -> dict[str, Host]:
        """Return every host by name, in the order in which they were first named."""
        hosts = {name: self._host(name) for name in self._draft.hosts}
        self._check_gateways(hosts)
        return hosts

    def groups(self) -> dict[str, Group]:
        """Return every group by name; all is first, and holds those that no other group holds."""
        groups = self._draft.groups
        top = [name for name, group in groups.items() if not group.parents and name != "all"]
        return {
            name: Group(
                name=name,
                hosts=tuple(group.hosts),
                children=tuple(dict.fromkeys((*group.children, *(top if name == "all" else ())))),
                vars=MappingProxyType(_vars_of(self._levels.of_group(name))),
                where=group.where,
            )
            for name, group in groups.items()
        }

    def _host(self, name: str) -> Host:
        merged = self._levels.of_groups(name)
        own = self._levels.of_host(name)
        variables = {**merged.vars, **_vars_of(own)} if own else merged.vars
        settings = dict(merged.settings)
        for level in own:
            settings.update(level.settings)
        fields = self._fields(name, settings, variables, merged)
        if fields.get("gateway") == name:
            fields["gateway"] = None
        fields.setdefault("address", name)
        return Host(name=name, groups=merged.groups, vars=MappingProxyType(variables), **fields)

    def _fields(
        self, name: str, settings: dict[str, Any], variables: Mapping[str, Any], merged: Merged
    ) -> dict[str, Any]:
        """Return the fields of a host: of several variables for one, the weightiest counts."""
        fields: dict[str, Any] = {}
        weights: dict[str, int] = {}
        args: dict[str, ssh_args.Args] = {}
        for variable, said in settings.items():
            setting, weight = NAMES[variable]
            if weight < weights.get(setting.name, 0):
                continue
            value = said
            if isinstance(said, Templated):
                try:
                    value = self._filled(said, name, variables, merged)
                except BadInput as error:
                    self._tell_once(error, said.where)
                    continue
                if value is None:
                    continue
            if setting.name == "ssh_options":
                if value is not None:
                    args[variable] = value
                continue
            weights[setting.name] = weight
            fields[setting.name] = "" if variable == "gateway" and value is None else value
        if args:
            self._add_args(name, fields, args)
        return fields

    def _add_args(self, name: str, fields: dict[str, Any], args: dict[str, ssh_args.Args]) -> None:
        joined = ssh_args.joined(tuple(args[name] for name in _ARGS if name in args))
        fields["ssh_options"] = joined.options
        if joined.config and fields.get("ssh_config") is None:
            fields["ssh_config"] = Path(joined.config)
        for variable, each in args.items():
            if each.unread:
                words = " ".join(each.unread)
                where = self._where(name, variable)
                self._findings.note(f"{variable} has {words}, which is not used", where=where)

    def _filled(
        self, said: Templated, name: str, variables: Mapping[str, Any], merged: Merged
    ) -> Any:
        """Return what a templated setting says for a host; None for nothing by Ansible's name."""
        setting, _ = NAMES[said.variable]
        everything = {**variables, **self._magic(name, merged)}
        if setting.secret:
            # Secrets stay secrets: what is made of them is made when it is used.
            return Secret(said.where, lambda: self._secret_text(said, everything))
        try:
            text = self._renderer(reveal=False)(said.text, everything)
        except InventoryError as error:
            raise InventoryError(f"{said.variable} {error.message}") from None
        if not text.strip() and said.variable != setting.name:
            return None
        return self._reader.filled(said, text)

    def _secret_text(self, said: Templated, everything: Mapping[str, Any]) -> str:
        try:
            return self._renderer(reveal=True)(said.text, everything)
        except InventoryError as error:
            message = f"{said.variable} {error.message}"
            raise SecretError(message, where=said.where) from None

    def _magic(self, name: str, merged: Merged) -> dict[str, Any]:
        origin = self._draft.hosts[name].origin
        address = ":" in name or name.replace(".", "").isdigit()
        return {
            "inventory_hostname": name,
            "inventory_hostname_short": name if address else name.partition(".")[0],
            "group_names": sorted(merged.groups),
            "inventory_dir": str(origin.file.parent),
            "inventory_file": str(origin.file),
        }

    def _renderer(self, *, reveal: bool) -> Callable[[str, Mapping[str, Any]], str]:
        from wirework.inventory.settings.templated import Renderer  # noqa: PLC0415 — few need Jinja2

        if reveal not in self._renderers:
            self._renderers[reveal] = Renderer(reveal=reveal)
        return self._renderers[reveal].render

    def _tell_once(self, error: BadInput, where: str) -> None:
        """Keep a template's mistake once, however many hosts share it."""
        if where not in self._broken:
            self._broken.add(where)
            self._findings.wrong(error.message, where=where, hint=error.hint)

    def _check_gateways(self, hosts: Mapping[str, Host]) -> None:
        circles: set[frozenset[str]] = set()
        for host in hosts.values():
            way = [host.name]
            while gateway := hosts[way[-1]].gateway:
                where = self._where(way[-1], "gateway")
                way.append(gateway)
                if gateway not in hosts:
                    self._findings.wrong(
                        f"the gateway {gateway!r} is no host of this inventory",
                        where=where,
                        hint=did_you_mean(gateway, hosts) or "add it, with its address",
                    )
                    break
                if gateway in way[:-1]:
                    if (circle := frozenset(way[way.index(gateway) :])) not in circles:
                        circles.add(circle)
                        self._findings.wrong(
                            f"gateways lead in a circle: {' > '.join(way)}",
                            where=where,
                            hint="give the first of them gateway: null",
                        )
                    break

    def _where(self, host: str, variable: str) -> str:
        """Return the place that has the last word on a variable of a host."""
        levels: Sequence[Level] = self._levels.all(host)
        return next(
            (each.given.where(variable) for each in reversed(levels) if variable in each.given), ""
        )


def _vars_of(levels: Sequence[Level]) -> dict[str, Any]:
    return {name: value for level in levels for name, value in level.vars.items()}

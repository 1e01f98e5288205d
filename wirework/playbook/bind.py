"""From a play and a host to work: every value is filled in and checked, nothing is touched."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from wirework.errors import ArgumentError, BadInput, PlaybookError
from wirework.playbook.render import Renderer
from wirework.ssh.target import SSH_PORT
from wirework.state import Item, Wish

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from wirework.inventory import Host, Inventory
    from wirework.playbook.load import Catalogue
    from wirework.playbook.model import Call, Handler, Play, Playbook, RoleUse, Step, Type, Verify
    from wirework.ssh import LocalFile
    from wirework.state.arguments import Rendered
    from wirework.state.local_tree import LocalTree


@dataclass(frozen=True)
class BoundVerify:
    """A verify step with its arguments: ``run()`` returns the task's result."""

    title: str
    where: str
    run: Callable[[], Any]
    retries: int
    delay: float


@dataclass(frozen=True)
class HostWork:
    """All that a play wants of one host."""

    host: Host
    items: tuple[Item, ...]
    verify: tuple[BoundVerify, ...]


@dataclass(frozen=True)
class PlayWork:
    """A play with the work of each of its hosts, checked."""

    play: Play
    hosts: tuple[HostWork, ...]


@dataclass
class Problems:
    """The mistakes found so far, each once, in the order they were found."""

    errors: list[BadInput] = field(default_factory=list)

    def add(self, error: BadInput) -> None:
        """Note a mistake, unless another host has shown it already."""
        if str(error) not in {str(known) for known in self.errors}:
            self.errors.append(error)


@dataclass(frozen=True)
class _Sources:
    """The templates and files that steps of one role, or of the play itself, can name."""

    renderer: Renderer
    context: Mapping[str, Any]

    def render(self, name: str) -> Rendered:
        return self.renderer.template(name, self.context)

    def find_file(self, name: str) -> LocalFile:
        return self.renderer.file(name)

    def find_folder(self, name: str) -> LocalTree:
        return self.renderer.folder(name)


class Binder:
    """Binds the plays of one playbook to hosts of one inventory.

    Mistakes are collected in ``problems``; the work that is returned may only be done when
    there are none.
    """

    def __init__(self, playbook: Playbook, fleet: Inventory, catalogue: Catalogue) -> None:
        self.problems = Problems()
        self._catalogue = catalogue
        self._renderers: dict[Path, Renderer] = {}
        self._folder = playbook.path.parent
        everybody = [describe(host) for host in fleet.hosts.values()]
        self._groups = {
            name: [host for host in everybody if name == "all" or name in host["groups"]]
            for name in fleet.groups
        }

    def bind(self, play: Play, hosts: Sequence[Host]) -> tuple[HostWork, ...]:
        """Return the work of each host."""
        return tuple(self._host(play, host) for host in hosts)

    def _host(self, play: Play, host: Host) -> HostWork:
        own = self._renderer(self._folder)
        context: dict[str, Any] = {**host.vars, "host": describe(host), "groups": self._groups}
        for name, raw in play.vars.items():
            try:
                context[name] = own.value(raw, context, play.var_lines[name])
            except BadInput as error:
                self.problems.add(error)
        scopes = [self._role(use, own, context) for use in play.roles]
        scopes.append((_Sources(own, context), play.steps, play.handlers, play.verify))
        items: list[Item] = []
        notified: list[tuple[_Sources, Handler, list[int]]] = []
        for sources, steps, handlers, _ in scopes:
            by_name: dict[str, list[int]] = {handler.name: [] for handler in handlers}
            for step in steps:
                for name in step.notify:
                    by_name[name].append(len(items))
                items.append(Item(self._wish(step.call, sources, step.title), step.call.where))
            notified.extend((sources, each, by_name[each.name]) for each in handlers)
        for sources, handler, numbers in notified:
            wish = self._wish(handler.call, sources, handler.name)
            items.append(Item(wish, handler.call.where, after=tuple(numbers)))
        verify = [self._verify(each, sources) for sources, _, _, all_ in scopes for each in all_]
        return HostWork(host, tuple(items), tuple(each for each in verify if each))

    def _role(
        self, use: RoleUse, own: Renderer, outer: Mapping[str, Any]
    ) -> tuple[_Sources, tuple[Step, ...], tuple[Handler, ...], tuple[Verify, ...]]:
        """Return a role's steps with the context they see: the host's and the play's names too."""
        role = use.role
        renderer = self._renderer(role.folder)
        context = dict(outer)
        for parameter in role.parameters:
            given = parameter.name in use.arguments
            where = use.lines[parameter.name] if given else parameter.where
            raw = use.arguments[parameter.name] if given else parameter.default
            try:
                # An argument means what it means in the play, a default what it means in the role.
                value = (
                    own.value(raw, outer, where) if given else renderer.value(raw, context, where)
                )
                context[parameter.name] = value
                _check_type(value, parameter.type, f"role {role.name}: {parameter.name}", where)
            except BadInput as error:
                self.problems.add(error)
        return _Sources(renderer, context), role.steps, role.handlers, role.verify

    def _renderer(self, folder: Path) -> Renderer:
        if folder not in self._renderers:
            templates = [folder / "templates", self._catalogue.templates]
            self._renderers[folder] = Renderer(templates, [folder / "files"])
        return self._renderers[folder]

    def _wish(self, call: Call, sources: _Sources, title: str) -> Wish:
        operation = self._catalogue.operations[call.name]
        try:
            wish = operation.wish(_arguments(call, sources), sources)
            if not title:
                return wish
            return replace(
                wish, title=str(sources.renderer.value(title, sources.context, call.where))
            )
        except BadInput as error:
            self.problems.add(_placed(error, call))
        return Wish(call.name, call.name, _nothing)

    def _verify(self, verify: Verify, sources: _Sources) -> BoundVerify | None:
        call = verify.call
        try:
            arguments = _arguments(call, sources)
            run = self._catalogue.tasks[call.name].bind(arguments)
            first = next(iter(arguments.values()), "")
            title = verify.title or f"{call.name} {first}"
            title = str(sources.renderer.value(title, sources.context, call.where))
        except BadInput as error:
            self.problems.add(_placed(error, call))
            return None
        return BoundVerify(title, call.where, run, verify.retries, verify.delay)


def describe(host: Host) -> dict[str, Any]:
    """Return what templates see of a host."""
    return {
        "name": host.name,
        "address": host.address,
        "port": host.port or SSH_PORT,
        "user": host.user,
        "groups": list(host.groups),
        "vars": dict(host.vars),
    }


def _arguments(call: Call, sources: _Sources) -> dict[str, Any]:
    return {
        name: sources.renderer.value(raw, sources.context, call.lines[name])
        for name, raw in call.arguments.items()
    }


def _placed(error: BadInput, call: Call) -> BadInput:
    """Return the error with the file and line of the argument that it is about."""
    if error.where:
        return error
    parameter = error.parameter if isinstance(error, ArgumentError) else ""
    where = call.lines.get(parameter, call.where)
    return PlaybookError(error.message, where=where, hint=error.hint)


def _check_type(value: Any, wish: Type, what: str, where: str) -> None:
    kinds: dict[Type, tuple[type, ...]] = {
        "text": (str, int, float),
        "number": (int, float),
        "flag": (bool,),
        "list": (list, tuple),
        "any": (object,),
    }
    is_flag = isinstance(value, bool)
    if not isinstance(value, kinds[wish]) or (is_flag and wish in ("text", "number")):
        raise PlaybookError(f"{what} has to be a {wish}, not {value!r}", where=where)


def _nothing() -> Any:
    yield from ()

"""One operation on hosts, from the words of a command line: bound, made true, and shown."""

from __future__ import annotations

import functools
import inspect
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from wirework import documents
from wirework.errors import ArgumentError, BadInput
from wirework.fleet import Outcome, Report
from wirework.playbook import HostResult, Renderer, describe
from wirework.secrets import Secret, secret
from wirework.ssh import LocalFile, Remote
from wirework.state import OPERATIONS, Converged, Item, Operation, converge
from wirework.state.arguments import Argv, HostPath, Mode, Names, Rendered
from wirework.state.local_tree import LocalTree
from wirework.state.operation import Parameter

from .play_view import alike, show_group

Body = Callable[..., Any]
_PLAIN: tuple[Any, ...] = (str, int, bool, HostPath, Mode, Rendered, LocalFile, LocalTree)
"""Kinds that take a command line's text as it is."""
_HELP: dict[Any, str] = {
    Argv: "a command, its words quoted as for a shell",
    Names: "names, separated by commas",
    Secret: "where it comes from: env:NAME, file:PATH, prompt:TEXT, …",
    Rendered: "a template of this machine",
    LocalFile: "a file of this machine",
    LocalTree: "a folder of this machine",
    Mode: "octal, such as 0644",
    bool: "yes or no",
}


@dataclass(frozen=True)
class Did:
    """What an operation came to on one host; with ``check``, what it would come to."""

    converged: Converged
    check: bool
    diff: bool

    @property
    def changed(self) -> bool:
        """Whether anything was changed, or in a plan would be."""
        return self.converged.changed

    @property
    def ok(self) -> bool:
        """Whether the wish is true now."""
        return self.converged.ok


@dataclass(frozen=True)
class _Here:
    """Templates and files as somebody at a command line names them: by any path."""

    templates: Callable[[Path], Renderer]
    context: Mapping[str, Any]

    def render(self, name: str) -> Rendered:
        path = Path(name)
        return self.templates(path.parent).template(path.name, self.context)

    def find_file(self, name: str) -> LocalFile:
        return LocalFile.of(Path(name))

    def find_folder(self, name: str) -> LocalTree:
        return LocalTree.of(Path(name))


class _Unread:
    """Stands in for templates and files while only the other arguments are looked at."""

    def render(self, name: str) -> Rendered:
        return Rendered(name, b"")

    def find_file(self, name: str) -> LocalFile:
        return LocalFile.of(Path(name))

    def find_folder(self, name: str) -> LocalTree:
        return LocalTree.of(Path(name))


def body(name: str) -> Body:
    """Return the body of an operation's task, with the signature that its options come from."""
    operation = OPERATIONS[name]
    # One for all hosts, so that a template is compiled once.
    templates = functools.cache(lambda folder: Renderer((folder, folder / "templates"), ()))

    def make_true(remote: Remote, *, wish: Mapping[str, Any], check: bool, diff: bool) -> Did:
        host = describe(remote.host)
        sources = _Here(templates, {**host["vars"], "host": host})
        item = Item(operation.wish(wish, sources))
        remote.connect()
        return Did(converge(remote, [item], check=check, diff=diff), check, diff)

    make_true.__name__ = name
    make_true.__doc__ = inspect.getdoc(operation.function)
    make_true.__signature__ = _signature(operation)  # type: ignore[attr-defined]  # read by inspect
    return make_true


def prepare(name: str) -> Callable[..., dict[str, Any]]:
    """Return what reads the options once, and refuses what is wrong before any host is touched."""
    operation = OPERATIONS[name]

    def read(*, check: bool, diff: bool, **given: Any) -> dict[str, Any]:
        try:
            wish = {
                parameter.name: _value(parameter, given[parameter.name])
                for parameter in operation.parameters
                if given[parameter.name] != _unsaid(parameter)
            }
            operation.wish(wish, _Unread())
        except ArgumentError as error:
            where = f"do.{name} --{error.parameter.replace('_', '-')}"
            message = error.message.removeprefix(f"{name}: {error.parameter}: ")
            raise BadInput(message, where=where, hint=error.hint) from error
        return {"wish": wish, "check": check, "diff": diff}

    return read


def help_texts(name: str) -> dict[str, str]:
    """Return a help text for each of an operation's parameters."""
    return {p.name: _help(p) for p in OPERATIONS[name].parameters}


def show(report: Report[Did]) -> None:
    """Show what was changed, once for all hosts on which it was the same."""
    groups: dict[Any, list[Outcome[HostResult]]] = {}
    for outcome in report.outcomes:
        if outcome.value is not None:
            shown = Outcome(
                host=outcome.host,
                status=outcome.status,
                value=HostResult(outcome.value.converged),
                seconds=outcome.seconds,
            )
            groups.setdefault(alike(shown), []).append(shown)
    did = next((outcome.value for outcome in report.outcomes if outcome.value is not None), None)
    for same in groups.values():
        show_group(same, check=bool(did and did.check), diff=bool(did and did.diff))


def _signature(operation: Operation) -> inspect.Signature:
    keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD
    own = [
        inspect.Parameter(
            p.name,
            keyword,
            default=inspect.Parameter.empty if p.required else _unsaid(p),
            annotation="bool" if _is_switch(p) else "str",
        )
        for p in operation.parameters
    ]
    switches = [
        inspect.Parameter(name, keyword, default=False, annotation="bool")
        for name in ("check", "diff")
    ]
    return inspect.Signature([inspect.Parameter("remote", keyword), *own, *switches])


def _unsaid(parameter: Parameter) -> Any:
    """Return what an option holds when nobody has given it."""
    return parameter.default if _is_switch(parameter) else ""


def _is_switch(parameter: Parameter) -> bool:
    return parameter.kind is bool and not parameter.required


def _kind(annotation: Any) -> Any:
    """Return an annotation without its None."""
    if get_origin(annotation) in (Union, UnionType):
        return next(each for each in get_args(annotation) if each is not type(None))
    return annotation


def _value(parameter: Parameter, given: Any) -> Any:
    """Turn an option's text into the plain value that a playbook would have."""
    kind = _kind(parameter.kind)
    if not isinstance(given, str) or kind in _PLAIN:
        return given
    if kind is Argv:
        try:
            return shlex.split(given)
        except ValueError as error:
            raise ArgumentError(str(error), parameter=parameter.name) from None
    if kind is Names:
        return [name for name in given.split(",") if name]
    if kind is Secret:
        return secret(given)
    return documents.parse(given, f"--{parameter.name}").value


def _help(parameter: Parameter) -> str:
    words = _HELP.get(_kind(parameter.kind), parameter.words)
    default = parameter.default
    if parameter.required or default in (None, "", (), False):
        return f"{words[:1].upper()}{words[1:]}."
    return f"{words[:1].upper()}{words[1:]} ({_shown(parameter)})."


def _shown(parameter: Parameter) -> str:
    if parameter.default is True:
        return "yes"
    return f"{parameter.default:04o}" if _kind(parameter.kind) is Mode else str(parameter.default)

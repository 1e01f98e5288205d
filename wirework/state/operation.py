"""An operation: a pure generator that compares facts with a wish and yields the changes."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeAlias, get_type_hints

from wirework.errors import ArgumentError, BadInput, TemplateError
from wirework.ssh import LocalFile
from wirework.state.arguments import Rendered, Sources, convert, describe
from wirework.state.changes import Change
from wirework.state.facts import Fact
from wirework.state.local_tree import LocalTree

Steps: TypeAlias = Generator[Fact[Any] | tuple[Fact[Any], ...] | Change, Any, None]
"""What an operation's body is: it yields a fact (or several at once) and receives the answer
(or answers), and yields a Change and receives nothing."""

P = ParamSpec("P")


@dataclass(frozen=True)
class Parameter:
    """One parameter of an operation, as its signature gives it."""

    name: str
    kind: Any
    required: bool
    default: Any = None

    @property
    def words(self) -> str:
        """The kind in a word or two."""
        return describe(self.kind)


@dataclass(frozen=True)
class Wish:
    """An operation with its arguments: what somebody wants to be true of a host.

    ``start()`` begins it anew; ``title`` names it in reports.
    """

    operation: str
    title: str
    start: Callable[[], Steps]


@dataclass(frozen=True)
class Operation:
    """A named way of making something true, with one signature for every way of calling it.

    Called with its parameters by name it gives a Wish: ``link(path="now", to="r1")``.
    """

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    function: Callable[..., Steps]

    def __call__(self, **arguments: object) -> Wish:
        """Wish for it from a program: files and folders are named by any path of this machine.

        Raises as ``wish`` does.
        """
        return self.wish(arguments, _Here())

    def wish(self, arguments: Mapping[str, Any], sources: Sources) -> Wish:
        """Bind plain values to the signature, checked and converted.

        Raises ArgumentError, or TemplateError from a template that an argument names.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        self.check_names(arguments)
        bound: dict[str, Any] = {}
        for name, value in arguments.items():
            try:
                bound[name] = convert(value, known[name].kind, sources)
            except TemplateError:
                raise
            except BadInput as error:
                told = f"{error.where}: {error.message}" if error.where else error.message
                message = f"{self.name}: {name}: {told}"
                raise ArgumentError(message, parameter=name, hint=error.hint) from error
        # Operations check what no single value can tell before they ask for their first fact.
        self.function(**bound).close()
        first = next((bound[p.name] for p in self._naming() if p.name in bound), "")
        first = first.path.name if isinstance(first, LocalFile) else first
        title = f"{self.name} {' '.join(first) if isinstance(first, tuple) else first}"
        return Wish(self.name, title.strip(), lambda: self.function(**bound))

    def check_names(self, arguments: Mapping[str, Any]) -> None:
        """Refuse parameters that are missing or unknown, whatever their values."""
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in arguments:
            if name not in known:
                raise ArgumentError(
                    f"{self.name} has no parameter {name!r}",
                    parameter=name,
                    hint=nearest(name, known),
                )
        missing = [p.name for p in self.parameters if p.required and p.name not in arguments]
        if missing:
            message = f"{self.name} needs {' and '.join(missing)}"
            raise ArgumentError(message, parameter=missing[0])

    def _naming(self) -> tuple[Parameter, ...]:
        """Return the parameters by which a report names the step, the most telling first."""
        telling = ("dest", "path", "argv", "name", "user", "ip", "key", "src", "url", "port")
        return tuple(p for name in telling for p in self.parameters if p.name == name)


class _Here:
    """The files that programs name: by their paths."""

    def render(self, name: str) -> Rendered:
        hint = "render it yourself, and give file its content"
        raise TemplateError("templates belong to playbooks", where=name, hint=hint)

    def find_file(self, name: str) -> LocalFile:
        return LocalFile.of(Path(name))

    def find_folder(self, name: str) -> LocalTree:
        return LocalTree.of(Path(name))


def operation(function: Callable[P, Steps]) -> Operation:
    """Make an operation of a generator function; its name and signature become the step's."""
    hints = get_type_hints(function)
    parameters = tuple(
        Parameter(
            name=parameter.name,
            kind=hints[parameter.name],
            required=parameter.default is inspect.Parameter.empty,
            default=None if parameter.default is inspect.Parameter.empty else parameter.default,
        )
        for parameter in inspect.signature(function).parameters.values()
    )
    summary = (inspect.getdoc(function) or "").split("\n", 1)[0]
    return Operation(function.__name__, summary, parameters, function)


def nearest(name: str, known: Mapping[str, Any]) -> str:
    """Return the hint for a name nobody knows: the nearest one, or all there are."""
    if close := difflib.get_close_matches(name, known, 1):
        return f"did you mean {close[0]!r}?"
    return f"there are {', '.join(known)}"

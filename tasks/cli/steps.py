"""Tasks as steps of a playbook: the same names, the same parameters, the same kinds."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from invoke.collection import Collection as Namespace

from wirework.errors import ArgumentError
from wirework.state.operation import nearest

from .parameters import CliTask

_KINDS: dict[str, tuple[type, ...]] = {
    "str": (str, int, float),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "tuple[str, ...]": (list, tuple),
}


@dataclass(frozen=True)
class Several:
    """Several results of one task; all of them have to be ok."""

    results: tuple[Any, ...]

    @property
    def ok(self) -> bool:
        """Whether every one is."""
        return all(getattr(result, "ok", True) for result in self.results)


@dataclass(frozen=True)
class TaskStep:
    """One task, to be called by a play (see ``wirework.playbook.LocalTask``)."""

    name: str
    task: CliTask

    def check_names(self, arguments: Collection[str]) -> None:
        """Raise ArgumentError when a parameter is missing or unknown."""
        known = {parameter.name: parameter for parameter in self._parameters()}
        for name in arguments:
            if name not in known:
                message = f"{self.name} has no parameter {name!r}"
                raise ArgumentError(message, parameter=name, hint=nearest(name, known))
        for parameter in known.values():
            if parameter.default is inspect.Parameter.empty and parameter.name not in arguments:
                message = f"{self.name} needs {parameter.name}"
                raise ArgumentError(message, parameter=parameter.name)

    def bind(self, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        """Check the arguments' kinds; the returned call runs the task's body."""
        self.check_names(arguments)
        given: dict[str, Any] = {}
        for parameter in self._parameters():
            if parameter.name not in arguments:
                continue
            value = arguments[parameter.name]
            kinds = _KINDS[str(parameter.annotation)]
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                kind = parameter.annotation
                message = f"{self.name}: {parameter.name}: expected {kind}, not {value!r}"
                raise ArgumentError(message, parameter=parameter.name)
            given[parameter.name] = str(value) if kinds[0] is str else value

        def call() -> Any:
            result = self.task.raw(None, **given)
            return Several(tuple(result)) if isinstance(result, tuple | list | Iterator) else result

        return call

    def _parameters(self) -> list[inspect.Parameter]:
        return list(inspect.signature(self.task.raw).parameters.values())[1:]


def task_steps(root: Namespace) -> dict[str, TaskStep]:
    """Return every task of a namespace that is run from here, by its dotted name."""
    return {
        f"{collection}.{name}": TaskStep(f"{collection}.{name}", task)
        for collection, tasks in root.collections.items()
        for name, task in tasks.tasks.items()
        if isinstance(task, CliTask) and not task.on_fleet
    }

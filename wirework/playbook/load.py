"""From files to a Playbook: structure, names and signatures are checked, values are not yet."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast, get_args

from wirework.documents import Map, Seq, read
from wirework.errors import ArgumentError, BadInput, PlaybookError
from wirework.fleet import batches
from wirework.playbook.model import (
    Call,
    Handler,
    Play,
    Playbook,
    Role,
    RoleParameter,
    RoleUse,
    Step,
    Type,
    Verify,
)
from wirework.playbook.shape import Shape, lines_of
from wirework.state.operation import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from wirework.state import Operation

ROLE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
STEP_KEYS = ("name", "notify")
VERIFY_KEYS = ("name", "retries", "delay")


class LocalTask(Protocol):
    """A task that a play can run from here: what the command line calls by the same name."""

    def check_names(self, arguments: Collection[str]) -> None:
        """Raise ArgumentError when a parameter is missing or unknown."""

    def bind(self, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        """Convert the arguments, or raise ArgumentError; the returned call yields a result."""


@dataclass(frozen=True)
class Catalogue:
    """Everything a play can name, and the folders of roles and of shared templates."""

    operations: Mapping[str, Operation]
    tasks: Mapping[str, LocalTask]
    roles: Path
    templates: Path


def load(path: Path, catalogue: Catalogue, *, mistakes: list[BadInput] | None = None) -> Playbook:
    """Read a playbook; raises DocumentError or PlaybookError, with file and line.

    Where ``mistakes`` is given, those inside plays are added to it instead of being raised,
    and what holds one is left out of the playbook.
    """
    value = read(path).value
    if not isinstance(value, Seq) or not value:
        raise PlaybookError("a playbook is a list of plays", where=f"{path}:1", hint="- name: …")
    loader = _Loader(catalogue, mistakes)
    plays: list[Play] = []
    for index, each in enumerate(value):
        try:
            plays.append(loader.play(each, value.where(index)))
        except BadInput as error:
            if mistakes is None:
                raise
            mistakes.append(error)
    return Playbook(path, tuple(plays))


def project_of(playbook: Path) -> Path:
    """Return the nearest folder above a playbook that has roles, templates or an inventory."""
    for folder in playbook.absolute().parents:
        if any((folder / name).exists() for name in ("roles", "templates", "inventory.yaml")):
            return folder
    return playbook.absolute().parent


def load_role(
    name: str,
    catalogue: Catalogue,
    *,
    where: str = "",
    mistakes: list[BadInput] | None = None,
) -> Role:
    """Read ``roles/<name>/role.yaml``; ``where`` is the place that asks for it."""
    folder = catalogue.roles / name
    path = folder / "role.yaml"
    if not ROLE_NAME.fullmatch(name) or not path.is_file():
        there = {found.parent.name: None for found in sorted(catalogue.roles.glob("*/role.yaml"))}
        hint = nearest(name, there) if there else f"roles stand in {catalogue.roles}/"
        raise PlaybookError(f"there is no role {name!r}", where=where, hint=hint)
    return _Loader(catalogue, mistakes).role(name, folder, read(path).value, f"{path}:1")


class _Loader:
    def __init__(self, catalogue: Catalogue, mistakes: list[BadInput] | None = None) -> None:
        self._catalogue = catalogue
        self._mistakes = mistakes

    def play(self, value: Any, where: str) -> Play:
        shape = Shape(value, what="a play", where=where, mistakes=self._mistakes)
        variables = shape.mapping("vars")
        play = Play(
            name=shape.text("name"),
            hosts=shape.text("hosts"),
            where=shape.where(),
            batches=shape.texts("batch") or ("100%",),
            max_fail=shape.text("max_fail") or None,
            become=shape.flag("become"),
            vars=variables,
            var_lines=lines_of(variables),
            roles=shape.each("roles", self._role_use),
            steps=shape.each("steps", self._step),
            handlers=shape.each("handlers", self._handler),
            verify=shape.each("verify", self._verify),
        )
        shape.end()
        _check_batches(play, shape)
        if self._mistakes:
            return play  # what is left out would be missed below
        if not play.hosts:
            raise PlaybookError(
                "the play does not say on which hosts", where=where, hint="hosts: web"
            )
        if not (play.roles or play.steps or play.verify):
            raise PlaybookError(
                "the play has nothing to do", where=where, hint="give it steps or roles"
            )
        _check_notices(play.steps, play.handlers)
        return play

    def role(self, name: str, folder: Path, value: Any, where: str) -> Role:
        shape = Shape(value, what="a role", where=where, mistakes=self._mistakes)
        parameters = shape.mapping("parameters")
        role = Role(
            name=name,
            summary=shape.text("summary"),
            folder=folder,
            parameters=tuple(_parameter(key, parameters) for key in parameters),
            steps=shape.each("steps", self._step),
            handlers=shape.each("handlers", self._handler),
            verify=shape.each("verify", self._verify),
            where=where,
        )
        shape.end()
        if not self._mistakes:
            _check_notices(role.steps, role.handlers)
        return role

    def _role_use(self, value: Any, where: str) -> RoleUse:
        """Read ``- website`` or ``- website: {release: "1.0"}``."""
        if isinstance(value, str):
            value = _single(value, where)
        if not isinstance(value, Map) or len(value) != 1:
            raise PlaybookError("a role is one name, with its arguments behind it", where=where)
        ((name, arguments),) = value.items()
        if arguments is None:
            arguments = _single("", where, empty=True)
        if not isinstance(arguments, Map):
            raise PlaybookError(
                f"role {name}: arguments have to be a mapping", where=value.where(name)
            )
        where = value.where(name)
        role = load_role(name, self._catalogue, where=where, mistakes=self._mistakes)
        known = {parameter.name: parameter for parameter in role.parameters}
        for key in arguments:
            if key not in known:
                raise PlaybookError(
                    f"role {name} has no parameter {key!r}",
                    where=arguments.where(key),
                    hint=nearest(key, known) if known else "it has none",
                )
        missing = [p.name for p in role.parameters if p.required and p.name not in arguments]
        if missing:
            raise PlaybookError(f"role {name} needs {' and '.join(missing)}", where=where)
        return RoleUse(role, arguments, where, lines_of(arguments))

    def _step(self, value: Any, where: str) -> Step:
        shape = Shape(value, what="a step", where=where)
        title, notify = shape.text("name"), shape.texts("notify")
        return Step(self._operation(shape), title, notify)

    def _handler(self, value: Any, where: str) -> Handler:
        shape = Shape(value, what="a handler", where=where)
        name = shape.text("name")
        if not name:
            raise PlaybookError("a handler needs a name, for steps to notify", where=where)
        return Handler(name, self._operation(shape))

    def _operation(self, shape: Shape) -> Call:
        call = _call(shape, self._catalogue.operations, STEP_KEYS)
        if "." in call.name and call.name not in self._catalogue.operations:
            raise PlaybookError(
                f"{call.name} is a task, and tasks are run from here",
                where=call.where,
                hint="put it under verify:",
            )
        return _known(call, self._catalogue.operations, "operation")

    def _verify(self, value: Any, where: str) -> Verify:
        shape = Shape(value, what="a verify step", where=where)
        title = shape.text("name")
        retries, delay = shape.whole("retries", 0), shape.number("delay", 1.0)
        call = _known(
            _call(shape, self._catalogue.tasks, VERIFY_KEYS), self._catalogue.tasks, "task"
        )
        return Verify(call, title, retries, delay)


def _call(shape: Shape, known: Mapping[str, Any], modifiers: tuple[str, ...]) -> Call:
    """Read the one key of a step that is not a modifier: what to do, and with what."""
    names = list(shape.rest())
    if not names:
        raise PlaybookError(f"{shape.what} has to say what to do", where=shape.where())
    if len(names) > 1:
        strange = next((name for name in names if name not in known and "." not in name), names[1])
        everything = {**dict.fromkeys(modifiers), **dict.fromkeys(known)}
        if strange in known:
            raise PlaybookError(
                f"{shape.what} does one thing, not {' and '.join(names)}",
                where=shape.where(strange),
            )
        raise PlaybookError(
            f"{shape.what} has no {strange!r}",
            where=shape.where(strange),
            hint=nearest(strange, everything),
        )
    name = names[0]
    arguments = shape.map[name]
    if arguments is None:
        arguments = _single("", shape.where(name), empty=True)
    if not isinstance(arguments, Map):
        raise PlaybookError(
            f"{name}: arguments have to be a mapping",
            where=shape.where(name),
            hint=f"{name}: {{path: …}}",
        )
    return Call(name, arguments, shape.where(name), lines_of(arguments))


class _Named(Protocol):
    def check_names(self, arguments: Any) -> None: ...


def _known(call: Call, known: Mapping[str, _Named], kind: str) -> Call:
    """Return the call once its name and its parameters' names are known to be right."""
    if call.name not in known:
        raise PlaybookError(
            f"there is no {kind} {call.name!r}", where=call.where, hint=nearest(call.name, known)
        )
    try:
        known[call.name].check_names(call.arguments)
    except ArgumentError as error:
        where = call.lines.get(error.parameter, call.where)
        raise PlaybookError(error.message, where=where, hint=error.hint) from error
    return call


def _check_batches(play: Play, shape: Shape) -> None:
    """Refuse batch sizes and limits of no use now, not when earlier plays have been run."""
    for key, check in (
        ("batch", lambda: batches.split((), play.batches)),
        ("max_fail", lambda: batches.limit(play.max_fail or 0, 1)),
    ):
        try:
            check()
        except BadInput as error:
            raise PlaybookError(error.message, where=shape.where(key), hint=error.hint) from error


def _check_notices(steps: tuple[Step, ...], handlers: tuple[Handler, ...]) -> None:
    names = {handler.name: None for handler in handlers}
    for step in steps:
        for name in step.notify:
            if name not in names:
                raise PlaybookError(
                    f"there is no handler {name!r} to notify",
                    where=step.call.where,
                    hint=nearest(name, names) if names else "there are no handlers here",
                )


def _parameter(name: str, parameters: Map) -> RoleParameter:
    where = parameters.where(name)
    shape = Shape(
        parameters[name] or _single("", where, empty=True), what="a parameter", where=where
    )
    types = get_args(Type)
    default = shape.anything("default")
    kind = shape.text("type") or _type_of(default)
    if kind not in types:
        raise PlaybookError(
            f"{kind!r} is no type", where=shape.where("type"), hint=f"one of {', '.join(types)}"
        )
    parameter = RoleParameter(
        name=name,
        help=shape.text("help"),
        type=cast("Type", kind),
        required="default" not in shape.map,
        default=default,
        where=where,
    )
    shape.end()
    return parameter


def _type_of(default: Any) -> Type:
    if isinstance(default, bool):
        return "flag"
    if isinstance(default, int | float):
        return "number"
    if isinstance(default, list):
        return "list"
    return "text" if isinstance(default, str) else "any"


def _single(key: str, where: str, *, empty: bool = False) -> Map:
    """Return a mapping that was not written out: of one key without a value, or empty."""
    source, _, line = where.rpartition(":")
    made = Map(source, int(line))
    if not empty:
        made[key] = None
        made.lines[key] = int(line)
    return made

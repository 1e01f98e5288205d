"""What a playbook says, read and checked in shape, nothing filled in yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Call:
    """One thing to do: an operation's or a task's name and its arguments as written.

    ``where`` is the call's file and line; ``lines`` gives each argument's own.
    """

    name: str
    arguments: Mapping[str, Any]
    where: str
    lines: Mapping[str, str] = field(default_factory=_nothing)


@dataclass(frozen=True)
class Step:
    """A call that makes something true of a host; a change of it notifies handlers."""

    call: Call
    title: str = ""
    notify: tuple[str, ...] = ()


@dataclass(frozen=True)
class Handler:
    """A call that follows, once, when a step that notifies it has changed something."""

    name: str
    call: Call


@dataclass(frozen=True)
class Verify:
    """A task that is run from here once a host is done; it has to succeed.

    A task that does not is tried ``retries`` times more, ``delay`` seconds apart.
    """

    call: Call
    title: str = ""
    retries: int = 0
    delay: float = 1.0


Type = Literal["text", "number", "flag", "list", "any"]


@dataclass(frozen=True)
class RoleParameter:
    """One parameter of a role; ``required`` when the role file gives no default."""

    name: str
    help: str
    type: Type
    required: bool
    default: Any
    where: str


@dataclass(frozen=True)
class Role:
    """A role: its parameters, what it does, and the folder of its templates and files."""

    name: str
    summary: str
    folder: Path
    parameters: tuple[RoleParameter, ...]
    steps: tuple[Step, ...]
    handlers: tuple[Handler, ...]
    verify: tuple[Verify, ...]
    where: str


@dataclass(frozen=True)
class RoleUse:
    """A role in a play, with the arguments written there."""

    role: Role
    arguments: Mapping[str, Any]
    where: str
    lines: Mapping[str, str] = field(default_factory=_nothing)


@dataclass(frozen=True)
class Play:
    """Steps for a group of hosts, taken in batches."""

    name: str
    hosts: str
    where: str
    batches: tuple[str, ...] = ("100%",)
    max_fail: str | None = None
    become: bool | None = None
    vars: Mapping[str, Any] = field(default_factory=_nothing)
    var_lines: Mapping[str, str] = field(default_factory=_nothing)
    roles: tuple[RoleUse, ...] = ()
    steps: tuple[Step, ...] = ()
    handlers: tuple[Handler, ...] = ()
    verify: tuple[Verify, ...] = ()


@dataclass(frozen=True)
class Playbook:
    """Plays in order, and the folder that the file's own templates and files stand in."""

    path: Path
    plays: tuple[Play, ...] = field(default=())

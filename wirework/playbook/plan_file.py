"""The file of a saved plan: JSON that people can read, and that may come from elsewhere.

It holds no secret: files that hold one have no diff and no digest, and what the playbook and the
inventory say of secrets is read again from there when the plan is carried out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args

from wirework import __version__
from wirework.documents import write
from wirework.errors import BadInput, DocumentError
from wirework.playbook.plan import Plan, PlannedPlay
from wirework.state import Done, Promise, StepResult, StepStatus
from wirework.state.changes import Verb

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT = "wirework-plan/1"
MAX_BYTES = 256 * 1024 * 1024

T = TypeVar("T")


def save_plan(plan: Plan, path: Path) -> None:
    """Write the plan for its owner's eyes; raises BadInput when it cannot be written there."""
    data = {
        "format": FORMAT,
        "made_with": __version__,
        "made": plan.made,
        "playbook": plan.playbook,
        "inventory": plan.inventory,
        "limit": plan.limit,
        "plays": [
            {
                "name": play.name,
                "hosts": {
                    host: [_written(step) for step in steps] for host, steps in play.hosts.items()
                },
            }
            for play in plan.plays
        ],
    }
    try:
        write(path, (json.dumps(data, indent=1, ensure_ascii=True) + "\n").encode("ascii"))
    except OSError as error:
        raise BadInput(f"cannot save there: {error.strerror}", where=str(path)) from error


def load_plan(path: Path) -> Plan:
    """Read a saved plan; raises DocumentError for a file that is none, or of another version."""
    where = str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DocumentError(f"this is larger than {MAX_BYTES >> 20} MB", where=where)
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise DocumentError(f"cannot read this plan: {error.strerror}", where=where) from error
    except (ValueError, RecursionError):
        raise DocumentError("this is no JSON, so it is no saved plan", where=where) from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        hint = "playbook.plan --out makes one"
        raise DocumentError("this is no saved plan", where=where, hint=hint)
    if (made_with := data.get("made_with")) != __version__:
        message = f"made with wirework {made_with}, this is {__version__}"
        raise DocumentError(message, where=where, hint="make a new plan")
    try:
        return Plan(
            playbook=_of(str, data, "playbook"),
            inventory=_of(str, data, "inventory"),
            limit=_of(str, data, "limit"),
            made=_of(str, data, "made"),
            plays=tuple(_play(_is(dict, each)) for each in _of(list, data, "plays")),
        )
    except (KeyError, TypeError, ValueError) as error:
        message = f"this plan was changed by hand or cut off: {error}"
        raise DocumentError(message, where=where, hint="make a new plan") from None


def _written(step: StepResult) -> dict[str, Any]:
    promise = step.promise
    return {
        "title": step.title,
        "where": step.where,
        "status": step.status.value,
        "known_after_apply": step.uncertain,
        "changes": [
            {"verb": change.verb, "says": change.says, "diff": change.diff, "digest": digest}
            for change, digest in zip(step.changes, promise.does if promise else (), strict=True)
        ],
        "rests_on": dict(promise.rests_on) if promise else {},
    }


def _play(data: dict[str, Any]) -> PlannedPlay:
    hosts = _of(dict, data, "hosts")
    steps = {
        host: tuple(_step(_is(dict, s)) for s in _is(list, each)) for host, each in hosts.items()
    }
    return PlannedPlay(_of(str, data, "name"), steps)


def _step(data: dict[str, Any]) -> StepResult:
    changes = [_is(dict, each) for each in _of(list, data, "changes")]
    rests_on = {key: _is(str, value) for key, value in _of(dict, data, "rests_on").items()}
    does = tuple(_of(str, change, "digest") for change in changes)
    return StepResult(
        title=_of(str, data, "title"),
        where=_of(str, data, "where"),
        status=StepStatus(_of(str, data, "status")),
        changes=tuple(map(_done, changes)),
        uncertain=_of(bool, data, "known_after_apply"),
        promise=Promise(does, rests_on) if changes else None,
    )


def _done(data: dict[str, Any]) -> Done:
    verb = _of(str, data, "verb")
    if verb not in get_args(Verb):
        raise ValueError(f"{verb!r} is no verb of a change")
    return Done(cast("Verb", verb), _of(str, data, "says"), _of(str, data, "diff"))


def _of(kind: type[T], data: Mapping[str, Any], key: str) -> T:
    return _is(kind, data[key], key)


def _is(kind: type[T], value: object, key: str = "this") -> T:
    if not isinstance(value, kind):
        raise TypeError(f"{key} is no {kind.__name__}")
    return value

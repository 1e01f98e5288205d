"""What whole files that a vault closes give away: their structure and settings, no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wirework.documents import Map, Seq
from wirework.inventory.settings import NAMES
from wirework.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable


def sealed(variables: Map, source: str) -> Map:
    """Make every text and number in ``variables`` a Secret named ``source`` and its key.

    Settings that are no secrets stay plain, since they are needed to reach a host.
    """
    for key, value in variables.items():
        known = NAMES.get(key)
        if known is None or known[0].secret:
            variables[key] = _hidden(value, source + key)
    return variables


def sealed_groups(groups: Map, source: str) -> Map:
    """Do the same to the variables in a tree of groups."""
    for name, group in groups.items():
        if not isinstance(group, Map):
            continue
        for part, given in group.items():
            if not isinstance(given, Map):
                continue
            if part == "children":
                sealed_groups(given, source)
            elif part == "vars":
                sealed(given, f"{source}{name}.")
            else:
                for host, variables in given.items():
                    if isinstance(variables, Map):
                        sealed(variables, f"{source}{host}.")
    return groups


def _hidden(value: Any, source: str) -> Any:
    if isinstance(value, Map):
        for key, item in value.items():
            value[key] = _hidden(item, f"{source}.{key}")
    elif isinstance(value, Seq):
        value[:] = [_hidden(item, f"{source}.{number}") for number, item in enumerate(value)]
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        return Secret(source, _giving(str(value)))
    return value


def _giving(text: str) -> Callable[[], str]:
    return lambda: text

"""Where a value of a host's comes from: every place that says it, and which of them counts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wirework.documents import Map, Seq
from wirework.errors import InventoryError
from wirework.inventory.reading.draft import did_you_mean
from wirework.inventory.settings import NAMES, SETTINGS, ssh_args
from wirework.inventory.settings.values import Unfit, is_templated
from wirework.inventory.views import plain
from wirework.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wirework.inventory.model import Host, Inventory, Layer
    from wirework.inventory.settings import Setting

OPTIONS = "ssh_options"
# The only template of a password that is shown: one that can have nothing secret in it.
_A_NAME = re.compile(r"\s*\{\{\s*[A-Za-z_][\w.]*\s*\}\}\s*")
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Source:
    """One place that says something: ``where`` is its ``file:line``, "" for what is built in.

    ``layer`` is the kind of place (``host``, ``group web``, ``ssh_config``, ``default``), ``name``
    the variable or keyword that stands there and ``value`` what is written, as plain data.
    ``wins`` is whether it counts; ``note`` says why it does not, where that is not plain.
    """

    where: str
    layer: str
    name: str
    value: Any
    wins: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A variable or setting of a host: its value, and its sources, what counts first.

    Values are plain data; secrets show their source only.
    """

    host: str
    name: str
    value: Any
    sources: tuple[Source, ...]


def variable(inventory: Inventory, host: Host, name: str) -> Explanation:
    """Explain a variable, or what the keys of a mapping lead to (``mail.port``, ``users.0``).

    The last layer counts, and replaces mappings of others in full.
    Raises InventoryError, with the nearest name, for what nobody says.
    """
    head, *way = (name,) if name in host.vars else name.split(".")
    if head not in host.vars:
        known = (*host.vars, *(each.name for each in SETTINGS), *NAMES)
        hint = (
            did_you_mean(name, known) or f"./inv inventory.explain {host.name} shows all there is"
        )
        raise InventoryError(f"nobody says {name!r} of this host", where=host.name, hint=hint)
    sources: list[Source] = []
    for layer in reversed(inventory.layers(host)):
        if head not in layer.vars:
            continue
        value, where = _followed(layer.vars, (head, *way))
        if value is not _NOTHING:
            sources.append(Source(where, layer.name, name, plain(value), wins=not sources))
        elif not sources:  # what counts is what this layer says, and it has no such key
            raise _no_such_key(layer.vars, (head, *way))
    return Explanation(host.name, name, sources[0].value, tuple(sources))


def variables(inventory: Inventory, host: Host) -> tuple[Explanation, ...]:
    """Explain every variable that is no setting, sorted by name."""
    return tuple(variable(inventory, host, name) for name in sorted(host.vars) if name not in NAMES)


def setting(inventory: Inventory, host: Host, wanted: Setting) -> Explanation:
    """Explain a setting: our name wins over Ansible's, and then the nearer place."""
    value = getattr(host, wanted.name)
    found = _given(wanted, inventory.layers(host))
    if wanted.name == "ssh_config" and value is not None:
        found = [*found, *_dash_f(inventory, host)]
    decided: set[str] = set()
    sources = []
    for variable, layer, given in found:
        note = _why_not(wanted, variable, given, host)
        # Of options, several variables count together.
        place = variable if wanted.name == OPTIONS else wanted.name
        wins = not note and place not in decided
        if note != _SAYS_NOTHING:
            decided.add(place)
        shown = _shown(wanted, given, layer.vars.where(variable))
        sources.append(Source(layer.vars.where(variable), layer.name, variable, shown, wins, note))
    return Explanation(host.name, wanted.name, plain(value), _winners_first(sources))


def args_of(source: Source) -> ssh_args.Args:
    """Return what a source of ``ssh_options`` says, as far as it can be read as it stands."""
    try:
        if isinstance(source.value, Mapping):
            return ssh_args.from_mapping(source.value)
        return ssh_args.parse(str(source.value))
    except Unfit:
        return ssh_args.Args()


_SAYS_NOTHING = "says nothing"
_TAKES_BACK = "takes back the others"
_IS_ITSELF = "is the host itself"


def _given(wanted: Setting, layers: Sequence[Layer]) -> list[tuple[str, Layer, Any]]:
    """Return the variables that may say a setting, the weightiest and nearest first."""
    return [
        (variable, layer, layer.vars[variable])
        for variable in (wanted.name, *reversed(wanted.ansible))
        for layer in reversed(layers)
        if variable in layer.vars
    ]


def _dash_f(inventory: Inventory, host: Host) -> Iterator[tuple[str, Layer, Any]]:
    """Yield what names an ssh_config by the option -F, as options for ssh may."""
    layers = inventory.layers(host)
    options = setting(inventory, host, NAMES[OPTIONS][0])
    for source in options.sources:
        if source.wins and args_of(source).config:
            layer = next(each for each in layers if _stands_at(each, source))
            yield source.name, layer, source.value


def _stands_at(layer: Layer, source: Source) -> bool:
    return source.name in layer.vars and layer.vars.where(source.name) == source.where


def _why_not(wanted: Setting, variable: str, given: Any, host: Host) -> str:
    """Return why a value does not count although nothing weightier is there; "" if it does."""
    value = getattr(host, wanted.name)
    if variable != wanted.name:
        # A template of Ansible's may turn out to be blank, which is nothing, too.
        blank = given in (None, "") or (is_templated(given) and value is None)
        return _SAYS_NOTHING if blank else ""
    if wanted.name == "gateway":  # null is a gateway, too: none at all
        return _IS_ITSELF if value is None and given is not None else ""
    return _TAKES_BACK if given is None else ""


def _shown(wanted: Setting, given: Any, where: str) -> Any:
    if wanted.secret and is_templated(given) and not _A_NAME.fullmatch(given):
        return f"<secret {where}>"
    return plain(given)


def _winners_first(sources: Sequence[Source]) -> tuple[Source, ...]:
    return tuple(sorted(sources, key=lambda source: not source.wins))


def _followed(variables: Map, way: Sequence[str]) -> tuple[Any, str]:
    """Return what stands at the end of a way, and where; ``_NOTHING`` if it ends before."""
    value: Any = variables
    where = variables.where()
    for key in way:
        if isinstance(value, Map) and key in value:
            value, where = value[key], value.where(key)
        elif isinstance(value, Seq) and key.isdecimal() and int(key) < len(value):
            value, where = value[int(key)], value.where(int(key))
        else:
            return _NOTHING, ""
    return value, where


def _no_such_key(variables: Map, way: Sequence[str]) -> InventoryError:
    """Return the error that names the first key of a way that is not there."""
    length = 1
    while _followed(variables, way[: length + 1])[0] is not _NOTHING:
        length += 1
    before, where = _followed(variables, way[:length])
    name, key = ".".join(way[:length]), way[length]
    if isinstance(before, Map):
        hint = did_you_mean(key, before)
        return InventoryError(f"{name} has no key {key!r}", where=where, hint=hint)
    kind = "a secret" if isinstance(before, Secret) else "a single value"
    kind = f"a list of {len(before)}" if isinstance(before, Seq) else kind
    return InventoryError(f"{name} is {kind}: there is no {key!r} in it", where=where)

"""Inventories on the screen: where values come from, and what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from wirework.inventory.check import Checked, Kind
from wirework.inventory.explain import Explanation, Source

from .render import NO_LIMIT, as_data, console
from .terminal import count, plain

if TYPE_CHECKING:
    from wirework.ssh.explain import HostExplained

STYLES = {Kind.ERROR: "red", Kind.WARNING: "yellow"}


def explained(result: Explanation | HostExplained) -> None:
    """Show one value with its sources, or all values of a host, one a line."""
    if isinstance(result, Explanation):
        _one(result)
    else:
        _all(result)


def checked(result: Checked) -> None:
    """List what was found, one a line, and count it."""
    _write(
        [
            (
                _near(each.where),
                Text(each.kind.value, STYLES[each.kind]),
                " ".join(_near(f"{each.what} ({each.hint})" if each.hint else each.what).split()),
            )
            for each in result.findings
        ]
    )
    print(_conclusion(result))


def _conclusion(result: Checked) -> str:
    name = _near(result.inventory)
    if result.ok:
        groups = f" in {count(result.groups, 'group')}" if result.groups else ""
        return f"{name}: {count(result.hosts, 'host')}{groups}, nothing wrong"
    told = ((result.errors, "error"), (result.warnings, "warning"))
    return f"{', '.join(count(number, noun) for number, noun in told if number)} in {name}"


def _one(result: Explanation) -> None:
    console().print(
        Text.assemble((plain(f"{result.host}: {result.name}"), "bold"), f" = {_heading(result)}")
    )
    sources = result.sources
    same_names = all(source.name.lower() == result.name for source in sources)
    numbers = all(type(source.value) in (int, float) for source in sources)
    _write(
        [
            (
                f"  {_place(source)}",
                _layer(source),
                "" if same_names else plain(source.name),
                Text(_value(source.value), justify="right" if numbers else "left"),
                Text(_note(source, sources), "dim"),
            )
            for source in sources
        ]
    )


def _heading(result: Explanation) -> str:
    """Return the value; in words, where it is no single one and nobody says any."""
    first = result.sources[0]
    by_default = result.value is None and first.layer == "default"
    return _value(first.value if by_default else result.value, nothing="none")


def _note(source: Source, sources: Sequence[Source]) -> str:
    if source.layer == "default" and len(sources) == 1:
        return "nobody says otherwise"
    return source.note or ("" if source.wins else "loses")


def _all(result: HostExplained) -> None:
    everything = [
        (plain(each.name), _heading(each), _place(first), _layer(first))
        for each in (*result.settings, *result.vars)
        for first in each.sources[:1]
    ]
    _write(everything)
    if not everything:
        print(f"nobody says anything of {result.host}")


def _write(rows: Sequence[Sequence[str | Text]]) -> None:
    """Write rows, one a line, however long; columns without anything are left out."""
    table = Table(box=None, padding=(0, 3, 0, 0), show_header=False, pad_edge=False)
    columns = [column for column in zip(*rows, strict=True) if any(map(str, column))]
    for _ in columns:
        table.add_column()
    for row in zip(*columns, strict=True):
        table.add_row(*row)
    if rows:
        screen = console()
        screen.width = NO_LIMIT
        with screen.capture() as captured:
            screen.print(table)
        print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _place(source: Source) -> str:
    return _near(source.where) or source.layer


def _layer(source: Source) -> Text:
    """Return the layer, unless its place has said it."""
    said = "/" in source.layer or not source.where
    return Text("" if said else plain(source.layer), "dim")


def _near(text: str) -> str:
    """Return text in which files are told from here, and from ``~``."""
    here, home = f"{Path.cwd()}/", f"{Path.home()}/"
    near = text.replace(here, "")
    if home != "//":
        near = re.sub(rf"(?<![^\s'\"]){re.escape(home)}", "~/", near)
    return plain(near)


def _value(value: Any, nothing: str = "null") -> str:
    """Return a value as one would write it in YAML, on one line."""
    if value is None or (nothing != "null" and value in ([], {}, "")):
        return nothing
    if isinstance(value, str):
        return _near(value).replace("\n", "\\n")
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return _near(json.dumps(as_data(value), ensure_ascii=False))

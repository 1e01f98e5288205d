"""Socket options on the screen: all of a socket's, or what became of those that were set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from .render import cell, table_of, write_table
from .terminal import plain

if TYPE_CHECKING:
    from wirework.net.options import SocketOptions
    from wirework.net.options.values import Value


def options(told: SocketOptions) -> None:
    """Show what was set, before and after; where nothing was, every option there is."""
    if told.changes:
        _changes(told)
        return
    table = table_of("option", "level", "value", "meaning")
    for each in told.options:
        table.add_row(each.name, each.level, _value(each.value, each.unit), each.meaning)
    write_table(table)


def _changes(told: SocketOptions) -> None:
    table = table_of("option", "asked", "before", "after", "")
    for each in told.changes:
        note = Text(plain(each.note))
        if each.refused:
            note = Text(f"refused: {plain(each.refused)}", "red")
        table.add_row(
            each.name,
            *(_value(value, each.unit) for value in (each.asked, each.before, each.after)),
            note,
        )
    write_table(table)


def _value(value: Value, unit: str) -> str:
    if value is None:
        return "off"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{cell(value)} {unit}".rstrip()

"""Names and their values, one a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from .render import cell, write_table
from .terminal import plain

if TYPE_CHECKING:
    from collections.abc import Iterable


def write_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Write names and values; those without a value are left out."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        shown = cell(value)
        if shown != "-":
            table.add_row(plain(name), Text(shown))
    write_table(table)

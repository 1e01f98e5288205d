"""Results on standard output: tables for people, JSON and JSON lines for programs."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from enum import Enum, StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from wirework.errors import BadInput, WireworkError
from wirework.fleet import Outcome
from wirework.inventory import Host
from wirework.secrets import Secret

from .terminal import plain, plain_bytes, plain_json

if TYPE_CHECKING:
    from rich.table import Table

NO_LIMIT = 10_000
"""Columns of an output that is not a terminal: nothing is wrapped or cut for a program."""


class Form(StrEnum):
    """The forms in which a result is shown."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"

    @classmethod
    def of(cls, text: str) -> Form:
        """Return the form of that name, or WIREWORK_OUTPUT's, or a table."""
        wanted = text or os.environ.get("WIREWORK_OUTPUT", "") or "table"
        try:
            return cls(wanted)
        except ValueError:
            where = "--output" if text else "WIREWORK_OUTPUT"
            raise BadInput(f"{where} is table, json or jsonl, not {wanted!r}") from None


def console() -> Console:
    """Return a console on standard output that interprets nothing in what it is given."""
    width = None if sys.stdout.isatty() else NO_LIMIT
    return Console(width=width, highlight=False, markup=False, emoji=False, soft_wrap=True)


def drawing(view: str) -> Callable[[Any], None] | None:
    """Return the function of this package that ``module.function`` names, loaded only now."""
    module, _, function = view.partition(".")
    found: Callable[[Any], None] | None = None
    if function:
        found = getattr(import_module(f".{module}", __package__), function)
    return found


def show(result: Any, form: Form, view: Callable[[Any], None] | None = None) -> bool:
    """Show what a task returned, and tell whether all of it is ok.

    ``view`` draws a single result for people, instead of a plain table.

    A dataclass is one record, an iterable of them is many. JSON lines are written as the
    records come; an interrupted stream still shows those that came before.
    """
    if result is None:
        return True
    if _is_record(result):
        if view and form is Form.TABLE:
            view(result)
            return is_ok(result)
        write_records([result], form, single=True)
        return is_ok(result)
    shown: list[Any] = []
    interrupted: KeyboardInterrupt | None = None
    try:
        for record in result:
            shown.append(record)
            if form is Form.JSONL:
                write_json_line(record)
    except KeyboardInterrupt as signal:
        interrupted = signal
    if form is not Form.JSONL:
        write_records(shown, form)
    if interrupted:
        raise interrupted
    return all(map(is_ok, shown))


def is_ok(record: Any) -> bool:
    """Tell whether a result stands for success: one without an ``ok`` does."""
    return bool(getattr(record, "ok", True))


def write_records(records: list[Any], form: Form, *, single: bool = False) -> None:
    """Write records in one go."""
    if form is Form.JSON:
        value = as_data(records[0]) if single else [as_data(record) for record in records]
        write_json(value)
    elif form is Form.JSONL:
        for record in records:
            write_json_line(record)
    elif single:
        write_table(_facts(records[0]))
    elif records:
        write_table(rows(records, [field.name for field in dataclasses.fields(records[0])]))


def write_json(data: Any) -> None:
    """Write data that JSON can hold, for people who read JSON."""
    print(plain_json(json.dumps(data, indent=2, ensure_ascii=False)))


def write_json_line(record: Any) -> None:
    """Write one record as one line, at once."""
    print(plain_json(json.dumps(as_data(record), ensure_ascii=False)), flush=True)


def write_table(table: Table) -> None:
    """Write a table without the blanks that fill its last column."""
    screen = console()
    with screen.capture() as captured:
        screen.print(table)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def table_of(*headings: str) -> Table:
    """Return an empty table in the suite's one style."""
    table = _plain_table(header_style="dim")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _plain_table(**settings: Any) -> Table:
    from rich.table import Table

    return Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), **settings)


def as_data(value: Any) -> Any:
    """Return a result as what JSON can hold; secrets show their source only.

    A record with an ``ok`` of its own says it. Bytes that are not UTF-8 become
    ``{"base64": …}``.
    """
    if isinstance(value, Host):
        return value.name
    if isinstance(value, Outcome):
        return outcome_data(value)
    if _is_record(value):
        data = {f.name: as_data(getattr(value, f.name)) for f in dataclasses.fields(value)}
        if isinstance(getattr(type(value), "ok", None), property):
            data["ok"] = value.ok
        return data
    if isinstance(value, Mapping):
        return {str(key): as_data(each) for key, each in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [as_data(each) for each in value]
    return _single(value)


def _single(value: Any) -> Any:
    """Return a value that holds no others as JSON's."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode("ascii")}
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Path | Secret | WireworkError):
        return str(value)
    raise TypeError(f"a task's result holds a {type(value).__name__}, which has no JSON form")


def outcome_data(outcome: Outcome[Any]) -> dict[str, Any]:
    """Return what came of one host as data for programs."""
    return {
        "host": outcome.host.name,
        "status": outcome.status.value,
        "seconds": round(outcome.seconds, 3),
        "result": as_data(outcome.value),
        "error": str(outcome.error) if outcome.error else None,
    }


def cell(value: Any) -> str:
    """Return one value as a table's cell."""
    if value is None or value in ((), ""):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, bytes):
        return plain_bytes(value)
    if isinstance(value, Mapping):
        return plain(json.dumps(as_data(value), ensure_ascii=False))
    if isinstance(value, tuple | list | frozenset):
        return ", ".join(map(cell, value))
    if isinstance(value, Enum):
        return plain(str(value.value))
    return plain(str(value))


def _is_record(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _facts(record: Any) -> Table:
    """Return one record as a table of two columns."""
    table = _plain_table(show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _pairs(record):
        table.add_row(name, Text(value))
    return table


def _pairs(record: Any) -> Iterator[tuple[str, str]]:
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        name = field.name.replace("_", " ")
        if isinstance(value, Mapping) and value:
            for key, each in value.items():
                yield plain(f"{name}.{key}"), cell(each)
        else:
            yield name, cell(value)


def rows(records: list[Any], names: list[str]) -> Table:
    """Return a table of records, one a row, with these of their fields as columns."""
    table = table_of(*(name.replace("_", " ") for name in names))
    for record in records:
        table.add_row(*(Text(cell(getattr(record, name))) for name in names))
    return table

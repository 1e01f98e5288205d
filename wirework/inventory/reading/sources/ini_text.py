"""Inventories in Ansible's INI format: ``[web]``, ``[web:vars]``, ``[web:children]``.

Source: https://docs.ansible.com/ansible/latest/collections/ansible/builtin/ini_inventory.html
"""

from __future__ import annotations

import ast
import re
import shlex
import warnings
from typing import TYPE_CHECKING, Any

from wirework.documents import Map, Seq

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wirework.inventory.reading.findings import Findings

_SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?")
_CHILD = re.compile(r"([^:\]\s]+)\s*(?:#.*)?")
# Most values: no Python, so that none has to be compiled.
_PLAIN = re.compile(r"(?!(?:True|False|None)$)[A-Za-z/~][\w./~-]*")
_MAX_VALUE = 100_000
_PARTS = ("hosts", "children", "vars")
_NO_VALUE = object()


def read(text: str, source: str, findings: Findings) -> Iterator[tuple[Map, bool]]:
    """Yield the groups of an inventory, and whether each is described there, in their order.

    What ``[web:vars]`` says of a group does not describe it: that takes ``[web]``, too.
    """
    section = _Section(source, "ungrouped", "hosts", 1)
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in ";#":
            continue
        where = f"{source}:{number}"
        if header := _SECTION.fullmatch(line):
            yield from section.trees
            name, part = header[1], header[2] or "hosts"
            if part not in _PARTS:
                findings.wrong(
                    f"a section is [{name}], [{name}:children] or [{name}:vars], not {line!r}",
                    where=where,
                )
                part = ""
            section = _Section(source, name, part, number)
        elif line[0] == "[" and line[-1] == "]":
            findings.wrong(
                f"{line!r} is no section's name", where=where, hint="write [name], without spaces"
            )
            yield from section.trees
            section = _Section(source, "", "", number)
        else:
            try:
                section.add(line, number)
            except ValueError as error:
                findings.wrong(str(error), where=where)
    yield from section.trees


class _Section:
    """The lines below one header; those below one that cannot be read are passed over."""

    def __init__(self, source: str, name: str, part: str, number: int) -> None:
        self._source = source
        self._name = name
        self._part = part
        self._number = number
        self.trees: list[tuple[Map, bool]] = []
        self._entries = self._start()

    def _start(self) -> Map:
        """Begin a tree of this one group."""
        top, body, entries = (Map(self._source, self._number) for _ in range(3))
        if self._part:
            body[self._part] = entries
            body.lines[self._part] = self._number
            top[self._name] = body
            top.lines[self._name] = self._number
            self.trees.append((top, self._part != "vars"))
        return entries

    def add(self, line: str, number: int) -> None:
        """Read one line; raises ValueError, saying what is wrong with it."""
        key, value = "", None
        if self._part == "hosts":
            key, value = self._host(line, number)
        elif self._part == "vars":
            key, equals, text = line.partition("=")
            key = key.strip()
            if not equals or not key:
                raise ValueError("this line is no variable: write name=value")
            value = _value(text.strip(), self._source, number)
        elif self._part == "children":
            child = _CHILD.fullmatch(line)
            if not child:
                raise ValueError(f"{line!r} is no group's name")
            key = child[1]
        if key in self._entries and self._part == "vars":
            first = self._entries.lines[key]
            raise ValueError(f"the variable {key!r} is given twice; line {first} has it")
        if key in self._entries:
            # The later line counts, and only for what it says: that is another tree's work.
            self._entries = self._start()
        self._entries[key] = value
        self._entries.lines[key] = number

    def _host(self, line: str, number: int) -> tuple[str, Map | None]:
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            raise ValueError("there is a quote here that is opened and never closed") from None
        name, *rest = words
        if name.endswith(":"):
            hint = "is this YAML? Then the file's name must end in .yaml"
            raise ValueError(f"{name!r} cannot be a host's name ({hint})")
        variables = Map(self._source, number)
        for word in rest:
            key, equals, text = word.partition("=")
            if not equals or not key:
                # The word may be a part of a password, so it is not repeated here.
                raise ValueError(
                    "after a host's name stands name=value, in quotes when there are blanks in it"
                )
            variables[key] = _value(text, self._source, number)
            variables.lines[key] = number
        return name, variables or None


def _value(text: str, source: str, number: int) -> Any:
    """Return what a value means: Python's literals are read, everything else is text."""
    if _PLAIN.fullmatch(text) or len(text) > _MAX_VALUE:
        return text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" is no escape, which is no news here
            value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
    shaped = _shaped(value, source, number)
    return text if shaped is _NO_VALUE else shaped


def _shaped(value: Any, source: str, number: int) -> Any:
    """Return a literal as YAML would have it; ``_NO_VALUE`` for what YAML has not."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list | tuple):
        items = Seq(source, number)
        items += [_shaped(item, source, number) for item in value]
        items.lines = [number] * len(items)
        return _NO_VALUE if _NO_VALUE in items else items
    if isinstance(value, dict):
        shaped = Map(source, number)
        for key, item in value.items():
            shaped[str(key)] = _shaped(item, source, number)
            shaped.lines[str(key)] = number
        return _NO_VALUE if _NO_VALUE in shaped.values() else shaped
    return _NO_VALUE

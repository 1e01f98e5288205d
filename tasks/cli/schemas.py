"""The JSON Schemas of the files that people write, kept in ``schemas/`` for their editors."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wirework.inventory.schema import schema as inventory

from .tools import ROOT

SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {"inventory.json": inventory}
"""Each file below ``schemas/`` and what makes it."""


@dataclass(frozen=True)
class Written:
    """A schema's file, and whether it is another one now."""

    file: str
    changed: bool


def text(name: str) -> str:
    """Return what the file of that name has to hold."""
    return json.dumps(SCHEMAS[name](), indent=2) + "\n"


def write(folder: Path = ROOT / "schemas") -> Sequence[Written]:
    """Write every schema anew."""
    folder.mkdir(exist_ok=True)
    return [Written(name, _write(folder / name, text(name))) for name in SCHEMAS]


def _write(file: Path, content: str) -> bool:
    if file.exists() and file.read_text(encoding="utf-8") == content:
        return False
    file.write_text(content, encoding="utf-8")
    return True

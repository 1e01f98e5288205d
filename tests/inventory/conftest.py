"""Inventories of several files, written where a test says."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

WriteAll = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def write_all(tmp_path: Path) -> WriteAll:
    """Write files below a folder, programs so that they can be run; returns the folder."""

    def write_all(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
            path.chmod(0o755 if text.startswith("#!") else 0o644)
        return tmp_path

    return write_all

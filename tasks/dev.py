"""Work on Wirework itself: the tests, and the rules of the house."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .cli import task

if TYPE_CHECKING:
    from .cli.schemas import Written
    from .cli.tools import Tool


@task(help={"only": "Run only tests whose names match this (pytest's -k)."})
def test(c: object, only: str = "") -> None:
    """Set up what the tests need, and run them all."""
    from .cli import tools

    tools.prepare_machine()
    tools.pytest(*(("-k", only) if only else ()))


@task(help={"name": "Which one; without it all of them, one after another."})
def bench(c: object, name: str = "") -> None:
    """Measure Wirework beside the tools people use today."""
    from .cli import tools

    tools.benchmarks(name)


@task()
def check(c: object) -> Sequence[Tool]:
    """Lint, types, floors, tests: everything that has to be right."""
    from .cli import tools

    tools.prepare_machine()
    return tools.check_all()


@task()
def schemas(c: object) -> Sequence[Written]:
    """Write the JSON Schemas that editors use."""
    from .cli import schemas

    return schemas.write()

"""The suite's main job on three throwaway hosts, start to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .cli import task

if TYPE_CHECKING:
    from .cli.demo import Demo
    from .cli.play_view import PlayView


@task(view="demo.tell")
def demo(c: object, *, watch: PlayView | None = None) -> Demo:
    """Plan, apply, verify and re-run a rolling deployment on three throwaway hosts."""
    from .cli.demo import show_main_job
    from .namespace import ns

    return show_main_job(ns, watch)

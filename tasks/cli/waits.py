"""Waiting on the screen: how targets stand while it lasts, and one line each at the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from wirework.net.wait import Awaited, Waited

from .render import Form, console, table_of, write_table
from .terminal import is_live, plain, seconds

MOST_SHOWN = 12
"""Targets that are shown while they are waited for."""


def waited(result: Waited) -> None:
    """Write a line for each target, and one for all."""
    table = table_of("target", "state", "last seen")
    for each in result.targets:
        told = each.seen if each.reached else each.last_seen
        state = f"{result.wanted} after {seconds(each.seconds)}"
        missed = f"not {result.wanted}"
        # With any, those that nobody waited for any longer are no trouble.
        style = "dim" if result.ok else "red"
        table.add_row(
            Text(plain(each.target)),
            Text(state, "green") if each.reached else Text(missed, style),
            Text(plain(told), "" if each.reached else style),
        )
    write_table(table)
    if not result.ok:
        reached = sum(each.reached for each in result.targets)
        told = f"{reached} of {len(result.targets)} {result.wanted} within {result.timeout:g} s"
        console().print(Text(told, "red"))


class Progress:
    """Shows on a terminal which targets are as wished and what is seen of the others."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._targets: tuple[Awaited, ...] = ()
        self._lock = threading.Lock()
        self._spinner = Spinner("dots")
        self._live = Live(
            console=Console(stderr=True, highlight=False, markup=False, emoji=False),
            transient=True, get_renderable=self._render, refresh_per_second=8,
            redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip

    @classmethod
    def of(cls, form: Form) -> Progress | None:
        """Return what follows the waiting, None where nobody watches."""
        del form  # it is on standard error, beside whatever result
        return cls() if is_live() else None

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def seen(self, targets: Sequence[Awaited]) -> None:
        """Take how things stand."""
        with self._lock:
            self._targets = tuple(targets)

    def _render(self) -> RenderableType:
        with self._lock:
            targets = self._targets
        done = sum(each.reached for each in targets)
        took = time.monotonic() - self._began
        self._spinner.update(text=Text(f"waiting  {done}/{len(targets)}  {took:.0f} s"))
        late = [each for each in targets if not each.reached]
        rows = [
            Text.assemble(
                (f"  {plain(each.target)}", "cyan"),
                ("  ", ""),
                (plain(each.last_seen), "dim"),
                no_wrap=True,
                overflow="ellipsis",
            )
            for each in late[:MOST_SHOWN]
        ]
        if len(late) > MOST_SHOWN:
            rows.append(Text(f"  and {len(late) - MOST_SHOWN} more", style="dim"))
        return Group(self._spinner, *rows)

"""How a fleet's work is followed on standard error: live on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console, Group
from rich.text import Text

from wirework.fleet import Outcome, Status
from wirework.inventory import Host

from .terminal import count, is_live, plain, plain_bytes, seconds

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live
    from rich.spinner import Spinner

STYLES = {
    Status.OK: "green",
    Status.CHANGED: "yellow",
    Status.FAILED: "red",
    Status.UNREACHABLE: "magenta",
    Status.SKIPPED: "dim",
}
NAMES_SHOWN = 6
LINE_KEPT = 8192
LINE_SHOWN = 400
"""Bytes of a line that is shown beside its host while it works."""


class Progress:
    """Follows a fan-out: what is running, what is done.

    The watcher's methods come from one thread; ``heard`` comes from the hosts' threads.
    With ``live_lines`` every line a host prints is written at once, after its name. A ``quiet``
    one writes no plain lines where there is no terminal: somebody else tells the story.
    """

    def __init__(
        self, title: str, total: int, *, live_lines: bool = False, quiet: bool = False
    ) -> None:
        self._title = title
        self._total = total
        self._done = 0
        self._batch = ""
        self._running: dict[str, str] = {}
        self._partial: dict[tuple[str, str], bytes] = {}
        self._lock = threading.Lock()
        self._lines = live_lines
        self._quiet = quiet
        self._spinner: Spinner
        self._live = self._drawing() if is_live() else None

    def _drawing(self) -> Live | None:
        console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        if not console.is_terminal:
            return None
        from rich.live import Live
        from rich.spinner import Spinner

        self._spinner = Spinner("dots")
        return Live(
            console=console, transient=True, get_renderable=self._render,
            refresh_per_second=8, redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        for (host, stream), rest in self._partial.items():
            if rest:
                self._write_line(host, stream, rest)
        if self._live:
            self._live.stop()

    def batch(self, number: int, of: int, hosts: Sequence[Host]) -> None:
        """Note that a batch begins."""
        if of > 1:
            self._batch = f"batch {number} of {of}"
            if not self._live:
                self._say(f"{self._batch}: {count(len(hosts), 'host')}")

    def started(self, host: Host) -> None:
        """Note that a host's work begins."""
        with self._lock:
            self._running[host.name] = ""

    def finished(self, outcome: Outcome[Any]) -> None:
        """Note that a host's work has ended."""
        self._done += 1
        name = outcome.host.name
        with self._lock:
            self._running.pop(name, None)
        if not self._live and outcome.status is not Status.SKIPPED:
            time = seconds(outcome.seconds)
            self._say(f"[{self._done}/{self._total}] {name} {outcome.status} {time}")

    def heard(self, host: Host, stream: str, data: bytes) -> None:
        """Take what a host prints, from the host's own thread."""
        key = (host.name, stream)
        with self._lock:
            *lines, rest = (self._partial.get(key, b"") + data).split(b"\n")
            if len(rest) > LINE_KEPT:
                lines, rest = [*lines, rest], b""
            self._partial[key] = rest
            if lines and self._live and host.name in self._running:
                self._running[host.name] = plain_bytes(lines[-1][:LINE_SHOWN])
            if self._lines:
                for line in lines:
                    self._write_line(host.name, stream, line)

    def _write_line(self, host: str, stream: str, line: bytes) -> None:
        if not self._lines:
            return
        text = plain_bytes(line.rstrip(b"\r"))
        if self._live:
            bar = Text.assemble((host, "cyan"), (" ! " if stream == "err" else " | ", "dim"), text)
            self._live.console.print(bar, soft_wrap=True)
        else:
            print(
                f"{host} | {text}", file=sys.stdout if stream == "out" else sys.stderr, flush=True
            )

    def pause(self) -> None:
        """Make room for others to write."""
        if self._live:
            self._live.stop()

    def resume(self) -> None:
        """Follow on after ``pause``."""
        if self._live:
            self._live.start()

    def _say(self, text: str) -> None:
        if not self._quiet:
            print(plain(text), file=sys.stderr, flush=True)

    def _render(self) -> RenderableType:
        with self._lock:
            running = list(self._running.items())
        head = f"{self._title}  {self._done}/{self._total}  {self._batch}"
        self._spinner.update(text=Text(head.rstrip()))
        rows = [
            Text.assemble((f"  {name}", "cyan"), ("  ", ""), (last[:200], "dim"))
            for name, last in running[:NAMES_SHOWN]
        ]
        if len(running) > NAMES_SHOWN:
            rows.append(Text(f"  and {len(running) - NAMES_SHOWN} more", style="dim"))
        return Group(self._spinner, *rows)

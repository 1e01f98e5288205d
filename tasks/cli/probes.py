"""A probe's stages, drawn for people as a timeline."""

from __future__ import annotations

from rich.text import Text

from wirework.net.probe import Certificate, Probe, Stage

from .facts import write_facts
from .render import console, table_of, write_table
from .terminal import count, plain

WIDTH = 24
"""Columns of the whole time."""
SOON = 14
"""Days before a certificate's end from which it is marked."""
MOST_LINES, LINE, MOST_BYTES = 8, 100, 2048
"""How much is shown of what a server said; --output json has all of it."""


def probe(found: Probe) -> None:
    """Draw the stages against time, what TLS came to, and what the server said."""
    table = table_of("stage", "took", "", "")
    for stage in found.stages:
        style = "green" if stage.ok else "red"
        told = plain(stage.told)
        if stage.errno:
            told = f"{told} ({stage.errno})"
        whom = f"{stage.address} " if stage.name == "connect" else ""
        table.add_row(
            Text(stage.name, style),
            Text(_milliseconds(stage.seconds)),
            Text(_bar(stage, found.seconds), style),
            Text.assemble((whom, "bold"), (told, "" if stage.ok else "red")),
        )
    write_table(table)
    has_lines = b"\n" in found.received.strip()
    if found.tls and found.tls.certificate:
        print()
        _certificate(found.tls.certificate)
    if has_lines:
        print()
        _said(found.received)
    if has_lines or found.tls:
        print()
    if found.failed:
        console().print(Text(f"{found.failed} failed: {found.cause}", "red"))
    else:
        console().print(Text(f"all went well in {_milliseconds(found.seconds)}", "green"))


def _bar(stage: Stage, whole: float) -> str:
    """Return a stage's part of the whole time, where in it that was; never nothing."""
    scale = WIDTH / whole if whole else 0.0
    start = min(int(stage.began * scale), WIDTH - 1)
    length = max(round(stage.seconds * scale), 1)
    return f"{' ' * start}{'━' * min(length, WIDTH - start)}"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _certificate(found: Certificate) -> None:
    days = found.days_left
    left = f"{count(days, 'day')} left" if days >= 0 else "expired"
    until = f"{found.not_before:%Y-%m-%d} to {found.not_after:%Y-%m-%d}, {left}"
    write_facts(
        [
            ("certificate", found.subject or "its subject is empty"),
            ("for", found.names),
            ("issuer", found.issuer),
            ("valid", f"{until}{', soon over' if 0 <= days < SOON else ''}"),
            ("sha-256", found.sha256),
        ]
    )


def _said(received: bytes) -> None:
    """Show the beginning of what was said, its lines as lines."""
    lines = plain(received[:MOST_BYTES].decode("utf-8", "backslashreplace")).splitlines()
    for line in lines[:MOST_LINES]:
        text = line.replace("\\r", "")
        print(f"  {text[:LINE]}{'…' if len(text) > LINE else ''}")
    if len(lines) > MOST_LINES or len(received) > MOST_BYTES:
        print("  …")

"""Host keys on the screen: a table of them, what is wrong with some, and what was pinned."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from rich.table import Table
from rich.text import Text

from wirework.ssh.hostkeys import State
from wirework.ssh.trust import OfferedKey

from .exits import complain
from .render import NO_LIMIT, console, table_of, write_table
from .terminal import count, plain

STYLES = {
    State.KNOWN: "green",
    State.AUTHORITY: "green",
    State.NEW: "yellow",
    State.CHANGED: "red",
    State.REVOKED: "red",
}
SHORT = {"ssh-ed25519": "ed25519", "ssh-rsa": "rsa"}
"""Types of keys as ssh-keygen -t has them; the others begin with ecdsa."""


def write(keys: Sequence[OfferedKey]) -> None:
    """Write a row for each key; on a narrow terminal hosts stand above their keys."""
    if not keys:
        return
    screen = console()
    wide = table_of("host", "address", "type", "fingerprint", "state")
    before = ""
    for key in keys:
        # People need not read a name again; programs that look for lines do.
        again = key.host == before and sys.stdout.isatty()
        before = key.host
        wide.add_row(*("", "") if again else (plain(key.host), plain(key.address)), *_cells(key))
    unlimited = screen.options.update(max_width=NO_LIMIT)
    if screen.measure(wide, options=unlimited).maximum <= screen.width:
        write_table(wide)
        return
    for host, of_host in groupby(keys, lambda key: (key.host, key.address)):
        screen.print(Text.assemble((plain(host[0]), "bold"), f"  {plain(host[1])}"))
        narrow = Table(box=None, padding=(0, 0, 0, 2), show_header=False)
        for key in of_host:
            narrow.add_row(*_cells(key))
        write_table(narrow)


def _cells(key: OfferedKey) -> tuple[str | Text, ...]:
    kind = SHORT.get(key.type, "ecdsa")
    return kind, key.fingerprint, Text(key.state.value, STYLES[key.state])


def warn(keys: Iterable[OfferedKey]) -> None:
    """Say on standard error what else there is to know of some keys."""
    for key in keys:
        if key.note:
            complain(plain(f"{key.host}: {key.note}"))


def new_keys(number: int) -> str:
    """Return ``1 new key``, ``3 new keys``."""
    return count(number, "new key")


def places(files: Iterable[str]) -> str:
    """Return the names of files for people, who have a ``~``."""
    home = str(Path.home())
    return ", ".join(f.replace(home, "~", 1) if f.startswith(f"{home}/") else f for f in files)

"""Inventories that are programs: they print JSON when they are called with ``--list``.

Source: https://docs.ansible.com/ansible/latest/dev_guide/developing_inventory.html
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any, cast

from wirework.documents import MAX_BYTES, Map
from wirework.errors import DocumentError, InventoryError
from wirework.inventory.reading.sources import json_text

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

TIMEOUT = 30.0
"""Seconds that a program has for all its answers."""

_CHUNK = 65_536
_TAIL = 2_000
_SHOWN = 300
_PARTS = ("hosts", "children", "vars")


def is_script(path: Path) -> bool:
    """Whether a file is meant to be run: it may be, and starts with ``#!``."""
    if not path.is_file() or not os.access(path, os.X_OK):
        return False
    try:
        with path.open("rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return False  # reading it in earnest says why


def read(path: Path) -> list[Map]:
    """Run an inventory program and return its groups, as YAML inventories have them.

    Variables of hosts come from ``_meta.hostvars`` or, where it is not there, of a call with
    ``--host NAME`` for each host. Raises InventoryError or DocumentError for a program that
    fails, takes longer than ``TIMEOUT`` in all, or prints too much or the wrong thing.
    """
    program = _Program(path)
    answer = program.ask("--list")
    meta = answer.pop("_meta", None)
    hostvars = meta.get("hostvars") if isinstance(meta, Map) else None
    groups = json_text.Keyed(answer.source, ())
    names: dict[str, None] = {}
    for name, body in answer.items():
        groups[name] = _group(name, body, answer)
        names.update(groups[name].get("hosts") or {})
    # In a tree of its own: what is said of a host itself stands beside no group.
    hosts = json_text.Keyed(answer.source, ("_meta", "hostvars"))
    for name in names:
        if isinstance(hostvars, Map):
            hosts[name] = hostvars.get(name)
        else:
            hosts[name] = program.ask("--host", name)
    everybody = json_text.Keyed(answer.source, ("_meta",))
    everybody["hosts"] = hosts
    own = json_text.Keyed(answer.source, ())
    own["all"] = everybody
    return [groups, own]


def _group(name: str, body: Any, answer: Map) -> Map:
    """Return a group in full, of the list of its hosts or of a mapping of its parts."""
    where = answer.where(name)
    group = json_text.Keyed(answer.source, (name,))
    parts = body if isinstance(body, Map) else {"hosts": body}
    for part, given in parts.items():
        if part == "vars" and isinstance(given, Map):
            group[part] = given
        elif part in ("hosts", "children") and isinstance(given, list):
            # A child is a group even when nothing else is said of it.
            group[part] = members = json_text.Keyed(answer.source, (name, part))
            for member in given:
                if not isinstance(member, str):
                    raise InventoryError(f"{part} must be a list of names", where=where)
                members[member] = None if part == "hosts" else json_text.Keyed(answer.source, ())
        elif part in _PARTS:
            kind = "a mapping" if part == "vars" else "a list of names"
            raise InventoryError(f"{part} must be {kind}", where=where)
        else:
            raise InventoryError(
                f"the group {name!r} cannot hold {part!r}",
                where=where,
                hint="only hosts, children and vars",
            )
    return group


class _Program:
    """An inventory program, and the time that is left for it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._deadline = time.monotonic() + TIMEOUT

    def ask(self, *arguments: str) -> Map:
        """Return the JSON object that the program prints; nothing at all is an empty one."""
        name = " ".join((str(self._path), *arguments))
        printed = self._run([str(self._path.absolute()), *arguments], name)
        try:
            text = printed.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise DocumentError("this program did not print UTF-8 text", where=name) from None
        if not text.strip() and arguments[0] == "--host":
            return json_text.Keyed(name, ())
        answer = json_text.parse(text, name)
        if not isinstance(answer, Map):
            raise InventoryError("this program must print a JSON object", where=name)
        return answer

    def _run(self, argv: list[str], name: str) -> bytes:
        try:
            process = subprocess.Popen(
                argv,
                cwd=self._path.parent,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # so that what it starts can be ended with it
            )
        except OSError as error:
            raise InventoryError(
                f"cannot run this program: {(error.strerror or str(error)).lower()}", where=name
            ) from error
        with process:
            try:
                printed, complaint = self._collect(process, name)
                status = process.wait(max(self._deadline - time.monotonic(), 0.01))
            except subprocess.TimeoutExpired:
                _kill(process)
                raise self._too_slow(name) from None
            except BaseException:
                _kill(process)
                raise
        if status:
            said = f": {complaint}" if complaint else ""
            raise InventoryError(f"this program ended with status {status}{said}", where=name)
        return printed

    def _collect(self, process: subprocess.Popen[bytes], name: str) -> tuple[bytes, str]:
        """Return what the program prints, and the end of what it complains of."""
        out, err = cast("IO[bytes]", process.stdout), cast("IO[bytes]", process.stderr)
        printed, complaint = bytearray(), b""
        with selectors.DefaultSelector() as selector:
            selector.register(out, selectors.EVENT_READ)
            selector.register(err, selectors.EVENT_READ)
            while selector.get_map():
                left = self._deadline - time.monotonic()
                if left <= 0:
                    raise self._too_slow(name)
                for key, _ in selector.select(left):
                    chunk = os.read(key.fd, _CHUNK)
                    if not chunk:
                        selector.unregister(key.fileobj)
                    elif key.fileobj is out:
                        printed += chunk
                    else:
                        complaint = (complaint + chunk)[-_TAIL:]
                    if len(printed) > MAX_BYTES:
                        raise InventoryError(
                            f"this program prints more than {MAX_BYTES // 1_000_000} MB", where=name
                        )
        return bytes(printed), _tail(complaint)

    def _too_slow(self, name: str) -> InventoryError:
        return InventoryError(f"this program has not ended within {TIMEOUT:g} s", where=name)


def _tail(complaint: bytes) -> str:
    text = " ".join(complaint.decode(errors="replace").split())
    shown = "".join(letter if letter.isprintable() else "�" for letter in text)
    return f"…{shown[-_SHOWN:]}" if len(shown) > _SHOWN else shown


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)

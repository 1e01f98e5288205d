"""Where on this machine the things go that come from many hosts."""

from __future__ import annotations

import posixpath
from pathlib import Path

from wirework.errors import BadInput


def folder(path: str) -> Path:
    """Return a folder, made (0700) if it is not there; raises BadInput when it cannot be."""
    made = Path(path)
    try:
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"cannot make the folder {path}: {error.strerror}") from error
    return made


def output_of(host: str, into: Path) -> Path:
    """Return the file for all that a host prints."""
    return into / f"{_safe(host)}.out"


def copy_of(source: str, host: str, into: Path) -> Path:
    """Return the file for a copy of the host's ``source``, in a folder of the host's name."""
    name = posixpath.basename(source)
    if name in ("", ".", ".."):
        raise BadInput(f"{source!r} names no file")
    return folder(str(into / _safe(host))) / name


def _safe(host: str) -> str:
    """Return a host's name as one part of a path: ``/`` is the only letter that is not."""
    return host.replace("/", "_") if host not in (".", "..") else f"_{host}"

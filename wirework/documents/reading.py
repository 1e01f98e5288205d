"""From a file to its text, and from text to what it says."""

from __future__ import annotations

import re
import stat
from types import MappingProxyType
from typing import TYPE_CHECKING

import yaml

from wirework.documents.build import Builder, Tags
from wirework.documents.syntax import plainly
from wirework.documents.values import Document
from wirework.errors import DocumentError

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 10_000_000
"""The largest file that is read."""

_NO_TAGS: Tags = MappingProxyType({})
_UNPRINTABLE = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read(
    path: Path, *, tags: Tags = _NO_TAGS, mistakes: list[DocumentError] | None = None
) -> Document:
    """Read the one YAML document of a file; ``tags`` and ``mistakes`` as for ``parse``.

    Raises DocumentError, its ``where`` a ``file:line`` or, when nothing could be read, the file.
    """
    return parse(text(path), str(path), tags=tags, mistakes=mistakes)


def text(path: Path) -> str:
    """Return the text of a regular file of at most ``MAX_BYTES``, a byte order mark left out.

    Raises DocumentError, its ``where`` the file, and the line for what is not UTF-8.
    """
    source = str(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise DocumentError("this is a folder, not a file", where=source)
        if not stat.S_ISREG(status.st_mode):
            # A pipe might keep us waiting for ever, a device might never end.
            raise DocumentError("this is not a regular file", where=source)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise DocumentError("there is no such file", where=source) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DocumentError(f"cannot read this file: {reason}", where=source) from error
    except ValueError:
        raise DocumentError("this is not a usable file name", where=repr(source)) from None
    if len(data) > MAX_BYTES:
        raise _too_large(source)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DocumentError(
            "this is not UTF-8 text", where=f"{source}:{line}", hint="save the file as UTF-8"
        ) from None


def parse(
    written: str, name: str, *, tags: Tags = _NO_TAGS, mistakes: list[DocumentError] | None = None
) -> Document:
    """Read the one YAML document of a text; ``name`` is what its errors call it.

    ``tags`` says what a tag before a scalar means (``!vault``): it is called with the scalar's
    text and its ``name:line``, and what it returns is the value. Other tags are refused.
    With a list of ``mistakes``, those after which reading can go on are appended to it instead of
    raised: of a key given twice the first stays, and where a value is none that can be used,
    its text stands, or None.
    Raises DocumentError, its ``where`` a ``name:line``; for a BadInput of a tag's as well.
    """
    if len(written) > MAX_BYTES:
        raise _too_large(name)
    if odd := _UNPRINTABLE.search(written):
        line = written.count("\n", 0, odd.start()) + 1
        raise DocumentError(
            f"there is a character here that YAML does not allow (U+{ord(odd.group()):04X})",
            where=f"{name}:{line}",
        )
    try:
        return Document(Builder(written, name, tags, mistakes).document(), name)
    except yaml.MarkedYAMLError as error:
        raise plainly(error, written, name) from None
    except yaml.YAMLError as error:
        raise DocumentError(f"this is not YAML: {error}", where=name) from None


def _too_large(source: str) -> DocumentError:
    return DocumentError(f"this is larger than {MAX_BYTES // 1_000_000} MB", where=source)

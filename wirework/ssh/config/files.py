"""From files to blocks of lines: which apply together, with what they include."""

from __future__ import annotations

import glob
import grp
import os
import pwd
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from wirework.errors import BadInput
from wirework.ssh.config import words
from wirework.ssh.config.conditions import MatchLine, host_line
from wirework.ssh.config.settings import Setting, setting

if TYPE_CHECKING:
    from wirework.ssh.config.patterns import Matcher

USER = Path("~/.ssh/config")
SYSTEM = Path("/etc/ssh/ssh_config")

MAX_DEPTH = 16
MAX_FILES = 10_000
MAX_BYTES = 4 * 1024 * 1024
"""All files together, each time one is included."""

_ONLY_IN_FILES = ("host", "match", "include")


@dataclass(frozen=True, slots=True)
class Block:
    """Lines under one Host or Match, or under none: what they set, and the files they include."""

    hosts: Matcher | None = None
    match: MatchLine | None = None
    body: list[Setting | Blocks] = field(default_factory=list)


Blocks: TypeAlias = tuple[Block, ...]


def option(keyword: str, value: str, where: str) -> Setting | None:
    """Return what an option of the command line (``ssh -o``) sets; raises BadInput."""
    keyword = keyword.lower()
    if keyword in _ONLY_IN_FILES:
        raise BadInput(f"{keyword}: stands in a file, not among options", where=where)
    return setting(keyword, value.strip(words.SPACE), where)


class Reader:
    """Reads files and what they include; bounds all of them together.

    ``notes`` says which lines were passed over, ``wants_final`` whether a second pass is due.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.wants_final = False
        self._files = 0
        self._bytes = 0

    def read(self, path: Path) -> Blocks:
        """Return the blocks of a file, none if it is absent.

        Raises BadInput, its ``where`` a file or ``file:line``.
        """
        content = self._content(path, str(path))
        return () if content is None else self._blocks(content, path, system=path == SYSTEM)

    def _blocks(self, content: bytes, path: Path, *, system: bool, depth: int = 0) -> Blocks:
        block = Block()
        blocks = [block]
        for number, line in enumerate(_text(content).split("\n"), start=1):
            found = words.keyword(line)
            if found is None:
                continue
            keyword, text = found
            where = f"{path}:{number}"
            if "\0" in line:
                raise BadInput("a NUL byte stands in this line", where=where)
            if not text:
                raise BadInput(f"{keyword}: wants a value", where=where)
            if keyword in ("host", "match"):
                block = self._block(keyword, text, where)
                blocks.append(block)
            elif keyword == "include":
                for each in _included(text, where, system=system):
                    block.body.append(self._include(each, where, system=system, depth=depth + 1))
            elif (made := setting(keyword, text, where)) is not None:
                block.body.append(made)
            elif keyword == "canonicalizehostname" and text.lower() not in ("no", "false"):
                self.notes.append(f"{where}: CanonicalizeHostname is passed over: no DNS is asked")
        return tuple(blocks)

    def _block(self, keyword: str, text: str, where: str) -> Block:
        try:
            if keyword == "host":
                return Block(hosts=host_line(text))
            match = MatchLine(text)
        except ValueError as error:
            raise BadInput(f"{keyword}: {error}", where=where) from None
        self.wants_final |= match.wants_final
        if match.undecided:
            why = "no command is run" if match.undecided == "exec" else "it is not known"
            self.notes.append(f"{where}: Match {match.undecided} never applies here: {why}")
        return Block(match=match)

    def _include(self, path: Path, where: str, *, system: bool, depth: int) -> Blocks:
        if depth > MAX_DEPTH:
            raise BadInput(
                f"include: files include each other more than {MAX_DEPTH} deep",
                where=where,
                hint="does one include itself?",
            )
        content = self._content(path, where, included=True)
        if content is None:
            return ()
        return self._blocks(content, path, system=system, depth=depth)

    def _content(self, path: Path, where: str, *, included: bool = False) -> bytes | None:
        """Return what a file holds, None if it is absent."""
        file = "this file" if where == str(path) else str(path)
        self._files += 1
        if self._files > MAX_FILES:
            raise BadInput(f"include: more than {MAX_FILES} files are included", where=where)
        try:
            status = path.stat()
            if stat.S_ISCHR(status.st_mode) and path.samefile(os.devnull):
                return None
            if stat.S_ISDIR(status.st_mode) and included:
                self.notes.append(f"{where}: {path} is a folder: nothing of it is read")
                return None
            if not stat.S_ISREG(status.st_mode):
                # A pipe might keep us waiting for ever, a device might never end.
                raise BadInput(f"cannot read {file}: it is not a regular file", where=where)
            if included or path == USER.expanduser():
                _check_private(path, status)
            with path.open("rb") as opened:
                content = opened.read(MAX_BYTES - self._bytes + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise BadInput(f"cannot read {file}: {reason}", where=where) from None
        self._bytes += len(content)
        if self._bytes > MAX_BYTES:
            raise BadInput(
                f"cannot read {file}: all files together have more than {MAX_BYTES} bytes",
                where=where,
            )
        return content


def _text(content: bytes) -> str:
    # A path may hold any byte, and a comment any encoding.
    return content.decode("utf-8", "surrogateescape")


def _included(text: str, where: str, *, system: bool) -> list[Path]:
    """Return the files that an Include names."""
    try:
        patterns = words.words(text)
    except ValueError as error:
        raise BadInput(f"include: {error}", where=where) from None
    base = SYSTEM.parent if system else USER.expanduser().parent
    found: list[Path] = []
    for pattern in patterns:
        if not pattern or (system and pattern.startswith("~")):
            raise BadInput(f"include: {pattern!r} cannot be included here", where=where)
        try:
            path = Path(pattern).expanduser()
        except RuntimeError:
            continue  # there is no such user, so there is no such file
        # Path.glob takes no absolute pattern, which this is, whichever the Include has.
        absolute = str(Path(glob.escape(str(base))) / path)
        found += map(Path, sorted(glob.glob(absolute)))  # noqa: PTH207
    return found


def _check_private(path: Path, status: os.stat_result) -> None:
    """Raise BadInput for a file that others could put lines into, as OpenSSH does.

    A group that has our own name is ours alone, on systems with umask 002.
    """
    if status.st_uid not in (0, os.getuid()):
        raise BadInput("this file belongs to another user", where=str(path))
    others = status.st_mode & stat.S_IWOTH
    group = status.st_mode & stat.S_IWGRP and not _own_group(status.st_gid)
    if others or group:
        mode = stat.S_IMODE(status.st_mode)
        raise BadInput(
            f"others can write this file (mode {mode:04o})",
            where=str(path),
            hint=f"chmod go-w {path}",
        )


def _own_group(gid: int) -> bool:
    try:
        group = grp.getgrgid(gid)
        user = pwd.getpwuid(os.getuid())
    except KeyError:
        return False
    return group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}

"""Mode, owner and group: shared by every operation on paths."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING

from wirework.errors import Refused
from wirework.state.changes import Change
from wirework.state.facts import Entry, Login, PathState

if TYPE_CHECKING:
    from collections.abc import Generator

    from wirework.state.operation import Steps

SETGID = 0o2000
SET_ID_BITS = 0o6000


def octal(mode: int) -> str:
    """Write a mode for chmod(1); GNU's keeps a folder's setgid bit unless there are five digits."""
    return f"{mode:05o}"


def created_by(login: Login, folder: Entry, entry: Entry) -> Entry:
    """Return a new entry in the hands it gets when ``login`` makes it in ``folder``.

    A folder with the setgid bit hands its group down (inode(7)).
    """
    inherits = folder.mode & SETGID and folder.group
    return entry.with_owner(login.user, folder.group if inherits else login.group)


def folder_fact(path: str) -> PathState:
    """Return the question about the folder that ``path`` stands in."""
    return PathState(posixpath.dirname(path) or ".")


def usable_folder(path: str, folder: Entry) -> Generator[PathState, Entry, Entry]:
    """Return the folder that ``path`` stands in, a link followed; Refused when there is none."""
    name = folder_fact(path).path
    if folder.kind == "link":
        folder = yield PathState(f"{name}/.")
    if folder.kind == "absent":
        raise Refused(f"there is no folder {name}", hint="add a directory step before this one")
    if folder.kind != "directory":
        raise Refused(f"{name} is a {folder.kind}, not a folder")
    return folder


def attributes(
    path: str, now: Entry, *, mode: int | None = None, owner: str = "", group: str = ""
) -> Steps:
    """Yield the changes that give an existing file or folder its mode and hands."""
    unsure = False
    if (owner and owner != now.owner) or (group and group != now.group):
        wished = now.with_owner(owner or now.owner, group or now.group)
        if now.kind == "file" and now.mode & SET_ID_BITS:
            # The kernel takes these bits away when a file changes hands, some of them only
            # sometimes (chown(2)): so the mode is set anew, whatever is left of it.
            wished = replace(wished, mode=now.mode & ~SET_ID_BITS)
            mode = now.mode if mode is None else mode
            unsure = bool(now.mode & SETGID)
        hands = f"{owner}:{group}" if group else owner
        yield Change(
            ("chown", hands, "--", path) if owner else ("chgrp", group, "--", path),
            says=f"{path} {now.owner}:{now.group} -> {wished.owner}:{wished.group}",
            predicts={PathState(path): wished},
        )
        now = wished
    if mode is not None and (unsure or mode != now.mode):
        yield Change(
            ("chmod", octal(mode), "--", path),
            says=f"{path} mode {now.mode:04o} -> {mode:04o}",
            predicts={PathState(path): replace(now, mode=mode)},
        )

"""Folders, links, and things that shall not be there."""

from __future__ import annotations

from typing import Any

from wirework.errors import BadInput, Refused
from wirework.state.arguments import HostPath, Mode
from wirework.state.changes import Change
from wirework.state.facts import ABSENT, Entry, Fact, PathState, Whoami, parents
from wirework.state.operation import Steps, operation
from wirework.state.operations.attributes import (
    attributes,
    created_by,
    folder_fact,
    octal,
    usable_folder,
)

FOLDER_MODE = 0o755


@operation
def directory(
    path: HostPath, *, mode: Mode | None = None, owner: str = "", group: str = ""
) -> Steps:
    """Have a folder at ``path``, with the folders above it.

    New folders get mode 0755 unless told; one that is there keeps what is not asked for.
    ``owner``, ``group`` and ``mode`` concern ``path`` itself, not the folders above it.
    """
    paths = (*parents(path), path)
    above, *states, login = yield (
        folder_fact(paths[0]),
        *(PathState(each) for each in paths),
        Whoami(),
    )
    now = states[-1]
    if now.kind == "directory":
        yield from attributes(path, now, mode=mode, owner=owner, group=group)
        return
    predicts: dict[Fact[Any], Any] = {}
    for each, state in zip(paths, states, strict=True):
        if state.kind == "absent":
            above = yield from usable_folder(each, above)
            above = created_by(login, above, Entry("directory", mode=FOLDER_MODE))
            predicts[PathState(each)] = above
        elif state.kind in ("directory", "link"):
            above = state
        else:
            raise Refused(f"{each} is a {state.kind}, not a folder", hint="remove it first")
    if now.kind != "absent":
        raise Refused(f"{path} is a {now.kind}, not a folder", hint="remove it first")
    wished = Entry(
        "directory",
        mode=FOLDER_MODE if mode is None else mode,
        owner=owner or above.owner,
        group=group or above.group,
    )
    predicts[PathState(path)] = wished
    missing = [each for each in paths if PathState(each) in predicts]
    yield Change(
        ("ww_folders", octal(wished.mode), owner, group, *missing),
        says=f"folder {path}",
        verb="create",
        predicts=predicts,
    )


@operation
def link(path: HostPath, to: str) -> Steps:
    """Have a symbolic link at ``path`` that points to ``to``.

    ``to`` is written into the link as it stands: a relative one starts at the link's folder.
    """
    now, login, folder = yield (PathState(path), Whoami(), folder_fact(path))
    if now.kind == "link" and now.target == to:
        return
    if now.kind not in ("absent", "link"):
        raise Refused(f"{path} is a {now.kind}, not a link", hint="remove it first")
    folder = yield from usable_folder(path, folder)
    new = now.kind == "absent"
    yield Change(
        ("ww_link", to, path),
        says=f"{path} -> {to}" + ("" if new else f" (was {now.target})"),
        verb="create" if new else "change",
        predicts={PathState(path): created_by(login, folder, Entry("link", target=to))},
        # What stands beneath the link is what stands beneath its target now.
        spoils=(path,),
    )


@operation
def absent(path: HostPath, *, recursive: bool = False) -> Steps:
    """Have nothing at ``path``; a folder goes only when it is empty, or ``recursive``."""
    if path.rsplit("/", 1)[-1] in ("", ".", ".."):
        raise BadInput(f"{path} is never removed")
    return _absent(path, recursive=recursive)


def _absent(path: str, *, recursive: bool) -> Steps:
    now = yield PathState(path)
    if now.kind == "absent":
        return
    if now.kind == "directory":
        argv = ("rm", "-rf", "--", path) if recursive else ("rmdir", "--", path)
    else:
        argv = ("rm", "-f", "--", path)
    yield Change(
        argv,
        says=f"{'folder ' if now.kind == 'directory' else ''}{path}",
        verb="remove",
        predicts={PathState(path): ABSENT},
        spoils=(path,),
    )

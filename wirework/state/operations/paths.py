"""Folders, links, and things that shall not be there."""

from __future__ import annotations

from typing import Any

from wirework.errors import BadInput, Refused
from wirework.state.arguments import HostPath, Mode
from wirework.state.changes import Change
from wirework.state.facts import ABSENT, Entry, Fact, PathState, Whoami, parents
from wirework.state.facts.trees import Misfits
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
    path: HostPath,
    *,
    mode: Mode | None = None,
    owner: str = "",
    group: str = "",
    recursive: bool = False,
    file_mode: Mode | None = None,
) -> Steps:
    """Have a folder at ``path``, with the folders above it.

    New folders get mode 0755 unless told; one that is there keeps what is not asked for.
    ``owner``, ``group`` and ``mode`` concern ``path`` itself, not the folders above it; with
    ``recursive`` also all that is in it, where files get ``file_mode``. Links are not followed.
    """
    if file_mode is not None and not recursive:
        raise BadInput("file_mode is for recursive: true")
    if recursive and mode is None and file_mode is None and not owner and not group:
        raise BadInput("recursive needs owner, group, mode or file_mode")
    misfits = Misfits(
        path,
        owner,
        group,
        "" if mode is None else octal(mode),
        "" if file_mode is None else octal(file_mode),
    )
    return _directory(
        path, mode=mode, owner=owner, group=group, misfits=misfits if recursive else None
    )


def _directory(
    path: str, *, mode: int | None, owner: str, group: str, misfits: Misfits | None
) -> Steps:
    paths = (*parents(path), path)
    above, login, *answers = yield (
        folder_fact(paths[0]),
        Whoami(),
        *(PathState(each) for each in paths),
        *([misfits] if misfits else []),
    )
    states = answers[: len(paths)]
    now = states[-1]
    if now.kind == "directory":
        yield from attributes(path, now, mode=mode, owner=owner, group=group)
        if misfits and answers[-1] != 0:
            yield _mended(misfits, answers[-1])
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


def _mended(misfits: Misfits, count: int | None) -> Change:
    """Give all that is beneath a folder its hands and modes."""
    them = "entries" if count is None else f"{count} {'entry' if count == 1 else 'entries'}"
    return Change(
        (
            "ww_beneath",
            misfits.path if misfits.path.startswith("/") else f"./{misfits.path}",
            misfits.owner,
            misfits.group,
            misfits.folder_mode,
            misfits.file_mode,
        ),
        says=f"{them} in {misfits.path}",
        predicts={misfits: 0},
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

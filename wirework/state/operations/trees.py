"""A folder with all that is in it."""

from __future__ import annotations

import posixpath
from typing import Any

from wirework.errors import BadInput, Refused
from wirework.state.arguments import HostPath, Mode
from wirework.state.facts import Fact, PathState, Whoami, parents
from wirework.state.facts.trees import Listing
from wirework.state.local_tree import LocalTree
from wirework.state.operation import Steps, operation
from wirework.state.operations.attributes import folder_fact
from wirework.state.operations.files import local_wish
from wirework.state.operations.paths import absent, directory, link
from wirework.state.operations.writing import have, questions

PROGRAM_MODE = 0o755
EXECUTABLE = 0o100


@operation
def tree(
    src: LocalTree,
    dest: HostPath,
    *,
    delete: bool = False,
    mode: Mode | None = None,
    directory_mode: Mode | None = None,
    owner: str = "",
    group: str = "",
) -> Steps:
    """Have all that the local folder ``src`` holds in the folder ``dest``.

    Only files whose content differs are sent. ``delete`` removes what ``src`` does not hold.
    Without ``mode`` programs get 0755, new files 0644, and others keep what they have.
    """
    if dest.rsplit("/", 1)[-1] in ("", ".", "..") and delete:
        raise BadInput(f"delete would empty {dest}", hint="name a folder of its own")
    return _tree(
        src, dest, delete=delete, mode=mode, directory_mode=directory_mode, owner=owner, group=group
    )


def _tree(
    src: LocalTree,
    dest: str,
    *,
    delete: bool,
    mode: Mode | None,
    directory_mode: Mode | None,
    owner: str,
    group: str,
) -> Steps:
    folders = [dest, *(_under(dest, name) for name in src.folders)]
    # All that the parts will ask is asked at once; then they find the answers there.
    asked: dict[Fact[Any], None] = {Whoami(): None}
    asked[folder_fact((*parents(dest), dest)[0])] = None
    asked |= dict.fromkeys(PathState(each) for each in (*parents(dest), *folders))
    asked |= dict.fromkeys(PathState(_under(dest, name)) for name, _ in src.links)
    asked |= dict.fromkeys(fact for name, _ in src.files for fact in questions(_under(dest, name)))
    if delete:
        asked[Listing(dest)] = None
    answers = yield tuple(asked)
    if delete:
        yield from _without(src, dest, dict(zip(asked, answers, strict=True))[Listing(dest)])
    for each in folders:
        yield from directory.function(HostPath(each), mode=directory_mode, owner=owner, group=group)
    for name, file in src.files:
        program = PROGRAM_MODE if int(file.mode, 8) & EXECUTABLE else None
        yield from have(
            local_wish(
                _under(dest, name),
                file,
                mode=program if mode is None else mode,
                owner=owner,
                group=group,
            )
        )
    for name, target in src.links:
        yield from link.function(HostPath(_under(dest, name)), target)


def _under(dest: str, name: str) -> str:
    """Return a path in the one spelling that other steps know it by."""
    return name if dest == "." and not name.startswith("-") else posixpath.join(dest, name)


def _without(src: LocalTree, dest: str, found: Any) -> Steps:
    """Remove what is not wished for; of a folder, all at once."""
    if not found.whole:
        raise Refused(f"{dest} holds too many files to compare", hint="delete: false leaves them")
    extra = found.names - src.names
    for name in sorted(extra):
        if not any(above in extra for above in parents(name)):
            yield from absent.function(HostPath(_under(dest, name)), recursive=True)

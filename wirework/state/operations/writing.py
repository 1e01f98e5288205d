"""Writing a file's content: shared by every operation that leaves a file behind."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wirework.errors import BadInput, Refused
from wirework.state.changes import Change, Payload, text_diff
from wirework.state.facts import (
    CONTENT_LIMIT,
    Content,
    Entry,
    Fact,
    Glimpse,
    PathState,
    Sha256,
    Text,
    Whoami,
)
from wirework.state.operations.attributes import (
    attributes,
    created_by,
    folder_fact,
    octal,
    usable_folder,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from wirework.state.operation import Steps

FILE_MODE = 0o644
PRIVATE_MODE = 0o600
HIDDEN_DIFF = "{path}: holds a secret, so the change is not shown\n"
SILENT = ("sh", "-c", 'exec "$@" >/dev/null 2>&1', "sh")
"""Runs a command that may repeat a secret it finds in the file."""


@dataclass(frozen=True)
class FileWish:
    """A file as it shall be; ``show`` is its content when a diff may show it.

    ``validate`` is a command that has to end with status 0 before the file is put in place;
    ``%s`` in it stands for the new file. ``note`` is said of a change beside the path.
    """

    path: str
    size: int
    sha256: str
    payload: Payload
    show: bytes | None
    sensitive: bool = False
    mode: int | None = None
    owner: str = ""
    group: str = ""
    validate: tuple[str, ...] = ()
    note: str = ""

    @classmethod
    def of_bytes(
        cls,
        path: str,
        content: bytes,
        *,
        sensitive: bool = False,
        mode: int | None = None,
        owner: str = "",
        group: str = "",
        validate: tuple[str, ...] = (),
        note: str = "",
    ) -> FileWish:
        """Wish for content that is already in memory."""
        return cls(
            path,
            len(content),
            hashlib.sha256(content).hexdigest(),
            Payload.of_bytes(content),
            content,
            sensitive,
            mode,
            owner,
            group,
            validate,
            note,
        )


@dataclass(frozen=True)
class Edited:
    """What an edit makes of a file: its new content, and a word on how it came about."""

    content: bytes
    note: str = ""


def checked(validate: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return a validate command; BadInput when it does not name the file it shall look at."""
    if validate and not any("%s" in word for word in validate):
        raise BadInput("validate names no file", hint="%s in it stands for the new file")
    return validate or ()


def edit(
    path: str,
    rewrite: Callable[[bytes], Edited],
    *,
    present: bool = True,
    create: bool = False,
    sensitive: bool = False,
    validate: tuple[str, ...] = (),
) -> Steps:
    """Have a text file as ``rewrite`` makes it; it may raise Refused, and is pure.

    Of a file that is not there nothing has to be removed; it is made only with ``create``.
    """
    # What writing will ask is asked here already, so that a change costs no round more.
    now, *_, text = yield (*questions(path), Content(path))
    old = readable(path, now, text)
    if old is None and not present:
        return
    if old is None and not create:
        raise Refused(f"there is no file {path}", hint="create: true makes it")
    new = rewrite(old or b"")
    if new.content != old:
        yield from have(
            FileWish.of_bytes(
                path, new.content, sensitive=sensitive, validate=validate, note=new.note
            )
        )


def readable(path: str, now: Entry, text: Text | None) -> bytes | None:
    """Return what is in a file that is to be edited, None when there is none."""
    if now.kind == "absent":
        return None
    if now.kind != "file":
        raise Refused(f"{path} is a {now.kind}, not a file")
    if text is None:
        raise Refused(f"{path} cannot be read", hint="become: true reads it as root")
    if not text.whole:
        raise Refused(f"{path} is larger than {CONTENT_LIMIT // 1024} KiB, too large to edit")
    return text.content


def questions(path: str) -> tuple[Fact[Any], ...]:
    """Return all that ``have`` asks about a path."""
    return PathState(path), Sha256(path), Whoami(), folder_fact(path)


def have(wish: FileWish) -> Steps:
    """Compare a file with the wish; write it anew, or mend its mode and hands only."""
    now, digest, login, folder = yield questions(wish.path)
    folder = yield from usable_folder(wish.path, folder)
    if now.kind not in ("absent", "file"):
        raise Refused(f"{wish.path} is a {now.kind}, not a file", hint="remove it first")
    if now.kind == "file" and digest == wish.sha256:
        yield from attributes(wish.path, now, mode=wish.mode, owner=wish.owner, group=wish.group)
        return
    new = now.kind == "absent"
    kept = created_by(login, folder, Entry("file"))
    if not new and login.is_root:
        kept = now
    elif not new:
        kept = kept.with_owner(kept.owner, now.group)
    fallback = (PRIVATE_MODE if wish.sensitive else FILE_MODE) if new else now.mode
    wished = Entry(
        "file",
        mode=fallback if wish.mode is None else wish.mode,
        owner=wish.owner or kept.owner,
        group=wish.group or kept.group,
        size=wish.size,
    )
    # The hands that a file gets or keeps anyway are not asked for: chown is root's.
    default, hands = (kept if new else now), (wished.owner, wished.group)
    old = None if new else (yield Glimpse(wish.path))
    yield Change(
        (
            "ww_receive",
            wish.path,
            str(wish.size),
            octal(wished.mode),
            *(hands if hands != (default.owner, default.group) else ("", "")),
            *_validation(wish),
        ),
        says=f"{wish.path} ({wish.note})" if wish.note else wish.path,
        verb="create" if new else "change",
        diff=_diff(wish, None if old is None else old, new=new),
        predicts={
            PathState(wish.path): wished,
            Sha256(wish.path): wish.sha256,
            **({Content(wish.path): Text(wish.show)} if wish.show is not None else {}),
        },
        # Of content that is not kept here, what was known before is no longer true.
        spoils=(wish.path,) if wish.show is None else (),
        payload=wish.payload,
        sensitive=wish.sensitive,
    )


def _validation(wish: FileWish) -> tuple[str, ...]:
    if not wish.validate:
        return ()
    # The empty word is the digest, which the facts confirm anyway.
    return ("", *(SILENT if wish.sensitive else ()), *wish.validate)


def _diff(wish: FileWish, old: Text | None, *, new: bool) -> str:
    if wish.sensitive:
        return HIDDEN_DIFF.format(path=wish.path)
    if wish.show is None or (old is not None and not old.whole):
        return f"{wish.path}: {wish.size} bytes, not shown as text\n"
    if old is None and not new:
        return ""  # diffs were not asked for, so the old content was not either
    return text_diff(wish.path, None if new else (old.content if old else b""), wish.show)

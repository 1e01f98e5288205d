"""Files with the content somebody wishes for."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from wirework.errors import BadInput, Refused
from wirework.ssh import LocalFile
from wirework.state.arguments import HostPath, Mode, Rendered
from wirework.state.changes import DIFF_LIMIT, Change, Payload, text_diff
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
from wirework.state.operation import Steps, operation
from wirework.state.operations.attributes import (
    attributes,
    created_by,
    folder_fact,
    octal,
    usable_folder,
)

FILE_MODE = 0o644
HIDDEN_DIFF = "{path}: holds a secret, so the change is not shown\n"


@dataclass(frozen=True)
class _Wish:
    """A file as it shall be; ``show`` is its content when a diff may show it."""

    path: str
    size: int
    sha256: str
    payload: Payload
    show: bytes | None
    sensitive: bool = False
    mode: int | None = None
    owner: str = ""
    group: str = ""

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
    ) -> _Wish:
        digest = hashlib.sha256(content).hexdigest()
        payload = Payload.of_bytes(content)
        return cls(path, len(content), digest, payload, content, sensitive, mode, owner, group)


@operation
def file(
    dest: HostPath,
    *,
    content: str | None = None,
    src: LocalFile | None = None,
    mode: Mode | None = None,
    owner: str = "",
    group: str = "",
) -> Steps:
    """Have a file at ``dest`` with the given ``content``, or that of the local file ``src``.

    A new file gets mode 0644 unless told; one that is there keeps what is not asked for.
    """
    if (content is None) == (src is None):
        raise BadInput("file needs content or src, one of them")
    if src is not None:
        wish = _Wish(
            dest,
            src.size,
            src.sha256,
            Payload(src.size, src.pieces),
            show=src.path.read_bytes() if src.size <= DIFF_LIMIT else None,
            mode=mode,
            owner=owner,
            group=group,
        )
    else:
        data = (content or "").encode("utf-8", "surrogateescape")
        wish = _Wish.of_bytes(dest, data, mode=mode, owner=owner, group=group)
    return _have(wish)


@operation
def template(
    src: Rendered,
    dest: HostPath,
    *,
    mode: Mode | None = None,
    owner: str = "",
    group: str = "",
) -> Steps:
    """Have a file at ``dest`` with what the template ``src`` says for this host.

    A new file gets mode 0644 unless told, or 0600 when the template holds a secret.
    """
    yield from _have(
        _Wish.of_bytes(
            dest, src.content, sensitive=src.sensitive, mode=mode, owner=owner, group=group
        )
    )


@operation
def line(
    path: HostPath,
    line: str,
    *,
    match: str = "",
    present: bool = True,
    create: bool = False,
) -> Steps:
    """Have ``line`` in a text file once, or nowhere when ``present`` is false.

    Where ``match`` is given (a regular expression), the last line it is found in becomes
    ``line``, or with ``present`` false all such lines go. A file that is not there is made
    only with ``create``.
    """
    if "\n" in line:
        raise BadInput("line holds a line end", hint="one step a line")
    try:
        pattern = re.compile(match or f"^{re.escape(line)}$")
    except re.error as error:
        raise BadInput(f"match is no regular expression: {error}") from error
    return _line(path, line, pattern, present=present, create=create)


def _line(path: str, line: str, pattern: re.Pattern[str], *, present: bool, create: bool) -> Steps:
    # What writing will ask is asked here already, so that a change costs no round more.
    now, *_, text = yield (*_questions(path), Content(path))
    old = _readable(path, now, text)
    if old is None and not present:
        return
    if old is None and not create:
        raise Refused(f"there is no file {path}", hint="create: true makes it")
    new = _edited(old or b"", line, pattern, present=present)
    if new != old:
        yield from _have(_Wish.of_bytes(path, new))


def _readable(path: str, now: Entry, text: Text | None) -> bytes | None:
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


def _edited(old: bytes, line: str, pattern: re.Pattern[str], *, present: bool) -> bytes:
    """Return the text with the line in it once, or nowhere; all other bytes stay."""
    lines = old.decode("utf-8", "surrogateescape").split("\n")
    if ended := lines[-1] == "":
        lines.pop()
    found = [index for index, each in enumerate(lines) if pattern.search(each)]
    if not present:
        lines = [each for index, each in enumerate(lines) if index not in set(found)]
    elif found:
        lines[found[-1]] = line
    elif line not in lines:
        lines.append(line)
        ended = True
    text = "\n".join(lines) + ("\n" if ended and lines else "")
    return text.encode("utf-8", "surrogateescape")


def _questions(path: str) -> tuple[Fact[Any], ...]:
    return PathState(path), Sha256(path), Whoami(), folder_fact(path)


def _have(wish: _Wish) -> Steps:
    """Compare a file with the wish; write it anew, or mend its mode and hands only."""
    now, digest, login, folder = yield _questions(wish.path)
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
    fallback = (0o600 if wish.sensitive else FILE_MODE) if new else now.mode
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
        ),
        says=wish.path,
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
    )


def _diff(wish: _Wish, old: Text | None, *, new: bool) -> str:
    if wish.sensitive:
        return HIDDEN_DIFF.format(path=wish.path)
    if wish.show is None or (old is not None and not old.whole):
        return f"{wish.path}: {wish.size} bytes, not shown as text\n"
    if old is None and not new:
        return ""  # diffs were not asked for, so the old content was not either
    return text_diff(wish.path, None if new else (old.content if old else b""), wish.show)

"""Files with the content somebody wishes for."""

from __future__ import annotations

import re

from wirework.errors import BadInput
from wirework.ssh import LocalFile
from wirework.state.arguments import Argv, HostPath, Mode, Rendered
from wirework.state.changes import DIFF_LIMIT, Payload
from wirework.state.operation import Steps, operation
from wirework.state.operations.patterns import compiled
from wirework.state.operations.writing import Edited, FileWish, checked, edit, have


@operation
def file(
    dest: HostPath,
    *,
    content: str | None = None,
    src: LocalFile | None = None,
    mode: Mode | None = None,
    owner: str = "",
    group: str = "",
    validate: Argv | None = None,
    sensitive: bool = False,
) -> Steps:
    """Have a file at ``dest`` with the given ``content``, or that of the local file ``src``.

    A new file gets mode 0644 unless told (0600 when it is ``sensitive``, which also hides its
    diff); one that is there keeps what is not asked for.
    """
    if (content is None) == (src is None):
        raise BadInput("file needs content or src, one of them")
    command = checked(validate)
    if src is not None:
        return have(
            local_wish(
                dest,
                src,
                mode=mode,
                owner=owner,
                group=group,
                validate=command,
                sensitive=sensitive,
            )
        )
    return have(
        FileWish.of_bytes(
            dest,
            (content or "").encode("utf-8", "surrogateescape"),
            sensitive=sensitive,
            mode=mode,
            owner=owner,
            group=group,
            validate=command,
        )
    )


def local_wish(
    dest: str,
    src: LocalFile,
    *,
    mode: int | None = None,
    owner: str = "",
    group: str = "",
    validate: tuple[str, ...] = (),
    sensitive: bool = False,
) -> FileWish:
    """Wish for the content of a local file, which is read only when it is sent or shown."""
    return FileWish(
        dest,
        src.size,
        src.sha256,
        Payload(src.size, src.pieces),
        show=src.path.read_bytes() if src.size <= DIFF_LIMIT else None,
        sensitive=sensitive,
        mode=mode,
        owner=owner,
        group=group,
        validate=validate,
    )


@operation
def template(
    src: Rendered,
    dest: HostPath,
    *,
    mode: Mode | None = None,
    owner: str = "",
    group: str = "",
    validate: Argv | None = None,
) -> Steps:
    """Have a file at ``dest`` with what the template ``src`` says for this host.

    A new file gets mode 0644 unless told, or 0600 when the template holds a secret.
    """
    return have(
        FileWish.of_bytes(
            dest,
            src.content,
            sensitive=src.sensitive,
            mode=mode,
            owner=owner,
            group=group,
            validate=checked(validate),
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
    validate: Argv | None = None,
    sensitive: bool = False,
) -> Steps:
    """Have ``line`` in a text file once, or nowhere when ``present`` is false.

    Where ``match`` is given (a regular expression), the last line it is found in becomes
    ``line``, or with ``present`` false all such lines go. A file that is not there is made
    only with ``create``. ``sensitive`` hides the diff, for a file that holds secrets.
    """
    if "\n" in line:
        raise BadInput("line holds a line end", hint="one step a line")
    pattern = compiled("match", match or f"^{re.escape(line)}$")
    return edit(
        path,
        lambda old: Edited(_edited(old, line, pattern, present=present)),
        present=present,
        create=create,
        sensitive=sensitive,
        validate=checked(validate),
    )


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

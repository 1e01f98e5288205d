"""Parts of text files that others wrote: a marked block, and whatever a pattern finds."""

from __future__ import annotations

import re

from wirework.errors import BadInput, Refused
from wirework.state.arguments import Argv, HostPath
from wirework.state.facts import CONTENT_LIMIT
from wirework.state.operation import Steps, operation
from wirework.state.operations.patterns import compiled
from wirework.state.operations.writing import Edited, checked, edit

MARK = "{mark}"


@operation
def block(
    path: HostPath,
    *,
    content: str = "",
    marker: str = "# {mark} managed block",
    before: str = "",
    after: str = "",
    present: bool = True,
    create: bool = False,
    validate: Argv | None = None,
    sensitive: bool = False,
) -> Steps:
    """Have lines between two marker lines in a text file, or without ``present`` none.

    ``{mark}`` in ``marker`` becomes BEGIN and END; two blocks in one file need two markers. A
    new block comes before or after the last line that the regular expression ``before`` or
    ``after`` is found in, else at the end; one that is there stays where it is.
    """
    if MARK not in marker or "\n" in marker:
        raise BadInput("marker has to be one line with {mark} in it")
    if before and after:
        raise BadInput("block takes before or after, not both")
    if present and not content:
        raise BadInput("block needs content", hint="present: false takes it away")
    begin, end = (marker.replace(MARK, word) for word in ("BEGIN", "END"))
    inside = content.removesuffix("\n").split("\n") if present else []
    if begin in inside or end in inside:
        raise BadInput("content holds a line of the marker")
    place = compiled("before" if before else "after", before or after) if before or after else None
    return edit(
        path,
        lambda old: Edited(
            _with_block(
                old, [begin, *inside, end] if present else [], (begin, end), place, bool(after)
            )
        ),
        present=present,
        create=create,
        sensitive=sensitive,
        validate=checked(validate),
    )


def _with_block(
    old: bytes,
    wished: list[str],
    marks: tuple[str, str],
    place: re.Pattern[str] | None,
    behind: bool,  # noqa: FBT001  # one of five values of one call
) -> bytes:
    """Return the text with the wished lines in place of the block; all other bytes stay."""
    text = old.decode("utf-8", "surrogateescape")
    # Lines end here as they end in the file.
    end = "\r\n" if "\r\n" in text[: text.find("\n") + 1] else "\n"
    lines = text.split("\n")
    bare = [each.removesuffix("\r") for each in lines]
    starts = [index for index, each in enumerate(bare) if each == marks[0]]
    ends = [index for index, each in enumerate(bare) if each == marks[1]]
    if (len(starts), len(ends)) not in ((0, 0), (1, 1)) or starts > ends:
        raise Refused(
            f"the marker {marks[0]!r} is not there once with its end behind it",
            hint="mend the file by hand",
        )
    rows = "".join(each + end for each in wished)
    if starts:
        head = "".join(f"{each}\n" for each in lines[: starts[0]])
        tail = "\n".join(lines[ends[0] + 1 :])
        # An end mark that is the last line and has no line end keeps none.
        rest = rows.removesuffix(end) if ends[0] == len(lines) - 1 else rows
        return (head + rest + tail).encode("utf-8", "surrogateescape")
    if not wished:
        return old
    found = [i for i, each in enumerate(bare) if each and place and place.search(each)]
    if not found:
        return (text + (end if text and lines[-1] else "") + rows).encode(
            "utf-8", "surrogateescape"
        )
    at = found[-1] + behind
    head = "".join(f"{each}\n" for each in lines[:at])
    if at == len(lines):
        head = "\n".join(lines) + end
    return (head + rows + "\n".join(lines[at:])).encode("utf-8", "surrogateescape")


@operation
def replace(
    path: HostPath,
    match: str,
    replacement: str,
    *,
    validate: Argv | None = None,
    sensitive: bool = False,
) -> Steps:
    r"""Have everything that the regular expression ``match`` finds in a file replaced.

    ``^`` and ``$`` match at every line; ``\1`` and ``\g<name>`` in the replacement stand for
    groups. What would change again at every run is refused.
    """
    pattern = compiled("match", match, re.MULTILINE)
    try:
        pattern.sub(replacement, "")
    except (re.error, IndexError) as error:
        raise BadInput(f"replacement cannot be used: {error}") from error
    return edit(
        path,
        lambda old: _replaced(old, pattern, replacement),
        sensitive=sensitive,
        validate=checked(validate),
    )


def _replaced(old: bytes, pattern: re.Pattern[str], replacement: str) -> Edited:
    text, count = _once(old.decode("utf-8", "surrogateescape"), pattern, replacement)
    if _once(text, pattern, replacement)[0] != text:
        raise Refused(
            "the replacement is found and replaced again by the next run",
            hint="let match leave out what is as wished: x(?!y) where x becomes xy",
        )
    note = f"{count} place{'' if count == 1 else 's'}"
    return Edited(text.encode("utf-8", "surrogateescape"), note)


def _once(text: str, pattern: re.Pattern[str], replacement: str) -> tuple[str, int]:
    """Return the text with all replaced, and how many places that changed."""
    pieces: list[str] = []
    at = count = size = 0
    for found in pattern.finditer(text):
        new = found.expand(replacement)
        count += new != found[0]
        pieces += (text[at : found.start()], new)
        size += found.start() - at + len(new)
        at = found.end()
        if size > CONTENT_LIMIT:
            raise Refused("the replacements make the file too large")
    return "".join([*pieces, text[at:]]), count

"""What the values of settings must be: each reader returns what Host holds, or raises Unfit."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from wirework.inventory.settings.ssh_args import Args, from_mapping, parse
from wirework.inventory.settings.values import Unfit
from wirework.secrets import Secret

Read = Callable[[object, Path], Any]
"""Takes a value and the folder that relative paths are below."""

MAX_PORT = 65_535
MAX_RETRIES = 100

_YES = frozenset(("yes", "y", "true", "t", "on", "1"))
_NO = frozenset(("no", "n", "false", "f", "off", "0"))
# What Ansible calls its own ways of using SSH.
_SSH = frozenset(("ssh", "paramiko", "paramiko_ssh", "smart"))
# A name that starts with a dash could be taken for an option by the programs it is handed to.
_NAME = re.compile(r"(?:\w|::)[\w.:%-]*")
_USER = re.compile(r"[^\s\x00-\x1f-][^\s\x00-\x1f]*")
_WORD = re.compile(r"\w[\w.+-]*")
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_KEYWORDS_OF_PATHS = frozenset(("identityfile", "certificatefile", "userknownhostsfile"))
_NOT_RELATIVE = ("/", "~", "%", "$", "")


def is_name(text: str) -> bool:
    """Whether ``text`` can be the name or address of a host."""
    return _NAME.fullmatch(text) is not None


def _text(pattern: re.Pattern[str]) -> Read:
    def read(value: object, _folder: Path) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise Unfit
        return value

    return read


host_name = _text(_NAME)
user_name = _text(_USER)
word = _text(_WORD)


def one_of(*words: str) -> Read:
    """Make a reader that takes these words only."""
    return _text(re.compile("|".join(words)))


def whole_number(least: int, most: int) -> Read:
    """Make a reader of whole numbers between two."""

    def read(value: object, _folder: Path) -> int:
        if type(value) is not int or not least <= value <= most:
            raise Unfit
        return value

    return read


def seconds(value: object, _folder: Path) -> float:
    """Read a number above 0."""
    if type(value) not in (int, float) or not 0 < cast("float", value) < math.inf:
        raise Unfit
    return cast("float", value)


def switch(value: object, _folder: Path) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise Unfit
    return value


def a_secret(value: object, _folder: Path) -> Secret:
    """Take a Secret, and nothing that is written out."""
    if not isinstance(value, Secret):
        raise Unfit
    return value


def path(value: object, folder: Path) -> Path:
    """Read the path of a file, below the home folder or ``folder`` unless it is absolute."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise Unfit
    try:
        return folder / Path(value).expanduser()
    except RuntimeError:
        raise Unfit("starts with the home folder of nobody known") from None


def config(value: object, folder: Path) -> Path:
    """Read the path of an ssh_config file; ``none`` is an empty one, as for ``ssh -F``."""
    return Path(os.devnull) if value == "none" else path(value, folder)


def options(value: object, folder: Path) -> Args:
    """Read a mapping of ssh_config keywords."""
    return _anchored(from_mapping(value), folder)


def their_options(value: object, folder: Path) -> Args:
    """Read options as they are given to ssh(1)."""
    if not isinstance(value, str):
        raise Unfit("must be text, as ssh takes options")
    return _anchored(parse(value), folder)


def _anchored(args: Args, folder: Path) -> Args:
    """Return the same with relative paths below the folder."""
    anchored = dict(args.options)
    for keyword, value in anchored.items():
        if keyword.lower() in _KEYWORDS_OF_PATHS and value[:1] not in _NOT_RELATIVE:
            anchored[keyword] = str(folder / value)
    file = args.config and str(config(args.config, folder))
    return Args(MappingProxyType(anchored), file, args.unread)


def their_text(read: Read) -> Read:
    """Make a reader that takes numbers and the like as text, too."""
    return lambda value, folder: read(
        str(value) if isinstance(value, bool | int | float) else value, folder
    )


def their_number(read: Read) -> Read:
    """Make a reader that takes a number written as text, too."""

    def as_number(value: object) -> object:
        if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
            return float(value) if "." in value else int(value)
        return int(value) if isinstance(value, float) and value.is_integer() else value

    return lambda value, folder: read(as_number(value), folder)


def their_switch(value: object, folder: Path) -> bool:
    """Read yes or no in any of the ways in which Ansible takes it."""
    written = str(value).strip().lower() if isinstance(value, str | int) else ""
    return switch(True if written in _YES else False if written in _NO else value, folder)


def their_word(value: object, folder: Path) -> str:
    """Read the name of a plugin of Ansible's; one that we do not have is kept as it is."""
    name = value.removeprefix("ansible.builtin.") if isinstance(value, str) else value
    return cast("str", word("ssh" if name in _SSH else name, folder))

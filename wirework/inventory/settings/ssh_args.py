"""Options as people give them to ssh(1): ``-o ProxyCommand=… -J gate`` to ssh_config keywords."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from wirework.inventory.settings.values import Unfit

# Options of ssh(1) that say what a keyword of ssh_config(5) says.
_KEYWORDS = {"J": "ProxyJump", "i": "IdentityFile", "l": "User", "p": "Port"}
_WITH_VALUE = "BbcDEeFIiJLlmOoPpQRSWw"
_KEYWORD = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_OPTION = re.compile(r"\s*([A-Za-z][A-Za-z0-9]*)(?:\s*=\s*|\s+)(.*\S)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Args:
    """What options say: ``options`` by keyword, ``config`` the file of ``-F``, if any.

    ``unread`` are the words that say nothing we know.
    """

    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    config: str | None = None
    unread: tuple[str, ...] = ()


def parse(text: str) -> Args:
    """Read options as a shell would hand them to ssh(1).

    Of several that say the same, the first counts, as in ssh. Raises Unfit, saying why, for
    quotes that do not close and options without their value.
    """
    try:
        words = shlex.split(text)
    except ValueError:
        raise Unfit("has a quote that is opened and never closed") from None
    options: dict[str, str] = {}
    config: str | None = None
    unread: list[str] = []
    while words:
        word = words.pop(0)
        letter, value = word[1:2], word[2:]
        if word[:1] != "-" or not letter or letter not in _WITH_VALUE:
            unread.append(word)
            continue
        if not value:
            if not words:
                raise Unfit(f"ends in {word}, which needs a value")
            value = words.pop(0)
        option = _OPTION.fullmatch(value) if letter == "o" else None
        if letter == "F":
            config = config or value
        elif letter in _KEYWORDS:
            _say(options, _KEYWORDS[letter], value)
        elif option:
            _say(options, option[1], option[2])
        else:
            unread += [f"-{letter}", value]
    return Args(MappingProxyType(options), config, tuple(unread))


def from_mapping(value: object) -> Args:
    """Read ``{Keyword: value}``; raises Unfit when it is anything else."""
    if not isinstance(value, Mapping):
        raise Unfit
    options: dict[str, str] = {}
    for keyword, given in value.items():
        if not isinstance(keyword, str) or not _KEYWORD.fullmatch(keyword):
            raise Unfit(f"has {keyword!r}, which is no keyword of ssh_config")
        if not isinstance(given, str | int | float):
            raise Unfit(f"must give {keyword} a single value")
        # ssh_config says yes where YAML says true.
        _say(options, keyword, ("no", "yes")[given] if isinstance(given, bool) else str(given))
    return Args(MappingProxyType(options))


def joined(several: tuple[Args, ...]) -> Args:
    """Return what several say together; of equal keywords the first counts."""
    options: dict[str, str] = {}
    for args in several:
        for keyword, value in args.options.items():
            _say(options, keyword, value)
    config = next((args.config for args in several if args.config), None)
    return Args(
        MappingProxyType(options), config, tuple(w for args in several for w in args.unread)
    )


def _say(options: dict[str, str], keyword: str, value: str) -> None:
    """Add a keyword unless it is there, in whatever case."""
    if keyword.lower() not in map(str.lower, options):
        options[keyword] = value

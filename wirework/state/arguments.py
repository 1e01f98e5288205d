"""The kinds of values that operations take, and how YAML's plain values become them."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NewType, Protocol, Union, get_args, get_origin

from wirework.errors import BadInput
from wirework.secrets import Secret
from wirework.ssh import LocalFile

HostPath = NewType("HostPath", str)
"""A path on the host; a relative one starts at the login user's home folder."""

Mode = NewType("Mode", int)
"""Permission bits, written as octal digits in quotes: ``"0644"``."""

Argv = NewType("Argv", tuple[str, ...])
"""A command as a list of its words."""

Names = NewType("Names", tuple[str, ...])
"""Names, each once: a list, or one name alone."""


UNIONS = (Union, types.UnionType)
"""What ``X | None`` may be at run time; it depends on X."""
ALL_MODE_BITS = 0o7777
SHOWN = 40
"""Characters of a wrong value that an error repeats."""


@dataclass(frozen=True)
class Rendered:
    """A template's text with everything filled in; ``sensitive`` when a secret is part of it."""

    name: str
    content: bytes
    sensitive: bool = False


class Sources(Protocol):
    """Where a step's templates and files come from: a role's folders, or a playbook's."""

    def render(self, name: str) -> Rendered:
        """Fill in the template of that name, or raise TemplateError."""

    def find_file(self, name: str) -> LocalFile:
        """Find the file of that name, or raise BadInput."""


def convert(value: Any, wish: Any, sources: Sources) -> Any:
    """Turn a plain value into what the annotation ``wish`` asks for.

    Raises BadInput with the kind that was expected; the caller knows the parameter's name.
    """
    if get_origin(wish) in UNIONS:
        options = [option for option in get_args(wish) if option is not type(None)]
        return None if value is None else convert(value, options[0], sources)
    if wish is Rendered:
        return sources.render(_text(value))
    if wish is LocalFile:
        return sources.find_file(_text(value))
    return _CONVERTERS[wish](value)


def describe(wish: Any) -> str:
    """Return an annotation's kind in a word or two, for help and error texts."""
    if get_origin(wish) in UNIONS:
        return describe(next(option for option in get_args(wish) if option is not type(None)))
    return _WORDS[wish]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise BadInput(f"expected text, not {_name(value)}")


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "yes", "True"):
        return True
    if value in ("false", "no", "False"):
        return False
    raise BadInput(f"expected true or false, not {_name(value)}")


def _whole(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value):
        return int(value)
    raise BadInput(f"expected a whole number, not {_name(value)}")


def _host_path(value: Any) -> HostPath:
    text = _text(value)
    if not text or "\0" in text:
        raise BadInput("expected a path, not an empty one" if not text else "a path holds no NUL")
    if text.startswith("~"):
        raise BadInput(
            f"{text!r} starts with ~, which only a shell knows",
            hint="write an absolute path, or one relative to the login user's home",
        )
    # One path has one spelling: facts about it are found by it.
    text = re.sub("/+(?:[.]/+)*", "/", text)
    text = re.sub("^(?:[.]/)+(?=.)", "", text)
    if len(text) > 1:
        text = text.rstrip("/")
    # No command can take a path that starts with "./" for an option.
    return HostPath(f"./{text}" if text.startswith("-") else text)


def _mode(value: Any) -> Mode:
    # YAML reads an unquoted 0644 as octal already, so a number is taken for what it is.
    if isinstance(value, str) and re.fullmatch("[0-7]{3,4}", value):
        return Mode(int(value, 8))
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= ALL_MODE_BITS:
        if re.fullmatch("[0-7]{3}", str(value)):
            raise BadInput(f"{value} may be octal or not", hint=f'write "0{value}"')
        return Mode(value)
    raise BadInput(f'expected a mode such as "0644", not {_name(value)}')


def _argv(value: Any) -> Argv:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise BadInput(
            f"expected a list of words, not {_name(value)}",
            hint="[systemctl, reload, nginx]; for a pipe or a variable: [sh, -c, …]",
        )
    words = tuple(_text(word) for word in value)
    if not words or not words[0]:
        raise BadInput("expected a command, not an empty list")
    if any("\0" in word for word in words):
        raise BadInput("a command's words hold no NUL")
    return Argv(words)


def _names(value: Any) -> Names:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, Sequence):
        raise BadInput(f"expected a list of names, not {_name(value)}")
    return Names(tuple(dict.fromkeys(_text(each) for each in value)))


def _secret(value: Any) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise BadInput("expected a secret, or text")
    return Secret("given as text", lambda: value)


def _name(value: Any) -> str:
    """Name a wrong value, shortened."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "a list"
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


_CONVERTERS: dict[Any, Callable[[Any], Any]] = {
    str: _text,
    bool: _flag,
    int: _whole,
    HostPath: _host_path,
    Mode: _mode,
    Argv: _argv,
    Names: _names,
    Secret: _secret,
}

_WORDS: dict[Any, str] = {
    str: "text",
    bool: "true or false",
    int: "whole number",
    HostPath: "path on the host",
    Mode: "mode",
    Argv: "list of words",
    Names: "list of names",
    Secret: "secret",
    Rendered: "template",
    LocalFile: "file",
}

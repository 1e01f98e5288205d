"""The kinds of values that operations take, and how YAML's plain values become them."""

from __future__ import annotations

import math
import re
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NewType, Protocol, Union, get_args, get_origin

from wirework.errors import BadInput
from wirework.secrets import Secret
from wirework.ssh import LocalFile
from wirework.state.local_tree import LocalTree

HostPath = NewType("HostPath", str)
"""A path on the host; a relative one starts at the login user's home folder."""

Mode = NewType("Mode", int)
"""Permission bits, written as octal digits in quotes: ``"0644"``."""

Argv = NewType("Argv", tuple[str, ...])
"""A command as a list of its words."""

Key = NewType("Key", tuple[str, ...])
"""A way into nested values: ``a.b.0``, or a list of words where one of them holds a dot."""

Json = NewType("Json", object)
"""Any value that JSON can write (RFC 8259)."""

Names = NewType("Names", tuple[str, ...])
"""Names, each once: a list, or one name alone."""


Codes = NewType("Codes", tuple[int, ...])
"""Exit statuses of a command: one, or a list of them."""

Environment = NewType("Environment", tuple[tuple[str, str], ...])
"""Environment variables, as a mapping of names to texts."""


@dataclass(frozen=True)
class ChangedWhen:
    """When a command has changed something: exit statuses, or a pattern in what it printed."""

    codes: tuple[int, ...] = ()
    pattern: re.Pattern[str] | None = None

    def met(self, status: int, output: bytes) -> bool:
        """Tell whether a command that ended so has changed something."""
        if self.pattern is None:
            return status in self.codes
        return self.pattern.search(output.decode("utf-8", "backslashreplace")) is not None


UNIONS = (Union, types.UnionType)
"""What ``X | None`` may be at run time; it depends on X."""
ALL_MODE_BITS = 0o7777
DEEPEST = 50
"""Levels of nested values."""
MOST_STATUS = 255
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

    def find_folder(self, name: str) -> LocalTree:
        """Find the folder of that name among the files, or raise BadInput."""


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
    if wish is LocalTree:
        return sources.find_folder(_text(value))
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


def _codes(value: Any) -> Codes:
    values = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    codes = tuple(_whole(each) for each in values)
    if not codes or not all(0 <= code <= MOST_STATUS for code in codes):
        raise BadInput(f"expected exit statuses from 0 to {MOST_STATUS}, not {_name(value)}")
    return Codes(codes)


def _environment(value: Any) -> Environment:
    if not isinstance(value, Mapping):
        raise BadInput("expected a mapping of names to texts")
    pairs: list[tuple[str, str]] = []
    for name, each in value.items():
        if not isinstance(name, str) or not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
            raise BadInput(f"{_name(name)} is no name of an environment variable")
        # The value may be a secret: an error never repeats it.
        if isinstance(each, bool) or not isinstance(each, str | int | float):
            raise BadInput(f"{name} is no text", hint="true and false are texts in quotes")
        if "\0" in str(each):
            raise BadInput(f"{name} holds a NUL")
        pairs.append((name, str(each)))
    return Environment(tuple(pairs))


def _changed_when(value: Any) -> ChangedWhen:
    if value is False or value == []:
        return ChangedWhen()
    if isinstance(value, str) and value:
        try:
            return ChangedWhen(pattern=re.compile(value, re.MULTILINE))
        except re.error as error:
            raise BadInput(f"{_name(value)} is no regular expression: {error}") from error
    if value is True or isinstance(value, str | Mapping) or value is None:
        raise BadInput(f"expected false, exit statuses or a pattern, not {_name(value)}")
    return ChangedWhen(_codes(value))


def _key(value: Any) -> Key:
    if isinstance(value, str | int):
        value = _text(value).split(".")
    if not isinstance(value, Sequence):
        raise BadInput(f"expected words with dots between, not {_name(value)}")
    words = tuple(_text(word) for word in value)
    if not words or not all(words) or len(words) > DEEPEST:
        raise BadInput("expected words with dots between, none of them empty")
    return Key(words)


def _json(value: Any, depth: int = 0) -> Json:
    if depth > DEEPEST:
        raise BadInput(f"is nested deeper than {DEEPEST} levels")
    if value is None or isinstance(value, str | bool | int):
        return Json(value)
    if isinstance(value, float) and math.isfinite(value):
        return Json(value)
    if isinstance(value, Mapping):
        return Json({_text(key): _json(each, depth + 1) for key, each in value.items()})
    if isinstance(value, Sequence):
        return Json([_json(each, depth + 1) for each in value])
    raise BadInput(f"expected what JSON can write, not {_name(value)}")


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
    Key: _key,
    Json: _json,
    Codes: _codes,
    Environment: _environment,
    ChangedWhen: _changed_when,
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
    Key: "words with dots between",
    Json: "any value",
    LocalTree: "folder",
    Codes: "exit statuses",
    Environment: "names and texts",
    ChangedWhen: "false, exit statuses or pattern",
    Names: "list of names",
    Secret: "secret",
    Rendered: "template",
    LocalFile: "file",
}

"""From a body's signature to Invoke's arguments: kinds, short names and conversions."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

from invoke.exceptions import Exit
from invoke.parser.argument import Argument
from invoke.tasks import Task

from .exits import BAD_INPUT

SHORT = {
    "batch": "b",
    "command": "c",
    "diff": "d",
    "forks": "f",
    "hosts": "H",
    "inventory": "i",
    "limit": "l",
    "output": "o",
    "timeout": "t",
    "yes": "y",
}
"""The short options, the same for every task; all others have none."""


class NumberArgument(Argument):
    """An option whose text is converted to a number, or ends with one line and status 2.

    Invoke converts while it reads the command line, before any task runs, and would let
    Python's own error out. ``kind`` stays int, for which its help says that a value follows.
    """

    def __init__(self, convert: Callable[[str], float], words: str, **options: Any) -> None:
        super().__init__(**{**options, "kind": int})
        self._convert = convert
        self._words = words

    def set_value(self, value: Any, cast: bool = True) -> None:
        """Take the text that was given for the option."""
        if cast:
            try:
                value = self._convert(value)
            except ValueError:
                message = f"error: --{self.names[0]} needs {self._words}, not {value!r}"
                raise Exit(message, BAD_INPUT) from None
        self.raw_value = str(value)
        self._value = value


class LastArgument(Argument):
    """A positional argument that may be left out, which Invoke has none of.

    It counts as missing, so that Invoke hands it a word, until ``leave_out`` is called.
    """

    def leave_out(self) -> None:
        """Take "" for its value."""
        self.set_value("", cast=False)


def finite(text: str) -> float:
    """Return the number that ``text`` spells; ValueError for ``nan`` and ``inf``."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not finite")
    return number


NUMBERS: dict[str, tuple[Callable[[str], float], str]] = {
    "int": (int, "a whole number"),
    "float": (finite, "a number"),
}


class CliTask(Task):  # type: ignore[type-arg]  # Invoke's own generic says nothing here
    """An Invoke task that keeps its body and makes its options by this project's rules."""

    def __init__(
        self,
        entry: Callable[..., None],
        raw: Callable[..., Any],
        *,
        on_fleet: bool,
        last: str = "",
        **options: Any,
    ) -> None:
        super().__init__(entry, auto_shortflags=False, **options)
        self.raw = raw
        self.on_fleet = on_fleet
        self._last = last
        if last:
            self.positional = [*self.positional, last]

    def __deepcopy__(self, memo: dict[int, Any]) -> CliTask:
        """Return the task itself: nothing of it changes, and Invoke copies every collection."""
        return self

    def arg_opts(self, name: str, default: Any, taken_names: set[str]) -> dict[str, Any]:
        """Return what Invoke's Argument is made of, with our short names."""
        options: dict[str, Any] = super().arg_opts(name, default, taken_names)
        if name in SHORT:
            options["names"] = [*options["names"], SHORT[name]]
        if name in self.iterable:
            # Invoke would take the kind from the default, and only a list may be given again.
            options |= {"kind": list, "default": []}
        return options

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """Return the arguments; one without a help text is refused when the suite is loaded."""
        help_texts = dict(self.help)
        arguments = super().get_arguments(ignore_unknown_help)
        # Invoke takes the texts out as it uses them; a second call must find them again.
        self.help = help_texts
        for argument in arguments:
            if not argument.help:
                raise TypeError(f"{self.name}: the parameter {argument.name} has no help")
        return [self._of_its_kind(argument) for argument in arguments]

    def _of_its_kind(self, argument: Argument) -> Argument:
        parameters = inspect.signature(self.body).parameters
        if argument.name == self._last:
            return LastArgument(names=argument.names, help=argument.help, positional=True)
        kind = str(parameters[str(argument.name)].annotation)
        if kind not in NUMBERS:
            return argument
        return NumberArgument(
            *NUMBERS[kind],
            names=argument.names,
            default=argument.default,
            help=argument.help,
            positional=argument.positional,
            attr_name=argument.attr_name,
        )


def entry_signature(
    own: list[inspect.Parameter], added: Mapping[str, tuple[Any, str]]
) -> inspect.Signature:
    """Return the signature Invoke sees: the context, the task's own parameters, then ours.

    ``added`` gives each of our parameters a default and the name of its kind.
    """
    keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD
    context = inspect.Parameter("c", keyword)
    extra = [
        inspect.Parameter(name, keyword, default=default, annotation=kind)
        for name, (default, kind) in added.items()
    ]
    plain = [parameter.replace(kind=keyword) for parameter in own]
    # A parameter without a default may not stand behind one that has one.
    ordered = sorted(plain, key=lambda p: p.default is not inspect.Parameter.empty)
    return inspect.Signature([context, *ordered, *extra])

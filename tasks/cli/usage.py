"""A wrong command line ends with status 2 and a hint, as all bad input does.

Invoke ends with 1 when a task or an option is unknown or missing, which here means that
work was done and failed. Its parser reports every such mistake through one method, which is
replaced; an ``Exit`` raised there carries our exit code.
"""

from __future__ import annotations

import difflib
import re
from typing import NoReturn

from invoke.exceptions import Exit
from invoke.parser.parser import ParseMachine

from .exits import BAD_INPUT


def install() -> None:
    """Make Invoke report wrong command lines in this way."""
    ParseMachine.error = _refuse  # type: ignore[method-assign,assignment]  # see the module's docstring


def _refuse(machine: ParseMachine, message: str) -> NoReturn:
    task, options = machine.context.name, list(machine.context.flags)
    raise Exit(f"error: {explain(message, task, options, list(machine.contexts))}", BAD_INPUT)


def explain(message: str, task: str | None, options: list[str], tasks: list[str]) -> str:
    """Return Invoke's complaint as one line with the next step.

    ``task`` is the task whose arguments are being read, ``options`` are its options.
    """
    see = f"see ./inv {task} --help" if task else "see ./inv --list"
    if unknown := re.fullmatch(r"No idea what '(.*)' is!", message, re.DOTALL):
        word = unknown[1]
        is_option = word.startswith("-")
        known = options if is_option else tasks
        close = difflib.get_close_matches(word, known, 1, 0.5)
        hint = f"did you mean {close[0]}?" if close else see
        if is_option and task:
            return f"{task} has no option {word} ({hint})"
        return f"there is no task {word} ({hint})"
    if missing := re.fullmatch(
        r"'.*' did not receive required positional arguments: (.*)", message
    ):
        names = missing[1].replace("'", "").upper().replace("_", "-")
        return f"{task} needs {names} ({see})"
    if needy := re.match(r"Flag <Argument: ([\w-]+).*needed value", message, re.DOTALL):
        return f"--{needy[1].replace('_', '-')} needs a value ({see})"
    return f"{message} ({see})"

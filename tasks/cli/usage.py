"""A wrong command line ends with status 2 and a hint, and ``--help`` helps wherever it stands.

Invoke ends with 1 when a task or an option is unknown or missing, which here means that work
was done and failed. And where a task still waits for a positional argument, it takes any
option for it: ``remote.run --help`` would run ``--help`` on the hosts. So three methods of its
parser are replaced; nothing else of Invoke is touched. (A subclass would have to declare the
parser's states again.)
"""

from __future__ import annotations

import difflib
import re
from typing import NoReturn

from invoke.exceptions import Exit
from invoke.parser.parser import ParseMachine

from .exits import BAD_INPUT
from .parameters import LastArgument

_take_positional = ParseMachine.see_positional_arg
_end_of_task = ParseMachine.complete_context


def install() -> None:
    """Make Invoke read command lines in this way."""
    ParseMachine.error = _error  # type: ignore[method-assign,assignment]  # see above
    ParseMachine.see_positional_arg = _see_positional_arg  # type: ignore[method-assign,assignment]  # see above
    ParseMachine.complete_context = _complete_context  # type: ignore[method-assign,assignment]  # see above


def _error(machine: ParseMachine, msg: str) -> NoReturn:
    """End with one line and status 2."""
    task, options = machine.context.name, list(machine.context.flags)
    raise Exit(f"error: {explain(msg, task, options, list(machine.contexts))}", BAD_INPUT)


def _see_positional_arg(machine: ParseMachine, value: str) -> None:
    """Take a word as an argument, unless it is an option that the task does not have."""
    if value in ("--help", "-h"):
        # What Invoke itself does for tasks without positional arguments.
        machine.initial.flags["--help"].value = machine.context.name
    elif re.match("--?[a-zA-Z]", value):
        _error(machine, f"No idea what {value!r} is!")
    else:
        _take_positional(machine, value)


def _complete_context(machine: ParseMachine) -> None:
    """End a task's words; whoever asks for help need not give its arguments."""
    if not machine.initial.flags["--help"].value:
        for argument in machine.context.missing_positional_args:
            if isinstance(argument, LastArgument):
                argument.leave_out()
        _end_of_task(machine)
    elif machine.context not in machine.result:
        machine.result.append(machine.context)


def explain(message: str, task: str | None, options: list[str], tasks: list[str]) -> str:
    """Return Invoke's complaint as one line with the next step.

    ``task`` is the task whose arguments are being read, ``options`` are its options.
    """
    see = f"see ./inv {task} --help" if task else "see ./inv --list"
    if unknown := re.fullmatch(r"No idea what '(.*)' is!", message, re.DOTALL):
        word = unknown[1]
        is_option = word.startswith("-")
        # Without their dashes, which make all options look alike.
        known = {name.lstrip("-"): name for name in (options if is_option else tasks)}
        # A word after a task's arguments is more often one too many than another task.
        alike = 0.5 if is_option or not task else 0.8
        close = difflib.get_close_matches(word.lstrip("-"), known, 1, alike)
        hint = f"did you mean {known[close[0]]}?" if close else see
        if is_option and task:
            return f"{task} has no option {word} ({hint})"
        if is_option:
            return f"there is no option {word} ({hint if close else 'see ./inv --help'})"
        if task and not close:
            return f"{task} takes no more words, and there is no task {word} ({see})"
        return f"there is no task {word} ({hint})"
    if missing := re.fullmatch(
        r"'.*' did not receive required positional arguments: (.*)", message
    ):
        names = missing[1].replace("'", "").upper().replace("_", "-")
        return f"{task} needs {names} ({see})"
    if needy := re.match(r"Flag <Argument: ([\w-]+).*needed value", message, re.DOTALL):
        return f"--{needy[1].replace('_', '-')} needs a value ({see})"
    return f"{message} ({see})"

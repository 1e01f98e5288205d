"""``@task`` and ``@fleet_task``: a body returns data; what surrounds it shows and judges it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from . import contexts, usage
from .exits import code_of_result, guarded, leave
from .parameters import CliTask, entry_signature

contexts.install()
usage.install()

Body = Callable[..., Any]

OUTPUT = "How to show the result: table, json or jsonl."
DEBUG = "Show where an error comes from, with a traceback."

COMMON: dict[str, tuple[Any, str, str]] = {
    "output": ("", "str", OUTPUT),
    "debug": (False, "bool", DEBUG),
}
"""What every task takes: a default, the name of its kind, a help text."""

WHERE_TAKEN = {
    "check": "Show what would be done, and do nothing.",
    "diff": "Show changes of text line by line.",
}
"""Help of parameters that mean the same wherever a body takes them."""

FLEET: dict[str, tuple[Any, str, str]] = {
    "hosts": ("", "str", "Which hosts: names, groups, globs; web:&prod:!web3."),
    "limit": ("", "str", "Of those, only the hosts that this pattern matches too."),
    "inventory": ("", "str", "The inventory file; a lab's name reaches that lab."),
    "forks": (50, "int", "How many hosts are worked on at once (50)."),
    "batch": ("", "str", "Sizes of batches, one after another: 1,25%,100%."),
    "max_fail": ("", "str", "Stop when more hosts than this fail or are unreachable: 3 or 10%."),
    "timeout": (0.0, "float", "Seconds for the whole task; 0 waits as long as it takes."),
    "live": (False, "bool", "Show what hosts print as they print it, after their names."),
    "procs": (1, "int", "How many processes share the work, for more than one core (1)."),
    "connect_retries": (-1, "int", "How often a refused or reset connection is tried again (2)."),
    "user": ("", "str", "Log in as this user, whatever the inventory says."),
    "become": (False, "bool", "Do it as root, or as --become-user."),
    "become_user": ("", "str", "Do it as this user."),
    "become_method": ("", "str", "How to become another user: sudo, su or doas."),
    "become_password": ("", "str", "Where the password for that is: env:NAME, prompt:TEXT, …."),
}
"""What every fleet task takes."""


def task(
    *,
    help: Mapping[str, str] | None = None,
    name: str = "",
    view: str = "",
    watch: str = "play_view.PlayView",
    last: str = "",
) -> Callable[[Body], CliTask]:
    """Make a task of a body that returns a result, an iterator of results, or nothing.

    The body takes Invoke's context first. A result is a frozen dataclass; when it has an
    ``ok`` that is false, the task ends with status 1, or as ``exits.code_of_result`` says.
    ``view`` is the ``module.function`` of ``cli`` that draws the result for people. A body that
    takes ``watch`` gets what shows the work as it goes on, or None: by default what follows a
    playbook on the screen, else what the ``module.Class`` of ``cli`` makes of the output's form.
    The parameter ``last``, whose default is "", may be given as the last word without the name of
    its option.
    """

    def decorate(body: Body) -> CliTask:
        taken = list(inspect.signature(body).parameters.values())[1:]
        own = [parameter for parameter in taken if parameter.name != "watch"]

        def entry(c: object, *, output: str, debug: bool, **arguments: Any) -> None:
            with guarded(debug=debug):
                from .render import Form, drawing, show

                form = Form.of(output)
                if len(own) < len(taken):
                    arguments["watch"] = _watching(watch, form)
                result = body(c, **_lists(own, arguments))
                ok = show(result, form, drawing(view))
                leave(code_of_result(result, ok=ok))

        return _make(body, entry, own, added={}, help_texts=help, name=name, last=last)

    return decorate


def fleet_task(
    *,
    help: Mapping[str, str] | None = None,
    name: str = "",
    changes: bool = False,
    view: str = "",
    prepare: Callable[..., dict[str, Any]] | None = None,
) -> Callable[[Body], CliTask]:
    """Make a task of a body that works on one host; it is run on many at once.

    The body takes a connected host first (``wirework.ssh.Remote``; its ``host`` is the
    inventory's). A task that ``changes`` hosts has to be told which, by ``--hosts``; others
    ask all. ``prepare`` takes the task's own arguments once, before any host is touched, and
    returns those that the body gets: here files are read and bad input is refused.
    """

    def decorate(body: Body) -> CliTask:
        own = list(inspect.signature(body).parameters.values())[1:]
        taken = {parameter.name for parameter in own}
        # A body's own parameter goes before an option that every fleet task has.
        added = {option: kind for option, kind in FLEET.items() if option not in taken}
        pattern = "" if changes else "all"

        def entry(c: object, *, output: str, debug: bool, **arguments: Any) -> None:
            del c
            with guarded(debug=debug):
                from .fleet import Options, run_on_fleet
                from .render import Form, drawing

                options = {
                    option: arguments.pop(option) if option in added else default
                    for option, (default, _, _) in FLEET.items()
                }
                options["hosts"] = options["hosts"] or pattern
                chosen = Options(task=name or body.__name__, **options)
                shape, given = Form.of(output), _lists(own, arguments)
                ready = prepare(**given) if prepare else given
                leave(run_on_fleet(body, ready, chosen, shape, drawing(view)))

        return _make(body, entry, own, added=added, help_texts=help, name=name)

    return decorate


def _watching(watch: str, form: Any) -> Any:
    """Return what shows the work as it goes on, loaded only now."""
    module, _, kind = watch.partition(".")
    return getattr(import_module(f".{module}", __package__), kind).of(form)


def _make(
    body: Body,
    entry: Callable[..., None],
    own: list[inspect.Parameter],
    *,
    added: Mapping[str, tuple[Any, str, str]],
    help_texts: Mapping[str, str] | None,
    name: str,
    last: str = "",
) -> CliTask:
    extra = {**added, **COMMON}
    entry.__name__ = body.__name__
    entry.__doc__ = body.__doc__
    entry.__module__ = body.__module__
    signature = entry_signature(
        own, {n: (default, kind) for n, (default, kind, _) in extra.items()}
    )
    entry.__signature__ = signature  # type: ignore[attr-defined]  # read by inspect.signature
    texts = {n: text for n, (_, _, text) in extra.items()}
    texts.update({p.name: WHERE_TAKEN[p.name] for p in own if p.name in WHERE_TAKEN})
    return CliTask(
        entry,
        body,
        on_fleet="hosts" in added,
        name=name or None,
        last=last,
        help={**texts, **(help_texts or {})},
        iterable=[p.name for p in own if p.annotation == "tuple[str, ...]"],
    )


def _lists(own: list[inspect.Parameter], arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with repeated options as tuples, as the bodies declare them."""
    repeated = {p.name for p in own if p.annotation == "tuple[str, ...]"}
    return {k: tuple(v or ()) if k in repeated else v for k, v in arguments.items()}

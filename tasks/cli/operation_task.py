"""Every operation as a task: made from its signature when the command line names it."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from .decorators import fleet_task
from .parameters import CliTask

if TYPE_CHECKING:
    from collections.abc import Callable

    from invoke.parser.argument import Argument


class OperationTask(CliTask):
    """``do.<operation>``, whose options are the operation's parameters.

    Only its name and summary are there from the start: the operations themselves, and what they
    need, are loaded when the task is named.
    """

    def __init__(self, name: str, summary: str) -> None:
        def nothing_yet(c: object) -> None:
            raise NotImplementedError

        nothing_yet.__doc__ = summary
        super().__init__(nothing_yet, nothing_yet, on_fleet=True, name=name)
        self._operation = name

    @functools.cached_property
    def made(self) -> CliTask:
        """The task itself."""
        from . import ad_hoc

        body = ad_hoc.body(self._operation)
        task: Callable[..., CliTask] = fleet_task(
            name=self._operation,
            changes=True,
            view="ad_hoc.show",
            prepare=ad_hoc.prepare(self._operation),
            help=ad_hoc.help_texts(self._operation),
        )
        self.__doc__ = (body.__doc__ or "").replace("``", "")
        return task(body)

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """Return the arguments of the task itself."""
        return self.made.get_arguments(ignore_unknown_help)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task itself."""
        return self.made(*args, **kwargs)

    def signature(self) -> inspect.Signature:
        """Return the signature of the task's body."""
        return inspect.signature(self.made.body)

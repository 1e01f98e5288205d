"""A task's arguments are made when the command line names the task, not for all on every run.

Invoke makes the arguments of every task before it reads the first word, and copies them deeply:
a tenth of a millisecond each, which a suite of a hundred tasks would feel at every start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from invoke.collection import Collection
from invoke.parser.argument import Argument
from invoke.parser.context import ParserContext


class LazyContext(ParserContext):
    """What Invoke's parser knows of one task; its arguments are made at the first look."""

    def __init__(
        self, name: str, aliases: Iterable[str], make: Callable[[], list[Argument]]
    ) -> None:
        self.name = name
        self.aliases = aliases
        self._make = make

    def __getattr__(self, attribute: str) -> Any:
        if attribute not in ("args", "positional_args", "flags", "inverse_flags"):
            raise AttributeError(attribute)
        super().__init__(self.name, self.aliases, self._make())
        return getattr(self, attribute)

    def __repr__(self) -> str:
        # Invoke formats its debug messages whether anybody reads them or not.
        return f"<LazyContext {self.name}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> LazyContext:
        """Return a context that has read nothing yet, which is what the parser copies for."""
        return LazyContext(str(self.name), self.aliases, self._make)


def install() -> None:
    """Make Invoke's collections give lazy contexts."""
    Collection.to_contexts = _to_contexts  # type: ignore[method-assign,assignment]  # see above


def _to_contexts(
    collection: Collection, ignore_unknown_help: bool | None = None
) -> list[LazyContext]:
    return [
        LazyContext(name, aliases, collection[name].get_arguments)
        for name, aliases in collection.task_names.items()
    ]

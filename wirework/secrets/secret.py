"""A value that shows its source only."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from wirework.secrets.once import Once

if TYPE_CHECKING:
    from collections.abc import Callable


class Secret:
    """A value fetched when it is first used, once, and shown only by ``reveal()``.

    ``source`` names where it comes from (``env:DB_PASSWORD``) and is what every printed form
    of the secret shows. Two secrets are equal when their sources are. Threads may share one.
    """

    __slots__ = ("__once", "source")

    def __init__(self, source: str, fetch: Callable[[], str]) -> None:
        self.source = source
        self.__once = Once(fetch)

    def reveal(self) -> str:
        """Return the value; raises SecretError when its source does not have it."""
        return self.__once.get()

    def __repr__(self) -> str:
        return f"<secret {self.source}>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.source == self.source

    def __hash__(self) -> int:
        return hash(self.source)

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self!r} is not written anywhere")

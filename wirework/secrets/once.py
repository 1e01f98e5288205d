"""Something that is fetched when it is first asked for, and once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from wirework.errors import SecretError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Once(Generic[T]):
    """What ``fetch`` returns, or the SecretError that it raised; threads may share one."""

    __slots__ = ("__fetch", "__lock", "__outcome")

    def __init__(self, fetch: Callable[[], T]) -> None:
        self.__fetch = fetch
        self.__lock = threading.Lock()
        self.__outcome: tuple[T] | SecretError | None = None

    def get(self) -> T:
        """Return what was fetched, now or earlier; raises SecretError when it cannot be."""
        with self.__lock:
            if self.__outcome is None:
                # A failure is kept as well: a thousand hosts must not each wait for a dead command.
                try:
                    self.__outcome = (self.__fetch(),)
                except SecretError as error:
                    self.__outcome = _without_context(error)
            outcome = self.__outcome
        if isinstance(outcome, SecretError):
            raise _without_context(outcome)
        return outcome[0]


def _without_context(error: SecretError) -> SecretError:
    """Return the same error without the frames and causes, which may hold what was fetched."""
    return SecretError(error.message, where=error.where, hint=error.hint)

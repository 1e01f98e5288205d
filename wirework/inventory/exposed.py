"""Secrets that anybody can read in an inventory, told by their names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from wirework.documents import Map, Seq
from wirework.inventory.settings import NAMES
from wirework.inventory.settings.values import is_templated
from wirework.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

# A name that ends like this: api_token, dbPassword; not token_ttl.
_SECRET = re.compile(
    r".*(?:password|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key|access[_-]?key)"
    r"|(?:.*[_-])?pass",
    re.IGNORECASE,
)
_KEY = re.compile(r".*key", re.IGNORECASE)
_LIKE_A_PATH = re.compile(r"[~./]|.*\.(?:pem|key)")


def in_plain_text(variables: Map) -> Iterator[tuple[str, str]]:
    """Yield the name, or the way of keys, and the place of each secret that is written out."""
    for name, value in variables.items():
        known = NAMES.get(name)
        where = variables.where(name)
        if known is None:
            yield from _below(name, name, value, where)
        elif known[0].secret and isinstance(value, Secret) and value.source == where:
            yield name, where


def _below(way: str, name: str, value: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Map):
        for key, item in value.items():
            yield from _below(f"{way}.{key}", key, item, value.where(key))
    elif isinstance(value, Seq):
        for number, item in enumerate(value):
            yield from _below(f"{way}.{number}", name, item, value.where(number))
    elif _SECRET.fullmatch(name) and _is_plain(value) and not _is_path_of_key(name, value):
        yield way, where


def _is_plain(value: Any) -> bool:
    """Whether a value is text or a number as it stands."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    return value != "" and not is_templated(value)


def _is_path_of_key(name: str, value: Any) -> bool:
    return bool(_KEY.fullmatch(name) and _LIKE_A_PATH.match(str(value)))

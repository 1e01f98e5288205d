"""The operations: pure generators, one module a family. One exists when it is listed here.

A module is loaded when one of its operations is asked for, by ``OPERATIONS[name]`` or as an
attribute: most runs need a few of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import MappingProxyType

from wirework.state.operation import Operation

_FAMILIES = {
    "paths": ("absent", "directory", "link"),
    "files": ("file", "template", "line"),
    "edits": ("block", "replace"),
    "settings": ("ini", "json", "yaml"),
    "trees": ("tree",),
    "accounts": ("group", "user"),
    "logins": ("authorized_key", "sudoers"),
    "machine": ("hostname", "hosts", "sysctl", "timezone"),
    "clockwork": ("cron",),
    "packages": ("package",),
    "repositories": ("repository",),
    "services": ("service",),
    "waiting": ("wait_for",),
    "archives": ("archive",),
    "downloads": ("download",),
    "checkouts": ("git",),
    "commands": ("command", "script"),
}
_MODULES = MappingProxyType({name: module for module, names in _FAMILIES.items() for name in names})


class _Operations(Mapping[str, Operation]):
    """Every operation by its name."""

    def __getitem__(self, name: str) -> Operation:
        found = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        assert isinstance(found, Operation)  # noqa: S101  (the table's own mistake otherwise)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


OPERATIONS: Mapping[str, Operation] = _Operations()
"""Every operation by its name."""


def __getattr__(name: str) -> Operation:
    if name not in _MODULES:
        raise AttributeError(f"there is no operation {name!r}")
    return OPERATIONS[name]

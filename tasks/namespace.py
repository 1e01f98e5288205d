"""The one root namespace: a collection exists when it is listed here."""

from __future__ import annotations

from types import ModuleType

from invoke.collection import Collection

from . import demo, dev, do, http, inventory, lab, playbook, remote
from .cli.parameters import CliTask

COLLECTIONS: tuple[tuple[str, ModuleType], ...] = (
    ("dev", dev),
    ("do", do),
    ("http", http),
    ("inventory", inventory),
    ("lab", lab),
    ("playbook", playbook),
    ("remote", remote),
)
TOP_LEVEL: tuple[CliTask, ...] = (demo.demo, dev.test)


def _namespace() -> Collection:
    root = Collection()
    for name, module in COLLECTIONS:
        tasks = [value for value in vars(module).values() if isinstance(value, CliTask)]
        collection = Collection(name, *tasks)
        collection.__doc__ = module.__doc__
        root.add_collection(collection)
    for each in TOP_LEVEL:
        root.add_task(each)
    return root


ns = _namespace()

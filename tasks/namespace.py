"""The one root namespace: a collection exists when it is listed here."""

from __future__ import annotations

from types import ModuleType

from invoke.collection import Collection

from . import (
    addr,
    chat,
    demo,
    dev,
    dns,
    do,
    host,
    http,
    inventory,
    lab,
    ntp,
    playbook,
    remote,
    sock,
    unix,
)
from .cli.parameters import CliTask

COLLECTIONS: tuple[tuple[str, ModuleType], ...] = (
    ("addr", addr),
    ("chat", chat),
    ("dev", dev),
    ("dns", dns),
    ("do", do),
    ("host", host),
    ("http", http),
    ("inventory", inventory),
    ("lab", lab),
    ("ntp", ntp),
    ("playbook", playbook),
    ("remote", remote),
    ("sock", sock),
    ("unix", unix),
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

"""A project in a folder: a playbook, roles, templates and a fleet, written out by each test."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from wirework import inventory
from wirework.errors import ArgumentError, BadInput
from wirework.lab import Lab
from wirework.playbook import Catalogue, Playbook, PlayWork, RunResult, load, prepare, run
from wirework.ssh import Pool
from wirework.state import OPERATIONS, Item
from wirework.state.changes import Change

FLEET = """\
all:
  vars: {colour: red}
  children:
    web:
      hosts:
        web1: {address: 192.0.2.1, port: 2201, http_port: 8001}
        web2: {address: 192.0.2.2, http_port: 8002, colour: blue}
    db:
      hosts:
        db1: {address: 192.0.2.9}
"""


@dataclass
class Probe:
    """A task that notes what it is called with and succeeds from a given try on."""

    succeeds_at: int = 1
    raises: Exception | None = None
    calls: list[Mapping[str, Any]] = field(default_factory=list)

    @dataclass(frozen=True)
    class Result:
        ok: bool
        summary: str

    def check_names(self, arguments: Collection[str]) -> None:
        for name in arguments:
            if name not in ("url", "contains"):
                raise ArgumentError(f"http.check has no parameter {name!r}", parameter=name)
        if "url" not in arguments:
            raise ArgumentError("http.check needs url", parameter="url")

    def bind(self, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        if not isinstance(arguments["url"], str):
            raise ArgumentError("http.check: url: expected text", parameter="url")

        def call() -> Any:
            self.calls.append(arguments)
            if self.raises:
                raise self.raises
            ok = len(self.calls) >= self.succeeds_at
            return self.Result(ok, "200" if ok else "503")

        return call


@dataclass
class Project:
    root: Path
    probe: Probe = field(default_factory=Probe)

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return file

    @property
    def catalogue(self) -> Catalogue:
        tasks = {"http.check": self.probe}
        return Catalogue(OPERATIONS, tasks, self.root / "roles", self.root / "templates")

    def load(self, text: str) -> Playbook:
        return load(self.write("play.yaml", text), self.catalogue)

    def fleet(self) -> inventory.Inventory:
        if not (self.root / "inventory.yaml").exists():
            self.write("inventory.yaml", FLEET)
        return inventory.load(self.root / "inventory.yaml")

    def prepare(self, text: str, limit: str = "") -> tuple[tuple[PlayWork, ...], list[BadInput]]:
        return prepare(self.load(text), self.fleet(), self.catalogue, limit=limit)

    def mistakes(self, text: str) -> list[str]:
        """Return every mistake, with the project's folder left out of it."""
        try:
            errors: list[BadInput] = self.prepare(text)[1]
        except BadInput as error:
            errors = [error]
        return [f"{type(error).__name__}: {error}".replace(f"{self.root}/", "") for error in errors]

    def items(self, text: str, host: str = "web1") -> tuple[Item, ...]:
        """Return what a playbook of one play wants of one host."""
        (work,), errors = self.prepare(text)
        assert [str(error) for error in errors] == []
        return next(each.items for each in work.hosts if each.host.name == host)

    def changes(self, text: str, host: str = "web1") -> Iterator[Change]:
        """Return the changes that a host with nothing on it gets."""
        for item in self.items(text, host):
            yield from on_a_bare_host(item)


def on_a_bare_host(item: Item) -> Iterator[Change]:
    from wirework.state.facts import ABSENT, Entry, Login, PathState, Whoami

    def answer(fact: Any) -> Any:
        if isinstance(fact, PathState):
            return Entry("directory") if fact.path in (".", "/") else ABSENT
        return Login("me", "me", is_root=False) if isinstance(fact, Whoami) else None

    steps, reply = item.wish.start(), None
    while True:
        try:
            request: Any = steps.send(reply)
        except StopIteration:
            return
        reply = None
        if isinstance(request, Change):
            yield request
        else:
            is_many = isinstance(request, tuple)
            reply = tuple(map(answer, request)) if is_many else answer(request)


def content(change: Change) -> str:
    assert change.payload
    return b"".join(change.payload.chunks()).decode()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


WRITE = """\
- hosts: all
  batch: {batch}
  steps:
    - directory: {{path: {top}}}
    - file: {{dest: {top}/name, content: "{{{{ host.name }}}}"}}
    - command: {{argv: [test, "{{{{ host.name }}}}", "!=", {bad}], unless: [test, -e, {top}/again]}}
    - file: {{dest: {top}/after, content: x}}
"""


class Labor:
    """A project whose fleet is the lab, with a folder on the hosts for one test alone."""

    def __init__(self, lab: Lab, project: Project, top: str) -> None:
        self.lab, self.project, self.top = lab, project, top
        self.fleet = inventory.load(lab.inventory)

    def play(self, text: str, **options: Any) -> RunResult:
        work, errors = self.prepare(text)
        assert [str(error) for error in errors] == []
        with Pool(known_hosts=(), gateways=self.fleet.hosts.__getitem__) as pool:
            return run(self.project.load(text), work, pool, **options)

    def prepare(self, text: str) -> Any:
        return prepare(self.project.load(text), self.fleet, self.project.catalogue)

    def write(self, *, bad: str = "nobody", batch: str = "100%", **options: Any) -> RunResult:
        return self.play(WRITE.format(top=self.top, bad=bad, batch=batch), **options)

    def files(self, host: str) -> list[str]:
        folder = self.lab.home(host) / self.top
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.fixture
def labor(lab: Lab, project: Project, tmp_path: Path) -> Iterator[Labor]:
    made = Labor(lab, project, f"play-{tmp_path.name}")
    yield made
    for host in lab.hosts:
        shutil.rmtree(lab.home(host.name) / made.top, ignore_errors=True)

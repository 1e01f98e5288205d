"""What every operation decides, from written facts: fixtures/operations/<operation>/<case>.json.

A file's digest is written as the text that it is the digest of, and a mode as octal digits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wirework.errors import BadInput, Refused
from wirework.ssh import LocalFile
from wirework.state import OPERATIONS
from wirework.state.arguments import Rendered
from wirework.state.changes import Change
from wirework.state.facts import (
    Content,
    Entry,
    ExitStatus,
    Fact,
    Glimpse,
    Login,
    PathState,
    Sha256,
    Text,
    Whoami,
)
from wirework.state.facts.accounts import (
    Account,
    Gid,
    Group,
    IsFolder,
    Password,
    Shadow,
    Uid,
    User,
)
from wirework.state.facts.git import Checkout, GitCheckout, GitRemote, RemoteRef
from wirework.state.facts.kernel import Hostname, Setting, Sysctl
from wirework.state.facts.packages import (
    IndexAge,
    Installed,
    InstalledVersion,
    Leftover,
    Newer,
    PackageManager,
)
from wirework.state.facts.readiness import Ready
from wirework.state.facts.services import InitSystem, Service, ServiceState
from wirework.state.local_tree import LocalTree

FIXTURES = Path(__file__).parent / "fixtures/operations"
CASES = sorted(FIXTURES.glob("*/*.json"))


def entry(raw: dict[str, Any]) -> Entry:
    return Entry(**{**raw, "mode": int(raw.get("mode", "0"), 8)})


def text(raw: str | None) -> Text | None:
    """A content that is not whole is written with … at its end."""
    return None if raw is None else Text(raw.encode(), whole=not raw.endswith("…"))


def facts(raw: dict[str, Any]) -> dict[Fact[Any], Any]:
    known: dict[Fact[Any], Any] = {
        PathState(p): entry(e) for p, e in raw.get("PathState", {}).items()
    }
    for path, content in raw.get("Sha256", {}).items():
        digest = None if content is None else hashlib.sha256(content.encode()).hexdigest()
        known[Sha256(path)] = digest
    known |= {Content(path): text(content) for path, content in raw.get("Content", {}).items()}
    known |= {Glimpse(path): text(content) for path, content in raw.get("Glimpse", {}).items()}
    if "Whoami" in raw:
        known[Whoami()] = Login(**raw["Whoami"])
    for kind, read in ACCOUNT_FACTS.items():
        known |= {kind(name): read(each) for name, each in raw.get(kind.__name__, {}).items()}
    if "Hostname" in raw:
        known[Hostname()] = raw["Hostname"]
    for kind in PACKAGE_FACTS:
        for words, each in raw.get(kind.__name__, []):
            known[kind(*words)] = Service(**each) if kind is ServiceState else each
    known |= {GitCheckout(p): Checkout(**c) for p, c in raw.get("GitCheckout", {}).items()}
    for repo, version, ref in raw.get("GitRemote", []):
        known[GitRemote(repo, version)] = RemoteRef(**ref)
    for argv, chdir, *user, status in raw.get("ExitStatus", []):
        known[ExitStatus(tuple(argv), chdir, *user)] = status
    return known


def account(raw: dict[str, Any] | None) -> Account | None:
    return None if raw is None else Account(**{**raw, "groups": tuple(raw.get("groups", ()))})


def password(raw: str | None) -> Password | None:
    """A hash stands for its digest; ``!`` in front of it locks."""
    if raw is None:
        return None
    digest = hashlib.sha256(raw.removeprefix("!").encode()).hexdigest()
    return Password(digest, locked=raw.startswith("!"))


def setting(raw: list[Any] | None) -> Setting | None:
    return None if raw is None else Setting(*raw)


def plain(raw: Any) -> Any:
    return raw


ACCOUNT_FACTS: dict[Any, Callable[[Any], Any]] = {
    User: account,
    Shadow: password,
    Sysctl: setting,
    Uid: plain,
    Group: plain,
    Gid: plain,
    IsFolder: plain,
}


PACKAGE_FACTS: tuple[Any, ...] = (
    *(IndexAge, InitSystem, Installed, InstalledVersion),
    *(Leftover, Newer, PackageManager, Ready, ServiceState),
)
"""Facts that are written as pairs: the words of the question, and the answer."""


class Sources:
    def __init__(self, case: dict[str, Any], folder: Path) -> None:
        self.case, self.folder = case, folder

    def render(self, name: str) -> Rendered:
        return Rendered(name, self.case["template"].encode(), self.case.get("sensitive", False))

    def find_file(self, name: str) -> LocalFile:
        (self.folder / name).write_text(self.case["file"])
        return LocalFile.of(self.folder / name)

    def find_folder(self, name: str) -> LocalTree:
        """Make the folder: a name that ends in / is a folder, a text behind -> is a link."""
        for inner, text in self.case["tree"].items():
            path = self.folder / name / inner
            path.parent.mkdir(parents=True, exist_ok=True)
            if inner.endswith("/"):
                path.mkdir(exist_ok=True)
            elif text.startswith("-> "):
                path.symlink_to(text.removeprefix("-> "))
            else:
                path.write_text(text)
        return LocalTree.of(self.folder / name)


def decide(case: dict[str, Any], operation: str, folder: Path) -> tuple[list[Change], set[Any]]:
    written, asked, changes = facts(case.get("facts", {})), set(), []
    known = dict(written)
    steps = OPERATIONS[operation].wish(case["arguments"], Sources(case, folder)).start()
    reply: Any = None
    while True:
        try:
            request = steps.send(reply)
        except StopIteration:
            return changes, set(written) - asked
        reply = None
        if isinstance(request, Change):
            changes.append(request)
            known.update(request.predicts)
        elif isinstance(request, Fact):
            asked.add(request)
            reply = known[request]
        else:
            asked.update(request)
            reply = tuple(known[each] for each in request)


def shown(change: Change) -> dict[str, Any]:
    return {
        "argv": list(change.argv),
        "says": change.says,
        "verb": change.verb,
        "diff": change.diff,
        "opaque": change.opaque,
        "spoils": list(change.spoils),
        "predicts": dict(change.predicts),
        "payload": b"".join(change.payload.chunks()).decode() if change.payload else None,
    }


def wished(raw: dict[str, Any]) -> dict[str, Any]:
    plain = {"diff": "", "opaque": False, "spoils": [], "payload": None}
    return {**plain, **raw, "predicts": facts(raw.get("predicts", {}))}


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_operation_decides(path: Path, tmp_path: Path) -> None:
    case = json.loads(path.read_text())
    kind = Refused if "refused" in case else BadInput
    if complaint := case.get("refused") or case.get("bad_input"):
        with pytest.raises(kind) as caught:
            decide(case, path.parent.name, tmp_path)
        assert str(caught.value) == complaint
        return
    changes, unasked = decide(case, path.parent.name, tmp_path)
    assert [shown(change) for change in changes] == [wished(raw) for raw in case["changes"]]
    assert unasked == set(), "the fixture knows what the operation never asks"


def test_every_operation_has_a_change_and_no_change() -> None:
    for name in OPERATIONS:
        counts = [json.loads(p.read_text()).get("changes") for p in FIXTURES.glob(f"{name}/*.json")]
        assert [] in counts, name
        assert any(counts), name

"""What tests of archives, downloads and checkouts share."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

from tests.state.conftest import LocalShell
from tests.state.test_converge import play
from wirework.state import Converged

Wish = tuple[str, dict[str, Any]]


def problems(result: Converged) -> list[str]:
    return [step.problem for step in result.steps if step.problem]


def planned_applied_and_converged(host: LocalShell, *wishes: Wish, sources: Any = None) -> None:
    """A plan foresees what is done, and a second run finds nothing to do in one round."""
    plan = play(host, *wishes, check=True, sources=sources)
    done = play(host, *wishes, sources=sources)
    assert problems(done) == []
    assert plan.steps == done.steps
    again = play(host, *wishes, sources=sources)
    assert problems(again) == []
    assert (again.changed, again.rounds) == (False, 1)


def tree(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(folder))] = f"-> {path.readlink()}"
        elif path.is_file() and not path.name.startswith(".wirework"):
            found[str(path.relative_to(folder))] = path.read_text()
    return found


def member(name: str, content: str = "", *, kind: bytes = tarfile.REGTYPE, to: str = "") -> Any:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.mode = kind, to, len(content.encode()), 0o644
    if kind == tarfile.DIRTYPE:
        info.mode = 0o755
    return info, content.encode()


def tar(path: Path, *members: Any, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]  # the mode is one
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return path


APP = (
    member("app-1", kind=tarfile.DIRTYPE),
    member("app-1/bin/run", "#!/bin/sh\n"),
    member("app-1/share/text with spaces", "text"),
    member("app-1/bin/text", kind=tarfile.SYMTYPE, to="../share/text with spaces"),
    member("app-1/.hidden", "h"),
)
APP_TREE = {
    ".hidden": "h",
    "bin/run": "#!/bin/sh\n",
    "bin/text": "-> ../share/text with spaces",
    "share/text with spaces": "text",
}

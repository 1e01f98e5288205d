"""Any sequence of wishes for files: what was planned happens, and a second run finds nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.machine import program, require
from tests.state.conftest import LocalShell, Nowhere
from wirework.state import OPERATIONS, Item, converge

Wished = tuple[str, dict[str, Any]]

CONTENTS = st.sampled_from(["", "one\n", "two\nlines\n", "no end", "ü\n"])
MODES = st.sampled_from(["0600", "0644", "0755", "4755"])
NAMES = ("a", "b c", "d'")


def maybe(**options: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=options)


def wishes_for(path: str) -> st.SearchStrategy[list[Wished]]:
    """Return one kind of wish for a path, so that no step undoes another."""
    files = st.builds(
        lambda content, rest: [("file", {"dest": path, "content": content, **rest})],
        CONTENTS,
        maybe(mode=MODES),
    )
    folders = maybe(mode=MODES).map(lambda rest: [("directory", {"path": path, **rest})])
    links = st.sampled_from(["a", "/none", "b c"]).map(
        lambda to: [("link", {"path": path, "to": to})]
    )
    lines = st.lists(st.sampled_from(["one", "x=1", "no end"]), min_size=1, max_size=2).map(
        lambda texts: [("line", {"path": path, "line": t, "create": True}) for t in texts]
    )
    gone = st.booleans().map(lambda all_: [("absent", {"path": path, "recursive": all_})])
    return st.one_of(files, folders, links, lines, gone)


def sequences(top: str) -> st.SearchStrategy[list[Wished]]:
    """Return wishes for a folder and then for names in it, some of them twice."""
    inside = st.tuples(*(wishes_for(f"{top}/{name}") for name in NAMES))
    return inside.map(
        lambda each: [("directory", {"path": top}), *(wish for group in each for wish in group)]
    )


befores = st.dictionaries(
    st.sampled_from(NAMES), st.tuples(st.sampled_from(["file", "folder", "link", "full"]), CONTENTS)
)


def prepare(folder: Path, before: dict[str, tuple[str, str]]) -> None:
    for name, (kind, content) in before.items():
        folder.mkdir(exist_ok=True)
        path = folder / name
        if kind == "file":
            path.write_text(content)
        elif kind == "link":
            path.symlink_to(content.strip() or "x")
        else:
            path.mkdir()
            if kind == "full":
                (path / "f").write_text(content)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    wished=st.permutations(["top", "t/o p"]).flatmap(
        lambda tops: st.tuples(*map(sequences, tops)).map(lambda pair: [*pair[0], *pair[1]])
    ),
    before=befores,
)
def test_what_is_planned_happens_and_a_second_run_finds_nothing(
    tmp_path: Path, wished: list[Wished], before: dict[str, tuple[str, str]]
) -> None:
    require("dash")
    home = Path(tempfile.mkdtemp(dir=tmp_path))
    tools = home / ".bin"
    tools.mkdir()
    (tools / "sh").symlink_to(str(program("dash")))
    host = LocalShell(home, f"{tools}:/usr/bin:/bin")
    prepare(home / "top", before)
    items = [Item(OPERATIONS[name].wish(arguments, Nowhere())) for name, arguments in wished]
    plan = converge(host, items, check=True, diff=True)
    applied = converge(host, items, diff=True)
    refused_by_host = applied.failed_step is not None and applied.failed_step.output
    if not refused_by_host:  # rmdir of a full folder: only the host can tell
        assert applied.steps == plan.steps
    again = converge(host, items)
    if applied.ok:
        assert [step.status.value for step in again.steps] == ["ok"] * len(items)
        assert again.rounds == 1
    else:
        assert again.failed_step
        assert applied.failed_step
        assert again.failed_step.problem == applied.failed_step.problem
        assert not any(step.changes for step in again.steps)

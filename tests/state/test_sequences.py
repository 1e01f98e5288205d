"""Any sequence of wishes for files: what was planned happens, and a second run finds nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.machine import program, require
from tests.state.conftest import LocalShell
from tests.state.test_hostile import Shelf, told
from tests.state.test_killed import Snapshot, snapshot
from wirework.state import OPERATIONS, Converged, Item, StepStatus, converge

Wished = tuple[str, dict[str, Any]]

QUICK = 20
"""Examples of a usual run; ``--hypothesis-profile long`` tries more."""
EXAMPLES = QUICK if settings().max_examples <= 100 else settings().max_examples
CONTENTS = st.sampled_from(["", "one\n", "two\nlines\n", "no end", "ü\n", "[s]\no = 0\n", "{}\n"])
MODES = st.sampled_from(["0600", "0644", "0755", "4755"])
NAMES = ("a", "b c", "d'")
many = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def maybe(**options: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=options)


def edits_of(path: str) -> st.SearchStrategy[list[Wished]]:
    """Return edits of one file, none of which undoes another."""
    place = {"path": path, "create": True}
    lines = st.lists(st.sampled_from(["one", "x=1", "no end"]), min_size=1, max_size=2).map(
        lambda texts: [("line", {**place, "line": t}) for t in texts]
    )
    blocks = st.lists(st.sampled_from(["1", "2\n3"]), min_size=1, max_size=2).map(
        lambda texts: [
            ("block", {**place, "content": t, "marker": f"# {{mark}} {n}"})
            for n, t in enumerate(texts)
        ]
    )
    inis = st.lists(st.tuples(*[st.sampled_from(["s", "t"])] * 2, CONTENTS), max_size=3).map(
        lambda rows: [
            ("ini", {**place, "section": section, "option": option, "value": str(len(value))})
            for (section, option), value in {(s, o): v for s, o, v in rows}.items()
        ]
    )
    jsons = st.dictionaries(st.sampled_from(["a", "b.c", "b.d"]), CONTENTS, max_size=3).map(
        lambda rows: [("json", {**place, "key": key, "value": each}) for key, each in rows.items()]
    )
    replaced = st.booleans().map(
        lambda create: [
            *([("line", {**place, "line": "one"})] if create else []),
            ("replace", {"path": path, "match": "^(no|two) ?", "replacement": r"<\1>"}),
        ]
    )
    return st.one_of(lines, blocks, inis, jsons, replaced)


def wishes_for(path: str) -> st.SearchStrategy[list[Wished]]:
    """Return one kind of wish for a path, so that no step undoes another."""
    files = st.builds(
        lambda content, rest: [("file", {"dest": path, "content": content, **rest})],
        CONTENTS,
        maybe(mode=MODES, sensitive=st.booleans()),
    )
    templates = maybe(mode=MODES).map(
        lambda rest: [("template", {"src": "t", "dest": path, **rest})]
    )
    folders = maybe(mode=MODES).map(lambda rest: [("directory", {"path": path, **rest})])
    deep = MODES.map(
        lambda mode: [
            (
                "directory",
                {"path": path, "recursive": True, "mode": "0750", "file_mode": mode},
            )
        ]
    )
    links = st.sampled_from(["a", "/none", "b c"]).map(
        lambda to: [("link", {"path": path, "to": to})]
    )
    gone = st.booleans().map(lambda all_: [("absent", {"path": path, "recursive": all_})])
    trees = st.booleans().map(
        lambda delete: [("tree", {"src": "site", "dest": path, "delete": delete})]
    )
    archives = maybe(creates=st.just("bin/run")).map(
        lambda rest: [
            ("directory", {"path": path}),
            ("archive", {"dest": path, "src": "app.tar", "strip": 1, **rest}),
        ]
    )
    commands = st.sampled_from(["creates", "unless"]).map(
        lambda guard: [
            (
                "command",
                {
                    "argv": ["sh", "-c", 'echo made >"$1"', "sh", path],
                    guard: path if guard == "creates" else ["test", "-e", path],
                },
            )
        ]
    )
    return st.one_of(
        *(files, templates, folders, deep, links, gone, trees, archives, commands, edits_of(path))
    )


def sequences(top: str) -> st.SearchStrategy[list[Wished]]:
    """Return wishes for a folder and then for names in it, some of them twice."""
    inside = st.tuples(*(wishes_for(f"{top}/{name}") for name in NAMES))
    return inside.map(
        lambda each: [("directory", {"path": top}), *(wish for group in each for wish in group)]
    )


two_folders = st.permutations(["top", "t/o p"]).flatmap(
    lambda tops: st.tuples(*map(sequences, tops)).map(lambda pair: [*pair[0], *pair[1]])
)
befores = st.dictionaries(
    st.sampled_from(NAMES),
    st.tuples(st.sampled_from(["file", "folder", "link", "full"]), CONTENTS),
    max_size=1,
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


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    require("dash")
    require("transfers")
    return Shelf(tmp_path / "shelf")


def new_host(tmp_path: Path, before: dict[str, tuple[str, str]]) -> LocalShell:
    home = Path(tempfile.mkdtemp(dir=tmp_path))
    tools = home / ".bin"
    tools.mkdir()
    (tools / "sh").symlink_to(str(program("dash")))
    prepare(home / "top", before)
    return LocalShell(home, f"{tools}:/usr/bin:/bin")


def as_planned(plan: Converged, applied: Converged) -> None:
    """Everything that the plan is sure of has happened so, to the word and the diff."""
    for planned, done in zip(plan.steps, applied.steps, strict=True):
        if done.status in (StepStatus.NOT_RUN, StepStatus.FAILED) and done.output:
            return  # rmdir of a full folder: only the host can tell
        if planned.uncertain or planned.status is StepStatus.UNKNOWN:
            if done.status is StepStatus.FAILED:
                return
            continue
        assert told_of(planned) == told_of(done)


def told_of(step: Any) -> tuple[object, ...]:
    return (step.title, step.status, step.changes, step.problem)


def statuses(result: Converged) -> list[str]:
    return [step.status.value for step in result.steps]


@many
@given(
    wished=two_folders,
    before=befores,
    handlers=st.lists(st.sets(st.integers(0, 7), min_size=1), max_size=2),
)
def test_what_is_planned_happens_and_a_second_run_finds_nothing(
    tmp_path: Path,
    shelf: Shelf,
    wished: list[Wished],
    before: dict[str, tuple[str, str]],
    handlers: list[set[int]],
) -> None:
    host = new_host(tmp_path, before)
    items = [Item(OPERATIONS[name].wish(arguments, shelf)) for name, arguments in wished]
    for number, numbers in enumerate(handlers):
        argv = ["sh", "-c", f"echo ran >>handler{number}"]
        after = tuple(n % len(wished) for n in numbers)
        items.append(Item(OPERATIONS["command"].wish({"argv": argv}, shelf), after=after))
    untouched = snapshot(host.home)
    plan = converge(host, items, check=True, diff=True)
    assert snapshot(host.home) == untouched
    applied = converge(host, items, diff=True)
    as_planned(plan, applied)
    for number, numbers in enumerate(handlers):
        ran = applied.steps[len(wished) + number].status is StepStatus.CHANGED
        assert (host.home / f"handler{number}").exists() == ran
        if applied.ok:
            assert ran == any(applied.steps[n % len(wished)].changes for n in numbers)
    done = snapshot(host.home)
    planned_again = converge(host, items, check=True)
    again = converge(host, items)
    assert snapshot(host.home) == done
    assert told(planned_again) == told(again)
    assert not any(step.changes for step in again.steps)
    if applied.ok:
        assert statuses(again) == ["ok"] * len(wished) + ["skipped"] * len(handlers)
        assert again.rounds == 1
    else:
        assert again.failed_step
        assert applied.failed_step
        assert again.failed_step.problem == applied.failed_step.problem
    shutil.rmtree(host.home)


def run(host: LocalShell, wished: Sequence[Wished], shelf: Shelf) -> tuple[Converged, Snapshot]:
    items = [Item(OPERATIONS[name].wish(arguments, shelf)) for name, arguments in wished]
    return converge(host, items), snapshot(host.home)


@many
@given(
    wished=two_folders,
    before=befores,
    at=st.integers(0, 12),
    guarded=st.booleans(),
)
def test_what_fails_in_the_middle_tells_what_was_done_and_the_next_run_goes_on(
    tmp_path: Path,
    shelf: Shelf,
    wished: list[Wished],
    before: dict[str, tuple[str, str]],
    at: int,
    *,
    guarded: bool,
) -> None:
    at = min(at, len(wished))
    argv = ["sh", "-c", "test -e mended || { echo part; echo the reason >&2; exit 3; }"]
    broken = ("command", {"argv": argv, **({"creates": "mended"} if guarded else {})})
    whole, part = new_host(tmp_path, before), new_host(tmp_path, before)
    failed, left = run(whole, [*wished[:at], broken, *wished[at:]], shelf)
    first, expected = run(part, wished[:at], shelf)
    # What was done before is there, and told; of what comes behind there is nothing.
    assert left == expected
    assert told(failed)[:at] == told(first)
    if first.ok:
        assert failed.steps[at].problem == "the reason (status 3)"
        assert failed.steps[at].output == "part\nthe reason"
        assert statuses(failed)[at:] == ["failed"] + ["not run"] * (len(wished) - at)
    assert not any(step.changes for step in failed.steps[at:])
    # The next run goes on from what is there.
    (whole.home / "mended").touch()
    run(whole, [*wished[:at], broken, *wished[at:]], shelf)
    run(part, wished, shelf)
    (whole.home / "mended").unlink()
    assert snapshot(whole.home) == snapshot(part.home)
    shutil.rmtree(whole.home)
    shutil.rmtree(part.home)

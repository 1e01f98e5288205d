"""The engine from a program, as docs/library.md shows it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from wirework import inventory
from wirework.errors import ArgumentError, PatternError, TemplateError
from wirework.fleet import Status
from wirework.inventory import Host
from wirework.lab import Lab
from wirework.state import Wish, apply
from wirework.state import operations as op

DOCUMENT = Path(__file__).parents[2] / "docs" / "library.md"


def test_the_documents_lines_do_what_it_says(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    monkeypatch.chdir(lab.folder.parents[1])
    try:
        exec(compile(program, DOCUMENT.name, "exec"), {})  # noqa: S102  (the document's own)
        assert (lab.home("web2") / "site/now").readlink() == Path("r1")
        exec(compile(program, DOCUMENT.name, "exec"), {})  # noqa: S102
    finally:
        for host in lab.hosts:
            shutil.rmtree(lab.home(host.name) / "site", ignore_errors=True)
    names = ("web1", "web2", "web3")
    assert capsys.readouterr().out.splitlines() == [
        f"True {[(name, 'changed') for name in names]}",
        f"True {[(name, 'ok') for name in names]}",
    ]


def test_each_host_can_have_wishes_of_its_own_and_its_own_trouble(lab: Lab) -> None:
    fleet = inventory.load(lab.inventory)
    folder = "library"

    def wishes(host: Host) -> list[Wish]:
        path = "/dev/null/x" if host.name == "web2" else f"{folder}/{host.name}"
        return [op.directory(path=folder), op.file(dest=path, content=host.name)]

    try:
        plan = apply(fleet, "web", wishes, check=True, diff=True)
        assert not (lab.home("web1") / folder).exists()
        report = apply(fleet, "web", wishes)
        assert (lab.home("web3") / folder / "web3").read_text() == "web3"
    finally:
        for host in lab.hosts:
            shutil.rmtree(lab.home(host.name) / folder, ignore_errors=True)
    expected = [Status.CHANGED, Status.FAILED, Status.CHANGED]
    assert [outcome.status for outcome in plan.outcomes] == expected
    assert [outcome.status for outcome in report.outcomes] == expected
    value = report.outcomes[1].value
    assert value
    assert value.failed_step
    assert value.failed_step.title == "file /dev/null/x"


def test_what_is_wrong_is_told_before_any_host_is_touched(lab: Lab, tmp_path: Path) -> None:
    fleet = inventory.load(lab.inventory)
    with pytest.raises(ArgumentError, match="link has no parameter 'too'"):
        op.link(path="x", too="y")
    with pytest.raises(ArgumentError, match="src"):
        op.file(dest="x", src=str(tmp_path / "none"))
    with pytest.raises(TemplateError, match="templates belong to playbooks"):
        op.template(src="x.j2", dest="x")
    with pytest.raises(PatternError, match="nobody"):
        apply(fleet, "nobody", [])

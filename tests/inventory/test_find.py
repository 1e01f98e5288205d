from __future__ import annotations

from pathlib import Path

import pytest

from wirework.errors import InventoryError
from wirework.inventory import find

VARIABLE = "WIREWORK_INVENTORY"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with an inventory of its own and a lab that is up."""
    monkeypatch.delenv(VARIABLE, raising=False)
    root = tmp_path / "project"
    for name in ("inventory.yaml", "other.yaml", ".wirework/lab/inventory.yaml", "deep/er/x"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@pytest.mark.parametrize(
    ("name", "start", "found"),
    [
        ("", ".", "inventory.yaml"),
        ("", "deep/er", "inventory.yaml"),
        ("other.yaml", ".", "other.yaml"),
        ("../other.yaml", "deep", "other.yaml"),
        ("lab", ".", ".wirework/lab/inventory.yaml"),
        ("lab", "deep/er", ".wirework/lab/inventory.yaml"),
        ("x", "deep/er", "deep/er/x"),
    ],
)
def test_the_nearest_inventory_is_found(project: Path, name: str, start: str, found: str) -> None:
    (path,) = find(name, start=project / start)
    assert path.resolve() == project / found


def test_the_nearest_of_several_is_meant(project: Path) -> None:
    (project / "deep" / "inventory.yaml").touch()
    assert find("", start=project / "deep" / "er") == (project / "deep" / "inventory.yaml",)


def test_an_absolute_path_is_itself(project: Path) -> None:
    assert find(f"{project}/other.yaml", start=Path("/")) == (project / "other.yaml",)


def test_a_file_is_meant_before_a_lab_and_a_lab_before_a_folder(project: Path) -> None:
    (project / "lab").mkdir()
    assert find("lab", start=project) == (project / ".wirework/lab/inventory.yaml",)
    assert find("lab/", start=project) == (project / "lab",)
    (project / "lab").rmdir()
    (project / "lab").touch()
    assert find("lab", start=project) == (project / "lab",)


def test_several_are_separated_by_commas_and_a_folder_is_one(project: Path) -> None:
    found = find("deep/, other.yaml,lab", start=project)
    expected = ("deep", "other.yaml", ".wirework/lab/inventory.yaml")
    assert found == tuple(project / name for name in expected)


def test_a_relative_start_looks_above_it_too(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project / "deep")
    assert find("", start=Path()) == (project / "inventory.yaml",)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("other.yaml", "other.yaml"),
        ("lab", ".wirework/lab/inventory.yaml"),
        ("", "inventory.yaml"),
        ("deep/,other.yaml", "deep other.yaml"),
    ],
)
def test_the_environment_says_which_one_when_nobody_else_does(
    project: Path, monkeypatch: pytest.MonkeyPatch, value: str, found: str
) -> None:
    monkeypatch.setenv(VARIABLE, value)
    assert find("", start=project) == tuple(project / name for name in found.split())


def test_a_name_beats_the_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "nowhere.yaml")
    assert find("other.yaml", start=project) == (project / "other.yaml",)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "lub",
            (
                "there is no inventory 'lub': no file ROOT/lub, and no .wirework/lub/inventory.yaml"
                " in ROOT or above (check the name; a lab has its inventory while it is up)"
            ),
        ),
        ("./x.yaml", "there is no inventory file ROOT/x.yaml (check the path)"),
        ("/no/such", "there is no inventory file /no/such (check the path)"),
        ("deep/er,gone/", "there is no inventory file ROOT/gone (check the path)"),
        (" , ", "' , ' names no inventory (write a file's name)"),
        ("~nobody-here/x", "there is no inventory file ~nobody-here/x (check the path)"),
    ],
)
def test_a_name_that_means_nothing_says_what_was_looked_for(
    project: Path, name: str, message: str
) -> None:
    with pytest.raises(InventoryError) as caught:
        find(name, start=project)
    assert str(caught.value) == message.replace("ROOT", str(project))


def test_an_environment_that_means_nothing_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "./gone.yaml")
    with pytest.raises(InventoryError) as caught:
        find("", start=project)
    assert str(caught.value) == (
        f"$WIREWORK_INVENTORY: there is no inventory file {project}/gone.yaml (check the path)"
    )


def test_no_inventory_at_all_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(InventoryError) as caught:
        find("", start=tmp_path)
    assert str(caught.value) == (
        f"there is no inventory.yaml in {tmp_path} or above "
        "(write one, name one with --inventory, or set WIREWORK_INVENTORY)"
    )

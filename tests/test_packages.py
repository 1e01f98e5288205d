"""What the tests ask of apt-get, of which a stand-in writes down every call."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests import machine, packages
from tests.machine import Need

APT_GET = """\
#!/bin/sh
cd {folder}
echo "$*" >> calls
case "$*" in
  *update*) touch updated; exit 0 ;;
  *--simulate*)
    if [ -e stale ] && [ ! -e updated ]; then exit 100; fi
    case "$*" in *unknown*) exit 100 ;; *rival*) echo 'Remv incumbent [1.0]' ;; esac ;;
  *)
    if [ -e gone ] && [ ! -e updated ]; then exit 100; fi
    {folder}/policy-rc.d; echo $? > policy
    if [ -e broken ]; then echo Unpacking; echo 'E: disk full' >&2; exit 100; fi
    touch etc/rc2.d/S01new etc/systemd/system/multi-user.target.wants/newer.service ;;
esac
"""

TOOL = """\
#!/bin/sh
echo "$*" >> {folder}/disabled
"""


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of nothing but files: its apt-get, its /etc and its policy-rc.d."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in {"apt-get": APT_GET, "systemctl": TOOL}.items():
        (programs / name).write_text(text.format(folder=tmp_path))
        (programs / name).chmod(0o755)
    (tmp_path / "etc/rc2.d").mkdir(parents=True)
    (tmp_path / "etc/rc2.d/S01old").touch()
    (tmp_path / "etc/systemd/system/multi-user.target.wants").mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(packages, "POLICY", tmp_path / "policy-rc.d")
    monkeypatch.setattr(packages, "BOOT", tmp_path / "etc")
    return tmp_path


def test_all_packages_are_installed_in_one_call_and_without_recommended_ones(box: Path) -> None:
    assert packages.install(["one", "two"]) == []

    (call,) = _installs(box)
    assert call.endswith("install -y -qq --no-install-recommends one two")
    assert not (box / "updated").exists()


def test_services_start_neither_during_the_installation_nor_with_the_machine(box: Path) -> None:
    packages.install(["one"])

    assert (box / "policy").read_text() == "101\n"
    assert (box / "disabled").read_text().splitlines() == [
        "disable --quiet new.service",
        "disable --quiet newer.service",
    ]
    assert not (box / "policy-rc.d").exists()


def test_a_machine_that_knows_no_packages_yet_is_told_of_them_first(box: Path) -> None:
    (box / "stale").touch()

    assert packages.install(["one"]) == []

    assert (box / "updated").exists()
    assert len(_installs(box)) == 1


def test_package_lists_that_name_files_that_are_gone_are_refreshed_once(box: Path) -> None:
    (box / "gone").touch()

    assert packages.install(["one"]) == []

    assert len(_installs(box)) == 2


def test_no_package_takes_anothers_place(box: Path) -> None:
    (trouble,) = packages.install(["one", "rival"])

    assert trouble.endswith("another package's place: rival")
    (call,) = _installs(box)
    assert call.endswith(" one")


def test_in_ci_a_package_may_take_anothers_place(
    box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")

    assert packages.install(["one", "rival"]) == []

    (call,) = _installs(box)
    assert call.endswith(" one rival")


def test_a_package_that_is_not_to_be_had_keeps_none_from_being_installed(box: Path) -> None:
    (trouble,) = packages.install(["unknown", "one"])

    assert trouble.endswith(": unknown")
    (call,) = _installs(box)
    assert call.endswith(" one")


def test_nothing_is_installed_when_nothing_is_to_be_had(box: Path) -> None:
    assert len(packages.install(["unknown"])) == 1
    assert _installs(box) == []


def test_a_policy_that_was_there_comes_back_also_when_the_installation_fails(box: Path) -> None:
    (box / "broken").touch()
    _policy(box, "exit 104")

    troubles = packages.install(["one"])

    assert troubles == [
        "Not everything could be installed. What apt-get says:",
        "E: disk full",
    ]
    assert (box / "policy").read_text() == "101\n"
    assert subprocess.run([box / "policy-rc.d"], check=False, timeout=5).returncode == 104
    assert [path.name for path in box.glob("policy-rc.d*")] == ["policy-rc.d"]


def test_a_policy_comes_back_when_the_installation_is_interrupted(box: Path) -> None:
    _policy(box, "exit 104")

    with pytest.raises(KeyboardInterrupt), packages.services_held():
        raise KeyboardInterrupt

    assert (box / "policy-rc.d").read_text() == "#!/bin/sh\nexit 104\n"


@pytest.mark.parametrize(("before", "status"), [(None, 0), ("exit 104", 104)])
def test_what_a_killed_installation_leaves_stands_back_and_goes_with_the_next(
    box: Path, before: str | None, status: int
) -> None:
    if before:
        _policy(box, before)
    with subprocess.Popen(["sleep", "0"]) as ended:
        pass
    aside = box / "policy-rc.d.before-wirework"
    if before:
        (box / "policy-rc.d").replace(aside)
    (box / "policy-rc.d").write_text(packages.NO_SERVICES.format(pid=ended.pid, aside=aside))
    (box / "policy-rc.d").chmod(0o755)

    left = subprocess.run([box / "policy-rc.d"], check=False, timeout=5)
    packages.install(["one"])

    assert left.returncode == status
    assert (box / "policy").read_text() == "101\n"
    assert not aside.exists()
    assert (box / "policy-rc.d").exists() == (before is not None)


def test_only_root_installs_and_says_so_first(
    box: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = Need(name="a", programs=("no-such-program",), package="two one", purpose="the first")
    refused = Need(name="b", probe=("false",), package="three", purpose="the second")
    monkeypatch.setattr(machine, "NEEDS", (absent, refused))

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    machine.prepare()
    unable = capsys.readouterr().out.splitlines()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    machine.prepare()
    able = capsys.readouterr().out.splitlines()

    still = [
        "Not tested here: the first; missing: a (Debian: two one)",
        "Not tested here: the second; missing: b",
    ]
    assert unable == still
    # What is there, and only not allowed, no package brings.
    assert able == ["Installing for the tests, without starting services: one two", *still]
    assert len(_installs(box)) == 1


def _installs(box: Path) -> list[str]:
    calls = box / "calls"
    lines = calls.read_text().splitlines() if calls.exists() else []
    return [line for line in lines if "--simulate" not in line and "update" not in line]


def _policy(box: Path, line: str) -> None:
    (box / "policy-rc.d").write_text(f"#!/bin/sh\n{line}\n")
    (box / "policy-rc.d").chmod(0o755)

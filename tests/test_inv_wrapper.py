"""The wrapper ``inv``, with pretended Pythons: it sets up once, and again when it must."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.machine import require

PROJECT = Path(__file__).parents[1]
TOOLS = (
    "sh",
    "cat",
    "chmod",
    "cksum",
    "cp",
    "dirname",
    "flock",
    "head",
    "mkdir",
    "readlink",
    "sleep",
)

# A Python that notes how it is called. `-m venv` puts a copy of it into .venv/bin, and that
# copy's `-m pip` makes an `invoke` that says what it is given and where.
PYTHON = """\
#!/bin/sh
echo "$*" >>"$PRETEND/calls"
case $* in
*version_info*) exit "${TOO_OLD:-0}" ;;
*ensurepip*) exit "${NO_VENV:-0}" ;;
*"-m venv"*)
    for folder; do :; done
    mkdir -p "$folder/bin"
    cp "$0" "$folder/bin/python"
    ;;
*"-m pip"*)
    sleep "${PIP_SECONDS:-0}"
    echo "pip makes noise"
    [ ! -e "$PRETEND/broken" ] || exit 1
    printf '#!/bin/sh\\necho "in $PWD"\\nprintf "<%%s>\\\\n" "$@"\\n' >"${0%/*}/invoke"
    chmod +x "${0%/*}/invoke"
    ;;
esac
"""


@dataclass(frozen=True)
class Checkout:
    """A folder with ``inv`` in it, and a PATH that leads to nothing but pretended Pythons."""

    root: Path
    pretend: Path
    shell: tuple[str, ...]

    def environment(self, **extra: str) -> dict[str, str]:
        return {"PATH": str(self.pretend / "bin"), "PRETEND": str(self.pretend), **extra}

    def inv(
        self, *words: str, cwd: Path | None = None, **extra: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.shell, str(self.root / "inv"), *words],
            check=False,
            capture_output=True,
            text=True,
            cwd=cwd or self.root,
            env=self.environment(**extra),
            timeout=30,
        )

    def calls(self, what: str) -> int:
        log = self.pretend / "calls"
        return log.read_text().count(what) if log.exists() else 0


@pytest.fixture(params=["dash", "busybox"])
def checkout(request: pytest.FixtureRequest, tmp_path: Path) -> Checkout:
    require(request.param)
    shell = shutil.which(request.param) or ""
    root, pretend = tmp_path / "a project", tmp_path / "pretend"
    root.mkdir()
    (root / "pyproject.toml").write_text("[project]\n")
    shutil.copy(PROJECT / "inv", root / "inv")
    (pretend / "bin").mkdir(parents=True)
    for tool in TOOLS:
        if path := shutil.which(tool):
            (pretend / "bin" / tool).symlink_to(path)
    _script(pretend / "bin" / "python3", PYTHON)
    return Checkout(root, pretend, (shell, "ash") if request.param == "busybox" else (shell,))


def test_the_first_use_sets_up_and_the_second_does_not(checkout: Checkout) -> None:
    first = checkout.inv("demo")
    assert first.returncode == 0
    assert first.stderr == "Setting up .venv (first run, about half a minute) …\n"
    assert checkout.calls("-m pip install -q") == 1
    assert checkout.calls(".[dev]") == 1
    second = checkout.inv("demo")
    assert (second.stdout, second.stderr) == (first.stdout, "")
    assert checkout.calls("-m") == 2


def test_a_changed_project_is_installed_again(checkout: Checkout) -> None:
    checkout.inv("demo")
    (checkout.root / "pyproject.toml").write_text("[project] # changed\n")
    again = checkout.inv("demo")
    assert again.stderr == "pyproject.toml has changed: bringing .venv up to date …\n"
    assert (checkout.calls("-m venv"), checkout.calls("-m pip")) == (1, 2)
    assert checkout.inv("demo").stderr == ""


def test_a_failed_installation_shows_its_noise_and_is_repeated(checkout: Checkout) -> None:
    broken = checkout.pretend / "broken"
    broken.write_text("")
    for _ in range(2):
        failed = checkout.inv("demo")
        assert failed.returncode == 1
        assert failed.stdout == ""
        assert failed.stderr.splitlines()[1:] == [
            "pip makes noise",
            "inv: setting up .venv failed, see above; the next run tries again",
        ]
    broken.unlink()
    assert checkout.inv("demo").returncode == 0


def test_a_failed_update_is_repeated(checkout: Checkout) -> None:
    checkout.inv("demo")
    (checkout.root / "pyproject.toml").write_text("[project] # changed\n")
    broken = checkout.pretend / "broken"
    broken.write_text("")
    assert checkout.inv("demo").returncode == 1
    assert checkout.inv("demo").returncode == 1
    broken.unlink()
    assert checkout.inv("demo").returncode == 0


def test_an_environment_whose_python_is_gone_is_made_anew(checkout: Checkout) -> None:
    checkout.inv("demo")
    (checkout.root / ".venv" / "bin" / "python").unlink()
    assert checkout.inv("demo").returncode == 0
    assert checkout.calls("-m venv") == 2


def test_an_environment_of_a_moved_folder_is_made_anew(checkout: Checkout) -> None:
    checkout.inv("demo")
    moved = replace(checkout, root=checkout.root.rename(checkout.root.with_name("moved")))
    assert moved.inv("demo").returncode == 0
    assert moved.calls("-m venv") == 2


def test_arguments_arrive_as_they_were_given(checkout: Checkout) -> None:
    words = ("remote.run", "two words", "a 'quote' \"and\" $HOME *", "", "-x\\n", "new\nline")
    done = checkout.inv(*words)
    given = ["--search-root", str(checkout.root), *words]
    expected = "".join(f"<{word}>\n" for word in given)
    assert done.stdout == f"in {checkout.root}\n{expected}"


def test_without_arguments_it_lists_the_tasks(checkout: Checkout) -> None:
    assert checkout.inv().stdout.endswith("<--list>\n")


def test_the_status_of_invoke_is_its_own(checkout: Checkout) -> None:
    checkout.inv()
    (checkout.root / ".venv" / "bin" / "invoke").write_text("#!/bin/sh\nexit 4\n")
    assert checkout.inv("demo").returncode == 4


def test_it_works_from_another_folder_and_leaves_it_current(
    checkout: Checkout, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    done = checkout.inv("demo", cwd=elsewhere)
    assert done.stdout.startswith(f"in {elsewhere}\n<--search-root>\n<{checkout.root}>\n")
    assert list(elsewhere.iterdir()) == []


def test_it_works_through_links(checkout: Checkout, tmp_path: Path) -> None:
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "first").symlink_to("../a project/inv")
    (bin_ / "second").symlink_to(bin_ / "first")
    done = subprocess.run(
        [*checkout.shell, "second", "demo"],
        check=False,
        capture_output=True,
        text=True,
        cwd=bin_,
        env=checkout.environment(CDPATH=str(tmp_path)),
        timeout=30,
    )
    assert done.stdout.startswith(f"in {bin_}\n<--search-root>\n<{checkout.root}>\n")


def test_too_old_a_python_is_passed_over(checkout: Checkout) -> None:
    newer = checkout.pretend / "bin" / "python3.12"
    (checkout.pretend / "bin" / "python3").rename(newer)
    _script(checkout.pretend / "bin" / "python3", "#!/bin/sh\nexit 1\n")
    assert checkout.inv("demo").returncode == 0
    assert checkout.calls("-m venv") == 1


def test_the_python_to_use_can_be_named(checkout: Checkout, tmp_path: Path) -> None:
    mine = tmp_path / "my python"
    shutil.copy(checkout.pretend / "bin" / "python3", mine)
    (checkout.pretend / "bin" / "python3").write_text("#!/bin/sh\nexit 1\n")
    done = checkout.inv("demo", WIREWORK_PYTHON=str(mine))
    assert done.stderr == "Setting up .venv (first run, about half a minute) …\n"
    assert checkout.calls("-m venv") == 1


@pytest.mark.parametrize(
    ("extra", "line"),
    [
        (
            {"WIREWORK_PYTHON": "python-none"},
            "no python-none here; needed is Python 3.11 or newer: apt-get install python3-venv",
        ),
        (
            {"TOO_OLD": "1"},
            "python3 is too old or broken: install Python 3.11 or newer, or set WIREWORK_PYTHON",
        ),
        (
            {"NO_VENV": "1"},
            "python3 cannot make virtual environments: apt-get install python3-venv",
        ),
    ],
)
def test_what_is_missing_is_said_in_one_line(
    checkout: Checkout, extra: dict[str, str], line: str
) -> None:
    done = checkout.inv("demo", cwd=checkout.root, **extra)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"inv: {line}\n")
    assert not (checkout.root / ".venv").exists()


def test_no_python_at_all_is_said_in_one_line(checkout: Checkout) -> None:
    (checkout.pretend / "bin" / "python3").unlink()
    done = checkout.inv("demo")
    assert done.returncode == 2
    assert done.stderr == (
        "inv: no python3 here; needed is Python 3.11 or newer: apt-get install python3-venv\n"
    )


@pytest.mark.skipif(not shutil.which("flock"), reason="without flock there is no turn to wait for")
def test_two_first_uses_at_once_set_up_once(checkout: Checkout) -> None:
    both = [
        subprocess.Popen(
            [*checkout.shell, checkout.root / "inv", "demo"],
            stdout=subprocess.PIPE,
            env=checkout.environment(PIP_SECONDS="0.5"),
        )
        for _ in range(2)
    ]
    answers = {process.communicate(timeout=30)[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(answers) == 1
    assert checkout.calls("-m pip") == 1


def test_the_wrapper_and_the_way_into_ci_can_be_run() -> None:
    for path in ("inv", ".ci/run"):
        assert os.access(PROJECT / path, os.X_OK)


def _script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)

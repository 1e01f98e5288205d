"""Jobs by busybox's own cron, where there is no /etc/cron.d: Alpine's."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.alpine import Alpine, unpack
from tests.state.boxes import Wished, done, play, problem, sh

pytestmark = pytest.mark.xdist_group("alpine")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alpine]:
    alpine = Alpine(unpack(tmp_path_factory.mktemp("cron")))
    yield alpine
    shutil.rmtree(alpine.root)


@pytest.fixture
def table(host: Alpine) -> Path:
    path = host.root / "etc/crontabs/root"
    path.write_text("# of the host\n15 * * * * run-parts /etc/periodic/15min\n")
    path.chmod(0o600)
    assert not (host.root / "etc/cron.d").exists()
    return path


def cron(name: str, **options: object) -> Wished:
    return "cron", {"name": name, **options}


def test_a_job_stands_in_the_table_under_its_name(host: Alpine, table: Path) -> None:
    before = table.read_text()
    for job, minute in (("/bin/a", "5"), ("/bin/b", "6")):
        assert done(host, cron("one", job=job, minute=minute)) == ["/etc/crontabs/root"]
        assert table.read_text() == f"{before}# wirework: one\n{minute} * * * * {job}\n"
    assert table.stat().st_mode & 0o777 == 0o600
    done(host, cron("two", job="/bin/c", special="daily"))
    done(host, cron("one", present=False))
    assert table.read_text() == f"{before}# wirework: two\n@daily /bin/c\n"
    done(host, cron("two", present=False))
    assert table.read_text() == before


def test_a_user_s_own_table_is_made(host: Alpine, table: Path) -> None:
    done(host, cron("one", job="/bin/a", hour="3", user="nobody"))
    own = table.with_name("nobody")
    assert own.read_text() == "# wirework: one\n* 3 * * * /bin/a\n"
    assert own.stat().st_mode & 0o777 == 0o600
    own.unlink()


def test_what_stands_under_a_mark_whose_job_is_gone_is_not_ours(host: Alpine, table: Path) -> None:
    table.write_text("# wirework: one\n# a comment\n1 * * * * x\n")
    done(host, cron("one", job="/bin/a"))
    assert table.read_text() == "# wirework: one\n* * * * * /bin/a\n# a comment\n1 * * * * x\n"


def test_a_table_is_left_when_a_cron_comes_that_reads_files(host: Alpine, table: Path) -> None:
    before = table.read_text()
    done(host, cron("one", job="/bin/a"))
    files = host.root / "etc/cron.d"
    files.mkdir()
    try:
        assert len(done(host, cron("one", job="/bin/a"))) == 2
        assert table.read_text() == before
        assert (files / "one").read_text() == "* * * * * root /bin/a\n"
    finally:
        shutil.rmtree(files)


def test_busybox_runs_the_job(host: Alpine, table: Path) -> None:
    play(host, cron("now", job="touch /ran", special="reboot"))
    run = "crond -f -c /etc/crontabs & p=$!; n=0; while [ ! -e /ran ] && [ $n -lt 100 ];"
    sh(host, f"{run} do sleep 0.1; n=$((n+1)); done; kill $p; wait")
    assert (host.root / "ran").exists()


def test_a_host_without_cron_is_told(host: Alpine, table: Path) -> None:
    hidden = table.parent.rename(table.parent.with_name("hidden"))
    try:
        told = problem(host, cron("one", job="/bin/a"))
        assert told == "no cron is there (add a package step for cron before this one)"
        assert play(host, cron("one", present=False)).ok
    finally:
        hidden.rename(table.parent)

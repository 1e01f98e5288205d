"""Services of a host whose first process is OpenRC's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.labs import LabImage
from tests.state.boxes import Wished, done, play, problem, root_of, said, sh
from wirework.ssh import Remote

pytestmark = pytest.mark.xdist_group("podman")

GOOD = """#!/sbin/openrc-run
command=/bin/sleep
command_args=100000
command_background=true
pidfile=/run/my-good.pid
extra_started_commands=reload
reload() { touch /run/my-reloaded; }
"""
# What OpenRC answers of a daemon that has ended by itself: crashed, status 32.
CRASHES = """#!/sbin/openrc-run
start() { touch /run/my-crashed.runs; }
stop() { rm -f /run/my-crashed.runs; }
status() {
    if [ -e /run/my-crashed.runs ]; then einfo "status: started"; return 0; fi
    if service_started; then eerror "status: crashed"; return 32; fi
    einfo "status: stopped"; return 3
}
"""
BAD = """#!/sbin/openrc-run
start() { ebegin "Starting it"; eend 3 "no setting in /etc/my-bad"; }
"""
DIES = """#!/sbin/openrc-run
start() { :; }
status() { eerror "status: crashed"; return 32; }
"""
RESET = """
for s in my-good my-crashed my-bad my-dies; do
  rc-service "$s" stop; rc-service "$s" zap
  rm -f "/etc/init.d/$s" /etc/runlevels/*/"$s"
done >/dev/null 2>&1
rm -f /run/my-*
"""


@pytest.fixture(scope="module")
def host(lab_image: LabImage) -> Iterator[Remote]:
    with root_of(lab_image("openrc")) as remote:
        yield remote


@pytest.fixture
def box(host: Remote) -> Iterator[Remote]:
    """The host, without the services of other tests."""
    yield host
    sh(host, RESET)


def service(name: str, **options: bool) -> Wished:
    return "service", {"name": name, **options}


def script(name: str, text: str) -> Wished:
    return "file", {"dest": f"/etc/init.d/{name}", "content": text, "mode": "0755"}


def status(box: Remote, name: str) -> int:
    return sh(box, f"rc-service {name} status").status


def test_the_first_process_is_openrc(host: Remote) -> None:
    # procps and hwclock.sh are sysv's, and nothing that they want is there.
    assert said(host, "cat /proc/1/comm; rc-status -r; rc-service ssh status") == (
        "openrc-init\ndefault\nsshd is running.\n"
    )


def test_started_and_enabled_stopped_and_disabled(box: Remote) -> None:
    up = service("my-good", running=True, enabled=True)
    assert done(box, script("my-good", GOOD), up)[1:] == ["enable my-good", "start my-good"]
    assert (status(box, "my-good"), said(box, "rc-update | grep my-good").split()) == (
        0,
        ["my-good", "|", "default"],
    )
    assert done(box, service("my-good", running=False)) == ["stop my-good"]
    # In two runlevels: it goes out of both, and rc-update complains of no other.
    said(box, "rc-update add my-good boot")
    assert done(box, service("my-good", enabled=False)) == ["disable my-good"]
    assert (status(box, "my-good"), sh(box, "rc-update | grep my-good").out) == (3, b"")


def test_restarted_is_another_process_and_reloaded_is_the_same(box: Remote) -> None:
    done(box, script("my-good", GOOD), service("my-good", running=True))
    before = said(box, "cat /run/my-good.pid")
    assert play(box, service("my-good", reloaded=True)).ok
    assert said(box, "test -e /run/my-reloaded; cat /run/my-good.pid") == before
    assert play(box, service("my-good", restarted=True)).ok
    assert said(box, "cat /run/my-good.pid") != before
    done(box, service("my-good", running=False))
    assert [c.says for c in play(box, service("my-good", reloaded=True)).steps[0].changes] == [
        "start my-good"
    ]
    assert status(box, "my-good") == 0


@pytest.mark.parametrize("wish", [{"running": True}, {"restarted": True}])
def test_a_service_that_crashed_is_started_again(box: Remote, wish: dict[str, bool]) -> None:
    done(box, script("my-crashed", CRASHES), service("my-crashed", running=True))
    said(box, "rm /run/my-crashed.runs")
    assert status(box, "my-crashed") == 32
    made = play(box, service("my-crashed", **wish)).steps[0]
    assert ([c.says for c in made.changes], made.problem) == (["start my-crashed"], "")
    assert status(box, "my-crashed") == 0


def test_a_service_that_does_not_start_says_why(box: Remote) -> None:
    done(box, script("my-bad", BAD), script("my-dies", DIES))
    step = play(box, service("my-bad", running=True)).steps[0]
    assert "ERROR: my-bad failed to start" in step.output
    assert "no setting in /etc/my-bad" in step.problem
    step = play(box, service("my-dies", running=True)).steps[0]
    assert step.problem.endswith("status: crashed (status 1)")


def test_a_service_that_is_not_there(box: Remote) -> None:
    assert done(box, service("my-none", running=False, enabled=False)) == []
    assert problem(box, service("my-none", enabled=True)) == (
        "there is no service my-none (install its package before)"
    )


def test_the_hosts_own_services_are_seen(box: Remote) -> None:
    assert done(box, service("ssh", running=True, enabled=True)) == []

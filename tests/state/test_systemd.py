"""Services of a host whose first process is systemd."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.labs import LabImage
from tests.state.boxes import Wished, done, play, problem, root_of, said, sh
from wirework.ssh import Remote

pytestmark = pytest.mark.xdist_group("podman")

UNITS = "/etc/systemd/system"
INSTALL = "[Install]\nWantedBy=multi-user.target\n"
FOREVER = f"[Service]\nExecStart=/bin/sleep infinity\n{INSTALL}"
RELOADS = (
    "[Service]\nExecStart=/bin/sleep infinity\nExecReload=/bin/touch /run/reloaded-%i\n" + INSTALL
)
COMPLAINS = "ExecStart=/bin/sh -c 'echo begins; echo no setting for %n >&2; exit 3'\n"

RESET = f"""
for u in $(cd {UNITS} && ls -d my-*.service 2>/dev/null); do
  systemctl stop "$u"; systemctl disable -q "$u"; systemctl reset-failed "$u"
done 2>/dev/null
systemctl stop 'my-*' 2>/dev/null
rm -rf {UNITS}/my-* {UNITS}/*.wants/my-* /run/reloaded-*
systemctl daemon-reload
"""


@pytest.fixture(scope="module")
def host(lab_image: LabImage) -> Iterator[Remote]:
    with root_of(lab_image("systemd")) as remote:
        yield remote


@pytest.fixture
def box(host: Remote) -> Iterator[Remote]:
    """The host, without the units of other tests."""
    yield host
    sh(host, RESET)


def service(name: str, **options: bool) -> Wished:
    return "service", {"name": name, **options}


def unit(name: str, text: str) -> Wished:
    return "file", {"dest": f"{UNITS}/{name}", "content": text}


def show(box: Remote, name: str, *properties: str) -> list[str]:
    words = " ".join(f"-p {each}" for each in properties)
    lines = said(box, f"systemctl show {words} {name}").splitlines()
    values = dict(line.split("=", 1) for line in lines)
    return [values[each] for each in properties]


def test_the_first_process_is_systemd_and_all_of_it_is_well(host: Remote) -> None:
    assert said(host, "readlink /proc/1/exe; systemctl is-system-running --wait") == (
        "/usr/lib/systemd/systemd\nrunning\n"
    )


def test_started_and_enabled_stopped_and_disabled(box: Remote) -> None:
    done(box, unit("my-web.service", FOREVER))
    up, down = service("my-web", running=True, enabled=True), service("my-web", running=False)
    assert done(box, up) == ["enable my-web", "start my-web"]
    assert show(box, "my-web", "ActiveState", "UnitFileState") == ["active", "enabled"]
    assert done(box, down) == ["stop my-web"]
    assert done(box, service("my-web", enabled=False)) == ["disable my-web"]
    assert show(box, "my-web", "ActiveState", "UnitFileState") == ["inactive", "disabled"]
    assert done(box, service("my-web.service", running=True)) == ["start my-web.service"]


def test_a_new_unit_file_and_its_service_come_in_one_play(box: Remote) -> None:
    wishes = (unit("my-new.service", FOREVER), service("my-new", running=True, enabled=True))
    plan = play(box, *wishes, check=True)
    assert [step.status.value for step in plan.steps] == ["changed", "unknown"]
    assert done(box, *wishes)[1:] == ["enable my-new", "start my-new"]
    # Its text has changed: systemd is told before it starts the service again.
    changed = unit("my-new.service", FOREVER.replace("infinity", "987654"))
    again = play(box, changed, service("my-new", restarted=True))
    assert [change.says for change in again.steps[1].changes] == [
        "systemd reads its unit files",
        "restart my-new",
    ]
    assert "sleep 987654" in said(box, "ps -o args= $(systemctl show -p MainPID my-new | cut -c9-)")
    assert show(box, "my-new", "NeedDaemonReload") == ["no"]


def test_what_the_new_unit_file_allows_is_not_refused_for_the_old_one(box: Remote) -> None:
    static = FOREVER.removesuffix(INSTALL)
    done(box, unit("my-late.service", static), service("my-late", running=True))
    enabled = service("my-late", enabled=True)
    assert problem(box, enabled) == (
        "my-late cannot be enabled (its unit file has no [Install] section)"
    )
    assert done(box, unit("my-late.service", FOREVER), enabled)[1:] == [
        "systemd reads its unit files",
        "enable my-late",
    ]


def test_restarted_is_another_process_and_reloaded_is_the_same(box: Remote) -> None:
    done(box, unit("my-tmpl@.service", RELOADS), service("my-tmpl@a", running=True))
    before = show(box, "my-tmpl@a", "MainPID")
    assert play(box, service("my-tmpl@a", reloaded=True)).ok
    assert show(box, "my-tmpl@a", "MainPID") == before
    said(box, "test -e /run/reloaded-a")
    plan = play(box, service("my-tmpl@a", restarted=True), check=True)
    made = play(box, service("my-tmpl@a", restarted=True))
    assert plan.steps[0].changes == made.steps[0].changes
    assert show(box, "my-tmpl@a", "MainPID") != before
    started = play(box, service("my-tmpl@b", reloaded=True)).steps[0]
    assert [change.says for change in started.changes] == ["start my-tmpl@b"]
    assert show(box, "my-tmpl@b", "ActiveState") == ["active"]
    done(box, unit("my-web.service", FOREVER), service("my-web", running=True))
    assert problem(box, service("my-web", reloaded=True)).startswith(
        "Failed to reload my-web.service: Job type reload is not applicable"
    )


def test_each_service_of_a_template_is_its_own(box: Remote) -> None:
    done(box, unit("my-tmpl@.service", RELOADS))
    wishes = (
        service("my-tmpl@a", running=True, enabled=True),
        service("my-tmpl@b-c", enabled=True),
        service("my-tmpl@x:y", running=False),
    )
    assert done(box, *wishes) == ["enable my-tmpl@a", "start my-tmpl@a", "enable my-tmpl@b-c"]
    assert show(box, "my-tmpl@b-c", "ActiveState", "UnitFileState") == ["inactive", "enabled"]
    assert done(box, service("my-tmpl@a", running=False, enabled=False)) == [
        "disable my-tmpl@a",
        "stop my-tmpl@a",
    ]


@pytest.mark.parametrize("kind", ["simple", "notify", "oneshot", "forking"])
def test_a_service_that_does_not_start_says_its_own_last_words(box: Remote, kind: str) -> None:
    remain = "RemainAfterExit=yes\n" if kind == "oneshot" else ""
    done(box, unit("my-bad.service", f"[Service]\nType={kind}\n{remain}{COMPLAINS}"))
    step = play(box, service("my-bad", running=True)).steps[0]
    assert step.problem == "no setting for my-bad.service (status 1)"
    assert "begins\n" in step.output
    assert "status=3" in step.output
    assert "journalctl" not in step.output, "what is found there is told already"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[Service]\nExecStart=/nowhere/at-all\n", "203/EXEC"),
        ("[Service]\nType=notify\nExecStart=/bin/true\n", "'protocol'"),
        ("[Service]\nExecStart=/bin/true\n", "my-bad.service ended at once"),
        ("[Service]\nRestart=always\n" + COMPLAINS, "no setting for my-bad.service"),
        ("[Service]\nUser=nobody-of-that-name\nExecStart=/bin/true\n", "217/USER"),
        ("garbage\n", "Refusing"),
        (
            "[Unit]\nRequires=my-none.service\nAfter=my-none.service\n" + FOREVER,
            "Unit my-none.service not found",
        ),
    ],
    ids=["no program", "no notice", "ended well", "restarts", "no user", "no unit", "no other"],
)
def test_why_a_service_does_not_start_is_told(box: Remote, text: str, words: str) -> None:
    done(box, unit("my-bad.service", text))
    step = play(box, service("my-bad", running=True)).steps[0]
    assert step.status.value == "failed"
    assert words in f"{step.output}\n{step.problem}"


def test_a_oneshot_is_run_and_never_found_running(box: Remote) -> None:
    once = "[Service]\nType=oneshot\nExecStart=/bin/touch /run/reloaded-once\n"
    done(box, unit("my-once.service", once))
    assert problem(box, service("my-once", running=True)).startswith(
        "my-once ends by itself, so it is never found running (restarted: true runs it"
    )
    assert play(box, service("my-once", restarted=True)).changed
    said(box, "rm /run/reloaded-once")
    done(box, unit("my-once.service", once + "RemainAfterExit=yes\n"))
    assert done(box, service("my-once", running=True)) == ["start my-once"]
    said(box, "test -e /run/reloaded-once")


def test_a_masked_unit_is_refused_unless_nothing_is_to_be_done(box: Remote) -> None:
    masked = ("link", {"path": f"{UNITS}/my-masked.service", "to": "/dev/null"})
    done(box, masked, service("my-masked", running=False, enabled=False))
    why = "my-masked is masked (systemctl unmask my-masked.service)"
    for wish in ({"running": True}, {"enabled": True}, {"restarted": True}):
        assert problem(box, service("my-masked", **wish)) == why
    # One that runs cannot be started again, but it does run.
    said(box, "systemctl mask -q --runtime dbus.service")
    try:
        assert done(box, service("dbus", running=True)) == []
        assert problem(box, service("dbus", restarted=True)).startswith("dbus is masked")
    finally:
        said(box, "systemctl unmask -q --runtime dbus.service")


def test_a_unit_that_is_not_there(box: Remote) -> None:
    assert done(box, service("my-none", running=False, enabled=False)) == []
    for wish in ({"running": True}, {"enabled": True}, {"reloaded": True}):
        assert problem(box, service("my-none", **wish)) == (
            "there is no service my-none (install its package before)"
        )


def test_timers_and_sockets_are_services_too(box: Remote) -> None:
    timer = "[Timer]\nOnBootSec=30d\n[Install]\nWantedBy=timers.target\n"
    wishes = (
        unit("my-job.service", FOREVER),
        unit("my-job.timer", timer),
        service("my-job.timer", running=True, enabled=True),
    )
    assert done(box, *wishes)[2:] == ["enable my-job.timer", "start my-job.timer"]
    assert show(box, "my-job.timer", "ActiveState") == ["active"]
    assert done(box, service("my-job.timer", running=False, enabled=False)) == [
        "disable my-job.timer",
        "stop my-job.timer",
    ]


def test_systemd_is_told_to_read_its_unit_files(box: Remote) -> None:
    done(box, unit("my-web.service", FOREVER), service("my-web", running=True))
    said(box, f"echo '#' >>{UNITS}/my-web.service")
    assert show(box, "my-web", "NeedDaemonReload") == ["yes"]
    assert done(box, service("my-web", running=True)) == [], "it has no need to know"
    assert play(box, ("service", {"daemon_reload": True})).changed
    assert show(box, "my-web", "NeedDaemonReload") == ["no"]


def test_an_alias_is_the_service_that_it_stands_for(box: Remote) -> None:
    assert done(box, service("sshd", running=True, enabled=True)) == []

"""Services of a real Debian host with sysv scripts, and waiting for what they offer.

Hosts with systemd and OpenRC are in test_systemd.py and test_openrc.py. Here rc-service is a small
program that keeps a service's state in files, to try the shells that hosts of OpenRC's have.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.labs import LabImage
from tests.state.conftest import LocalShell, Nowhere
from wirework.inventory import Host
from wirework.ssh import Pool, Remote
from wirework.state import OPERATIONS, Converged, Item, converge
from wirework.state.converge import Executor

pytestmark = pytest.mark.xdist_group("podman")

Wished = tuple[str, dict[str, Any]]


@pytest.fixture(scope="module")
def box(lab_image: LabImage) -> Iterator[Remote]:
    """A Debian host with nginx and cron."""
    lab = lab_image("services")
    host = Host(
        "web1", lab.hosts[0].address, port=22, user="root", key=lab.key, known_hosts=lab.known_hosts
    )
    with Pool(known_hosts=()) as pool:
        yield pool.remote(host)


def sh(remote: Remote, script: str) -> tuple[int, str]:
    out = bytearray()
    status = remote.execute(["sh", "-c", script], stdout=out.extend, stderr=out.extend)
    return status, out.decode()


def play(remote: Executor, *wishes: Wished, check: bool = False) -> Converged:
    items = [Item(OPERATIONS[name].wish(arguments, Nowhere())) for name, arguments in wishes]
    return converge(remote, items, check=check)


def service(name: str, **options: Any) -> Wished:
    return "service", {"name": name, **options}


def done(remote: Executor, *wishes: Wished) -> list[str]:
    """Plan, apply, apply again; return what was said of it."""
    plan = play(remote, *wishes, check=True)
    first = play(remote, *wishes)
    assert [step.problem for step in first.steps if step.problem] == []
    assert [step.changes for step in plan.steps] == [step.changes for step in first.steps]
    again = play(remote, *wishes)
    assert ([s.status.value for s in again.steps], again.rounds) == (["ok"] * len(wishes), 1)
    return [change.says for step in first.steps for change in step.changes]


def test_sysv_services_start_stop_and_come_with_the_host(box: Remote) -> None:
    done(box, service("nginx", running=True, enabled=True))
    assert done(box, service("nginx", running=False, enabled=False), service("none", running=False))
    assert sh(box, "pgrep -x nginx")[0] == 1
    assert "S01nginx" not in sh(box, "ls /etc/rc3.d")[1]
    assert done(box, service("nginx", running=True, enabled=True), service("cron", running=True))
    assert sh(box, "pgrep -x nginx")[0] == 0
    assert "S01nginx" in sh(box, "ls /etc/rc3.d")[1]


def test_restarted_is_another_process_and_reloaded_is_the_same(box: Remote) -> None:
    done(box, service("nginx", running=True))
    before = sh(box, "cat /run/nginx.pid")
    assert play(box, service("nginx", reloaded=True)).changed
    assert sh(box, "cat /run/nginx.pid") == before
    assert play(box, service("nginx", restarted=True)).changed
    assert sh(box, "cat /run/nginx.pid") != before
    done(box, service("nginx", running=False))
    assert play(box, service("nginx", reloaded=True)).steps[0].changes[0].says == "start nginx"
    assert sh(box, "pgrep -x nginx")[0] == 0


def test_a_service_that_does_not_start_says_why(box: Remote) -> None:
    done(box, service("nginx", running=False))
    sh(box, "echo nonsense >>/etc/nginx/nginx.conf")
    try:
        step = play(box, service("nginx", running=True)).steps[0]
        assert step.status.value == "failed"
    finally:
        sh(box, "sed -i '/^nonsense$/d' /etc/nginx/nginx.conf")
    done(box, service("nginx", running=True))


OWN = """#!/bin/sh
### BEGIN INIT INFO
# Provides: my-own
# Required-Start:
# Required-Stop:
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
### END INIT INFO
case $1 in
  start) [ -e /run/my-setting ] || { echo "no setting in /run" >&2; exit 6; }; : >/run/my-own ;;
  stop) rm -f /run/my-own ;;
  status) [ -e /run/my-own ] || { echo "my-own is down"; exit 3; } ;;
  *) exit 2 ;;
esac
"""


def test_a_script_of_ones_own_is_a_service(box: Remote) -> None:
    script = ("file", {"dest": "/etc/init.d/my-own", "content": OWN, "mode": "0755"})
    up = service("my-own", running=True, enabled=True)
    try:
        step = play(box, script, up).steps[1]
        assert step.problem == "no setting in /run (status 6)"
        sh(box, ": >/run/my-setting")
        assert done(box, up) == ["start my-own"]
        assert "S01my-own" in sh(box, "ls /etc/rc2.d /etc/rc5.d")[1]
        assert play(box, service("my-own", restarted=True)).steps[0].status.value == "failed"
        assert done(box, service("my-own", running=False, enabled=False)) == [
            "disable my-own",
            "stop my-own",
        ]
        assert "S01my-own" not in sh(box, "ls /etc/rc2.d /etc/rc5.d")[1]
    finally:
        sh(box, "rm -f /etc/init.d/my-own /run/my-*; update-rc.d my-own remove")


def test_ports_are_waited_for_on_the_host(box: Remote) -> None:
    wishes = (service("nginx", running=False), ("wait_for", {"port": 80, "present": False}))
    assert play(box, *wishes).ok
    step = play(box, ("wait_for", {"port": 80, "timeout": 1})).steps[0]
    assert step.problem == "port 80 was waited for in vain: to listen, 1 s (status 1)"
    first = play(box, service("nginx", running=True), ("wait_for", {"port": 80}))
    assert first.ok
    again = play(box, ("wait_for", {"port": 80}), ("wait_for", {"port": 22}))
    assert (again.changed, again.rounds) == (False, 1)


RC_SERVICE = r"""#!/bin/sh
printf '%s\n' "rc-service $*" >>"$HOME/told"
case $2 in
  status) [ -e "$HOME/$1.runs" ] || exit 3 ;;
  start) : >"$HOME/$1.runs" ;;
  stop) rm "$HOME/$1.runs" ;;
esac
"""


def test_openrc_is_told_the_right_words(bare: LocalShell) -> None:
    # Its scripts stand in /etc/init.d, so one that this machine has is asked for.
    name = next(path.name for path in sorted(Path("/etc/init.d").iterdir()) if path.is_file())
    tool = Path(bare.path) / "rc-service"
    tool.write_text(RC_SERVICE)
    tool.chmod(0o755)
    assert done(bare, service(name, running=True)) == [f"start {name}"]
    assert done(bare, service(name, running=False)) == [f"stop {name}"]
    told = (bare.home / "told").read_text().splitlines()
    assert [line for line in told if not line.endswith("status")] == [
        f"rc-service {name} start",
        f"rc-service {name} stop",
    ]


@contextlib.contextmanager
def web_server(status: int) -> Iterator[int]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


CURL = """#!/bin/sh
[ "$1 $2 $3 $4 $5 $6" = "-fsS -m 5 -o /dev/null --" ] && exec wget -q -O /dev/null -- "$7"
"""


@pytest.mark.parametrize("tool", ["curl", "wget"])
def test_a_url_answers_well_or_not_at_all(bare: LocalShell, tool: str) -> None:
    if tool == "curl":
        # The words are curl's, the work is wget's: not every machine has curl.
        curl = Path(bare.path) / "curl"
        curl.write_text(CURL)
        curl.chmod(0o755)
    with web_server(200) as good, web_server(500) as bad:
        first = play(bare, ("wait_for", {"url": f"http://127.0.0.1:{good}/a?b=1&c='"}))
        assert (first.ok, first.changed, first.rounds) == (True, False, 1)
        wish = ("wait_for", {"url": f"http://127.0.0.1:{bad}/", "timeout": 1})
        assert "was waited for in vain" in play(bare, wish).steps[0].problem
        gone = ("wait_for", {"url": f"http://127.0.0.1:{bad}/", "present": False})
        assert not play(bare, gone).changed


def test_a_url_needs_a_tool(bare: LocalShell) -> None:
    (Path(bare.path) / "wget").unlink()
    step = play(bare, ("wait_for", {"url": "http://127.0.0.1:1/", "present": True})).steps[0]
    assert step.problem == "the host has neither curl nor wget (status 1)"


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_only_a_port_that_listens_is_ready(bare: LocalShell, family: socket.AddressFamily) -> None:
    with socket.socket(family) as listening:
        listening.bind(("::1" if family is socket.AF_INET6 else "127.0.0.1", 0))
        wish = ("wait_for", {"port": listening.getsockname()[1], "timeout": 1})
        assert not play(bare, wish).ok, "bound is not listening"
        listening.listen()
        assert (play(bare, wish).ok, play(bare, wish).changed) == (True, False)


@pytest.mark.parametrize("name", ["-n", "a b'\n*\udcff"])
def test_what_comes_late_is_waited_for_and_only_then_it_goes_on(
    host: LocalShell, name: str
) -> None:
    late = host.home / name
    path = f"./{name}"
    wishes: tuple[Wished, ...] = (
        ("wait_for", {"path": path, "contains": "it's -v [ready]"}),
        ("file", {"dest": "after", "content": "x"}),
    )
    assert [s.status.value for s in play(host, *wishes, check=True).steps] == ["changed", "changed"]
    started = time.monotonic()

    def write() -> None:
        while time.monotonic() < started + 0.5:
            time.sleep(0.05)
        late.write_text("it's not ready\n")
        late.write_text("now it's -v [ready] indeed\n")

    thread = threading.Thread(target=write)
    thread.start()
    result = play(host, *wishes)
    thread.join()
    assert [step.problem for step in result.steps if step.problem] == []
    assert (host.home / "after").exists()
    again = play(host, *wishes, ("wait_for", {"path": path}))
    assert (again.changed, again.rounds) == (False, 1)
    step = play(host, ("wait_for", {"path": path, "present": False, "timeout": 1})).steps[0]
    assert "was waited for in vain: no longer to be there, 1 s" in step.problem

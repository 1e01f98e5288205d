from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.machine import Need
from tests.servers.nginx import running_nginx
from tests.servers.running import (
    HOST,
    LOWEST_PORT,
    accepts,
    free_port,
    greets,
    over,
    running,
    scratch,
    unprivileged,
)

TIMEOUT = 10.0

SLEEPER = ["sh", "-c", "touch up; exec sleep 600"]
"""A server that is up once the file is there."""


@pytest.fixture
def at() -> Iterator[Path]:
    with scratch() as folder:
        yield folder


def test_a_server_that_ends_early_fails_with_all_it_said(at: Path) -> None:
    log = at / "its.log"
    script = 'echo "bad port" >&2; echo "line 3" > its.log; exit 7'

    with (
        pytest.raises(pytest.fail.Exception) as caught,
        running(["sh", "-c", script], ready=lambda: False, at=at, logs=[log]),
    ):
        pass

    text = str(caught.value)
    assert text.startswith("sh ended: 7\n")
    assert "bad port" in text
    assert f"--- {log}\nline 3" in text


def test_a_server_that_never_answers_fails_in_time_and_is_ended(at: Path) -> None:
    port = free_port()
    started = time.monotonic()

    with (
        pytest.raises(pytest.fail.Exception, match=r"^sh does not answer"),
        running(
            ["sh", "-c", "echo $$ > pid; exec sleep 600"],
            ready=lambda: accepts(port),
            at=at,
            start_timeout=0.5,
        ),
    ):
        pass

    assert time.monotonic() - started < TIMEOUT
    assert not psutil.pid_exists(int((at / "pid").read_text()))


def test_an_answer_of_anothers_server_is_not_taken_for_ours(at: Path) -> None:
    with (
        socket.create_server((HOST, 0)) as other,
        pytest.raises(pytest.fail.Exception, match=r"^false ended: 1"),
        running(["false"], ready=lambda: _after_a_while(other), at=at),
    ):
        pass


def test_what_ignores_the_polite_signal_is_killed(at: Path) -> None:
    script = 'trap "" TERM; touch up; while :; do sleep 0.1; done'

    with running(["sh", "-c", script], ready=(at / "up").exists, at=at, stop_timeout=0.3) as server:
        assert server.is_running()

    assert not server.is_running()


@pytest.mark.parametrize(
    "start",
    [
        pytest.param("sleep 600 &", id="child"),
        pytest.param("(sleep 600 & wait) &", id="grandchild"),
        pytest.param("(sleep 600 &);", id="orphan"),
        pytest.param("setsid sleep 600 &", id="child-with-a-session-of-its-own"),
    ],
)
def test_what_a_server_started_ends_with_it(at: Path, start: str) -> None:
    with running(
        ["sh", "-c", f"trap 'exit 0' TERM; {start} touch up; while :; do sleep 0.1; done"],
        ready=(at / "up").exists,
        at=at,
    ):
        _until(lambda: len(_sleepers(at)) == 1)

    assert _sleepers(at) == []


def test_a_server_ends_when_the_tests_are_killed(at: Path) -> None:
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from tests.servers.running import running\n"
        "at = Path(sys.argv[1])\n"
        f"argv = {SLEEPER}\n"
        "with running(argv, ready=(at / 'up').exists, at=at) as server:\n"
        "    print(server.pid, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(at)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        timeout=TIMEOUT,
    )

    assert done.returncode == -signal.SIGKILL, done.stderr
    server = int(done.stdout)
    _until(lambda: all(over(each) for each in psutil.process_iter() if each.pid == server))


def test_a_server_runs_as_the_account_it_is_given(at: Path) -> None:
    account = unprivileged()

    with running(SLEEPER, ready=(at / "up").exists, at=at, account=account) as server:
        assert server.uids().real == account.uid
        assert server.gids().real == account.gid


def test_a_server_runs_in_its_folder_and_a_plain_environment(
    at: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.test:3128")

    with running(SLEEPER, ready=(at / "up").exists, at=at) as server:
        assert server.cwd() == str(at)
        assert {"HOME", "PATH"} <= set(server.environ()) <= {"HOME", "LC_ALL", "PATH", "PWD"}


def test_a_scratch_folder_is_private_and_goes_away(at: Path) -> None:
    with scratch() as folder:
        (folder / "below").mkdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        assert folder.stat().st_uid == unprivileged().uid

    assert not folder.exists()


def test_a_port_in_use_over_tcp_or_udp_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = [free_port(), free_port(), free_port()]
    offered = iter(ports)
    monkeypatch.setattr(
        "tests.servers.running.secrets.randbelow", lambda _: next(offered) - LOWEST_PORT
    )

    with (
        socket.create_server((HOST, ports[0])),
        socket.socket(type=socket.SOCK_DGRAM) as udp,
    ):
        udp.bind((HOST, ports[1]))
        assert free_port() == ports[2]


def test_only_the_right_greeting_counts(at: Path) -> None:
    with running_nginx() as silent:
        assert accepts(silent.port)
        with pytest.raises(TimeoutError):
            greets(silent.port, b"220")


def test_in_ci_a_missing_server_fails_and_elsewhere_skips(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    need = Need(name="nginx", programs=("no-such-nginx",), package="nginx", purpose="HTTP")
    monkeypatch.setattr("tests.machine.NEEDS", (need,))

    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="install nginx"), running_nginx():
        pass
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="install nginx"), running_nginx():
        pass


def _after_a_while(server: socket.socket) -> bool:
    time.sleep(0.3)
    return accepts(server.getsockname()[1])


def _sleepers(at: Path) -> list[psutil.Process]:
    found = []
    for each in psutil.process_iter():
        try:
            if each.name() == "sleep" and "600" in each.cmdline() and each.cwd() == str(at):
                found.append(each)
        except psutil.Error:
            continue
    return found


def _until(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.02)

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from wirework.errors import BadInput, Failed, TimedOut, Unreachable
from wirework.fleet import Outcome, Status, fan_out
from wirework.inventory import Host


def fleet(count: int) -> tuple[Host, ...]:
    return tuple(Host(f"h{number}", "127.0.0.1") for number in range(count))


@dataclass(frozen=True)
class Value:
    ok: bool = True
    changed: bool = False


@dataclass
class Heard:
    """Writes down what it hears, and in which thread."""

    lines: list[str] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)

    def batch(self, number: int, of: int, hosts: Sequence[Host]) -> None:
        self._note(f"batch {number}/{of}: {len(hosts)}")

    def started(self, host: Host) -> None:
        self._note(f"started {host.name}")

    def finished(self, outcome: Outcome[object]) -> None:
        self._note(f"finished {outcome.host.name} {outcome.status}")

    def _note(self, line: str) -> None:
        self.lines.append(line)
        self.threads.add(threading.get_ident())


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Holds work back for as long as the test lasts."""
    made = threading.Event()
    yield made
    made.set()


def statuses(outcomes: Sequence[Outcome[object]]) -> list[str]:
    return [str(outcome.status) for outcome in outcomes]


def test_values_come_back_in_the_order_of_the_hosts() -> None:
    hosts = fleet(20)

    def work(host: Host) -> str:
        time.sleep(0.01 if host is hosts[0] else 0)
        return host.name

    report = fan_out(hosts, work, forks=7)
    assert [outcome.value for outcome in report.outcomes] == [host.name for host in hosts]
    assert report.ok
    assert not report.interrupted


def test_what_a_value_says_becomes_the_status() -> None:
    values = [Value(), Value(changed=True), Value(ok=False), Value(ok=False, changed=True), "text"]
    hosts = fleet(5)
    by_host = dict(zip(hosts, values, strict=True))
    report = fan_out(hosts, by_host.__getitem__)
    assert statuses(report.outcomes) == ["ok", "changed", "failed", "failed", "ok"]
    assert [outcome.value for outcome in report.outcomes] == values
    assert report.counts == {
        Status.OK: 2,
        Status.CHANGED: 1,
        Status.FAILED: 2,
        Status.UNREACHABLE: 0,
        Status.SKIPPED: 0,
    }
    assert not report.ok
    assert [outcome.host.name for outcome in report.of(Status.FAILED)] == ["h2", "h3"]


def test_one_hosts_error_hides_no_other_hosts_answer() -> None:
    errors: dict[str, BaseException] = {
        "h0": Unreachable("gone"),
        "h1": Failed("no"),
        "h2": ZeroDivisionError("by zero"),
        "h3": SystemExit(3),
    }

    def work(host: Host) -> int:
        if host.name in errors:
            raise errors[host.name]
        return 7

    report = fan_out(fleet(5), work)
    assert statuses(report.outcomes) == ["unreachable", "failed", "failed", "failed", "ok"]
    assert report.outcomes[0].error is errors["h0"]
    internal = report.outcomes[2].error
    assert str(internal) == "h2: internal error: ZeroDivisionError: by zero"
    assert internal is not None
    assert internal.__cause__ is errors["h2"]


def test_no_more_than_forks_hosts_are_worked_on_at_once() -> None:
    lock = threading.Lock()
    now = most = 0

    def work(_: Host) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.01)
        with lock:
            now -= 1

    fan_out(fleet(12), work, forks=3)
    assert most == 3


def test_a_batch_ends_before_the_next_one_begins() -> None:
    heard = Heard()
    report = fan_out(fleet(5), lambda host: host.name, batches=["1", "100%"], watch=heard)
    assert report.ok
    assert heard.lines[:3] == ["batch 1/2: 1", "started h0", "finished h0 ok"]
    assert heard.lines[3] == "batch 2/2: 4"
    assert len(heard.lines) == 2 + 5 + 5
    assert heard.threads == {threading.get_ident()}


def test_unreachable_hosts_count_against_the_limit() -> None:
    begun: list[str] = []

    def work(host: Host) -> None:
        begun.append(host.name)
        raise Unreachable("gone")

    report = fan_out(fleet(6), work, forks=1, max_fail=2)
    assert begun == ["h0", "h1", "h2"]
    assert statuses(report.outcomes) == ["unreachable"] * 3 + ["skipped"] * 3
    assert str(report.outcomes[5].error) == "h5: not started: too many hosts had failed"


def test_a_share_of_all_hosts_may_fail() -> None:
    def work(host: Host) -> None:
        if host.name != "h7":
            raise Failed("no")

    report = fan_out(fleet(8), work, forks=1, max_fail="25%")
    assert statuses(report.outcomes) == ["failed"] * 3 + ["skipped"] * 5


def test_one_failure_ends_a_run_in_batches_but_not_a_single_batch() -> None:
    def work(host: Host) -> None:
        if host.name == "h0":
            raise Failed("no")

    rolling = fan_out(fleet(4), work, batches=["1", "100%"])
    assert statuses(rolling.outcomes) == ["failed", "skipped", "skipped", "skipped"]
    at_once = fan_out(fleet(4), work)
    assert statuses(at_once.outcomes) == ["failed", "ok", "ok", "ok"]


def test_hosts_at_work_when_the_limit_is_passed_may_finish(gate: threading.Event) -> None:
    def work(host: Host) -> str:
        if host.name == "h0":
            raise Failed("no")
        gate.wait(5)
        return "done"

    class Opener(Heard):
        def finished(self, outcome: Outcome[object]) -> None:
            super().finished(outcome)
            gate.set()

    heard = Opener()
    report = fan_out(fleet(6), work, forks=2, max_fail=0, watch=heard)
    assert statuses(report.outcomes)[0] == "failed"
    assert statuses(report.outcomes).count("skipped") >= 4
    assert {line.split()[1] for line in heard.lines if line.startswith("finished")} == {
        f"h{number}" for number in range(6)
    }


def test_a_timeout_ends_the_wait_for_a_hung_host(gate: threading.Event) -> None:
    given: list[str] = []

    def work(host: Host) -> str:
        if host.name == "h1":
            gate.wait(30)
        return "done"

    def give_up(host: Host) -> TimedOut:
        given.append(host.name)
        return TimedOut("too slow", where=host.name)

    began = time.monotonic()
    report = fan_out(fleet(3), work, timeout=0.3, give_up=give_up)
    assert time.monotonic() - began < 2
    assert statuses(report.outcomes) == ["ok", "failed", "ok"]
    assert str(report.outcomes[1].error) == "h1: too slow"
    assert report.outcomes[1].seconds >= 0.2
    assert given == ["h1"]
    assert not report.interrupted


def test_a_host_given_up_before_it_was_reached_is_unreachable(gate: threading.Event) -> None:
    report = fan_out(
        fleet(1), lambda _: gate.wait(30), timeout=0.1, give_up=lambda _: Unreachable("no answer")
    )
    assert statuses(report.outcomes) == ["unreachable"]


def test_a_timeout_skips_hosts_that_were_never_started(gate: threading.Event) -> None:
    heard = Heard()
    report = fan_out(fleet(3), lambda _: gate.wait(30), forks=1, timeout=0.1, watch=heard)
    assert statuses(report.outcomes) == ["failed", "skipped", "skipped"]
    assert str(report.outcomes[0].error) == "h0: still running after 0.1 s"
    assert str(report.outcomes[2].error) == "h2: not started: the time of this run was up"
    assert heard.lines[-3:] == ["finished h0 failed", "finished h1 skipped", "finished h2 skipped"]


def test_what_a_hung_host_does_later_does_not_count(gate: threading.Event) -> None:
    ended = threading.Event()

    def work(_: Host) -> str:
        gate.wait(30)
        ended.set()
        return "late"

    report = fan_out(fleet(1), work, timeout=0.05)
    gate.set()
    assert ended.wait(5)
    assert statuses(report.outcomes) == ["failed"]


def test_ctrl_c_leaves_a_true_report(gate: threading.Event) -> None:
    given: list[str] = []

    def work(host: Host) -> str:
        if host.name == "h0":
            return "done"
        gate.wait(30)
        return "late"

    class Interrupted(Heard):
        def finished(self, outcome: Outcome[object]) -> None:
            super().finished(outcome)
            raise KeyboardInterrupt

    def give_up(host: Host) -> TimedOut:
        given.append(host.name)
        return TimedOut("given up")

    heard = Interrupted()
    report = fan_out(fleet(4), work, forks=2, give_up=give_up, watch=heard)
    assert report.interrupted
    assert not report.ok
    assert statuses(report.outcomes)[0] == "ok"
    running = [outcome for outcome in report.outcomes if outcome.status is Status.FAILED]
    assert {str(outcome.error).partition(": ")[2] for outcome in running} == {"interrupted"}
    assert given == [outcome.host.name for outcome in running]
    skipped = report.of(Status.SKIPPED)
    assert str(skipped[-1].error) == "h3: not started: the run was interrupted"
    assert len(running) + len(skipped) == 3


def test_sigint_ends_the_wait_and_no_hung_thread_keeps_the_program_alive() -> None:
    program = """
import threading
from wirework.fleet import fan_out
from wirework.inventory import Host

def work(host):
    print("started", flush=True)
    threading.Event().wait()

report = fan_out([Host("a", "a"), Host("b", "b")], work, forks=1)
print(report.interrupted, *(str(outcome.status) for outcome in report.outcomes), flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait(10)
    assert said == "True failed skipped\n"
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"forks": 0}, "0 hosts at once is no work at all"),
        ({"batches": ["0"]}, "'0' is not a batch size"),
        ({"batches": ["150%"]}, "'150%' is not a batch size"),
        ({"batches": ["1", "abc"]}, "'abc' is not a batch size"),
        ({"max_fail": "some"}, "'some' is not a failure limit"),
        ({"timeout": 0.0}, "a timeout of 0 s is over before it begins"),
    ],
)
def test_options_of_no_use_are_refused_before_anything_starts(
    options: dict[str, object], text: str
) -> None:
    begun: list[Host] = []
    with pytest.raises(BadInput) as caught:
        fan_out(fleet(2), begun.append, **options)  # type: ignore[arg-type]  # wrong on purpose
    assert text in str(caught.value)
    assert begun == []


def test_no_hosts_make_an_empty_report() -> None:
    report = fan_out([], lambda host: host.name)
    assert report.outcomes == ()
    assert report.ok


def test_a_host_given_twice_is_worked_on_once() -> None:
    begun: list[Host] = []
    (host,) = fleet(1)
    report = fan_out([host, host], begun.append)
    assert begun == [host]
    assert len(report.outcomes) == 1

"""Work in several processes. Each case runs in a program of its own: pytest has threads."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

BEGIN = """
import json, os, signal, sys, threading, time
from dataclasses import dataclass
from wirework.errors import ArgumentError, Failed, Unreachable, WireworkError
from wirework.fleet import Crew, fan_out
from wirework.inventory import Host

hosts = tuple(Host(f"h{number}", "127.0.0.1") for number in range(8))

@dataclass(frozen=True)
class Done:
    host: Host
    process: int

def quits(host):
    return Failed("given up", where=host.name)

def tell(**said):
    print(json.dumps(said))
"""


def program(text: str) -> dict[str, Any]:
    """Run a program that ends by telling what it saw."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BEGIN + textwrap.dedent(text)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_the_work_is_shared_among_the_processes_and_answers_come_back_whole() -> None:
    said = program("""
        with Crew(2) as crew:
            crew.start(hosts, lambda host: Done(host, os.getpid()), forks=8, give_up=quits)
            report = fan_out(hosts, crew.work, give_up=crew.give_up)
        values = [outcome.value for outcome in report.outcomes]
        tell(
            order=[outcome.host.name for outcome in report.outcomes],
            same=all(value.host is host for value, host in zip(values, hosts)),
            processes=len({value.process for value in values}),
            here=os.getpid() in {value.process for value in values},
        )
    """)
    assert said == {
        "order": [f"h{number}" for number in range(8)],
        "same": True,
        "processes": 2,
        "here": False,
    }


def test_errors_come_back_as_what_they_were() -> None:
    said = program("""
        def work(host):
            if host.name == "h0":
                raise Unreachable("no answer", where=host.name, hint="plug it in")
            if host.name == "h1":
                raise ArgumentError("too large", parameter="size", where="play.yaml:3")
            if host.name == "h2":
                raise ZeroDivisionError("by zero")
            if host.name == "h3":
                raise RuntimeError(threading.Lock())  # which no pickle holds
            return threading.Lock() if host.name == "h4" else None

        with Crew(3) as crew:
            crew.start(hosts, work, forks=8, give_up=quits)
            report = fan_out(hosts, crew.work, give_up=crew.give_up)
        errors = [outcome.error for outcome in report.outcomes]
        tell(
            statuses=[str(outcome.status) for outcome in report.outcomes],
            words=[str(error) for error in errors[:3]],
            parameter=errors[1].parameter,
            where=[line for line in errors[2].__cause__.__notes__ if "in work" in line] != [],
            pickled=["pickle" in str(error) or "Lock" in str(error) or "lock" in str(error)
                     for error in errors[3:5]],
        )
    """)
    assert said["statuses"] == ["unreachable", *["failed"] * 4, "ok", "ok", "ok"]
    assert said["words"] == [
        "h0: no answer (plug it in)",
        "play.yaml:3: too large",
        "h2: internal error: ZeroDivisionError: by zero",
    ]
    assert said["parameter"] == "size"
    assert said["where"] is True
    assert said["pickled"] == [True, True]


def test_what_a_process_says_on_the_way_is_heard_here() -> None:
    said = program("""
        heard = []
        with Crew(2) as crew:
            say = crew.relay(lambda host, data: heard.append((host in hosts, os.getpid(), data)))
            crew.start(
                hosts, lambda host: say(host, host.name.encode()), forks=4, give_up=quits
            )
            fan_out(hosts, crew.work, give_up=crew.give_up)
        tell(
            whose=all(known and process == os.getpid() for known, process, _ in heard),
            what=sorted(data.decode() for _, _, data in heard),
        )
    """)
    assert said == {"whose": True, "what": [f"h{number}" for number in range(8)]}


def test_a_process_that_dies_fails_its_own_hosts_only() -> None:
    said = program("""
        def work(host):
            if host.name == "h0":
                os.kill(os.getpid(), signal.SIGKILL)
            return None

        with Crew(2) as crew:
            crew.start(hosts, work, forks=2, give_up=quits)
            report = fan_out(hosts, crew.work, forks=2, give_up=crew.give_up)
        tell(
            odd=sorted({str(outcome.status) for outcome in report.outcomes[1::2]}),
            first=str(report.outcomes[0].error),
        )
    """)
    assert said == {"odd": ["ok"], "first": "h0: the process that worked on it has ended"}


def test_a_run_out_of_time_gives_up_there_and_leaves_no_process() -> None:
    said = program("""
        ends = threading.Event()

        def work(host):
            assert ends.wait(30)
            say("ended " + host.name)

        def give_up(host):
            ends.set()
            return Failed("given up")

        heard, late = [], threading.Event()
        def hear(line):
            heard.append(line)
            late.set()
        with Crew(1) as crew:
            say = crew.relay(hear)
            crew.start(hosts[:1], work, forks=1, give_up=give_up)
            report = fan_out(hosts[:1], crew.work, timeout=0.3, give_up=crew.give_up)
            assert late.wait(20)
        try:
            left = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            left = None
        tell(error=str(report.outcomes[0].error), heard=heard, left=left)
    """)
    assert said == {
        "error": "h0: still running when the time was up",
        "heard": ["ended h0"],
        "left": None,
    }


def test_a_process_ends_when_the_one_that_made_it_is_killed() -> None:
    # Its end closes the pipe that the program below holds open for reading.
    said = program("""
        reads, writes = os.pipe()
        maker = os.fork()
        if maker == 0:
            os.close(reads)
            crew = Crew(2)
            crew.start(hosts, lambda host: time.sleep(60), forks=2, give_up=quits)
            threading.Thread(target=crew.work, args=(hosts[0],), daemon=True).start()
            os.write(writes, b"up")
            time.sleep(60)
        os.close(writes)
        assert os.read(reads, 2) == b"up"
        os.kill(maker, signal.SIGKILL)
        os.waitpid(maker, 0)
        signal.alarm(20)
        tell(rest=os.read(reads, 1).decode())
    """)
    assert said == {"rest": ""}

"""``ntp.query`` and ``ntp.compare`` as people type them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.net.datagrams import answering, silent, unused
from tests.net.ntp.time_answers import good
from tests.servers.chronyd import Chronyd, running_chronyd
from tests.tasks.commandline import Typed


@pytest.fixture(scope="module")
def ahead() -> Iterator[Chronyd]:
    with running_chronyd(clock="+30s") as server:
        yield server


def at(server: Chronyd) -> str:
    return f"{server.host}:{server.port}"


def test_one_server_is_told_line_by_line(typed: Typed, ahead: Chronyd) -> None:
    said = typed("ntp.query", ahead.host, "--port", str(ahead.port))
    assert (said.status, said.err) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in said.out.splitlines())
    assert lines["server"] == at(ahead)
    assert lines["offset"].startswith(("+30.", "+29.9"))
    assert lines["offset"].endswith(" s behind")
    assert lines["stratum"] == "3, follows 127.127.1.1 (own clock)"


def test_several_servers_are_rows(typed: Typed, chronyd: Chronyd, ahead: Chronyd) -> None:
    gone = f"127.0.0.1:{unused()}"
    said = typed("ntp.query", f"{at(chronyd)},{at(ahead)},{gone}")
    assert said.status == 1
    heading, *rows = said.out.splitlines()
    assert heading.split() == ["server", "offset", "delay", "within", "stratum", "reference"]
    assert [row.split()[0] for row in rows] == [at(chronyd), at(ahead), gone]
    assert rows[0].endswith(" ok")
    assert rows[2].endswith(" nothing listens there (connection refused)")


def test_readings_are_json(typed: Typed, ahead: Chronyd) -> None:
    said = typed(
        *("ntp.query", at(ahead), "--samples", "2", "--interval", "0.01", "--output", "json")
    )
    found = json.loads(said.out)
    [reading] = found["servers"]
    assert (found["ok"], reading["status"], len(reading["samples"])) == (True, "answer", 2)
    assert reading["offset"] == pytest.approx(30, abs=0.3)
    assert reading["delay"] == min(sample["delay"] for sample in reading["samples"])


def test_servers_are_compared(typed: Typed, chronyd: Chronyd, ahead: Chronyd) -> None:
    with running_chronyd() as third:
        said = typed("ntp.compare", f"{at(chronyd)},{at(ahead)},{at(third)}")
    assert said.status == 1
    verdicts = [line.split()[-1] for line in said.out.splitlines()[1:4]]
    assert verdicts == ["agrees", "disagrees", "agrees"]
    conclusion, problem = said.out.splitlines()[4:]
    assert conclusion.startswith("2 of 3 servers agree: this machine's clock is ")
    assert problem == f"tells another time: {at(ahead)}"


def test_servers_that_agree_end_with_0(typed: Typed, chronyd: Chronyd) -> None:
    with running_chronyd() as other:
        said = typed("ntp.compare", f"{at(chronyd)} {at(other)}", "-o", "jsonl")
    found = json.loads(said.out)
    assert (said.status, found["ok"]) == (0, True)
    assert [each["verdict"] for each in found["servers"]] == ["agrees", "agrees"]


def test_a_clock_that_is_too_far_off_ends_with_1(typed: Typed, ahead: Chronyd) -> None:
    said = typed("ntp.query", at(ahead), "--max-offset", "5")
    assert said.status == 1
    assert "this clock is off by " in said.out


@pytest.mark.parametrize("stratum", [0, 16])
def test_a_server_that_gives_no_time(typed: Typed, stratum: int) -> None:
    fields = {"stratum": stratum, "reference_id": b"DENY"}
    with answering(lambda request, _: [good(request, **fields).encode()]) as port:
        said = typed("ntp.query", f"127.0.0.1:{port}")
    assert said.status == 1
    told = "kiss-o'-death DENY" if stratum == 0 else "its own clock is not synchronised"
    assert told in said.out


def test_silence(typed: Typed) -> None:
    with silent() as port:
        said = typed("ntp.query", f"127.0.0.1:{port}", "-t", "0.4")
    assert (said.status, said.err) == (1, "")
    assert said.out.splitlines() == [
        f"server    127.0.0.1:{port}",
        "problem   no answer within 0.4 s",
    ]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("ntp.query", ""), "error: SERVERS: no server is named"),
        (
            ("ntp.query", "a:99999"),
            "error: SERVERS: a port is a number from 1 to 65535, not '99999'",
        ),
        (
            ("ntp.query", "a", "--port", "0"),
            "error: --port: a port is a number from 1 to 65535, not 0",
        ),
        (
            ("ntp.query", "a", "--samples", "9"),
            (
                "error: --samples: 9 samples, 1 s apart, take 8 s, and the time limit is 5 s"
                " (give a longer --timeout, or a shorter --interval to a server of your own)"
            ),
        ),
        (
            ("ntp.compare", "a"),
            (
                "error: SERVERS: one server alone agrees with itself (several, separated by commas;"
                " ntp.query asks a single one)"
            ),
        ),
    ],
)
def test_bad_input_is_one_line(typed: Typed, words: tuple[str, ...], error: str) -> None:
    said = typed(*words)
    assert (said.status, said.out, said.errors) == (2, "", [error])

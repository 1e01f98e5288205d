"""``dns.lookup`` as people type it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.net.datagrams import silent, unused
from tests.servers.dnsmasq import Dnsmasq, running_dnsmasq
from tests.tasks.commandline import Typed


@pytest.fixture(scope="module")
def server() -> Iterator[Dnsmasq]:
    with running_dnsmasq(
        "--local=/r.test/",
        "--host-record=web.r.test,10.1.2.3,300",
        "--cname=www.r.test,web.r.test,60",
        "--txt-record=web.r.test,\x1b[31mred",
    ) as running:
        yield running


def at(server: Dnsmasq) -> str:
    return f"{server.host}:{server.port}"


def test_records_are_a_table(typed: Typed, server: Dnsmasq) -> None:
    said = typed("dns.lookup", "www.r.test", "--server", at(server))
    assert (said.status, said.err) == (0, "")
    lines = [line.split() for line in said.out.splitlines()]
    assert lines[:3] == [
        ["name", "type", "ttl", "value"],
        ["www.r.test", "CNAME", "60", "web.r.test."],
        ["web.r.test", "A", "300", "10.1.2.3"],
    ]
    assert said.out.splitlines()[3] == "www.r.test: the name has no AAAA record"
    assert said.out.splitlines()[4].startswith(f"{at(server)}: udp, ")


def test_records_are_json(typed: Typed, server: Dnsmasq) -> None:
    said = typed("dns.lookup", "web.r.test", "--type", "A", "--server", at(server), "-o", "json")
    found = json.loads(said.out)
    [answer] = found["answers"]
    assert (found["ok"], found["status"], answer["status"]) == (True, "answer", "answer")
    assert answer["records"] == [
        {"name": "web.r.test", "type": "A", "ttl": 300, "value": "10.1.2.3"}
    ]
    assert (answer["server"], answer["protocol"]) == (at(server), "udp")


def test_the_system_is_asked_without_a_server(typed: Typed) -> None:
    said = typed("dns.lookup", "localhost", "--type", "A")
    assert said.status == 0
    assert said.out.splitlines()[:2] == [
        "name        type   value",
        "localhost   A      127.0.0.1",
    ]


def test_servers_that_differ_are_named(typed: Typed, server: Dnsmasq) -> None:
    with running_dnsmasq("--host-record=web.r.test,10.1.2.9") as other:
        servers = f"{at(server)},{at(other)}"
        said = typed("dns.lookup", "web.r.test", "--type", "A", "--server", servers)
    assert said.status == 1
    told = f"{at(other)} differs from {at(server)} in A: has 10.1.2.9 and lacks 10.1.2.3"
    assert told in said.out.splitlines()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("3.2.1.r.test", "--type", "PTR"), "3.2.1.r.test: no name is known for it (NXDOMAIN)"),
        (("no.r.test",), "no.r.test: there is no such name (NXDOMAIN)"),
        (("web.r.test", "--type", "MX,SRV"), "web.r.test: the name has no MX or SRV record"),
        (("a.y.test",), "a.y.test: {at}: the server refuses to answer us (REFUSED)"),
        (("10.9.9.9",), "10.9.9.9: "),
    ],
)
def test_what_was_not_found_is_told(
    typed: Typed, server: Dnsmasq, words: tuple[str, ...], says: str
) -> None:
    said = typed("dns.lookup", *words, "--server", at(server))
    assert (said.status, said.err) == (1, "")
    assert said.out.startswith(says.format(at=at(server)))
    assert len(said.out.splitlines()) == 1


def test_servers_that_are_silent_or_absent(typed: Typed) -> None:
    gone = f"127.0.0.1:{unused()}"
    with silent() as port:
        servers = f"127.0.0.1:{port},{gone}"
        said = typed("dns.lookup", "a.test", "--type", "A", "--server", servers, "-t", "0.5")
    assert said.status == 1
    assert said.out.splitlines()[:2] == [
        f"a.test: 127.0.0.1:{port}: no answer within 0.5 s",
        f"a.test: {gone}: nothing listens there (connection refused)",
    ]


def test_what_servers_say_moves_no_cursor(typed: Typed, server: Dnsmasq) -> None:
    said = typed("dns.lookup", "web.r.test", "--type", "TXT", "--server", at(server))
    assert said.status == 0
    assert "\x1b" not in said.out


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("a..b",), "error: HOST: 'a..b' has an empty label: two dots in a row, or one in front"),
        (
            ("x.test", "--type", "ZZ"),
            (
                "error: --type: 'ZZ' is no record type (A, AAAA, CNAME, MX, NS, SOA, TXT, SRV, CAA,"
                " PTR, or all of these: all)"
            ),
        ),
        (
            ("x.test", "--server", "ns1"),
            "error: --server: 'ns1' is no address (as in 192.0.2.53 or [2001:db8::53]:5353)",
        ),
        (
            ("x.test", "--timeout", "0"),
            "error: --timeout: a time limit is a number of seconds above 0, not 0",
        ),
        (("x.test", "--timeout", "soon"), "error: --timeout needs a number, not 'soon'"),
    ],
)
def test_bad_input_is_one_line(typed: Typed, words: tuple[str, ...], error: str) -> None:
    said = typed("dns.lookup", *words)
    assert (said.status, said.out, said.errors) == (2, "", [error])

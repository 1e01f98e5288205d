"""Asking DNS servers: dnsmasq, beside dig, and servers that answer wrongly or not at all."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from tests.machine import require
from tests.net.datagrams import answering, silent, unused
from tests.servers.dnsmasq import Dnsmasq, running_dnsmasq
from wirework.net.dns import Answer, Lookup, Status, lookup

ZONE = (
    "--local=/r.test/",
    "--host-record=web.r.test,10.1.2.3,fd00::1,300",
    "--host-record=many.r.test,10.1.2.4",
    "--host-record=many.r.test,10.1.2.5",
    "--host-record=xn--bcher-kva.r.test,10.1.2.6",
    "--cname=www.r.test,web.r.test,60",
    "--cname=alias.r.test,www.r.test",
    "--mx-host=r.test,mail.r.test,10",
    "--mx-host=r.test,mail2.r.test,20",
    "--txt-record=r.test,v=spf1 -all,a second text",
    "--srv-host=_sip._tcp.r.test,web.r.test,5060,10,20",
    "--caa-record=r.test,0,issue,ca.test",
    *(f"--txt-record=big.r.test,{number}-{'x' * 150}" for number in range(40)),
)


@pytest.fixture(scope="module")
def server() -> Iterator[Dnsmasq]:
    with running_dnsmasq(*ZONE) as running:
        yield running


def of(server: Dnsmasq | int, host: str, types: str = "", **options: object) -> Lookup:
    port = server if isinstance(server, int) else server.port
    return lookup(host, types=types, server=f"127.0.0.1:{port}", **options)  # type: ignore[arg-type]


def one(server: Dnsmasq | int, host: str, type_: str = "A", **options: object) -> Answer:
    [answer] = of(server, host, type_, **options).answers
    return answer


def dig(server: Dnsmasq, *words: str) -> list[list[str]]:
    """The answer section, each line as name, TTL, type and value; sorted."""
    require("dig")
    done = subprocess.run(
        ["dig", "+noall", "+answer", f"@{server.host}", "-p", str(server.port), *words],
        check=True,
        capture_output=True,
        text=True,
        timeout=20,
    )
    lines = [line.split(maxsplit=4) for line in done.stdout.splitlines() if line[:1] != ";"]
    return sorted([name, ttl, kind, value] for name, ttl, _, kind, value in lines)


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("web.r.test", "A"),
        ("web.r.test", "AAAA"),
        ("many.r.test", "A"),
        ("alias.r.test", "A"),
        ("alias.r.test", "CNAME"),
        ("r.test", "MX"),
        ("r.test", "TXT"),
        ("r.test", "CAA"),
        ("_sip._tcp.r.test", "SRV"),
        ("big.r.test", "TXT"),
        ("3.2.1.10.in-addr.arpa", "PTR"),
        ("web.r.test", "MX"),
        ("no.r.test", "A"),
    ],
)
def test_records_are_those_that_dig_tells(server: Dnsmasq, name: str, type_: str) -> None:
    records = one(server, name, type_).records
    ours = sorted([f"{each.name}.", str(each.ttl), each.type, each.value] for each in records)
    assert ours == dig(server, name, type_)


def test_an_answer_tells_where_it_comes_from(server: Dnsmasq) -> None:
    found = of(server, "web.r.test")
    assert [(each.type, each.values, each.status) for each in found.answers] == [
        ("A", ("10.1.2.3",), "answer"),
        ("AAAA", ("fd00::1",), "answer"),
    ]
    for each in found.answers:
        assert (each.server, each.protocol) == (f"127.0.0.1:{server.port}", "udp")
        assert 0 < each.seconds < 5
    assert (found.ok, found.status) == (True, Status.ANSWER)
    assert found.summary == "web.r.test: 10.1.2.3, fd00::1"


@pytest.mark.parametrize(
    ("address", "name", "value"),
    [
        ("10.1.2.3", "3.2.1.10.in-addr.arpa", "web.r.test."),
        ("fd00::1", "1.0.0.0." + "0.0.0.0." * 6 + "0.0.d.f.ip6.arpa", "web.r.test."),
    ],
)
def test_an_address_is_asked_for_its_names(
    server: Dnsmasq, address: str, name: str, value: str
) -> None:
    found = of(server, address)
    assert (found.name, found.answers[0].type, found.answers[0].values) == (name, "PTR", (value,))


def test_aliases_are_told_on_the_way(server: Dnsmasq) -> None:
    answer = one(server, "alias.r.test")
    assert answer.aliases == ("www.r.test", "web.r.test")
    assert [(each.name, each.type, each.value) for each in answer.records] == [
        ("alias.r.test", "CNAME", "www.r.test."),
        ("www.r.test", "CNAME", "web.r.test."),
        ("web.r.test", "A", "10.1.2.3"),
    ]


def test_a_truncated_answer_is_fetched_over_tcp(server: Dnsmasq) -> None:
    answer = one(server, "big.r.test", "TXT")
    assert (answer.protocol, answer.truncated, len(answer.values)) == ("tcp", True, 40)


def test_tcp_from_the_start(server: Dnsmasq) -> None:
    answer = one(server, "web.r.test", tcp=True)
    assert (answer.protocol, answer.truncated, answer.values) == ("tcp", False, ("10.1.2.3",))


def test_internationalised_names_travel_in_ascii(server: Dnsmasq) -> None:
    found = of(server, "Bücher.r.test", "A")
    assert (found.name, found.unicode) == ("xn--bcher-kva.r.test", "bücher.r.test")
    assert found.answers[0].values == ("10.1.2.6",)
    assert of(server, found.name, "A").unicode == found.unicode


def test_all_types_are_asked_one_by_one(server: Dnsmasq) -> None:
    found = of(server, "r.test", "all")
    told = {each.type: each.status.value for each in found.answers}
    answered = {type_ for type_, status in told.items() if status == "answer"}
    assert (len(told), answered) == (10, {"MX", "TXT", "CAA"})
    assert found.ok


def test_no_such_name_and_no_such_record_differ(server: Dnsmasq) -> None:
    absent, lacking = of(server, "no.r.test"), of(server, "web.r.test", "MX")
    assert (absent.status, absent.ok) == ("nxdomain", False)
    assert absent.summary == "no.r.test: there is no such name (NXDOMAIN)"
    assert (lacking.status, lacking.ok) == ("nodata", False)
    assert lacking.summary == "web.r.test: the name has no MX record"


def test_a_server_that_refuses(server: Dnsmasq) -> None:
    answer = one(server, "www.elsewhere.test")
    assert (answer.status, answer.problem) == (
        "refused",
        "the server refuses to answer us (REFUSED)",
    )


def test_a_forwarder_whose_server_fails() -> None:
    def fail(request: bytes, number: int) -> list[bytes]:
        return [response_to(request, dns.rcode.SERVFAIL).to_wire()]

    with (
        answering(fail) as upstream,
        running_dnsmasq(f"--server=/up.test/127.0.0.1#{upstream}") as forwarder,
    ):
        answer = one(forwarder, "a.up.test")
    assert (answer.status, answer.problem) == (
        "servfail",
        "the server could not find out (SERVFAIL)",
    )


def test_a_forwarder_whose_server_is_silent() -> None:
    with (
        silent() as upstream,
        running_dnsmasq(f"--server=/up.test/127.0.0.1#{upstream}") as forwarder,
    ):
        found = of(forwarder, "a.up.test", "A", timeout=0.6)
    assert (found.status, found.ok) == ("timeout", False)


def test_silence_is_told_when_the_time_is_up() -> None:
    asked: list[bytes] = []
    started = time.monotonic()
    with answering(lambda request, _: asked.append(request) or []) as port:  # type: ignore[func-returns-value]
        answer = one(port, "a.test", timeout=0.6)
    assert (answer.status, answer.problem) == ("timeout", "no answer within 0.6 s")
    assert 0.5 < time.monotonic() - started < 3
    assert len(asked) == 3  # it may have been lost on the way
    assert len(set(asked)) == 1


@pytest.mark.parametrize("tcp", [False, True])
def test_nothing_listens(tcp: bool) -> None:
    answer = one(unused(), "a.test", tcp=tcp)
    assert (answer.status, answer.problem) == (
        "unreachable",
        "nothing listens there (connection refused)",
    )


def response_to(request: bytes, rcode: int = 0, *records: str) -> dns.message.Message:
    response = dns.message.make_response(dns.message.from_wire(request))
    response.set_rcode(dns.rcode.Rcode(rcode))
    response.answer += [dns.rrset.from_text(*each.split(maxsplit=4)) for each in records]
    return response


def right(request: bytes) -> bytes:
    return response_to(request, 0, "a.test. 9 IN A 10.0.0.1").to_wire()


def truncated(request: bytes) -> bytes:
    response = response_to(request)
    response.flags |= dns.flags.TC
    return response.to_wire()


def referral(request: bytes) -> bytes:
    response = response_to(request)
    response.authority.append(dns.rrset.from_text("test.", 9, "IN", "NS", "ns.test."))
    return response.to_wire()


def circle(request: bytes) -> bytes:
    ring = "a.test. 9 IN CNAME b.test.", "b.test. 9 IN CNAME a.test."
    return response_to(request, 0, *ring).to_wire()


def dangling(request: bytes) -> bytes:
    return response_to(request, 3, "a.test. 9 IN CNAME gone.test.").to_wire()


WRONG: dict[str, tuple[Callable[[bytes], bytes], str, str]] = {
    "noise": (lambda _: b"\xff" * 40, "malformed", "what comes back is no answer of the DNS"),
    "its own request": (lambda request: request, "malformed", "what comes back is no answer"),
    "another question": (
        lambda request: request[:2] + right(request)[2:].replace(b"\x01a", b"\x01b"),
        "malformed",
        "what comes back is no answer",
    ),
    "another id": (
        lambda request: bytes([request[0] ^ 1]) + right(request)[1:],
        "malformed",
        "what comes back is no answer",
    ),
    "not implemented": (
        lambda request: response_to(request, dns.rcode.NOTIMP).to_wire(),
        "error",
        "the server answers NOTIMP",
    ),
    "cut off, and no TCP": (truncated, "unreachable", "nothing listens there"),
    "referral": (referral, "referral", "the server does not look further than to ns.test"),
    "aliases in a circle": (circle, "malformed", "its CNAME records lead on and on"),
    "an alias of nothing": (
        dangling,
        "nxdomain",
        "it is an alias of gone.test, which does not exist (NXDOMAIN)",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_an_answer_is_told(case: str) -> None:
    make, status, problem = WRONG[case]
    with answering(lambda request, _: [make(request)]) as port:
        answer = one(port, "a.test", timeout=0.6 if status == "malformed" else 10.0)
    assert answer.status == status
    assert problem in answer.problem


def test_forged_answers_are_passed_over() -> None:
    def reply(request: bytes, number: int) -> list[bytes]:
        return [b"", b"\0" * 5, WRONG["another id"][0](request), right(request)]

    with answering(reply) as port:
        assert one(port, "a.test").values == ("10.0.0.1",)


def test_records_of_other_names_are_not_taken() -> None:
    def reply(request: bytes, number: int) -> list[bytes]:
        other = "evil.test. 9 IN A 10.6.6.6"
        return [response_to(request, 0, other, "a.test. 9 IN A 10.0.0.1").to_wire()]

    with answering(reply) as port:
        [record] = one(port, "a.test").records
    assert (record.name, record.value) == ("a.test", "10.0.0.1")


def test_a_server_that_does_not_know_edns_is_asked_without() -> None:
    def reply(request: bytes, number: int) -> list[bytes]:
        if dns.message.from_wire(request).edns >= 0:
            return [response_to(request, dns.rcode.FORMERR).to_wire()]
        return [right(request)]

    with answering(reply) as port:
        assert one(port, "a.test").values == ("10.0.0.1",)


def test_servers_are_compared(server: Dnsmasq) -> None:
    with running_dnsmasq("--host-record=web.r.test,10.1.2.9,fd00::1") as other:
        ports = server.port, other.port
        named = [f"127.0.0.1:{port}" for port in ports]
        found = lookup("web.r.test", server=", ".join([*named, named[0]]))
    assert (found.status, found.ok, len(found.answers)) == ("answer", False, 4)
    [differs] = found.differences
    assert (differs.type, differs.server, differs.than) == ("A", named[1], named[0])
    assert (differs.missing, differs.extra) == (("10.1.2.3",), ("10.1.2.9",))
    assert found.summary == f"web.r.test: {named[1]} differs from the others"


def test_the_fewer_are_those_that_differ(server: Dnsmasq) -> None:
    with (
        answering(lambda request, _: [response_to(request, dns.rcode.REFUSED).to_wire()]) as port,
        running_dnsmasq(*ZONE) as twin,
    ):
        named = [f"127.0.0.1:{each}" for each in (port, server.port, twin.port)]
        found = lookup("many.r.test", types="A", server=",".join(named))
    [differs] = found.differences
    assert (differs.server, differs.than, differs.status) == (named[0], named[1], "refused")
    assert differs.missing == ("10.1.2.4", "10.1.2.5")


def test_servers_that_say_the_same_do_not_differ(server: Dnsmasq) -> None:
    with running_dnsmasq(*ZONE) as twin:
        named = f"127.0.0.1:{server.port},127.0.0.1:{twin.port}"
        found = lookup("many.r.test", types="A", server=named)
    assert (found.ok, found.differences) == (True, ())

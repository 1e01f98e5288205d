"""What may be asked of the DNS, and what is refused before anything is sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirework.errors import BadInput
from wirework.net.dns import lookup
from wirework.net.dns.questions import ALL, question
from wirework.net.endpoints import Endpoint, endpoint


@pytest.mark.parametrize(
    ("host", "types", "name", "asked"),
    [
        ("www.x.test", "", "www.x.test", ("A", "AAAA")),
        ("www.x.test.", "mx", "www.x.test", ("MX",)),
        ("x.test", "A, mx,A", "x.test", ("A", "MX")),
        ("x.test", "all", "x.test", ALL),
        ("x.test", "https,TYPE65", "x.test", ("HTTPS",)),
        ("_sip._tcp.x.test", "SRV", "_sip._tcp.x.test", ("SRV",)),
        (".", "NS", ".", ("NS",)),
        ("10.1.2.3", "", "3.2.1.10.in-addr.arpa", ("PTR",)),
        ("fe80::1%lo", "ptr", "1." + "0." * 28 + "8.e.f.ip6.arpa", ("PTR",)),
        ("faß.de", "", "xn--fa-hia.de", ("A", "AAAA")),
    ],
)
def test_questions(host: str, types: str, name: str, asked: tuple[str, ...]) -> None:
    read = question(host, types)
    assert (read.ascii, read.types) == (name, asked)


@pytest.mark.parametrize(
    ("host", "types", "where", "says"),
    [
        ("", "", "HOST", "the name is empty"),
        ("a..b", "", "HOST", "has an empty label"),
        (".a", "", "HOST", "has an empty label"),
        ("x" * 64 + ".test", "", "HOST", "more than 63 bytes"),
        (".".join(["x" * 60] * 5), "", "HOST", "longer than the 255 bytes"),
        ("a b.test", "", "HOST", "blanks or control characters"),
        ("a\n.test", "", "HOST", "blanks or control characters"),
        ("https://x.test/", "", "HOST", "neither a name nor an address"),
        ("x.test:53", "", "HOST", "neither a name nor an address"),
        ("10.0.0.256", "", "HOST", "ends as an address does"),
        ("127.1", "", "HOST", "ends as an address does"),
        ("☃.test", "", "HOST", "internationalised"),
        ("a\\999.test", "", "HOST", "is no name"),
        ("x.test", "ZZ", "--type", "'ZZ' is no record type"),
        ("x.test", "A,,MX", "--type", "'' is no record type"),
        ("x.test", "TYPE99999", "--type", "is no record type"),
        ("x.test", "ANY", "--type", "ANY is no type of a record"),
        ("x.test", "AXFR", "--type", "AXFR is no type of a record"),
        ("x.test", ",".join(f"TYPE{n}" for n in range(300, 340)), "--type", "more than 32"),
        ("10.0.0.1", "MX", "--type", "an address has PTR records"),
    ],
)
def test_bad_questions_are_refused(host: str, types: str, where: str, says: str) -> None:
    with pytest.raises(BadInput) as error:
        lookup(host, types=types, server="127.0.0.1:9")
    assert error.value.where == where
    assert says in error.value.message


@pytest.mark.parametrize(
    ("server", "timeout", "where"),
    [
        ("ns.x.test", 1.0, "--server"),
        ("127.0.0.1:0", 1.0, "--server"),
        ("127.0.0.1:65536", 1.0, "--server"),
        ("127.0.0.1:", 1.0, "--server"),
        ("1:2", 1.0, "--server"),
        ("::1:zz", 1.0, "--server"),
        ("[::1", 1.0, "--server"),
        ("[]", 1.0, "--server"),
        (":53", 1.0, "--server"),
        (",", 1.0, "--server"),
        ("127.0.0.1", 0.0, "--timeout"),
        ("127.0.0.1", -1.0, "--timeout"),
        ("127.0.0.1", float("nan"), "--timeout"),
    ],
)
def test_bad_servers_and_times_are_refused(server: str, timeout: float, where: str) -> None:
    with pytest.raises(BadInput) as error:
        lookup("x.test", server=server, timeout=timeout)
    assert error.value.where == where


def test_too_many_questions_at_once_are_refused() -> None:
    servers = ",".join(f"127.0.0.1:{port}" for port in range(1, 60))
    with pytest.raises(BadInput, match="590 questions at once are more than 256"):
        lookup("x.test", types="all", server=servers)


@given(st.text(max_size=300), st.text(max_size=20))
def test_whatever_is_typed_is_a_question_or_refused(host: str, types: str) -> None:
    try:
        read = question(host, types)
    except BadInput as refused:
        told = refused
    else:
        assert read.types
        assert len(read.name.to_wire() or b"") <= 255
        return
    assert told.where in {"HOST", "--type"}
    assert len(str(told)) < 1000


@given(st.ip_addresses(), st.integers(1, 65535))
def test_endpoints_come_back_as_they_were(address: object, port: int) -> None:
    there = Endpoint(str(address), port)
    assert endpoint(str(there), port=1, where="") == there
    assert endpoint(str(address), port=port, where="") == there

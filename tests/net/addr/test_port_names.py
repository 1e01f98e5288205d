"""The names of ports, beside getent(1)."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.machine import require
from wirework.errors import BadInput
from wirework.net.addr.port_names import FILE, PROTOCOLS, Service, services


@pytest.fixture(autouse=True)
def _services() -> None:
    require("services")


def getent(key: str) -> tuple[str, int, str] | None:
    """What ``getent services`` says of ``port/protocol`` or ``name/protocol``."""
    done = subprocess.run(
        ["getent", "services", key], check=False, capture_output=True, text=True, timeout=10
    )
    words = re.match(r"(\S+)\s+(\d+)/(\S+)", done.stdout)
    return (words[1], int(words[2]), words[3]) if words else None


def entries() -> list[tuple[str, int, str]]:
    lines = re.findall(r"^(\S+)\s+(\d+)/(\S+)", FILE.read_text(), re.MULTILINE)
    return [(name, int(port), protocol) for name, port, protocol in lines if protocol in PROTOCOLS]


def test_ports_have_the_names_that_getent_says() -> None:
    some = entries()[::17]
    for _, port, protocol in some:
        theirs = getent(f"{port}/{protocol}")
        assert theirs
        assert services(str(port), protocols=protocol).services == (
            Service(port, theirs[0], (protocol,)),
        )


def test_names_have_the_ports_that_getent_says() -> None:
    some = entries()[5::17]
    for name, _, protocol in some:
        theirs = getent(f"{name}/{protocol}")
        assert theirs
        (found,) = services(name, protocols=protocol).services
        assert (found.port, found.protocols) == (theirs[1], (protocol,))


def test_a_port_of_several_protocols_is_told_once_for_each_name() -> None:
    assert services("53").services == (Service(53, "domain", ("tcp", "udp")),)
    assert services("512", protocols="tcp,udp").services == (
        Service(512, "exec", ("tcp",)),
        Service(512, "biff", ("udp",)),
    )


def test_an_alias_is_told_with_the_name_of_its_port() -> None:
    assert services("www,80").services == (Service(80, "http", ("tcp",)),)


def test_of_a_range_the_ports_with_names_are_told() -> None:
    found = services("20-25", protocols="tcp")
    assert [each.port for each in found.services] == sorted(
        {port for _, port, protocol in entries() if 20 <= port <= 25 and protocol == "tcp"}
    )
    assert found.ok


def test_what_is_unknown_is_named_beside_what_is_found() -> None:
    found = services("22,nothing-of-the-kind,65535,64000-64010")
    assert [each.name for each in found.services] == ["ssh"]
    assert found.unknown == ("nothing-of-the-kind", "65535", "64000-64010")
    assert not found.ok
    assert found.hint == ""


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ("0", "0: a port is between 1 and 65535"),
        ("65536", "a port is between 1 and 65535"),
        ("0-5", "0-5: a port is between"),
        ("5-65536", "a port is between 1 and 65535"),
        ("9999999999", "no port and no service's name"),
        ("25-20", "(20-25?)"),
        ("1-65535", "too many ports at once (4096 at most)"),
        ("1-4096,5000", "too many ports at once"),
        ("", "no service is given"),
        ("ssh,,22", "one of them is empty"),
        ("-22", "no port and no service's name"),
        ("a b", "no port and no service's name"),
        ("x" * 300, "no port and no service's name"),
        ("\x1b[31m", "no port and no service's name"),
        ("ssh\0", "no port and no service's name"),
    ],
)
def test_what_can_be_no_port_or_name_is_refused(asked: str, complaint: str) -> None:
    with pytest.raises(BadInput) as caught:
        services(asked)
    assert complaint in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_protocol_without_ports_is_refused() -> None:
    with pytest.raises(BadInput, match="'icmp' has no ports"):
        services("22", protocols="tcp,icmp")

"""addr.convert, subnet, service and byte-order as people type them."""

from __future__ import annotations

import json

import pytest

from tests.machine import require
from tests.tasks.commandline import Typed


def facts(text: str) -> dict[str, str]:
    """The names and values of a table of facts."""
    pairs = (line.partition("   ")[::2] for line in text.splitlines())
    return {name.strip(): value.strip() for name, value in pairs}


def test_one_address_is_told_in_all_its_spellings(typed: Typed) -> None:
    said = typed("addr.convert", "192.0.2.1")
    assert (said.status, said.err) == (0, "")
    assert facts(said.out) == {
        "given": "192.0.2.1",
        "address": "192.0.2.1",
        "version": "4",
        "integer": "3221225985",
        "packed": "c0000201",
        "reverse pointer": "1.2.0.192.in-addr.arpa",
        "as IPv6": "::ffff:192.0.2.1",
        "is": "documentation, RFC 5737",
    }


def test_several_addresses_are_told_one_a_line(typed: Typed) -> None:
    said = typed("addr.convert", "fe80::1%eth0,127.1")
    assert said.status == 0
    assert [line.split()[1] for line in said.out.splitlines()] == [
        "compressed",
        "fe80::1%eth0",
        "127.0.0.1",
    ]
    assert said.err.startswith("warning: 127.1 is a legacy spelling of inet_aton(3)")
    data = json.loads(typed("addr.convert", "fe80::1%eth0,127.1", "-o", "json").out)
    assert [each["zone"] for each in data["addresses"]] == ["eth0", ""]


def test_a_number_is_read_as_told(typed: Typed) -> None:
    assert facts(typed("addr.convert", "1", "--version", "6").out)["address"] == "::1"
    assert facts(typed("addr.convert", "1").out)["address"] == "0.0.0.1"


def test_a_network_is_told_in_full(typed: Typed) -> None:
    said = typed("addr.subnet", "10.1.2.3/26")
    assert (said.status, said.err) == (0, "")
    assert facts(said.out) == {
        "address": "10.1.2.3",
        "network": "10.1.2.0/26",
        "prefix": "26",
        "netmask": "255.255.255.192",
        "wildcard": "0.0.0.63",
        "broadcast": "10.1.2.63",
        "first": "10.1.2.1",
        "last": "10.1.2.62",
        "hosts": "62",
        "addresses": "64",
        "is": "private",
    }


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (("10.0.0.0/25,10.0.0.128/25", "--merge"), "10.0.0.0/24\n"),
        (("10.0.0.0/24", "--split", "/25"), "10.0.0.0/25\n10.0.0.128/25\n"),
        (("10.0.0.0/30", "--subtract", "10.0.0.0"), "10.0.0.1/32\n10.0.0.2/31\n"),
        (("10.0.0.0/8", "--contains", "10.1.1.1"), "10.1.1.1 is in 10.0.0.0/8\n"),
    ],
)
def test_lists_of_networks_stand_alone_on_standard_output(
    typed: Typed, words: tuple[str, ...], out: str
) -> None:
    said = typed("addr.subnet", *words)
    assert (said.status, said.out) == (0, out)


def test_what_is_not_shown_is_counted(typed: Typed) -> None:
    said = typed("addr.subnet", "10.0.0.0/8", "--split", "/26", "--most", "2")
    assert said.out == "10.0.0.0/26\n10.0.0.64/26\n"
    assert said.err == (
        "262,144 networks, 16,777,216 addresses, of which 262,142 are not shown (--most)\n"
    )
    data = json.loads(typed("addr.subnet", "10.0.0.0/8", "--split", "/26", "-o", "json").out)
    assert (data["total"], len(data["networks"])) == (262144, 256)


def test_what_no_network_holds_ends_with_1(typed: Typed) -> None:
    said = typed("addr.subnet", "10.0.0.0/8", "--contains", "11.0.0.1")
    assert (said.status, said.out) == (1, "11.0.0.1 is not in 10.0.0.0/8\n")


def test_a_mac_address_alone_gets_a_link_local_one(typed: Typed) -> None:
    told = facts(typed("addr.subnet", "--mac", "52:54:00:12:34:56").out)
    assert told["EUI-64"] == "fe80::5054:ff:fe12:3456"


def test_ports_and_names_are_told(typed: Typed) -> None:
    require("services")
    said = typed("addr.service", "ssh,53")
    assert (said.status, said.err) == (0, "")
    assert [line.split(maxsplit=2) for line in said.out.splitlines()] == [
        ["port", "name", "protocols"],
        ["22", "ssh", "tcp"],
        ["53", "domain", "tcp, udp"],
    ]


def test_an_unknown_port_is_named_and_ends_with_1(typed: Typed) -> None:
    require("services")
    said = typed("addr.service", "65535,22", "-o", "json")
    assert said.status == 1
    data = json.loads(said.out)
    assert (data["unknown"], data["ok"], len(data["services"])) == (["65535"], False, 1)
    assert typed("addr.service", "65535").err == "nothing is known of 65535\n"


def test_byte_orders_are_shown(typed: Typed) -> None:
    said = typed("addr.byte-order", "0x1f90", "--bits", "32")
    assert said.status == 0
    assert facts(said.out)["network order"] == "00 00 1f 90"
    data = json.loads(typed("addr.byte-order", "8080", "-o", "json").out)
    assert (data["value"], data["bits"], data["network_bytes"]) == (8080, 16, "1f 90")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("addr.convert", "1.2.3.256"), "1.2.3.256: octet 4 is 256 (255 at most)"),
        (("addr.convert", "junk"), "junk: is no address"),
        (("addr.convert", ""), "ADDRESS: no address is given"),
        (("addr.convert", "::1", "--version", "4"), "::1: is an address of IPv6"),
        (("addr.convert", "1", "--version", "5"), "--version: there is no version 5"),
        (("addr.convert", "1", "--version", "x"), "--version needs a whole number"),
        (("addr.convert",), "addr.convert needs ADDRESS"),
        (("addr.subnet",), "NETWORK: none is given"),
        (("addr.subnet", "10.0.0.1/33"), "/33 is no prefix of IPv4 (0 to 32)"),
        (("addr.subnet", "10.0.0.1"), "has no prefix (10.0.0.1/24, or --mask)"),
        (("addr.subnet", "10.0.0.1", "--mask", "255.0.255.0"), "--mask: 255.0.255.0 is no netmask"),
        (("addr.subnet", "10.1.2.3/24", "--merge"), "the network is 10.1.2.0/24"),
        (("addr.subnet", "10.0.0.0/8", "--split", "4"), "--split: 10.0.0.0/8 has no parts of /4"),
        (("addr.subnet", "--interface", "no0"), "there is no interface 'no0'"),
        (("addr.subnet", "--mac", "1.2"), "--mac: 1.2 is no MAC address"),
        (("addr.service", "0"), "0: a port is between 1 and 65535"),
        (("addr.service", "65536"), "65536: a port is between 1 and 65535"),
        (("addr.service", "22", "--protocol", "icmp"), "--protocol: 'icmp' has no ports"),
        (("addr.service", "1-65535"), "too many ports at once (4096 at most)"),
        (("addr.byte-order", "-5"), "-5: is negative"),
        (("addr.byte-order", "70000", "--bits", "16"), "does not fit into 16 bits"),
        (("addr.byte-order", "1", "--bits", "8"), "--bits: there are no integers of 8 bits"),
        (("addr.byte-order", "abc"), "abc: is no whole number"),
    ],
)
def test_bad_input_ends_with_2_and_one_line(
    typed: Typed, words: tuple[str, ...], told: str
) -> None:
    said = typed(*words)
    assert (said.status, said.out) == (2, "")
    (line,) = said.errors
    assert told in line

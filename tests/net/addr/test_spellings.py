"""Addresses in every spelling, beside inet_aton(3) and ipaddress."""

from __future__ import annotations

import contextlib
import ipaddress
import socket

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wirework.errors import BadInput
from wirework.net.addr.special import REGISTRY, use_of
from wirework.net.addr.spellings import Conversions, Converted, Spelling, convert, convert_all, read

addresses = st.ip_addresses()


@given(addresses)
def test_every_spelling_of_an_address_is_read_back(address: ipaddress.IPv4Address) -> None:
    made = convert(str(address))
    version = address.version
    spellings = [made.compressed, made.expanded, made.reverse_pointer, f"0x{made.packed}"]
    for text in [*spellings, f"  {made.compressed} ", made.reverse_pointer.upper()]:
        assert read(text.strip(), version=version).address == address, text
    assert read(str(made.integer), version=version).address == address
    assert bytes.fromhex(made.packed) == address.packed


@given(addresses)
def test_the_spellings_are_those_of_ipaddress(address: ipaddress.IPv4Address) -> None:
    made = convert(str(address))
    assert made.expanded == address.exploded
    assert made.integer == int(address)
    assert made.reverse_pointer == address.reverse_pointer
    assert ipaddress.ip_address(made.compressed) == address


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_goes_into_ipv6_and_comes_back(address: ipaddress.IPv4Address) -> None:
    mapped = convert(str(address)).mapped
    assert ipaddress.IPv6Address(mapped).ipv4_mapped == address
    assert convert(mapped).ipv4 == str(address)
    assert convert(mapped).compressed == mapped


parts = st.one_of(
    st.integers(0, 300).map(str),
    st.integers(0, 300).map(hex),
    st.integers(0, 300).map(lambda n: f"0{n:o}"),
    st.integers(0, 2**33).map(str),
    st.sampled_from(
        ["", "00", "08", "0x", "0xg", "1_0", "+1", "-1", " 1", "\u0663", "0b1", "1e3", "a"]
    ),
)


@given(st.lists(parts, min_size=1, max_size=5).map(".".join))
@example("127.1")
@example("0177.0.0.1")
@example("0x7f.1")
@example("1.2.65536")
@example("4294967295")
def test_short_and_octal_forms_are_worth_what_inet_aton_says(text: str) -> None:
    try:
        theirs = socket.inet_aton(text) if text == text.strip() and text.isascii() else None
    except OSError:
        theirs = None
    if text.endswith("0x") or ".0x." in text or text.startswith("0x."):
        theirs = None  # glibc takes a bare 0x for 0
    try:
        ours = read(text, version=4).address.packed
    except BadInput:
        ours = None
    assert ours == theirs


@pytest.mark.parametrize("text", ["127.1", "0177.0.0.1", "0x7f.1", "127.0.0.01", "010"])
def test_legacy_forms_are_named(text: str) -> None:
    made = convert(text)
    assert made.spelling is Spelling.LEGACY
    assert "legacy" in made.warning


@pytest.mark.parametrize("text", ["127.0.0.1", "::1", "2130706433", "0x7f000001", "[::1]"])
def test_other_forms_are_not(text: str) -> None:
    assert convert(text).warning == ""
    assert convert(text).purpose == "loopback"


@pytest.mark.parametrize(
    ("text", "version", "expected"),
    [
        ("1", 0, "0.0.0.1"),
        ("1", 4, "0.0.0.1"),
        ("1", 6, "::1"),
        ("0x1", 0, "0.0.0.1"),
        ("0x000000001", 0, "::1"),
        ("4294967295", 0, "255.255.255.255"),
        ("4294967296", 0, "::1:0:0"),
        (str(2**128 - 1), 0, "ffff:" * 7 + "ffff"),
        ("0x" + "f" * 32, 0, "ffff:" * 7 + "ffff"),
    ],
)
def test_a_number_is_of_ipv4_where_it_fits(text: str, version: int, expected: str) -> None:
    assert convert(text, version=version).compressed == expected


def test_a_zone_is_kept() -> None:
    made = convert("FE80::1%eth0.100")
    assert (made.zone, made.compressed) == ("eth0.100", "fe80::1%eth0.100")
    assert made.packed == "fe80" + "0" * 27 + "1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("64:ff9b::192.0.2.33", "192.0.2.33"),
        ("2002:c000:221::1", "192.0.2.33"),
        ("::ffff:c000:221", "192.0.2.33"),
        ("2001:db8::1", ""),
        ("::192.0.2.33", ""),
    ],
)
def test_the_ipv4_address_within_is_told(text: str, expected: str) -> None:
    assert convert(text).ipv4 == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("1.2.3.256", "octet 4 is 256 (255 at most)"),
        ("1.256.3.4", "octet 2 is 256 (255 at most)"),
        ("1.2.0x10000", "octet 3 is 0x10000 (65536) (65535 at most)"),
        ("1..2", "octet 2 is empty"),
        ("1.2.3.", "octet 4 is empty"),
        ("1.2.3.4.5", "has 5 parts"),
        ("1.2.3.08", "a leading 0 means octal"),
        ("fe80::1%", "is no zone"),
        ("12345::", "at most 4 characters"),
        ("1::2::3", "is no address of IPv6"),
        ("::1.2.3.256", "is no address of IPv6"),
        ("340282366920938463463374607431768211456", "more than 128 bits"),
        ("0x" + "f" * 33, "more than 128 bits"),
        ("7f000001", "for packed hex write 0x7f000001"),
        ("1.2.in-addr.arpa", "no reverse pointer of a whole address"),
        ("0.1.ip6.arpa", "no reverse pointer of a whole address"),
        ("localhost", "is no address"),
        ("", "is no address"),
        ("-1", "is no address"),
        ("1 2", "is no address"),
        ("1.2.3.4/24", "is no number"),
        ("\x1b[31m", "is no address"),
        ("\u0661.2.3.4", "is no address"),
        ("9" * 5000, "is no address"),
    ],
)
def test_what_is_no_address_is_told_in_one_short_line(text: str, complaint: str) -> None:
    with pytest.raises(BadInput) as caught:
        convert(text)
    said = str(caught.value)
    assert complaint in said
    assert len(said) < 250
    assert said.isprintable()


def test_a_version_that_does_not_fit_is_told() -> None:
    with pytest.raises(BadInput, match="is an address of IPv6"):
        convert("::1", version=4)
    with pytest.raises(BadInput, match="more than 32 bits of IPv4 hold"):
        convert("4294967296", version=4)
    with pytest.raises(BadInput, match="4 or 6"):
        convert("1", version=5)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    with contextlib.suppress(BadInput):
        assert ipaddress.ip_address(convert(text).expanded.partition("%")[0])


def test_several_are_converted_in_their_order() -> None:
    assert isinstance(convert_all("::1"), Converted)
    several = convert_all("::1, 127.1")
    assert isinstance(several, Conversions)
    assert [each.compressed for each in several.addresses] == ["::1", "127.0.0.1"]
    with pytest.raises(BadInput, match="one of them is empty"):
        convert_all("::1,,::2")


@given(addresses)
def test_what_an_address_is_for_agrees_with_ipaddress(address: ipaddress.IPv4Address) -> None:
    _assert_purpose(address)


@pytest.mark.parametrize("network", [each.network for each in REGISTRY], ids=str)
def test_the_edges_of_every_special_network_agree_with_ipaddress(
    network: ipaddress.IPv4Network,
) -> None:
    for address in (network[0], network[-1]):
        _assert_purpose(address)
        assert address in use_of(address).network


def _assert_purpose(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    purpose = use_of(address).purpose
    assert address.is_loopback == (purpose == "loopback")
    assert address.is_link_local == (purpose == "link-local")
    assert address.is_multicast == purpose.startswith("multicast")
    assert address.is_unspecified == (purpose == "unspecified")
    if purpose.startswith(("private", "documentation", "benchmarking")) and not str(
        address
    ).startswith("3fff"):  # Python knows of 3fff::/20 from 3.13 on
        assert address.is_private
    if purpose.startswith("shared"):
        assert not address.is_private
        assert not address.is_global


def test_a_multicast_address_tells_its_scope() -> None:
    assert use_of(ipaddress.ip_address("ff02::1")).purpose == "multicast, link-local"
    assert use_of(ipaddress.ip_address("ff0e::1")).purpose == "multicast, global"

"""The kernel's messages: read from bytes made by hand, and any others refused."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirework.errors import Failed
from wirework.net.host import links, netlink

NAME, MTU, LINK, MASTER, STATE, INFO, STATS, NETNS = 3, 4, 5, 10, 16, 18, 23, 37
ETHERNET, NONE = 1, 65534


def attribute(kind: int, data: bytes) -> bytes:
    """An attribute as rtnetlink(7) has it, filled up to 4 bytes."""
    return struct.pack("=HH", len(data) + 4, kind) + data + bytes(-len(data) % 4)


def number(value: int) -> bytes:
    return struct.pack("=I", value)


def link(*attributes: bytes, hardware: int = ETHERNET, flags: int = 0x1) -> links.Link:
    return links.read_link(struct.pack("=BxHiII", 0, hardware, 7, flags, 0) + b"".join(attributes))


def test_a_vlan_tells_its_number_and_what_it_stands_on() -> None:
    data = attribute(2, attribute(1, struct.pack("=H", 100)))
    each = link(
        attribute(NAME, b"eth0.100\0"),
        attribute(LINK, number(2)),
        attribute(MASTER, number(9)),
        attribute(INFO, attribute(1, b"vlan\0") + data),
    )
    assert (each.name, each.kind, each.vlan, each.below) == ("eth0.100", "vlan", 100, 2)
    assert (each.index, each.master, each.below_elsewhere) == (7, 9, False)


def test_the_first_attribute_of_another_kind_s_data_is_no_vlan() -> None:
    data = attribute(2, attribute(1, struct.pack("=H", 100)))
    assert link(attribute(INFO, attribute(1, b"bridge\0") + data)).vlan == 0


def test_the_other_end_of_a_veth_may_be_elsewhere() -> None:
    assert link(attribute(LINK, number(2)), attribute(NETNS, number(0))).below_elsewhere


def test_an_attribute_s_type_is_read_without_the_bits_of_its_packing() -> None:
    nested = 0x8000 | INFO
    assert link(attribute(nested, attribute(1, b"bridge\0"))).kind == "bridge"


@pytest.mark.parametrize(
    ("state", "name"), [(6, "up"), (2, "down"), (5, "dormant"), (99, "unknown")]
)
def test_a_state_has_its_name(state: int, name: str) -> None:
    assert link(attribute(STATE, bytes([state]))).state == name


def test_received_and_sent_are_not_mixed_up() -> None:
    each = link(attribute(STATS, struct.pack("=8Q", 1, 2, 3, 4, 5, 6, 7, 8) + bytes(64)))
    assert each.received == links.Counters(bytes=3, packets=1, errors=5, dropped=7)
    assert each.sent == links.Counters(bytes=4, packets=2, errors=6, dropped=8)


def test_a_tunnel_s_hardware_address_is_no_mac() -> None:
    assert link(attribute(1, b"\x0a\x08\x00\x01"), hardware=NONE).mac == ""


def test_a_name_that_is_not_utf8_is_written_out() -> None:
    assert link(attribute(NAME, b"wlan\xff\0")).name == "wlan\\xff"


def route(
    *attributes: bytes, family: int = socket.AF_INET6, length: int = 0, kind: int = 1
) -> bytes:
    return struct.pack("=8BI", family, length, 0, 0, 254, 3, 0, kind, 0) + b"".join(attributes)


def packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def test_a_default_route_tells_its_way() -> None:
    body = route(attribute(4, number(3)), attribute(5, packed("fe80::1")), attribute(6, number(77)))
    assert links.read_default_route(body) == links.Route(6, 3, "fe80::1", 77, 254)


def test_of_several_ways_the_first_is_told() -> None:
    hops = b"".join(
        struct.pack("=HBBi", 16, 0, 0, index) + attribute(5, packed(f"192.0.2.{index}"))
        for index in (4, 5)
    )
    body = route(attribute(9, hops), family=socket.AF_INET)
    assert links.read_default_route(body) == links.Route(4, 4, "192.0.2.4", 0, 254)


def test_a_gateway_of_the_other_version_is_told() -> None:
    via = attribute(18, struct.pack("=H", socket.AF_INET6) + packed("fe80::1"))
    found = links.read_default_route(route(attribute(4, number(3)), via, family=socket.AF_INET))
    assert found
    assert (found.version, found.gateway) == (4, "fe80::1")


@pytest.mark.parametrize(
    "body", [route(length=64), route(kind=7), route(attribute(15, number(255)))]
)
def test_what_leads_nowhere_is_no_default_route(body: bytes) -> None:
    assert links.read_default_route(body) is None


def test_one_bit_means_two_things_of_two_versions() -> None:
    for family, address, flag in (
        (socket.AF_INET, "192.0.2.1", "secondary"),
        (socket.AF_INET6, "2001:db8::1", "temporary"),
    ):
        body = struct.pack("=4BI", family, 24, 0x01, 0, 3) + attribute(1, packed(address))
        found = links.read_address(body)[1]
        assert found
        assert (found.address, found.flags, found.peer) == (address, (flag,), "")


def test_an_address_of_another_family_is_passed_over() -> None:
    assert links.read_address(struct.pack("=4BI", 17, 0, 0, 0, 3)) == (3, None)


@pytest.mark.parametrize(
    "data", [b"\x01", struct.pack("=IHHII", 8, 0, 0, 0, 0), struct.pack("=IHHII", 99, 0, 0, 0, 0)]
)
def test_messages_of_impossible_length_are_refused(data: bytes) -> None:
    with pytest.raises(Failed):
        list(netlink.messages(data))


@pytest.mark.parametrize("data", [struct.pack("=HH", 3, 1), struct.pack("=HH", 9, 1)])
def test_attributes_of_impossible_length_are_refused(data: bytes) -> None:
    with pytest.raises(Failed):
        netlink.attributes(data)


@given(st.dictionaries(st.integers(1, 200), st.binary(max_size=40), max_size=8))
def test_attributes_are_read_as_they_were_written(told: dict[int, bytes]) -> None:
    assert netlink.attributes(b"".join(attribute(*each) for each in told.items())) == told


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (links.read_link, links.read_address, links.read_default_route):
        with contextlib.suppress(Failed):
            read(data)
    with contextlib.suppress(Failed):
        list(netlink.messages(data))


@given(
    st.sampled_from([links.read_link, links.read_address, links.read_default_route]),
    st.lists(st.tuples(st.integers(1, 60), st.binary(max_size=70)), max_size=6),
)
def test_any_attributes_are_read_or_refused(read: type, told: list[tuple[int, bytes]]) -> None:
    family = bytes([socket.AF_INET6]) + bytes(15)
    with contextlib.suppress(Failed):
        read(
            family[: 8 if read is links.read_address else 16]
            + b"".join(attribute(*e) for e in told)
        )


def test_what_the_kernel_refuses_is_told() -> None:
    with pytest.raises(Failed, match="does not tell its table"):
        netlink.dump(0x7FFE, b"\0")


def test_the_kernel_s_answer_is_whole() -> None:
    assert "lo" in {each.name for each in links.links()}
    assert any(each.address == "127.0.0.1" for each in links.addresses()[1])

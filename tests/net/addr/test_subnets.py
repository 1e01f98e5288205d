"""Networks beside ipcalc and ipaddress: what is in one, merged, split, subtracted, contained."""

from __future__ import annotations

import ipaddress
import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.machine import require
from wirework.errors import BadInput
from wirework.net.addr.subnets import (
    Membership,
    Networks,
    Subnet,
    Subnets,
    answer,
    holding,
    merged,
    parts,
    subnets,
    without,
)
from wirework.net.host import interfaces

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

hosts = st.one_of(
    st.builds(
        lambda a, p: ipaddress.ip_interface((a, p)), st.ip_addresses(v=4), st.integers(0, 32)
    ),
    st.builds(
        lambda a, p: ipaddress.ip_interface((a, p)), st.ip_addresses(v=6), st.integers(0, 128)
    ),
)
# Close together, so that they touch and overlap.
near = st.builds(
    lambda n, p: ipaddress.ip_network((0x0A000000 + n, p), strict=False),
    st.integers(0, 255),
    st.integers(24, 32),
)
lists = st.lists(near, min_size=1, max_size=6)


def one(text: str, **words: str) -> Subnet:
    found = subnets(text, **words)
    assert isinstance(found, Subnet)
    return found


def join(networks: list[Network]) -> str:
    return ",".join(map(str, networks))


def addresses(networks: tuple[str, ...] | list[Network]) -> set[ipaddress.IPv4Address]:
    return {each for network in networks for each in ipaddress.ip_network(network)}  # type: ignore[misc]


@given(hosts)
def test_a_network_is_the_one_of_ipaddress(host: ipaddress.IPv4Interface) -> None:
    made, network = one(str(host)), host.network
    assert ipaddress.ip_address(made.address) == host.ip
    assert ipaddress.ip_network(made.network) == network
    assert (made.prefix, made.addresses) == (network.prefixlen, network.num_addresses)
    assert ipaddress.ip_address(made.netmask) == network.netmask
    assert ipaddress.ip_address(made.wildcard) == network.hostmask
    first, last = ipaddress.ip_address(made.first), ipaddress.ip_address(made.last)
    assert made.hosts == int(last) - int(first) + 1
    assert first in network
    assert last in network
    if network.num_addresses <= 1 << 12:
        inside = list(network.hosts()) or [network[0]]
        assert (first, last, made.hosts) == (inside[0], inside[-1], len(inside))


@given(hosts)
def test_a_mask_is_worth_its_prefix(host: ipaddress.IPv4Interface) -> None:
    made = one(str(host))
    assert one(str(host.ip), mask=made.netmask) == made
    assert one(f"{host.ip}/{made.netmask}") == made
    assert one(str(host.ip), mask=f"/{made.prefix}") == made
    if 0 < made.prefix < host.max_prefixlen:
        assert one(str(host.ip), mask=made.wildcard) == made


@pytest.mark.parametrize(
    ("text", "first", "last", "count", "broadcast"),
    [
        ("10.0.0.0/31", "10.0.0.0", "10.0.0.1", 2, ""),
        ("10.0.0.7/32", "10.0.0.7", "10.0.0.7", 1, ""),
        ("10.0.0.0/30", "10.0.0.1", "10.0.0.2", 2, "10.0.0.3"),
        ("0.0.0.0/0", "0.0.0.1", "255.255.255.254", 2**32 - 2, "255.255.255.255"),
        ("2001:db8::/127", "2001:db8::", "2001:db8::1", 2, ""),
        ("2001:db8::/128", "2001:db8::", "2001:db8::", 1, ""),
        ("2001:db8::/126", "2001:db8::1", "2001:db8::3", 3, ""),
        ("::/0", "::1", "ffff:" * 7 + "ffff", 2**128 - 1, ""),
    ],
)
def test_the_smallest_and_the_largest_networks(
    text: str, first: str, last: str, count: int, broadcast: str
) -> None:
    made = one(text)
    assert (made.first, made.last, made.hosts, made.broadcast) == (first, last, count, broadcast)


@pytest.mark.parametrize(
    "text",
    ["10.1.2.3/26", "192.168.1.200/24", "172.16.5.4/12", "8.8.8.8/1", "10.0.0.1/30", "10.9.8.7/32"],
)
def test_a_network_is_the_one_of_ipcalc(text: str) -> None:
    require("ipcalc")
    theirs = subprocess.check_output(["ipcalc", "-n", "-b", text], text=True)
    told = dict(re.findall(r"^(\w+): +(\S+)", theirs, re.MULTILINE))
    made = one(text)
    if made.prefix == 32:
        assert told["Hostroute"] == made.first
        return
    assert told["Netmask"] == made.netmask
    assert told["Wildcard"] == made.wildcard
    assert told["Network"] == made.network
    assert told["Broadcast"] == made.broadcast
    assert (told["HostMin"], told["HostMax"]) == (made.first, made.last)
    assert int(re.findall(r"Hosts/Net: (\d+)", theirs)[0]) == made.hosts


@given(lists)
def test_merging_keeps_every_address_in_the_fewest_networks(networks: list[Network]) -> None:
    made = merged(join(networks))
    assert addresses(made.networks) == addresses(networks)
    fewest = ipaddress.collapse_addresses(networks)  # type: ignore[type-var]
    assert list(made.networks) == list(map(str, fewest))
    assert made.total == len(made.networks)
    assert made.addresses == len(addresses(networks))


@given(lists, lists)
def test_subtracting_leaves_just_the_other_addresses(
    networks: list[Network], less: list[Network]
) -> None:
    made = without(join(networks), join(less))
    assert addresses(made.networks) == addresses(networks) - addresses(less)
    assert made.addresses == len(addresses(made.networks))
    if made.networks:
        assert merged(",".join(made.networks)).networks == made.networks


@given(near, st.integers(24, 32))
def test_parts_are_those_of_ipaddress(network: Network, prefix: int) -> None:
    if prefix < network.prefixlen:
        with pytest.raises(BadInput, match="has no parts of"):
            parts(str(network), f"/{prefix}")
        return
    made = parts(str(network), f"/{prefix}")
    assert list(made.networks) == [str(each) for each in network.subnets(new_prefix=prefix)]
    assert made.total == 1 << prefix - network.prefixlen


def test_of_many_parts_the_first_are_told_and_all_are_counted() -> None:
    made = parts("::/0,2001:db8::/126", "128", most=3)
    assert made == Networks(("::/128", "::1/128", "::2/128"), 2**128 + 4, 2**128 + 4)


@given(lists, st.integers(0, 255))
def test_an_address_is_in_the_networks_that_hold_it(networks: list[Network], number: int) -> None:
    address = ipaddress.IPv4Address(0x0A000000 + number)
    made = holding(join(networks), str(address))
    assert list(made.within) == [str(each) for each in networks if address in each]
    assert len(made.within) + len(made.outside) == len(networks)
    assert made.ok == bool(made.within)


@given(near, near)
def test_a_network_is_in_those_that_hold_all_of_it(one_: Network, other: Network) -> None:
    inside = one_.subnet_of(other)  # type: ignore[arg-type]
    assert holding(str(other), str(one_)).ok == inside


def test_versions_do_not_mix() -> None:
    assert not holding("0.0.0.0/0", "::1").ok
    assert without("::/127,10.0.0.0/31", "10.0.0.0").networks == ("10.0.0.1/32", "::/127")


@pytest.mark.parametrize(
    "mac", ["52:54:00:12:34:56", "52-54-00-12-34-56", "5254.0012.3456", "525400123456"]
)
def test_a_mac_address_gets_its_eui64_address(mac: str) -> None:
    # RFC 4291, appendix A: ff:fe in the middle, the universal bit turned over.
    assert one("2001:db8::/64", mac=mac).eui64 == "2001:db8::5054:ff:fe12:3456"
    assert one("", mac=mac).eui64 == "fe80::5054:ff:fe12:3456"


def test_an_interface_s_networks_are_told() -> None:
    found = answer("", interface="lo")
    each = found.subnets if isinstance(found, Subnets) else (found,)
    assert "127.0.0.0/8" in [subnet.network for subnet in each if isinstance(subnet, Subnet)]
    inside = answer("", interface="lo", contains="127.1.2.3")
    assert isinstance(inside, Membership)
    assert inside.ok


def test_an_interface_without_addresses_is_told() -> None:
    bare = next(
        (each.name for each in interfaces.interfaces().interfaces if not each.addresses), ""
    )
    if bare:
        with pytest.raises(BadInput, match="has no address"):
            answer("", interface=bare)
    with pytest.raises(BadInput, match="lo has no address in a network with room"):
        answer("", interface="lo", mac="52:54:00:12:34:56")
    with pytest.raises(BadInput, match="there is no interface"):
        answer("", interface="nowhere0")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("10.0.0.1/33", "/33 is no prefix of IPv4 (0 to 32)"),
        ("::1/129", "/129 is no prefix of IPv6 (0 to 128)"),
        ("10.0.0.1", "has no prefix (10.0.0.1/24, or --mask)"),
        ("::1", "has no prefix (::1/64, or --mask)"),
        ("10.0.0.1/", "has no prefix"),
        ("10.0.0.1/-1", "no prefix and no netmask"),
        ("10.0.0.1/x", "no prefix and no netmask"),
        ("10.0.0.1/255.0.255.0", "its ones have to stand together"),
        ("10.0.0.1/ffff::", "no prefix and no netmask of IPv4"),
        ("10.0.0.256/24", "octet 4 is 256"),
        ("10.1/16", "legacy spelling, which no network has (write 10.0.0.1)"),
        ("fe80::1%eth0/64", "has a zone"),
        ("10.0.0.0/8/9", "no prefix and no netmask"),
        ("", "NETWORK: none is given"),
        ("10.0.0.0/8,", "one of them is empty"),
    ],
)
def test_what_is_no_network_is_told(text: str, complaint: str) -> None:
    with pytest.raises(BadInput, match=re.escape(complaint)):
        subnets(text)


def test_host_bits_are_told_with_the_network_that_was_meant() -> None:
    meant = r"10.1.2.3/24: has host bits set \(the network is 10.1.2.0/24"
    with pytest.raises(BadInput, match=meant):
        merged("10.0.0.0/8,10.1.2.3/24")
    with pytest.raises(BadInput, match=meant):
        parts("10.1.2.3/24", "/26")
    with pytest.raises(BadInput, match=meant):
        holding("10.1.2.3/24", "10.1.2.3")


def test_words_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(BadInput, match="--merge and --split: do not go together"):
        answer("10.0.0.0/8", merge=True, split="/9")
    with pytest.raises(BadInput, match="--merge and --mask"):
        answer("10.0.0.0", merge=True, mask="8")
    with pytest.raises(BadInput, match="and --interface"):
        answer("10.0.0.0/8", interface="lo")


@pytest.mark.parametrize("mac", ["1", "52:54:00:12:34", "52:54-00:12:34:56", "gg:54:00:12:34:56"])
def test_what_is_no_mac_address_is_told(mac: str) -> None:
    with pytest.raises(BadInput, match="no MAC address"):
        subnets("2001:db8::/64", mac=mac)


@pytest.mark.parametrize("network", ["10.0.0.0/24", "2001:db8::/65"])
def test_a_network_without_room_for_an_eui64_is_told(network: str) -> None:
    with pytest.raises(BadInput, match="no room for an EUI-64"):
        subnets(network, mac="52:54:00:12:34:56")


def test_other_bad_words_are_told() -> None:
    with pytest.raises(BadInput, match="x is no prefix"):
        parts("10.0.0.0/8", "x")
    with pytest.raises(BadInput, match="--most"):
        parts("10.0.0.0/8", "/9", most=0)
    with pytest.raises(BadInput, match="--most"):
        merged("10.0.0.0/8", most=0)

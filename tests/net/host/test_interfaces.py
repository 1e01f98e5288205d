"""Interfaces as the kernel has them, beside ``ip -j``, in namespaces of every make."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.machine import require
from tests.net.namespaces import Told, told_within
from wirework.errors import BadInput, Failed
from wirework.net.host.interfaces import MOST_NAMES, interface, interfaces
from wirework.net.host.links import HARDWARE

BUSY = """
ip link set lo up
ip link add eth0 type veth peer name eth1
ip link add br-0a1b2c3d4e5f type bridge
ip link set eth1 master br-0a1b2c3d4e5f
ip link add single type veth peer name peer-down
ip link add odd-@{x}~ type ifb 2>/dev/null || ip link add odd-@{x}~ type bridge
ip link set eth0 alias 'uplink "A"'
ip link set eth0 mtu 1400 address 52:54:00:12:34:56
for each in eth0 eth1 br-0a1b2c3d4e5f single; do ip link set $each up; done
ip addr add 192.0.2.1/24 broadcast + dev eth0
ip addr add 192.0.2.2/24 dev eth0 label eth0:1
ip addr add 198.51.100.1 peer 198.51.100.2 dev single
for n in $(seq 1 40); do ip addr add 10.9.8.$n/32 dev br-0a1b2c3d4e5f; done
ip addr add 2001:db8::1/64 dev eth0 nodad
ip addr add 2001:db8::2/64 dev eth0 nodad preferred_lft 0 valid_lft 1000
ip addr add 2001:db8:1::1 peer 2001:db8:1::2 dev single nodad
ip addr add 2001:db8:2::1/64 dev peer-down
ip neigh add 192.0.2.70 lladdr 52:54:00:00:00:70 nud permanent dev eth0
ip route add default via 192.0.2.254 dev eth0
ip -6 route add default via 2001:db8::fe dev eth0 metric 77
"""
TUN = """
ip tuntap add tun0 mode tun
ip addr add 10.8.0.1 peer 10.8.0.2 dev tun0
ip link set tun0 up
"""
VLAN = """
ip link add eth0 type veth peer name eth1
ip link add link eth0 name eth0.100 type vlan id 100
ip link set eth0 up
ip link set eth0.100 up
ip addr add 192.0.2.1/24 dev eth0.100
"""
FLAGS = ("secondary", "nodad", "dadfailed", "deprecated", "tentative", "temporary", "noprefixroute")
FOREVER = 4294967295


@pytest.fixture(scope="module")
def busy() -> Told:
    require("namespaces")
    return told_within(BUSY)


def _assert_alike(told: Told) -> None:
    """Everything that ip(8) tells of links and addresses is what we tell."""
    assert list(told.interfaces) == list(told.links)
    for name, link in told.links.items():
        assert _ours(told.interfaces[name]) == _theirs(link), name
        ours = told.interfaces[name]["addresses"]
        theirs = told.addresses[name]
        assert sorted(map(_our_address, ours)) == sorted(map(_their_address, theirs)), name


def _ours(each: dict[str, Any]) -> dict[str, Any]:
    return {
        "index": each["index"],
        "up": each["up"],
        "operstate": each["operstate"].replace("-", "").upper(),
        "mtu": each["mtu"],
        "mac": each["mac"],
        "kind": each["kind"],
        "master": each["master"],
        "below": each["below"],
        "vlan": each["vlan"],
        "note": each["note"],
        "no carrier": each["state"] == "no carrier",
    }


def _theirs(link: dict[str, Any]) -> dict[str, Any]:
    info = link.get("linkinfo", {})
    known = {"ether": "ethernet"}.get(link["link_type"], link["link_type"])
    return {
        "index": link["ifindex"],
        "up": "UP" in link["flags"],
        "operstate": link["operstate"].replace("-", "").upper(),
        "mtu": link["mtu"],
        "mac": link["address"] if link["link_type"] in ("ether", "loopback") else "",
        "kind": info.get("info_kind", known),
        "master": link.get("master", ""),
        "below": link.get("link", ""),
        "vlan": info.get("info_data", {}).get("id"),
        "note": link.get("ifalias", ""),
        "no carrier": "NO-CARRIER" in link["flags"],
    }


def _our_address(each: dict[str, Any]) -> str:
    flags = sorted(flag for flag in each["flags"] if flag in FLAGS)
    forever = each["valid"] is None
    words = [each[key] for key in ("address", "prefix", "peer", "broadcast", "scope", "label")]
    return json.dumps([*words, flags, forever, each["preferred"] == 0])


def _their_address(each: dict[str, Any]) -> str:
    flags = sorted(flag for flag in FLAGS if each.get(flag))
    forever = each["valid_life_time"] == FOREVER
    keys = ("local", "prefixlen", "address", "broadcast", "scope", "label")
    words = [each.get(key, "") for key in keys]
    return json.dumps([*words, flags, forever, each["preferred_life_time"] == 0])


def test_links_and_addresses_are_those_of_ip(busy: Told) -> None:
    _assert_alike(busy)


def test_point_to_point_links_are_those_of_ip() -> None:
    require("tun")
    told = told_within(TUN)
    _assert_alike(told)
    tun = told.interfaces["tun0"]
    assert (tun["kind"], tun["state"], tun["mac"]) == ("tun", "no carrier", "")
    assert [(each["address"], each["peer"]) for each in tun["addresses"]] == [
        ("10.8.0.1", "10.8.0.2")
    ]


def test_vlans_are_those_of_ip() -> None:
    require("vlan")
    told = told_within(VLAN)
    _assert_alike(told)
    vlan = told.interfaces["eth0.100"]
    assert (vlan["kind"], vlan["vlan"], vlan["below"]) == ("vlan", 100, "eth0")


def test_counters_lie_between_what_ip_tells_before_and_after(busy: Told) -> None:
    names = (("received", "rx"), ("sent", "tx"))
    for name, each in busy.interfaces.items():
        for ours, theirs in names:
            for figure in ("bytes", "packets", "errors", "dropped"):
                before = busy.links[name]["stats64"][theirs][figure]
                after = busy.links_after[name]["stats64"][theirs][figure]
                assert before <= each[ours][figure] <= after, (name, ours, figure)
    assert busy.interfaces["lo"]["received"]["bytes"] > 100
    # 20 kB went to 192.0.2.70: sent by one end of the pair, received by the other.
    one, other = busy.interfaces["eth0"], busy.interfaces["eth1"]
    assert one["sent"]["bytes"] > 20_000 > one["received"]["bytes"]
    assert other["received"]["bytes"] > 20_000 > other["sent"]["bytes"]


@pytest.mark.parametrize(
    ("name", "state", "carrier"),
    [
        ("lo", "up", True),
        ("eth0", "up", True),
        ("single", "no carrier", False),
        ("peer-down", "down", False),
    ],
)
def test_a_link_is_up_down_or_has_no_carrier(
    busy: Told, name: str, state: str, carrier: bool
) -> None:
    each = busy.interfaces[name]
    assert (each["state"], each["carrier"]) == (state, carrier)


def test_up_leaves_out_those_that_are_down(busy: Told) -> None:
    assert busy.up == [name for name, link in busy.links.items() if "UP" in link["flags"]]
    assert "peer-down" not in busy.up
    assert "single" in busy.up


def test_an_interface_has_all_its_addresses(busy: Told) -> None:
    own = [each["address"] for each in busy.interfaces["br-0a1b2c3d4e5f"]["addresses"]]
    assert [each for each in own if ":" not in each] == [f"10.9.8.{n}" for n in range(1, 41)]


def test_an_address_that_ends_tells_how_long_it_lasts(busy: Told) -> None:
    ends = next(
        each for each in busy.interfaces["eth0"]["addresses"] if each["address"] == "2001:db8::2"
    )
    assert 0 < ends["valid"] <= 1000
    assert ends["preferred"] == 0
    assert "deprecated" in ends["flags"]


def test_the_speed_is_the_driver_s_or_unknown(busy: Told) -> None:
    # veth's driver says 10 Gb/s of every pair; lo's says nothing.
    assert (busy.interfaces["eth0"]["speed"], busy.interfaces["eth0"]["duplex"]) == (10000, "full")
    assert busy.interfaces["lo"]["speed"] is None


def test_the_way_outside_is_taken_from_the_routes(busy: Told) -> None:
    assert busy.machine["outside_ipv4"] == "192.0.2.1"
    assert busy.machine["outside_ipv6"] == "2001:db8::1"


def test_an_untouched_namespace_has_no_way_outside() -> None:
    require("namespaces")
    told = told_within("")
    _assert_alike(told)
    assert (told.machine["outside_ipv4"], told.machine["outside_ipv6"]) == ("", "")
    assert told.machine["addresses"] == {}
    assert told.up == []


def test_loopback_here_is_what_ip_tells() -> None:
    require("namespaces")
    theirs = json.loads(subprocess.check_output(["ip", "-j", "addr", "show", "dev", "lo"]))[0]
    lo = interface("lo")
    assert (lo.index, lo.mtu, lo.kind) == (theirs["ifindex"], theirs["mtu"], "loopback")
    assert {each.address for each in lo.addresses} == {
        each["local"] for each in theirs["addr_info"]
    }


def test_an_unknown_interface_is_answered_with_those_there_are() -> None:
    with pytest.raises(BadInput, match=r"no interface 'lx' \(.*there are lo") as caught:
        interface("lx")
    assert len(caught.value.hint.split(", ")) <= MOST_NAMES


def test_an_interface_that_has_to_be_up_and_is_down_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    assert interface("lo", up=True).up
    links = [each for each in interfaces().interfaces if not each.up]
    for each in links[:1]:
        with pytest.raises(Failed, match="is down"):
            interface(each.name, up=True)


def test_hardware_kinds_have_names_of_their_own() -> None:
    assert HARDWARE[772] == "loopback"
    assert all(name == name.lower() for name in HARDWARE.values())

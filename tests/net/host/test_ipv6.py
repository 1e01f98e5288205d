"""How far IPv6 works: with it, without it, and everything between."""

from __future__ import annotations

import errno
import ipaddress
import itertools
import socket
from pathlib import Path

import pytest

from tests.machine import require
from tests.net.namespaces import Told, told_within
from wirework.errors import BadInput
from wirework.net.host.ipv6 import MISSING, STAGES, ipv6, verdict

VETH = """
ip link set lo up
ip link add eth0 type veth peer name eth1
ip link set eth1 up
"""
NETWORK = f"""{VETH}
ip link set eth0 up
ip addr add 2001:db8::1/64 dev eth0 nodad
"""
CASES = {
    "untouched": ("", ("loopback", "address", "route"), "not even on this machine"),
    "alone": ("ip link set lo up", ("address", "route"), "on this machine only"),
    "network": (NETWORK, ("route",), "on the networks of this machine only"),
    "tentative": (
        # An address is tentative as long as its interface is down.
        f"{VETH}\nip addr add 2001:db8::1/64 dev eth0",
        ("address", "route"),
        "on this machine only",
    ),
    "whole": (f"{NETWORK}\nip -6 route add default via 2001:db8::fe dev eth0", (), "IPv6 works, "),
    "no loopback": (
        f"{NETWORK}\nip -6 route add default via 2001:db8::fe dev eth0\nip link set lo down",
        ("loopback",),
        "to the outside only",
    ),
    "disabled": (
        f"{VETH}\nsysctl -qw net.ipv6.conf.all.disable_ipv6=1",
        ("loopback", "address", "route"),
        "disabled on every interface",
    ),
    "refused": (f"{NETWORK}\nip -6 route add unreachable default", ("route",), "no default route"),
}


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[Told, tuple[str, ...], str]:
    require("namespaces")
    setup, missing, words = CASES[request.param]
    return told_within(setup), missing, words


def test_what_is_missing_is_told(case: tuple[Told, tuple[str, ...], str]) -> None:
    told, missing, words = case
    assert tuple(told.ipv6["missing"]) == missing
    assert words in told.ipv6["verdict"]
    assert told.ipv6["ok"]
    assert bool(told.ipv6["outside"]) == ("route" not in missing)
    # The addresses are those of the kernel's own list: in hex, index, prefix, scope, flags, name.
    ours = {
        (each["name"], f"{int(ipaddress.ip_address(address['address'])):032x}", address["prefix"])
        for each in told.ipv6["interfaces"]
        for address in each["addresses"]
    }
    fields = [line.split() for line in told.if_inet6]
    assert ours == {(name, text, int(prefix, 16)) for text, _, prefix, _, _, name in fields}


def test_each_interface_tells_whether_ipv6_is_disabled_on_it() -> None:
    require("namespaces")
    setup = f"{NETWORK}\nsysctl -qw net.ipv6.conf.eth1.disable_ipv6=1"
    told = told_within(setup)
    assert {each["name"]: each["disabled"] for each in told.ipv6["interfaces"]} == {
        "lo": False,
        "eth0": False,
        "eth1": True,
    }


def test_a_kernel_without_ipv6_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As with ipv6.disable=1: no socket of that family, nothing in /proc."""
    real = socket.socket

    def refusing(family: int = socket.AF_INET, *rest: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return real(family, *rest)

    monkeypatch.setattr(socket, "socket", refusing)
    monkeypatch.setattr("wirework.net.host.ipv6._SETTINGS", tmp_path)
    found = ipv6(require="kernel")
    assert found.verdict == f"no IPv6: {MISSING['kernel']}"
    assert (found.kernel, found.loopback, found.outside, found.ok) == (False, False, "", False)
    assert {each.disabled for each in found.interfaces} == {None}


def test_every_verdict_is_one_line_that_names_the_first_thing_missing() -> None:
    for size in range(len(STAGES) + 1):
        for missing in itertools.combinations(STAGES, size):
            said = verdict(missing)
            assert "\n" not in said
            assert not missing or MISSING[missing[0]] in said


def test_a_private_address_is_told() -> None:
    assert verdict((), outside="2001:db8::1") == "IPv6 works, as far as can be seen from here"
    assert "private address only (fd00::2" in verdict((), outside="fd00::2")


@pytest.mark.parametrize(
    ("required", "missing", "ok"),
    [
        ("", ("loopback", "address", "route"), True),
        ("kernel", ("loopback", "address", "route"), True),
        ("loopback", ("address", "route"), True),
        ("address", ("address", "route"), False),
        ("route", ("loopback",), False),
        ("route", (), True),
    ],
)
def test_ok_is_what_was_required(required: str, missing: tuple[str, ...], ok: bool) -> None:
    import dataclasses

    assert dataclasses.replace(ipv6(), required=required, missing=missing).ok is ok


def test_an_unknown_stage_is_refused() -> None:
    with pytest.raises(BadInput, match="python, kernel, loopback, address or route"):
        ipv6(require="internet")

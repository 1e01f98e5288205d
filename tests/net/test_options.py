"""Socket options, beside getsockopt(2) in another process, and sysctl."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wirework.errors import BadInput
from wirework.net.options import Change, SocketOptions, socket_options
from wirework.net.options.catalog import CATALOG, Known
from wirework.net.options.values import Value, parse, read, write

ASK = """
import json, socket, sys
kind, family, wanted = json.loads(sys.argv[1])
sock = socket.socket(family, kind)
print(json.dumps({name: sock.getsockopt(level, number) for name, level, number in wanted}))
"""
SOCKETS = [(protocol, family) for protocol in ("tcp", "udp") for family in (4, 6)]
BY_NAME = {option.name: option for option in CATALOG}


def values(told: SocketOptions) -> dict[str, Value]:
    return {option.name: option.value for option in told.options}


def change(wish: str, protocol: str = "tcp", family: int = 4) -> Change:
    (one,) = socket_options(protocol=protocol, family=family, sets=[wish]).changes
    return one


def sysctl(name: str) -> str:
    return Path("/proc/sys", *name.split(".")).read_text().strip()


@pytest.mark.parametrize(("protocol", "family"), SOCKETS)
def test_values_are_those_of_getsockopt_in_another_process(protocol: str, family: int) -> None:
    told = values(socket_options(protocol=protocol, family=family))
    wanted = [
        (option.name, option.level[1], option.number)
        for option in CATALOG
        if option.name in told and option.kind in ("switch", "number")
    ]
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    of = socket.AF_INET if family == 4 else socket.AF_INET6
    done = subprocess.run(
        [sys.executable, "-c", ASK, json.dumps([kind, of, wanted])],
        capture_output=True,
        check=True,
        timeout=20,
    )
    theirs = json.loads(done.stdout)
    assert len(theirs) > 10
    assert {name: told[name] for name in theirs if told[name] is not None} == {
        name: number for name, number in theirs.items() if told[name] is not None
    }
    assert [name for name in theirs if told[name] is None] == ["SO_MAX_PACING_RATE"]


@pytest.mark.parametrize(("protocol", "family"), SOCKETS)
def test_each_socket_has_its_own_options(protocol: str, family: int) -> None:
    names = values(socket_options(protocol=protocol, family=family)).keys()
    assert ("TCP_NODELAY" in names) == (protocol == "tcp")
    assert ("SO_BROADCAST" in names) == (protocol == "udp")
    assert ("IP_TTL" in names) == (family == 4)
    assert ("IPV6_V6ONLY" in names) == (family == 6)
    assert {"timeout", "blocking", "SO_RCVBUF", "SO_REUSEADDR", "SO_KEEPALIVE"} <= names


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("TCP_KEEPIDLE", "net.ipv4.tcp_keepalive_time"),
        ("TCP_KEEPINTVL", "net.ipv4.tcp_keepalive_intvl"),
        ("TCP_KEEPCNT", "net.ipv4.tcp_keepalive_probes"),
        ("TCP_SYNCNT", "net.ipv4.tcp_syn_retries"),
        ("TCP_CONGESTION", "net.ipv4.tcp_congestion_control"),
        ("IP_TTL", "net.ipv4.ip_default_ttl"),
    ],
)
def test_defaults_are_those_of_sysctl(name: str, setting: str) -> None:
    assert str(values(socket_options())[name]) == sysctl(setting)
    assert BY_NAME[name].sysctl == setting


def test_a_fresh_socket_blocks_and_has_no_timeout() -> None:
    told = values(socket_options())
    assert (told["timeout"], told["blocking"], told["SO_LINGER"]) == (None, True, None)
    told = values(socket_options(sets=["timeout=2.5"]))
    assert (told["timeout"], told["blocking"]) == (2.5, False)


@pytest.mark.parametrize(
    ("wish", "before", "after"),
    [
        ("TCP_NODELAY=on", False, True),
        ("nodelay=1", False, True),
        ("SO_REUSEADDR=yes", False, True),
        ("SO_REUSEPORT=true", False, True),
        ("so_keepalive=on", False, True),
        ("TCP_KEEPIDLE=2m", 7200, 120),
        ("TCP_USER_TIMEOUT=30s", 0, 30_000),
        ("SO_LINGER=5s", None, 5),
        ("SO_LINGER=0", None, 0),
        ("IP_TOS=0x10", 0, 16),
        ("TCP_MAXSEG=1000", 536, 1000),
        ("blocking=off", True, False),
        ("timeout=250ms", None, 0.25),
        ("SO_MAX_PACING_RATE=1MB", None, 1_000_000),
    ],
)
def test_setting_tells_before_and_after(wish: str, before: Value, after: Value) -> None:
    one = change(wish)
    assert (one.before, one.after, one.refused) == (before, after, "")


def test_the_kernel_doubles_a_buffer() -> None:
    one = change("SO_RCVBUF=50000")
    assert (one.asked, one.after) == (50_000, 100_000)
    assert "doubles" in one.note


@pytest.mark.parametrize(
    ("name", "cap"), [("SO_RCVBUF", "net.core.rmem_max"), ("SO_SNDBUF", "net.core.wmem_max")]
)
def test_a_cap_is_told_with_its_number(name: str, cap: str) -> None:
    most = int(sysctl(cap))
    one = change(f"{name}={most * 2}")
    assert (one.after, one.refused) == (most * 2, "")
    assert one.note.startswith(f"capped by {cap} = {most}; ")


def test_the_least_that_a_buffer_can_be_is_told() -> None:
    one = change("SO_RCVBUF=1")
    assert isinstance(one.after, int)
    assert one.after > 2
    assert one.note == "the least that the kernel gives"


def test_what_takes_root_is_refused_to_others_in_one_line() -> None:
    wishes = ("SO_RCVBUFFORCE=1MB", "IP_TRANSPARENT=on", "SO_MARK=7")
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, *wishes],
        capture_output=True,
        check=True,
        text=True,
        timeout=20,
    )
    told = "operation not permitted: it takes root, or CAP_NET_ADMIN"
    assert done.stdout.splitlines() == [f"False {told}"] * len(wishes)


AS_NOBODY = """
import os, sys
from wirework.net.options import socket_options
if not os.geteuid():
    os.setgroups([])
    os.setresuid(65534, 65534, 65534)
for wish in sys.argv[1:]:
    told = socket_options(sets=[wish])
    print(told.ok, told.changes[0].refused)
"""


SO_RCVBUFFORCE = 33
"""asm-generic/socket.h; Python has no name for it."""


def test_a_buffer_beyond_its_cap_shows_in_the_buffer_itself() -> None:
    most = int(sysctl("net.core.rmem_max"))
    one = change(f"SO_RCVBUFFORCE={most * 2}")
    assert one.after == (one.before if one.refused else most * 4)
    with socket.socket() as sock:
        try:
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, most * 2)
            refused = False
        except PermissionError:
            refused = True  # root without CAP_NET_ADMIN, too
    assert bool(one.refused) == refused


def test_a_name_that_is_not_there_is_told_with_those_that_are() -> None:
    one = change("TCP_CONGESTION=nonesuch")
    available = sysctl("net.ipv4.tcp_available_congestion_control")
    assert one.refused == f"there is none of that name; there are {available}"
    assert one.after == one.before
    assert not socket_options(sets=["SO_BINDTODEVICE=nix0"]).ok


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        ("nodlay=on", "'nodlay' is no option (perhaps TCP_NODELAY)"),
        ("SO_RECVBUF=1", "'SO_RECVBUF' is no option (perhaps SO_RCVBUF, "),
        ("zzz=1", "'zzz' is no option (sock.options lists them)"),
        ("SO_RCVBUF", "'SO_RCVBUF' is not NAME=VALUE"),
        ("=5", "'=5' is not NAME=VALUE"),
        ("SO_RCVBUF=lots", "'lots' is no value of SO_RCVBUF"),
        ("SO_RCVBUF=99999999999", "'99999999999' is no value of SO_RCVBUF (at most 2147483647)"),
        ("TCP_NODELAY=maybe", "'maybe' is no value of TCP_NODELAY (on or off)"),
        ("SO_LINGER=-1", "'-1' is no value of SO_LINGER (seconds, or off)"),
        ("timeout=nan", "'nan' is no value of timeout"),
        ("TCP_CONGESTION=" + "x" * 16, "is no value of TCP_CONGESTION (a name of at most 15"),
        ("SO_BROADCAST=on", "SO_BROADCAST is no option of a tcp socket of IPv4"),
        ("IPV6_V6ONLY=on", "IPV6_V6ONLY is no option of a tcp socket of IPv4"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_before_a_socket_is_opened(wish: str, error: str) -> None:
    with pytest.raises(BadInput) as raised:
        socket_options(sets=["TCP_NODELAY=on", wish])
    assert error in str(raised.value)
    assert raised.value.where == "--set"


@pytest.mark.parametrize(
    ("arguments", "where"),
    [({"protocol": "sctp"}, "--type"), ({"family": 5}, "--family")],
)
def test_a_socket_that_cannot_be_is_refused(arguments: dict[str, object], where: str) -> None:
    with pytest.raises(BadInput) as raised:
        socket_options(**arguments)  # type: ignore[arg-type]
    assert raised.value.where == where


@given(st.sampled_from(CATALOG), st.text(max_size=20))
def test_any_text_is_a_value_or_bad_input(option: Known, text: str) -> None:
    try:
        value = parse(option, text)
    except BadInput:
        return
    assert option.kind == "text" or value is None or abs(value) < 2**31  # type: ignore[arg-type]


@given(st.integers(0, 30_000))
def test_a_linger_is_read_as_it_was_written(seconds: int) -> None:
    with socket.socket() as sock:
        write(sock, BY_NAME["SO_LINGER"], seconds)
        assert read(sock, BY_NAME["SO_LINGER"]) == seconds
        write(sock, BY_NAME["SO_LINGER"], None)
        assert read(sock, BY_NAME["SO_LINGER"]) is None

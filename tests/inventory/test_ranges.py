from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wirework.errors import PatternError
from wirework.inventory import Group, Host, Inventory, expand, fold


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("web1", "web1"),
        ("web[1]", "web1"),
        ("web[1-3]", "web1 web2 web3"),
        ("web[1:3]", "web1 web2 web3"),
        ("web[08-11]", "web08 web09 web10 web11"),
        ("web[8-11]", "web8 web9 web10 web11"),
        ("web[098:101]", "web098 web099 web100 web101"),
        ("web[0-1]", "web0 web1"),
        ("web[1:9:4]", "web1 web5 web9"),
        ("web[01-03,05, 9]", "web01 web02 web03 web05 web9"),
        ("web[3,1,3]", "web3 web1"),
        ("rack[a:c]", "racka rackb rackc"),
        ("rack[X-Z,a]", "rackX rackY rackZ racka"),
        ("rack[a:i:2]", "racka rackc racke rackg racki"),
        ("rack[y:B]", "racky rackz rackA rackB"),
        ("rack[b]", "rackb"),
        ("[a:b][08:09]-[1,3]", "a08-1 a08-3 a09-1 a09-3 b08-1 b08-3 b09-1 b09-3"),
        ("2001:db8::[9-11]", "2001:db8::9 2001:db8::10 2001:db8::11"),
        ("n[000000000007:000000000008]", "n000000000007 n000000000008"),
        ("r[1-2]n[a-b].lan", "r1na.lan r1nb.lan r2na.lan r2nb.lan"),
        ("[1-2]", "1 2"),
    ],
)
def test_a_range_expands_in_order(text: str, names: str) -> None:
    assert expand(text) == tuple(names.split())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("web[1-3", "the brackets in 'web[1-3' do not pair up"),
        ("web1-3]", "the brackets in 'web1-3]' do not pair up"),
        ("web[[1-3]]", "the brackets in 'web[[1-3]]' do not pair up"),
        ("web[]", "'' in 'web[]' is not a range (write web[01-20,25] or rack[a-f])"),
        ("web[1-]", "'1-' in 'web[1-]' is not a range (write web[01-20,25] or rack[a-f])"),
        ("web[1,]", "'' in 'web[1,]' is not a range (write web[01-20,25] or rack[a-f])"),
        ("web[1-c]", "'1-c' in 'web[1-c]' is not a range (write web[01-20,25] or rack[a-f])"),
        ("web[01-120]", "'01-120' in 'web[01-120]' mixes widths (write 001-120)"),
        ("web[1-020]", "'1-020' in 'web[1-020]' mixes widths (write 001-020)"),
        ("web[3-1]", "'3-1' in 'web[3-1]' does not count upwards"),
        ("web[1:3:0]", "'1:3:0' in 'web[1:3:0]' does not count upwards"),
        ("web[c-a]", "'c-a' in 'web[c-a]' does not count upwards"),
        ("web[A-z]", "'A-z' in 'web[A-z]' does not count upwards"),
        ("web[a:c:0]", "'a:c:0' in 'web[a:c:0]' does not count upwards"),
        ("web[a:2]", "'a:2' in 'web[a:2]' is not a range (write web[01-20,25] or rack[a-f])"),
        ("web[ab:c]", "'ab:c' in 'web[ab:c]' is not a range (write web[01-20,25] or rack[a-f])"),
        ("web[1-999999999]", "'web[1-999999999]' stands for more than 100,000 names"),
        (
            "[1-9999][1-9999][1-9999]",
            "'[1-9999][1-9999][1-9999]' stands for more than 100,000 names",
        ),
        ("[1-60000,1-60000]", "'[1-60000,1-60000]' stands for more than 100,000 names"),
    ],
)
def test_a_malformed_range_is_refused(text: str, message: str) -> None:
    with pytest.raises(PatternError) as caught:
        expand(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("names", "folded"),
    [
        ("", ""),
        ("web1", "web1"),
        ("web1 web1", "web1"),
        ("web1 web2", "web[1-2]"),
        ("web01 web02 web03 web05 db1", "web[01-03,05],db1"),
        ("db1 web2 db2 web1", "db[1-2],web[1-2]"),
        ("web8 web9 web10 web11", "web[8-11]"),
        ("web08 web09 web10", "web[08-10]"),
        ("web98 web99 web100", "web[98-100]"),
        ("web098 web099 web100", "web[098-100]"),
        ("web09 web99 web100", "web[09,99-100]"),
        ("web0 web1", "web[0-1]"),
        ("web00 web1", "web[1,00]"),
        ("web1 web01", "web[1,01]"),
        ("web9 web010", "web[9,010]"),
        ("localhost gate", "localhost,gate"),
        ("n1.dc1 n2.dc1 n3.dc1", "n[1-3].dc1"),
        ("r1n1 r1n2 r2n1 r2n2", "r1n[1-2],r2n[1-2]"),
        ("r1n1 r2n1 r3n1 r1n2", "r[1-3]n1,r1n2"),
        ("10.0.0.1 10.0.0.2 10.0.0.3", "10.0.0.[1-3]"),
        ("2001:db8::1 2001:db8::2", "2001:db8::[1-2]"),
        ("web0000000001 web0000000002", "web[0000000001-0000000002]"),
        ("a-1-b-1 a-1-b-2", "a-1-b-[1-2]"),
        ("a1234567890123456789 a1234567890123456780", "a1234567890123456789,a1234567890123456780"),
    ],
)
def test_names_fold_to_ranges_where_they_first_appear(names: str, folded: str) -> None:
    assert fold(names.split()) == folded


_NAMES = st.lists(
    st.one_of(
        st.from_regex(r"[a-z]{0,2}[0-9]{1,3}[a-z.-]{0,2}", fullmatch=True),
        st.from_regex(r"[ab][01]{1,2}[ab][0-9]{1,2}", fullmatch=True),
        st.from_regex(r"[ab][01](-[ab][0-2]){1,2}(\.dc[12]){0,2}", fullmatch=True),
        st.from_regex(r"[a-zA-Z0-9._:-]{1,30}", fullmatch=True),
        st.integers(0, 120).map("web{}".format),
        st.integers(0, 120).map("web{:02}".format),
        st.integers(0, 12).map("web{:017}".format),
        st.integers(0, 12).map("web{:019}".format),
        st.integers(0, 20).map("2001:db8::{:x}".format),
        st.integers(1, 20).map("10.0.0.{}".format),
        st.ip_addresses(v=6).map(str),
    ),
    max_size=40,
)


@settings(deadline=None)  # a busy machine is no finding
@example(["a0a0", "a0a01"])  # 0 and 01 count on, but not in one width
@given(_NAMES)
def test_the_parts_of_a_fold_expand_to_the_very_same_names(names: list[str]) -> None:
    parts = [part for part in re.split(r",(?![^][]*\])", fold(names)) if part]
    expanded = [name for part in parts for name in expand(part)]
    assert sorted(expanded) == sorted(set(names))


@settings(deadline=None)
@example(["web1", "web2", "web3"])  # the group web has two of them
@example(["2001:db8::1", "2001:db8::2"])
@example(["r1n1", "r1n2"])
@given(_NAMES.map(lambda names: [name for name in dict.fromkeys(names) if name[0] not in ".:-"]))
def test_a_fold_is_a_pattern_for_the_very_same_hosts(names: list[str]) -> None:
    """Also where a group bears the name that stands before the brackets."""
    stems = {name.rstrip("0123456789") for name in names}
    stems |= {stem for name in names for stem in re.split(r"[0-9]+", name)}
    stems -= {"", *names}
    groups = tuple(sorted(stems))
    members = {name: groups if number % 3 else () for number, name in enumerate(names)}
    others = {f"{name}x": groups for name in names if f"{name}x" not in members}
    fleet = Inventory(
        hosts={
            name: Host(name=name, address=name, groups=of)
            for name, of in {**others, **members}.items()
        },
        groups={name: Group(name) for name in ("all", *groups, "ungrouped")},
        sources=(Path("inventory.yaml"),),
    )
    if names:
        assert {host.name for host in fleet.select(fold(names))} == set(names)

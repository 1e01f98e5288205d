from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wirework.errors import PatternError
from wirework.inventory import expand, fold


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
        ("web[c-a]", "'c-a' in 'web[c-a]' does not run upwards"),
        ("web[a-F]", "'a-F' in 'web[a-F]' does not run upwards"),
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
        ("a1234567890123456789 a1234567890123456780", "a1234567890123456789,a1234567890123456780"),
    ],
)
def test_names_fold_to_ranges_where_they_first_appear(names: str, folded: str) -> None:
    assert fold(names.split()) == folded


_NAMES = st.lists(
    st.one_of(
        st.from_regex(r"[a-z]{0,2}[0-9]{1,3}[a-z.-]{0,2}", fullmatch=True),
        st.from_regex(r"[ab][01]{1,2}[ab][0-9]{1,2}", fullmatch=True),
        st.from_regex(r"[a-zA-Z0-9._:-]{1,30}", fullmatch=True),
        st.integers(0, 120).map("web{}".format),
        st.integers(0, 120).map("web{:02}".format),
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

from __future__ import annotations

from pathlib import Path

import pytest

from wirework.errors import PatternError
from wirework.inventory import Inventory, load

FLEET = """\
all:
  hosts:
    bastion:
    2001:db8::7:
  children:
    web:
      hosts:
        web[01:05]:
    db:
      hosts:
        db1:
        db2:
        app-a:
        app-b:
    prod:
      children:
        prod_core:
          hosts: {web01, web03, db1}
    empty: {}
"""


@pytest.fixture
def fleet(tmp_path: Path) -> Inventory:
    (tmp_path / "inventory.yaml").write_text(FLEET)
    return load(tmp_path / "inventory.yaml")


EVERY = "bastion 2001:db8::7 web01 web02 web03 web04 web05 db1 db2 app-a app-b"


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("all", EVERY),
        ("*", EVERY),
        ("web01", "web01"),
        ("web", "web01 web02 web03 web04 web05"),
        ("ungrouped", "bastion 2001:db8::7"),
        ("prod", "web01 web03 db1"),
        ("db1,web02", "web02 db1"),
        ("db1:web02", "web02 db1"),
        (" db1 , web02 ,", "web02 db1"),
        ("web:&prod", "web01 web03"),
        ("&prod:web", "web01 web03"),
        ("web,!web03", "web01 web02 web04 web05"),
        ("!web03,web", "web01 web02 web04 web05"),
        ("web:db:&prod:!web03", "web01 db1"),
        ("!web03:&prod:db:web", "web01 db1"),
        ("web:&prod:&db1,web01", None),
        ("!web:!db", "bastion 2001:db8::7"),
        ("&prod", "web01 web03 db1"),
        ("web0[1-3]", "web01 web02 web03"),
        ("web[01-03,05]", "web01 web02 web03 web05"),
        ("web[01-02,05]:db[1-2]", "web01 web02 web05 db1 db2"),
        ("web:!web[01-04]", "web05"),
        ("web0*", "web01 web02 web03 web04 web05"),
        ("web0?", "web01 web02 web03 web04 web05"),
        ("app-[ab]", "app-a app-b"),
        ("app-[a-b]", "app-a app-b"),
        ("app-[!a]", "app-b"),
        ("prod_*", "web01 web03 db1"),
        ("*core:!db*", "web01 web03"),
        ("we[1]*", None),
        ("a*", "app-a app-b"),
        ("!a*", "bastion 2001:db8::7 web01 web02 web03 web04 web05 db1 db2"),
        ("un*", None),
        ("2001:db8::7", "2001:db8::7"),
        ("!2001:db8::7,bastion", "bastion"),
        ("2001:db8::7,web:&prod", "web01 web03"),
        ("web01,empty", "web01"),
    ],
)
def test_a_pattern_gives_hosts_in_inventory_order(
    fleet: Inventory, pattern: str, names: str | None
) -> None:
    if names is None:
        with pytest.raises(PatternError):
            fleet.select(pattern)
    else:
        assert " ".join(host.name for host in fleet.select(pattern)) == names


@pytest.mark.parametrize(
    ("pattern", "limit", "names"),
    [
        ("web", "prod", "web01 web03"),
        ("web", "!prod", "web02 web04 web05"),
        ("web,db", "db1:web02", "web02 db1"),
        ("web", "", "web01 web02 web03 web04 web05"),
        ("web", " ", "web01 web02 web03 web04 web05"),
    ],
)
def test_a_limit_keeps_what_both_match(
    fleet: Inventory, pattern: str, limit: str, names: str
) -> None:
    assert [host.name for host in fleet.select(pattern, limit=limit)] == names.split()


GROUPS = "(groups: all, web, db, prod, prod_core, empty, ungrouped)"
NO_SLICES = "is no pattern: a ':' cannot stand in brackets (write web[01-20])"
UNPAIRED = "do not pair up"


@pytest.mark.parametrize(
    ("pattern", "limit", "message"),
    [
        ("", "", "the host pattern is empty ('all' means every host)"),
        (" ,: ", "", "the host pattern is empty ('all' means every host)"),
        ("web:&", "", "'&' in the pattern 'web:&' names nothing"),
        ("web,! ", "", "'!' in the pattern 'web,! ' names nothing"),
        ("wbe01", "", "FILE has no host or group named 'wbe01' (did you mean web01?)"),
        ("wep", "", "FILE has no host or group named 'wep' (did you mean web?)"),
        ("Web", "", "FILE has no host or group named 'Web' (did you mean web?)"),
        ("zzz", "", f"FILE has no host or group named 'zzz' {GROUPS}"),
        ("web:!web99", "", "FILE has no host or group named 'web99' (did you mean web?)"),
        ("web[04-06]", "", "FILE has no host or group named 'web06' (did you mean web05?)"),
        ("web[3-1]", "", "'3-1' in 'web[3-1]' does not count upwards"),
        ("web[1", "", f"the brackets in 'web[1' {UNPAIRED}"),
        ("web[0:2]", "", f"'web[0:2]' {NO_SLICES}"),
        ("x*", "", f"no host or group of FILE matches 'x*' {GROUPS}"),
        ("web:!x*", "", f"no host or group of FILE matches 'x*' {GROUPS}"),
        ("empty", "", f"'empty' matches no host of FILE {GROUPS}"),
        ("web:!web", "", f"'web:!web' matches no host of FILE {GROUPS}"),
        ("web", "db", f"'web' limited to 'db' matches no host of FILE {GROUPS}"),
        ("web", "prd", "FILE has no host or group named 'prd' (did you mean prod?)"),
    ],
)  # fmt: skip
def test_a_pattern_that_finds_nobody_says_why(
    fleet: Inventory, pattern: str, limit: str, message: str
) -> None:
    with pytest.raises(PatternError) as caught:
        fleet.select(pattern, limit=limit)
    assert str(caught.value) == message.replace("FILE", str(fleet.source))


def test_many_groups_are_listed_in_short(tmp_path: Path) -> None:
    groups = "\n".join(f"g{number}: {{hosts: {{h{number}: }}}}" for number in range(20))
    (tmp_path / "x.yaml").write_text(groups)
    with pytest.raises(PatternError, match=r"\(groups: all, g0, .*, g6, and 14 more\)$"):
        load(tmp_path / "x.yaml").select("zzz")

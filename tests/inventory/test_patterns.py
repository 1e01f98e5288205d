from __future__ import annotations

import os
import time
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


def in_order(names: str) -> list[str]:
    return sorted(names.split(), key=EVERY.split().index)


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
        ("web[0]", "web01"),
        ("web[-1]", "web05"),
        ("web[-5]", "web01"),
        ("web[1:3]", "web02 web03 web04"),
        ("web[1:]", "web02 web03 web04 web05"),
        ("web[:2]", "web01 web02 web03"),
        ("web[-2:]", "web04 web05"),
        ("web[:-4]", "web01 web02"),
        ("web[2:2]", "web03"),
        ("web[:]", "web01 web02 web03 web04 web05"),
        ("all[1]", "2001:db8::7"),
        ("web:!web[1:3]", "web01 web05"),
        ("web[0],db[-1]", "web01 app-b"),
        ("web[1:3]:&prod", "web03"),
        ("&web[0]", "web01"),
        ("*b*[1:2]", "2001:db8::7 web01"),
        ("app-[ab][1]", "app-b"),
        ("app-?[1]", "app-b"),
        ("web[0-9]*", "web01 web02 web03 web04 web05"),
        ("web0[12]*", "web01 web02"),
        ("web0[12]", None),
        ("web0[1:3]", "web01 web02 web03"),
        ("web0[1:3:2]", "web01 web03"),
        ("web0[1]", "web01"),
        ("app-[a:b]", "app-a app-b"),
        ("2001:db8::[7]", "2001:db8::7"),
        ("!2001:db8::[7,7],web01,bastion", "web01 bastion"),
        ("~web", "web01 web02 web03 web04 web05"),
        ("~ web", "web01 web02 web03 web04 web05"),
        ("~eb", None),
        ("~WEB", None),
        ("~(?i)WEB", "web01 web02 web03 web04 web05"),
        ("~(web|db)[0-9]{1,2}", "web01 web02 web03 web04 web05 db1 db2"),
        ("~(web|db)[0-9]{1,2}:&prod", "web01 web03 db1"),
        ("~(web|db)[0-9]{1,2},!~db", "web01 web02 web03 web04 web05"),
        ("db1:~web0[1,3]", "web01 web03 db1"),
        ("~(?:web|db)0*[1:,],app-a", "web01 db1 app-a"),
        ("~web0[12]", "web01 web02"),
        ("~web.*[0:1]", "web01 web02"),
        ("~web.*[-1:],db1", "web05 db1"),
        ("~(web|db).*[:1]:&prod", "web01"),
        ("~prod_", "web01 web03 db1"),
        ("~ungrouped", None),
        (r"~2001\:db8", "2001:db8::7"),
        (r"~[]w[]e(b|\)):&~.*1$", "web01"),
    ],
)
def test_a_pattern_gives_hosts_in_inventory_order(
    fleet: Inventory, pattern: str, names: str | None
) -> None:
    if names is None:
        with pytest.raises(PatternError):
            fleet.select(pattern)
    else:
        assert [host.name for host in fleet.select(pattern)] == in_order(names)


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
ENDS = "(the first is [0], the last [-1]; names are written web[1-3])"
NO_ZEROS = "counts hosts of 'web', from 0 and without leading zeros"
NO_CLASS = "brackets beside * and ? stand for one character, and those in"
NO_STDIN = (
    "'@-' is not supported: patterns are not read from standard input "
    "(write them to a file: @hosts.txt)"
)
REGEX = "is not a regular expression:"
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
        ("web1]", "", f"the brackets in 'web1]' {UNPAIRED}"),
        ("web[1,db", "", f"the brackets in 'web[1,db' {UNPAIRED}"),
        ("web[5]", "", f"'web[5]' goes beyond 'web', which has 5 hosts {ENDS}"),
        ("web[-6]", "", f"'web[-6]' goes beyond 'web', which has 5 hosts {ENDS}"),
        ("web[1:5]", "", f"'web[1:5]' goes beyond 'web', which has 5 hosts {ENDS}"),
        ("w*1[1]", "", f"'w*1[1]' goes beyond 'w*1', which has 1 host {ENDS}"),
        ("empty[0]", "", f"'empty[0]' goes beyond 'empty', which has 0 hosts {ENDS}"),
        ("web[3:1]", "", "'web[3:1]' does not count upwards"),
        ("web[01]", "", f"'web[01]' {NO_ZEROS} (names are written web[01-20] or web01)"),
        ("web[01:03]", "", f"'web[01:03]' {NO_ZEROS} (names are written web[01-20] or web01)"),
        ("wbe[0:2]", "", "FILE has no host or group named 'wbe0' (did you mean web05?)"),
        ("web0[::]", "",
         "'::' in 'web0[::]' is not a range (write web[01-20,25] or rack[a-f])"),
        ("*[01-20]", "", f"{NO_CLASS} '*[01-20]' do not (write web[01-20] without * and ?)"),
        ("w*[1:2]x", "", f"{NO_CLASS} 'w*[1:2]x' do not (write web[01-20] without * and ?)"),
        ("w?b[1,20]", "", f"{NO_CLASS} 'w?b[1,20]' do not (write web[01-20] without * and ?)"),
        ("~(web", "", f"'~(web' {REGEX} missing ), unterminated subpattern at position 0"),
        ("~(web,db", "", f"'~(web,db' {REGEX} missing ), unterminated subpattern at position 0"),
        ("~web)", "", f"'~web)' {REGEX} unbalanced parenthesis at position 3"),
        ("~[[1]", "", f"'~[[1]' {REGEX} Possible nested set at position 1"),
        ("~a{9999999999}", "", f"'~a{{9999999999}}' {REGEX} the repetition number is too large"),
        ("~", "", "'~' in the pattern '~' names nothing"),
        ("web,!~", "", "'!~' in the pattern 'web,!~' names nothing"),
        ("~x", "", f"no host or group of FILE matches '~x' {GROUPS}"),
        ("@", "", "'@' in the pattern '@' names nothing"),
        ("@-", "", NO_STDIN),
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


LIST = """\
# who is up for new kernels
web01   # the first
\tweb[02-03]

db:&prod
2001:db8::7\r
~app-[ab]:!app-b
"""


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("@list", "2001:db8::7 web01 web02 web03 db1 app-a"),
        ("@ folder/empty,web05", "web05"),
        ("bastion,@list", "bastion 2001:db8::7 web01 web02 web03 db1 app-a"),
        ("all:&@list", "2001:db8::7 web01 web02 web03 db1 app-a"),
        ("!@list", "bastion web04 web05 db2 app-b"),
        ("web,!@folder/empty", "web01 web02 web03 web04 web05"),
        ("@list:&web", "web01 web02 web03"),
    ],
)
def test_a_file_is_the_union_of_its_lines(
    fleet: Inventory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pattern: str, names: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list").write_bytes(LIST.encode("utf-8-sig"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "empty").write_text("# nobody\n\n")
    assert [host.name for host in fleet.select(pattern)] == in_order(names)
    assert fleet.select("all", limit=pattern) == fleet.select(pattern)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("web01\n\nwep\n", "list:3: FILE has no host or group named 'wep' (did you mean web?)"),
        ("web[9]", f"list:1: 'web[9]' goes beyond 'web', which has 5 hosts {ENDS}"),
        ("@other", "list:1: a file of patterns cannot name another file"),
        ("web,!@list", "list:1: a file of patterns cannot name another file"),
        ("web\n!web03", "list:2: '!web03' names nobody to add (write web:!web3, or !@file)"),
        ("&web", "list:1: '&web' names nobody to add (write web:!web3, or !@file)"),
        (",", "list:1: the host pattern is empty ('all' means every host)"),
        ("#", f"'@list' matches no host of FILE {GROUPS}"),
        (b"web01\n\xff\xfe", "list:2: this is not UTF-8 text"),
        ("web01\n" * 200_000, "list: there are more than 1,000,000 bytes in it"),
        (None, "list: cannot read this file of patterns: no such file or directory"),
    ],
)  # fmt: skip
def test_a_wrong_file_of_patterns_says_where(
    fleet: Inventory,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    content: str | bytes | None,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "list").write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(PatternError) as caught:
        fleet.select("@list")
    assert str(caught.value) == message.replace("FILE", str(fleet.source))


def test_what_is_no_regular_file_is_not_waited_for(fleet: Inventory, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(PatternError, match="this is not a regular file"):
            fleet.select(f"@{path}")
    with pytest.raises(PatternError, match="this is not a usable file name"):
        fleet.select("@a\0b")


ANSIBLE_FLEET = """\
all:
  hosts:
    gate:
    2001:db8::7:
  children:
    web: {hosts: {"web[0:4]": }}
    db:
      hosts:
        db[01:12]:
        db-a.lan:
        db-b.lan:
    prod: {hosts: {web1: , web3: , db02: , db-a.lan: }}
    web_old: {hosts: {old1: , old2: }}
    let: {hosts: {"n[a:i:2]": }}
"""
WEB = "web0 web1 web2 web3 web4"
DB = "db01 db02 db03 db04 db05 db06 db07 db08 db09 db10 db11 db12"
LAN = "db-a.lan db-b.lan"
REST = "old1 old2 na nc ne ng ni"


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("all", f"gate 2001:db8::7 {WEB} {DB} {LAN} {REST}"),
        ("~.*", f"gate 2001:db8::7 {WEB} {DB} {LAN} {REST}"),
        ("all:!db", f"gate 2001:db8::7 {WEB} {REST}"),
        ("ungrouped", "gate 2001:db8::7"),
        ("2001:db8::7,gate", "gate 2001:db8::7"),
        ("web", WEB),
        ("let", "na nc ne ng ni"),
        ("db,web", f"{WEB} {DB} {LAN}"),
        ("web:&prod:!web3", "web1"),
        ("!web3:web", "web0 web1 web2 web4"),
        ("&prod", "web1 web3 db02 db-a.lan"),
        ("db1?", "db10 db11 db12"),
        ("db[01]*", DB),
        ("db-[ab].lan", LAN),
        ("*.lan", LAN),
        ("w*", f"{WEB} old1 old2"),
        ("web[!0]", "web1 web2 web3 web4"),
        ("web[0]", "web0"),
        ("web[-1]", "web4"),
        ("web[1:3]", "web1 web2 web3"),
        ("web[1-3]", "web1 web2 web3"),
        ("web[1:]", "web1 web2 web3 web4"),
        ("prod[0]", "web1"),
        ("all[0]", "gate"),
        ("all[-1]", "ni"),
        ("web*[0]", "web0"),
        ("db*[0:2]", "db01 db02 db03"),
        ("db*[-1]", "db-b.lan"),
        ("web[1:3]:&prod", "web1 web3"),
        ("web:!web[1:3]", "web0 web4"),
        ("web[0]:db[0]", "web0 db01"),
        ("web[0],db[-1]", "web0 db-b.lan"),
        ("~web", f"{WEB} old1 old2"),
        ("~^web", f"{WEB} old1 old2"),
        ("~prod", "web1 web3 db02 db-a.lan"),
        ("~web[0-1]", "web0 web1"),
        ("~web[12]", "web1 web2"),
        ("~web.*[12]", "web1 web2"),
        ("~web[0]", "web0"),
        (r"~db\d+", DB),
        (r"~db.*\.lan$", LAN),
        ("~(web|db)", f"{WEB} {DB} {LAN} old1 old2"),
        ("~web(_old)?$", f"{WEB} old1 old2"),
        ("~[wd].*:!prod", f"web0 web2 web4 {DB.replace(' db02', '')} db-b.lan old1 old2"),
    ],
)
def test_a_pattern_gives_what_ansible_gives(tmp_path: Path, pattern: str, names: str) -> None:
    """What ``ansible PATTERN --list-hosts`` of ansible-core 2.19.14 lists for this inventory."""
    (tmp_path / "inventory.yaml").write_text(ANSIBLE_FLEET)
    fleet = load(tmp_path / "inventory.yaml")
    assert {host.name for host in fleet.select(pattern)} == set(names.split())


def test_a_long_list_of_names_takes_no_more_than_its_length(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("all: {hosts: {'host[0001:2000].dc1.example.net': }}")
    fleet = load(tmp_path / "x.yaml")
    started = time.process_time()
    assert len(fleet.select(",".join(fleet.hosts))) == 2_000
    assert time.process_time() - started < 0.25  # measured: 0.01


@pytest.mark.parametrize("text", ["[", "[1", "[a:", "[:", "[]", "*[1", "~[", "~(", "~\\", "!&~ "])
def test_a_hostile_pattern_is_refused_at_once(fleet: Inventory, text: str) -> None:
    for hostile in (text * 30_000, text + text[-1] * 100_000):
        started = time.process_time()
        with pytest.raises(PatternError):
            fleet.select(hostile)
        assert time.process_time() - started < 5

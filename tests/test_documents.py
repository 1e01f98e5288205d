from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
import yaml

from wirework.documents import MAX_MISTAKES, Map, Seq, build, parse, read, reading, text
from wirework.errors import DocumentError, SecretError


@pytest.fixture(params=["libyaml", "python"], autouse=True)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both of PyYAML's parsers, since it may have been built without libyaml."""
    if request.param == "python":
        monkeypatch.setattr(build, "_LOADER", yaml.SafeLoader)
    elif not yaml.__with_libyaml__:
        pytest.skip("PyYAML was built without libyaml")


def _error(text: str) -> str:
    with pytest.raises(DocumentError) as caught:
        parse(text, "f.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("Yes", True),
        ("on", True),
        ("off", False),
        ("NO", False),
        ("y", "y"),
        ("12", 12),
        ("-1_000", -1000),
        ("0", 0),
        ("0644", 0o644),
        ("0x1F", 31),
        ("-0b11", -3),
        ("089", "089"),
        ("0x_", "0x_"),
        ("1.5", 1.5),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("6.02e+23", 6.02e23),
        (".inf", float("inf")),
        ("-.INF", float("-inf")),
        ("1e5", "1e5"),
        ("10.0.0.1", "10.0.0.1"),
        ("22:22", "22:22"),
        ("1:30.5", "1:30.5"),
        ("2026-01-31", "2026-01-31"),
        ("2026-01-31 10:00:00", "2026-01-31 10:00:00"),
        ("=", "="),
        ("+", "+"),
        (".", "."),
        ("00:1b:44:11:3a:b7", "00:1b:44:11:3a:b7"),
        ("'12'", "12"),
        ('"a\\tb"', "a\tb"),
        ("|\n  one\n  two", "one\ntwo"),
        ("!!str 12", "12"),
        ("!!int '12'", 12),
        ("!!float 3", 3.0),
        ("!!bool yes", True),
        ("!!null ''", None),
        ("!!map {}", {}),
        ("!!seq []", []),
    ],
)
def test_scalars_mean_what_yaml_1_1_says_but_dates_and_times_stay_text(
    written: str, value: object
) -> None:
    got = parse(f"a: {written}", "f").value["a"]
    assert got == value
    assert type(got) in (type(value), Map, Seq)


def test_scalars_agree_with_pyyaml_wherever_both_read_them() -> None:
    words = "1 -1 +1 0 00 07 08 0x 0xfg 0b2 1_0 _1 1.0 1.e+1 .1 . .. +.inf .nan1 nul TRUE tRUE N"
    for word in words.split():
        assert parse(word, "f").value == yaml.safe_load(word), word


def test_a_number_too_long_for_python_stays_text() -> None:
    assert parse("9" * 5000, "f").value == "9" * 5000


def test_every_key_and_item_knows_its_line() -> None:
    text = """\
# a comment
all:
  hosts:
    web1: {port: 22}
    web2:
  vars:
    list:
      - a

      - b: 1
"""
    top = parse(text, "inv.yaml").value
    assert top.where() == "inv.yaml:2"
    assert top.where("all") == "inv.yaml:2"
    hosts = top["all"]["hosts"]
    assert hosts.where("web2") == "inv.yaml:5"
    assert hosts["web1"].where("port") == "inv.yaml:4"
    items = top["all"]["vars"]["list"]
    assert (items.where(), items.where(0), items.where(1)) == (
        "inv.yaml:8",
        "inv.yaml:8",
        "inv.yaml:10",
    )


def test_a_key_that_is_not_there_is_where_its_mapping_is() -> None:
    assert parse("a:\n  b: 1\n", "f").value["a"].where("c") == "f:2"


def test_values_behave_as_plain_dicts_and_lists() -> None:
    value = parse("a: [1, {b: c}]", "f").value
    assert value == {"a": [1, {"b": "c"}]}
    assert json.dumps(value) == '{"a": [1, {"b": "c"}]}'


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "--- ~\n...\n"])
def test_an_empty_document_is_none(text: str) -> None:
    assert parse(text, "f").value is None


def test_numbers_as_keys_are_their_text() -> None:
    assert parse("22: a\n'23': b\n0x1F: c\n007: d\n", "f").value == {
        "22": "a",
        "23": "b",
        "0x1F": "c",
        "007": "d",
    }


def test_merge_keys_add_what_the_mapping_does_not_say_itself() -> None:
    text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  <<: [*x, *y]\n  c: 3\n"
    z = parse(text, "f").value["z"]
    assert z == {"a": 1, "b": 1, "c": 3}
    assert (z.where("a"), z.where("c"), z.where()) == ("f:1", "f:5", "f:4")
    assert parse("x: &x {a: 1}\nz: {a: 2, <<: *x}", "f").value["z"] == {"a": 2}
    assert parse('z: {"<<": 1}', "f").value["z"] == {"<<": 1}


def test_aliases_repeat_what_they_name() -> None:
    assert parse("a: &x [1, 2]\nb: *x\nc: &t text\nd: *t", "f").value == {
        "a": [1, 2],
        "b": [1, 2],
        "c": "text",
        "d": "text",
    }


TABS = "a tab is used for indentation (use spaces)"
MISFIT = "this line does not fit those above it (check the indentation)"
TEMPLATE = 'a value that starts with {{ needs quotes (write "{{ … }}")'
COLON = (
    "there is a ':' where no key can stand "
    "(check the indentation, and quote a value that holds ': ')"
)
ESCAPE = (
    "there is an unknown \\ escape in this double-quoted text "
    "(use single quotes, or \\\\ for a backslash)"
)
NO_TAGS = "is not allowed (write plain YAML without tags)"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a:\n\tb: 1\n", 2, TABS),
        ("a: x\n\tb: 1\n", 2, TABS),
        ("a:\n  b: 1\n \tc: 2\n", 3, TABS),
        ("a:\n  b: |\n\ttext\n", 3, TABS),
        ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' is given twice; line 1 has it"),
        ("x:\n  22: a\n  '22': b\n", 3, "the key '22' is given twice; line 2 has it"),
        ("a: 1\n? [b]\n: 2\n", 2, "a key must be plain text"),
        ("a: {{ site }}\n", 1, TEMPLATE),
        ("b: 1\na: {{ site }}/x\n", 2, TEMPLATE),
        ("- {{ x }}/y\n", 1, TEMPLATE),
        ("a: 1\nyes: 2\n", 2, 'the key yes is not read as text (write "yes":)'),
        ("1.5: 2\n", 1, 'the key 1.5 is not read as text (write "1.5":)'),
        ("a: 1\n?\n: 2\n", 2, "a key is missing here"),
        ("a: 1\n---\nb: 2\n", 2, "a second document starts here (one file holds one document)"),
        ("a: !!python/object/new:x [x]\n", 1, f"the tag !!python/object/new:x {NO_TAGS}"),
        ("a: !!python/name:os.system\n", 1, f"the tag !!python/name:os.system {NO_TAGS}"),
        ("a: 1\nb: !vault |\n  6638\n", 2, f"the tag !vault {NO_TAGS}"),
        ("a: ! {x: y}\n", 1, f"the tag ! {NO_TAGS}"),
        ("a: !!set {x}\n", 1, f"the tag !!set {NO_TAGS}"),
        ("a: !!binary aGk=\n", 1, f"the tag !!binary {NO_TAGS}"),
        ("a: !!map []\n", 1, f"the tag !!map {NO_TAGS}"),
        ("a: !!int x\n", 1, "'x' is not of the type that !!int says"),
        ("a: *x\n", 1, "the alias *x has no anchor &x above it"),
        ("a: &x\n  - *x\n", 2, "the alias *x stands inside what it names"),
        ("a: &x\n  <<: *x\n", 2, "the alias *x stands inside what it names"),
        ("a:\n  <<: [1]\n", 2, "'<<' merges a mapping or a list of mappings"),
        ("a: b: c\n", 1, COLON),
        ("a:\n   b: 1\n  c: 2\n", 3, MISFIT),
        ("a: 1\nb: 'x\nc: 1\n", 2, "a quote is opened here and never closed"),
        ("a: 1\nb: [1, 2\nc: 3\n", 2, "the '[' opened here is not closed where it should be"),
        ("a: 1\nb: {x: 1\nc: 3\n", 2, "the '{' opened here is not closed where it should be"),
        ("a: 1\nb: @x\n", 2, "a value cannot start with this character (quote the value)"),
        ("a: - b\n", 1, "a '- ' item cannot start here (put it on a line of its own)"),
        ("a: }\n", 1, "a value is expected here"),
        ('a: "\\q"\n', 1, ESCAPE),
        ("a: 1\nb: \x07\n", 2, "there is a character here that YAML does not allow (U+0007)"),
        ("a: \ud800\n", 1, "there is a character here that YAML does not allow (U+D800)"),
        ("[" * 101 + "]" * 101, 1, "this is nested deeper than 100 levels"),
    ],
)  # fmt: skip
def test_what_is_not_strict_yaml_is_refused_in_one_plain_line(
    text: str, line: int, message: str
) -> None:
    assert _error(text) == f"f.yaml:{line}: {message}"


def test_a_syntax_error_of_any_other_kind_is_one_line_with_its_place() -> None:
    text = _error("%YAML 9.0\n---\na: 1\n")
    assert text.startswith("f.yaml:1: ")
    assert "\n" not in text


def test_nesting_up_to_the_limit_is_read() -> None:
    assert parse("[" * 100 + "]" * 100, "f").value is not None


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_endless_nesting_is_refused_quickly(opening: str) -> None:
    began = time.process_time()
    assert "nested deeper" in _error(opening * 50_000)
    assert time.process_time() - began < 5


@pytest.mark.parametrize("shape", ["list", "mapping", "merge"])
def test_an_alias_bomb_is_refused_quickly(shape: str) -> None:
    forms = {"list": "[{}]", "mapping": "{{k0: 1, {}}}", "merge": "{{<<: [{}]}}"}
    lines = ["a0: &a0 {x: lol}"]
    for level in range(1, 30):
        names = [f"*a{level - 1}"] * 10
        if shape == "mapping":
            names = [f"k{number}: {name} " for number, name in enumerate(names, 1)]
        lines.append(f"a{level}: &a{level} " + forms[shape].format(", ".join(names)))
    began = time.process_time()
    text = _error("\n".join(lines))
    assert time.process_time() - began < 2
    assert text.endswith("this is more than 1,000,000 values with its aliases")


def test_aliases_within_the_limit_are_read() -> None:
    lines = ["a0: &a0 [1]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 15)]
    assert len(parse("\n".join(lines), "f").value) == 15


def test_a_file_is_read_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: gr\xc3\xbc\xc3\x9fe\r\nb:\r\n  c: 1\r\n")
    document = read(path)
    assert document.value == {"a": "grüße", "b": {"c": 1}}
    assert document.source == str(path)
    assert document.value["b"].where("c") == f"{path}:3"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as caught:
        read(tmp_path / "none.yaml")
    assert str(caught.value) == f"{tmp_path}/none.yaml: there is no such file"


def test_a_folder_is_named_as_one(tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as caught:
        read(tmp_path)
    assert str(caught.value) == f"{tmp_path}: this is a folder, not a file"


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DocumentError) as caught:
        read(tmp_path / "pipe")
    assert str(caught.value) == f"{tmp_path}/pipe: this is not a regular file"


def test_a_file_below_a_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DocumentError) as caught:
        read(tmp_path / "file" / "x.yaml")
    assert str(caught.value) == f"{tmp_path}/file/x.yaml: cannot read this file: not a directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_an_unreadable_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").touch(mode=0)
    with pytest.raises(DocumentError) as caught:
        read(tmp_path / "x.yaml")
    assert str(caught.value) == f"{tmp_path}/x.yaml: cannot read this file: permission denied"


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as caught:
        read(tmp_path / "a\0b")
    assert str(caught.value) == f"'{tmp_path}/a\\x00b': this is not a usable file name"


def test_text_that_is_not_utf_8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes("a: 1\nb: größe\n".encode("latin-1"))
    with pytest.raises(DocumentError) as caught:
        read(path)
    assert str(caught.value) == f"{path}:2: this is not UTF-8 text (save the file as UTF-8)"


def test_a_file_over_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("a: 1\n")
    monkeypatch.setattr(reading, "MAX_BYTES", 5)
    assert read(path).value == {"a": 1}
    path.write_text("a: 10\n")
    with pytest.raises(DocumentError, match="this is larger than"):
        read(path)
    with pytest.raises(DocumentError, match="this is larger than"):
        parse("a: 10\n", "f")


def _noted(text: str, where: str) -> tuple[str, str]:
    return text, where


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\nb: !vault |\n  66\n  38\n", {"a": 1, "b": ("66\n38\n", "f:2")}),
        ("- !vault x\n- !unsafe '{{ y }}'\n", [("x", "f:1"), "{{ y }}"]),
        ("!unsafe 12", "12"),
        ("!unsafe ''", ""),
        ("a: &x !vault z\nb: *x\n", {"a": ("z", "f:1"), "b": ("z", "f:1")}),
        ("!unsafe a: 1", {"a": 1}),
    ],
)
def test_a_tag_that_the_caller_knows_gives_the_value(text: str, value: object) -> None:
    tags = {"!vault": _noted, "!unsafe": lambda text, _: text}
    assert parse(text, "f", tags=tags).value == value


def test_tags_are_known_when_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("a: !vault z\n")
    assert read(path, tags={"!vault": _noted}).value == {"a": ("z", f"{path}:1")}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: !other x\n", f"f:2: the tag !other {NO_TAGS}"),
        ("a: !vault [x]\n", "f:1: the tag !vault stands before text only"),
        ("a: !vault {x: y}\n", "f:1: the tag !vault stands before text only"),
        ("!vault a: 1\n", 'f:1: the key a is not read as text (write "a":)'),
    ],
)
def test_other_tags_and_a_known_one_in_the_wrong_place_are_refused(text: str, told: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse(text, "f", tags={"!vault": _noted})
    assert str(caught.value) == told


def _refuse(text: str, where: str) -> None:
    raise SecretError("this is torn", hint="make it anew")


def test_what_a_tag_refuses_is_told_with_its_place() -> None:
    text = "a: 1\nb: !vault x\nc: !vault y\n"
    with pytest.raises(DocumentError) as caught:
        parse(text, "f", tags={"!vault": _refuse})
    assert str(caught.value) == "f:2: this is torn (make it anew)"
    mistakes: list[DocumentError] = []
    assert parse(text, "f", tags={"!vault": _refuse}, mistakes=mistakes).value["a"] == 1
    assert [mistake.where for mistake in mistakes] == ["f:2", "f:3"]


MISTAKEN = """\
a: 1
a: {a: 2, a: 3}
b: !other text
c: !other [1]
d: !!int x
e: *nobody
f: &f [*f]
g: {<<: 1, x: 1}
yes: 5
? [in a key]
: {y: 1, y: 2}
?
: lost
h: {{ site }}
i: {<<: {p: 1}, <<: {p: 2}}
j: last
"""


def test_mistakes_are_collected_while_reading_goes_on() -> None:
    mistakes: list[DocumentError] = []
    value = parse(MISTAKEN, "f", mistakes=mistakes).value
    assert [f"{mistake.where}: {mistake.message}" for mistake in mistakes] == [
        "f:2: the key 'a' is given twice; line 1 has it",
        "f:2: the key 'a' is given twice; line 2 has it",
        "f:3: the tag !other is not allowed",
        "f:4: the tag !other is not allowed",
        "f:5: 'x' is not of the type that !!int says",
        "f:6: the alias *nobody has no anchor &nobody above it",
        "f:7: the alias *f stands inside what it names",
        "f:8: '<<' merges a mapping or a list of mappings",
        "f:9: the key yes is not read as text",
        "f:10: a key must be plain text",
        "f:11: the key 'y' is given twice; line 11 has it",
        "f:12: a key is missing here",
        "f:14: a value that starts with {{ needs quotes",
        "f:15: the key '<<' is given twice; line 15 has it",
    ]
    assert value == {
        "a": 1,
        "b": "text",
        "c": [1],
        "d": "x",
        "e": None,
        "f": [None],
        "g": {"x": 1},
        "yes": 5,
        "h": {},
        "i": {"p": 1},
        "j": "last",
    }


def test_a_second_document_is_one_of_the_mistakes() -> None:
    mistakes: list[DocumentError] = []
    assert parse("a: 1\n---\nb: 2\n", "f", mistakes=mistakes).value == {"a": 1}
    assert [mistake.where for mistake in mistakes] == ["f:2"]


def test_what_cannot_be_read_on_is_raised_and_the_mistakes_before_it_stay(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("a: 1\na: 2\nb: [1, 2\nc: 3\n")
    mistakes: list[DocumentError] = []
    with pytest.raises(DocumentError, match="not closed"):
        read(path, mistakes=mistakes)
    assert [mistake.where for mistake in mistakes] == [f"{path}:2"]


def test_mistakes_without_end_are_not_collected() -> None:
    mistakes: list[DocumentError] = []
    with pytest.raises(DocumentError, match="given twice"):
        parse("{" + "a," * 50_000 + "}", "f", mistakes=mistakes)
    assert len(mistakes) == MAX_MISTAKES


def test_a_file_without_mistakes_adds_none() -> None:
    mistakes: list[DocumentError] = []
    parse("a: &a {b: 1}\nc: {<<: *a}\nd: !!str 1\n", "f", mistakes=mistakes)
    assert mistakes == []


def test_the_text_of_a_file_can_be_read_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbf$ANSIBLE_VAULT;1.1;AES256\n: no YAML [\n")
    assert text(path) == "$ANSIBLE_VAULT;1.1;AES256\n: no YAML [\n"
    with pytest.raises(DocumentError, match="there is no such file"):
        text(tmp_path / "none")

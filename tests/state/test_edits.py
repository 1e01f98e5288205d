"""Edits of files that others wrote, by tables of texts."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.state.conftest import Nowhere
from wirework.errors import BadInput, Refused
from wirework.state import OPERATIONS
from wirework.state.changes import Change
from wirework.state.facts import Content, Entry, Glimpse, Login, PathState, Sha256, Text, Whoami
from wirework.state.operations.ini_text import IniText
from wirework.state.operations.json_text import JsonText


def edited(operation: str, old: bytes, **arguments: Any) -> tuple[bytes, Change | None]:
    """Return what an edit makes of a file, by written facts alone."""
    known: dict[Any, Any] = {
        PathState("f"): Entry("file", 0o644, "root", "root", len(old)),
        PathState("."): Entry("directory", 0o755, "root", "root"),
        Sha256("f"): "",
        Whoami(): Login("root", "root", is_root=True),
        Content("f"): Text(old),
        Glimpse("f"): Text(old),
    }
    steps = OPERATIONS[operation].wish({"path": "f", **arguments}, Nowhere()).start()
    request = next(steps)
    while not isinstance(request, Change):
        reply = known[request] if not isinstance(request, tuple) else tuple(map(known.get, request))
        try:
            request = steps.send(reply)
        except StopIteration:
            return old, None
    assert request.payload
    return b"".join(request.payload.chunks()), request


BEGIN, END = "# BEGIN managed block", "# END managed block"
BLOCK = f"{BEGIN}\nx\n{END}\n"

EDITS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "block at the end": ("block", {"content": "x"}, "a\n", f"a\n{BLOCK}"),
    "block in an empty file": ("block", {"content": "x\n"}, "", BLOCK),
    "block behind a missing line end": ("block", {"content": "x"}, "a", f"a\n{BLOCK}"),
    "block before": ("block", {"content": "x", "before": "^b"}, "a\nb\nc\n", f"a\n{BLOCK}b\nc\n"),
    "block after": ("block", {"content": "x", "after": "^b"}, "b\nb\nc\n", f"b\nb\n{BLOCK}c\n"),
    "block after an open last line": ("block", {"content": "x", "after": "b"}, "b", f"b\n{BLOCK}"),
    "block before what is not there": (
        "block",
        {"content": "x", "before": "z"},
        "a\n",
        f"a\n{BLOCK}",
    ),
    "block stays where it is": (
        "block",
        {"content": "y\nz", "before": "^a"},
        f"a\n{BLOCK}b\n",
        f"a\n{BEGIN}\ny\nz\n{END}\nb\n",
    ),
    "block keeps the end as it is": (
        "block",
        {"content": "y"},
        f"a\n{BLOCK[:-1]}",
        f"a\n{BEGIN}\ny\n{END}",
    ),
    "block with lines of DOS": (
        "block",
        {"content": "x"},
        "a\r\n",
        f"a\r\n{BEGIN}\r\nx\r\n{END}\r\n",
    ),
    "block gone": ("block", {"present": False}, f"a\n{BLOCK}b", "a\nb"),
    "block gone from an open end": ("block", {"present": False}, f"a\n{BLOCK[:-1]}", "a\n"),
    "block of another marker": (
        "block",
        {"content": "x", "marker": "; {mark} me"},
        BLOCK,
        f"{BLOCK}; BEGIN me\nx\n; END me\n",
    ),
    "replace at every line": (
        "replace",
        {"match": "^#?Port .*$", "replacement": "Port 22"},
        "#Port 1\nPort 2\nPort 22",
        "Port 22\nPort 22\nPort 22",
    ),
    "replace with groups": (
        "replace",
        {"match": r"(?P<k>\w+)=(\w+)$", "replacement": r"\g<k>: \2"},
        "a=1\nb=2\n",
        "a: 1\nb: 2\n",
    ),
    "replace across lines": (
        "replace",
        {"match": r"(?s)<a>.*?</a>\n", "replacement": ""},
        "0\n<a>\n1\n</a>\n2\n",
        "0\n2\n",
    ),
    "ini set": (
        "ini",
        {"section": "a", "option": "x", "value": "2"},
        "[a]\nx = 1\n",
        "[a]\nx = 2\n",
    ),
    "ini keeps the spacing": (
        "ini",
        {"section": "a", "option": "x", "value": "2"},
        "; top\n[a]\n\tx=1\n# y\n",
        "; top\n[a]\n\tx=2\n# y\n",
    ),
    "ini added like its neighbours": (
        "ini",
        {"section": "a", "option": "y", "value": "2"},
        "[a]\nx=1\n\n# about b\n[b]\nz=1\n",
        "[a]\nx=1\ny=2\n\n# about b\n[b]\nz=1\n",
    ),
    "ini new section": (
        "ini",
        {"section": "b", "option": "y", "value": "2"},
        "[a]\nx: 1",
        "[a]\nx: 1\n\n[b]\ny: 2\n",
    ),
    "ini in an empty file": (
        "ini",
        {"section": "b", "option": "y", "value": "2"},
        "",
        "[b]\ny = 2\n",
    ),
    "ini above the sections": (
        "ini",
        {"option": "y", "value": "2"},
        "[a]\nx=1\n",
        "y=2\n[a]\nx=1\n",
    ),
    "ini long value": (
        "ini",
        {"section": "a", "option": "x", "value": "2"},
        "[a]\nx = 1\n  more\n\n[b]\n",
        "[a]\nx = 2\n\n[b]\n",
    ),
    "ini with lines of DOS": (
        "ini",
        {"section": "a", "option": "y", "value": "2"},
        "[a]\r\nx = 1\r\n",
        "[a]\r\nx = 1\r\ny = 2\r\n",
    ),
    "ini from nothing and to nothing": (
        "ini",
        {"section": "a", "option": "x", "value": ""},
        "[a]\nx = 1\n",
        "[a]\nx =\n",
    ),
    "ini to something": (
        "ini",
        {"section": "a", "option": "x", "value": "1"},
        "[a]\nx =\n",
        "[a]\nx = 1\n",
    ),
    "ini value with = and :": (
        "ini",
        {"section": "a", "option": "u", "value": "http://h/?q=1"},
        "[a]\nu = x\n",
        "[a]\nu = http://h/?q=1\n",
    ),
    "ini option gone wherever it stands": (
        "ini",
        {"section": "a", "option": "x", "present": False},
        "[a]\nx=1\ny=1\nx=2\n 3\n[b]\nx=1\n",
        "[a]\ny=1\n[b]\nx=1\n",
    ),
    "ini section gone": (
        "ini",
        {"section": "a", "present": False},
        "y=1\n[a]\nx=1\n\n# b\n[b]\nx=1\n",
        "y=1\n# b\n[b]\nx=1\n",
    ),
    "ini section alone": ("ini", {"section": "b"}, "[a]\n", "[a]\n\n[b]\n"),
    "json set": ("json", {"key": "a.b", "value": 2}, '{"a": {"b": 1}}', '{"a": {"b": 2}}'),
    "json keeps all else": (
        "json",
        {"key": "c", "value": "ü"},
        '{\n\t"a": 1.10,\n\t"b": [1,2],\n\t"c": null\n}\n',
        '{\n\t"a": 1.10,\n\t"b": [1,2],\n\t"c": "ü"\n}\n',
    ),
    "json escapes where the file does": (
        "json",
        {"key": "a", "value": "ü"},
        '{"a":"\\u00e4"}',
        '{"a":"\\u00fc"}',
    ),
    "json added": (
        "json",
        {"key": "b", "value": {"c": [1]}},
        '{\n    "a": 1\n}\n',
        '{\n    "a": 1,\n    "b": {\n        "c": [\n            1\n        ]\n    }\n}\n',
    ),
    "json added in one line": (
        "json",
        {"key": "b", "value": [1, 2]},
        '{"a": 1}',
        '{"a": 1, "b": [1, 2]}',
    ),
    "json added tightly": ("json", {"key": "b", "value": [1, 2]}, '{"a":1}', '{"a":1,"b":[1,2]}'),
    "json makes what is above": (
        "json",
        {"key": "a.b.c", "value": True},
        "{}\n",
        '{\n  "a": {\n    "b": {\n      "c": true\n    }\n  }\n}\n',
    ),
    "json into an empty object": (
        "json",
        {"key": "a.b", "value": 1},
        '{\n  "a": {},\n  "z": 1\n}',
        '{\n  "a": {\n    "b": 1\n  },\n  "z": 1\n}',
    ),
    "json in an empty file": ("json", {"key": "a", "value": None}, "", '{\n  "a": null\n}\n'),
    "json member of a list": ("json", {"key": "a.1", "value": 9}, '{"a": [1, 2]}', '{"a": [1, 9]}'),
    "json true is not 1": ("json", {"key": "a", "value": True}, '{"a": 1}', '{"a": true}'),
    "json key with a dot": ("json", {"key": ["a.b"], "value": 2}, '{"a.b": 1}', '{"a.b": 2}'),
    "json first gone": (
        "json",
        {"key": "a", "present": False},
        '{\n "a": 1,\n "b": 2\n}',
        '{\n "b": 2\n}',
    ),
    "json last gone": (
        "json",
        {"key": "b", "present": False},
        '{\n "a": 1,\n "b": 2\n}',
        '{\n "a": 1\n}',
    ),
    "json only one gone": (
        "json",
        {"key": "a.b", "present": False},
        '{"a": { "b": 2 }}',
        '{"a": {}}',
    ),
}


@pytest.mark.parametrize("case", EDITS.values(), ids=EDITS)
def test_edit_changes_what_is_asked_and_then_nothing(
    case: tuple[str, dict[str, Any], str, str],
) -> None:
    operation, arguments, old, new = case
    assert edited(operation, old.encode(), **arguments)[0].decode() == new
    assert edited(operation, new.encode(), **arguments)[1] is None


UNCHANGED: dict[str, tuple[str, dict[str, Any], str]] = {
    "block as it is": ("block", {"content": "x"}, f"a\n{BLOCK}b\n"),
    "block nowhere": ("block", {"present": False}, "a"),
    "replace nothing": ("replace", {"match": "z", "replacement": "y"}, "a"),
    "ini as it is": ("ini", {"section": "a", "option": "x", "value": "1"}, "[a]\r\nx  : 1 \r\n"),
    "ini gone already": ("ini", {"section": "b", "option": "x", "present": False}, "[a]\nx=1"),
    "ini no section": ("ini", {"section": "b", "present": False}, "[a]\nx=1"),
    "ini same section twice": (
        "ini",
        {"section": "a", "option": "y", "value": "2"},
        "[a]\nx=1\n[a]\ny=2",
    ),
    "json as it is": ("json", {"key": "a", "value": {"c": 1, "b": 2}}, '{"a":{"b":2, "c":1}}'),
    "json gone already": ("json", {"key": "a.b.c", "present": False}, '{"a":{}}'),
}


@pytest.mark.parametrize("case", UNCHANGED.values(), ids=UNCHANGED)
def test_edit_finds_nothing_to_do(case: tuple[str, dict[str, Any], str]) -> None:
    operation, arguments, old = case
    assert edited(operation, old.encode(), **arguments)[1] is None


REFUSED: dict[str, tuple[str, dict[str, Any], bytes, str]] = {
    "block without end": ("block", {"content": "x"}, f"{BEGIN}\n".encode(), "is not there once"),
    "block twice": ("block", {"content": "x"}, (BLOCK * 2).encode(), "is not there once"),
    "block backwards": ("block", {"content": "x"}, f"{END}\n{BEGIN}\n".encode(), "not there once"),
    "replace for ever": ("replace", {"match": "a", "replacement": "aa"}, b"a", "by the next run"),
    "replace grows": (
        "replace",
        {"match": "a", "replacement": "b" * 100_000},
        b"a" * 100,
        "too large",
    ),
    "ini option twice": (
        "ini",
        {"section": "S", "option": "E", "value": "1"},
        b"[S]\nE=2\nE=3\n",
        "E stands 2 times in [S]",
    ),
    "json broken": ("json", {"key": "a", "value": 1}, b'{\n"a" 1}', "no JSON: line 2"),
    "json not UTF-8": ("json", {"key": "a", "value": 1}, b'{"a": "\xff"}', "not UTF-8"),
    "json too deep": ("json", {"key": "a", "value": 1}, b"[" * 500_000, "nested too deeply"),
    "json scalar above": ("json", {"key": "a.b.c", "value": 1}, b'{"a":{"b":1}}', "a.b is neither"),
    "json list without": ("json", {"key": "a.2", "value": 1}, b'{"a":[1]}', "without a member '2'"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_edit_refuses_what_it_cannot_do_well(case: tuple[str, dict[str, Any], bytes, str]) -> None:
    operation, arguments, old, complaint = case
    with pytest.raises(Refused) as caught:
        edited(operation, old, **arguments)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "block without content": ("block", {}, "block needs content"),
    "block marker": ("block", {"content": "x", "marker": "#"}, "one line with {mark}"),
    "block both places": ("block", {"content": "x", "before": "a", "after": "b"}, "not both"),
    "block holds its marker": ("block", {"content": f"a\n{END}"}, "a line of the marker"),
    "block pattern": ("block", {"content": "x", "before": "("}, "before is no regular expression"),
    "replace pattern": ("replace", {"match": "(", "replacement": ""}, "match is no regular"),
    "replace group": (
        "replace",
        {"match": "a", "replacement": r"\1"},
        "replacement cannot be used",
    ),
    "replace group name": (
        "replace",
        {"match": "a", "replacement": r"\g<x>"},
        "replacement cannot",
    ),
    "replace takes for ever": ("replace", {"match": "(a+)+$", "replacement": ""}, "repeats a rep"),
    "ini nothing": ("ini", {}, "section or option"),
    "ini option alone": ("ini", {"option": "x"}, "option and value together"),
    "ini option with =": ("ini", {"option": "x=", "value": "1"}, "option holds ="),
    "ini section with ]": ("ini", {"section": "a]"}, "section holds ]"),
    "ini value of lines": ("ini", {"option": "x", "value": "1\n2"}, "value holds a line end"),
    "json no value": ("json", {"key": "a"}, "json needs value"),
    "json value for nothing": (
        "json",
        {"key": "a", "value": 1, "present": False},
        "takes no value",
    ),
    "json empty word": ("json", {"key": "a..b", "value": 1}, "none of them empty"),
    "json no number": ("json", {"key": "a", "value": float("nan")}, "what JSON can write"),
    "validate without a file": ("line", {"line": "x", "validate": ["true"]}, "names no file"),
    "recursive with nothing": ("directory", {"recursive": True}, "recursive needs owner"),
    "file_mode alone": ("directory", {"file_mode": "0644"}, "file_mode is for recursive"),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_wrong_input_is_refused_before_the_first_question(
    case: tuple[str, dict[str, Any], str],
) -> None:
    operation, arguments, complaint = case
    with pytest.raises(BadInput) as caught:
        OPERATIONS[operation].wish({"path": "f", **arguments}, Nowhere())
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        (r"(a+)+", False),
        (r"((a*)b?)*", False),
        (r"(?:x|a+){2,}", False),
        (r"(?:a++)+", True),
        (r"(?>a+)+", True),
        (r"(?:a+)++", True),
        (r"(a+)(b+)", True),
        (r"[(+]*(ab)+\)+", True),
        (r"(?=a+)b*", True),
        (r"(?P<n>a)+(?<!b+c)", False),
    ],
)
def test_patterns_that_may_take_for_ever_are_refused(pattern: str, *, taken: bool) -> None:
    wish = {"path": "f", "match": pattern, "replacement": ""}
    if taken:
        OPERATIONS["replace"].wish(wish, Nowhere())
    else:
        with pytest.raises(BadInput):
            OPERATIONS["replace"].wish(wish, Nowhere())


def test_a_note_says_how_many_places_change() -> None:
    _, change = edited("replace", b"a b a", match="a", replacement="c")
    assert change
    assert change.says == "f (2 places)"


def test_bytes_that_are_no_text_stay() -> None:
    for operation, arguments in [
        ("block", {"content": "x"}),
        ("replace", {"match": "b", "replacement": "c"}),
        ("ini", {"section": "b", "option": "y", "value": "1"}),
    ]:
        assert edited(operation, b"\xff\0b\n", **arguments)[0].startswith(b"\xff\0")


def test_hostile_lines_are_read_in_a_bearable_time() -> None:
    started = time.monotonic()
    for old in (b"a" + b" " * 1_000_000, b" " * 1_000_000, b"[" * 1_000_000, b"[a]\n" * 250_000):
        edited("ini", old, section="a", option="y", value="1")
    edited("json", b'{"a":' + b"[1," * 900 + b"1" + b"]" * 900 + b"}", key="b", value=1)
    assert time.monotonic() - started < 25


KEYS = st.sampled_from(["a", "b", 'ü"', "0"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text('aü"{}[],:\\\n', max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(
    whole=st.dictionaries(KEYS, VALUES, max_size=4),
    key=st.lists(KEYS, min_size=1, max_size=3),
    value=VALUES,
    layout=st.sampled_from([(None, None), (2, None), ("\t", None), (None, (",", ":"))]),
)
def test_json_is_what_python_would_make_of_it(
    whole: dict[str, Any], key: list[str], value: Any, layout: tuple[Any, Any]
) -> None:
    text = JsonText.read(json.dumps(whole, indent=layout[0], separators=layout[1]).encode())
    try:
        done = text.set(key, value)
    except Refused:
        return
    place: Any = whole
    for word in key[:-1]:
        place = place[int(word)] if isinstance(place, list) else place.setdefault(word, {})
    place[int(key[-1]) if isinstance(place, list) else key[-1]] = value
    assert json.loads(done.text) == whole
    assert done.set(key, value) == done
    gone = done.remove(key)
    del place[int(key[-1]) if isinstance(place, list) else key[-1]]
    assert json.loads(gone.text) == whole


INI_LINES = st.lists(
    st.sampled_from(["[a]", "[b]", "x = 1", "y=2", "# x = 3", "", "  more", "\tx: 4", "z"]),
    max_size=12,
)


@given(lines=INI_LINES, section=st.sampled_from(["", "a", "b"]), end=st.sampled_from(["", "\r"]))
def test_ini_set_comes_to_rest_and_leaves_comments(
    lines: list[str], section: str, end: str
) -> None:
    content = "".join(f"{line}{end}\n" for line in lines).encode()
    text = IniText.read(content)
    assert text.content() == content
    try:
        text.set(section, "x", "9")
    except Refused:
        return
    again = IniText.read(text.content())
    assert not again.set(section, "x", "9")
    assert text.content().count(b"# x = 3") == content.count(b"# x = 3")
    assert again.remove(section, "x")
    assert not again.remove(section, "x")

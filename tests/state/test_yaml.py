"""Values in YAML files: by tables of texts, and against what another reader makes of them."""

from __future__ import annotations

import copy
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.state.test_edits import edited
from wirework.documents import parse
from wirework.errors import Refused
from wirework.state.operations import yaml_nodes
from wirework.state.operations.yaml_text import YamlText

MISSING = object()


def after(text: str, key: str, value: Any = MISSING) -> str:
    arguments = {"present": False} if value is MISSING else {"value": value}
    return edited("yaml", text.encode(), key=key, **arguments)[0].decode()


PORTS = """\
    ports:
      - "80:80"   # http
      # and one more
      - '443:443'
"""
COMPOSE = f"""\
# the stack
services:
  web:            # the front
    image: nginx:1.25   # pinned
{PORTS}\
    environment: {{A: 1, B: "two"}}

  # the back
  db:
    image: 'postgres:16'
    command: >-
      postgres
      -c x=1

    deploy:
volumes: {{}}
"""

EDITS: dict[str, tuple[str, str, Any, str]] = {
    "a plain text keeps its comment": (
        COMPOSE,
        "services.web.image",
        "nginx:1.27",
        COMPOSE.replace("1.25", "1.27"),
    ),
    "in a list": ("a:\n- x # c\n-  y\n", "a.1", "z", "a:\n- x # c\n-  z\n"),
    "quotes stay": ("a: 'x'\nb: \"x\"\n", "a", "it's", "a: 'it''s'\nb: \"x\"\n"),
    "double quotes stay": ('a: "x" # c\n', "a", "y", 'a: "y" # c\n'),
    "a text that readers differ on": ("a: b\n", "a", "22:22", 'a: "22:22"\n'),
    "no as text": ("a: b\n", "a", "no", 'a: "no"\n'),
    "1e3 as text was sure to nobody": ("a: 1e3\n", "a", "1e3", 'a: "1e3"\n'),
    "a number": ("a: yes\n", "a", 5, "a: 5\n"),
    "an exponent": ("a: 1\n", "a", 1e20, "a: 1.0e+20\n"),
    "nothing": ("a: 1\n", "a", None, "a: null\n"),
    "of nothing": ("a:\nb: 1\n", "a", 1, "a: 1\nb: 1\n"),
    "of nothing with a comment": ("a:  # c\nb: 1\n", "a", 1, "a: 1  # c\nb: 1\n"),
    "a list of nothing with a comment": ("a:  # c\n", "a", [1], "a:  # c\n  - 1\n"),
    "a mapping for a text": ("a: x # c\nb: 1\n", "a", {"c": 1}, "a: # c\n  c: 1\nb: 1\n"),
    "a text for a mapping": (
        "a: # c\n  # d\n  e: 1 # f\nb: 1\n",
        "a",
        "x",
        "a: x # c\n  # d\nb: 1\n",
    ),
    "a list for a list": (
        "a:\n- 1\n- 2\nb: 1\n",
        "a",
        [3, {"x": [4]}],
        "a:\n- 3\n- x:\n  - 4\nb: 1\n",
    ),
    "lists in lists": ("a: 1\n", "a", [[1, [2]], []], "a:\n  - - 1\n    - - 2\n  - []\n"),
    "lines for a text": ("a: x # c\n", "a", "b\n\nc\n", "a: | # c\n  b\n\n  c\n"),
    "lines for lines": (
        "a: |\n    x\n    y\n\n# c\nb: 1\n",
        "a",
        "z\ny",
        "a: |-\n  z\n  y\n\n# c\nb: 1\n",
    ),
    "odd lines are quoted": ("a: x\n", "a", " b\nc", 'a: " b\\nc"\n'),
    "a text for folded lines": ("a: >\n  x\n\n  y\nb: 1\n", "a", "z", "a: z\nb: 1\n"),
    "a text for quoted lines": ("a: 'x\n  y' # c\nb: 1\n", "a", "z", "a: 'z' # c\nb: 1\n"),
    "a mapping in a list": ("- a: 1\n  b: 2 # c\n- 3\n", "0", "x", "- x\n- 3\n"),
    "a mapping for an item": (
        "- 1\n- 2\n",
        "0",
        {"a": 1, "b": {"c": 2}},
        "- a: 1\n  b:\n    c: 2\n- 2\n",
    ),
    "a mapping for an item with a comment": ("- 1 # c\n", "0", {"a": 1}, "- # c\n  a: 1\n"),
    "an item on a line of its own": ("-\n  # c\n  a: 1\n", "0", [1], "-\n  # c\n  - 1\n"),
    "in brackets": (
        "a: {b: [1, 2], c: 3} # d\n",
        "a.b.1",
        "x, y",
        'a: {b: [1, "x, y"], c: 3} # d\n',
    ),
    "nothing in brackets": ("{a: , b}\n", "a", 1, "{a: 1 , b}\n"),
    "no colon in brackets": ("{a, b}\n", "b", 1, "{a, b: 1}\n"),
    "JSON": ('{"a": {"b": 1}}\n', "a.c", ["x"], '{"a": {"b": 1, "c": ["x"]}}\n'),
    "a key like its neighbours": (
        "a:\n    b: 1\n\n# c\nd: 2\n",
        "a.x",
        {"z": [1]},
        "a:\n    b: 1\n    x:\n        z:\n            - 1\n\n# c\nd: 2\n",
    ),
    "a key at the end": ("a: 1 # c", "b.c", 2, "a: 1 # c\nb:\n  c: 2"),
    "a key behind lines that end in blanks": ("a: |+\n  x\n\n", "b", 2, "a: |+\n  x\n\nb: 2\n"),
    "a key behind nothing": ("a:\n  b:\n# c\n", "a.d", 1, "a:\n  b:\n  d: 1\n# c\n"),
    "a key beneath nothing": ("a: # c\nb: 1\n", "a.d", 1, "a: # c\n  d: 1\nb: 1\n"),
    "a key in a mapping in a list": ("- a: 1\n- b: 2\n", "0.c", 3, "- a: 1\n  c: 3\n- b: 2\n"),
    "a key in empty brackets": ("a: {}\nb: 1\n", "a.c", 1, "a:\n  c: 1\nb: 1\n"),
    "a key in brackets of lines": (
        "a: {\n  b: 1 # c\n}\n",
        "a.d",
        2,
        "a: {\n  b: 1, # c\n  d: 2\n}\n",
    ),
    "a key behind a comma": ("a: {\n  b: 1, # c\n}\n", "a.d", 2, "a: {\n  b: 1, # c\n  d: 2,\n}\n"),
    "a key in one line behind a comma": ("{a: 1,}\n", "b", 2, "{a: 1, b: 2,}\n"),
    "the first key": ("# c", "a.b", 1, "# c\na:\n  b: 1\n"),
    "the first key of an empty file": ("", "a", 1, "a: 1\n"),
    "the first key behind a line": ("---\n", "a", 1, "---\na: 1\n"),
    "a key before the end mark": ("---\na: 1\n...\n", "b", 1, "---\na: 1\nb: 1\n...\n"),
    "a key that needs quotes": ("a: 1\n", "80", 1, 'a: 1\n"80": 1\n'),
    "a key that is a number": ("80: 1\n", "80", 2, "80: 2\n"),
    "a key that is no text": ("on:\n  push: 1\n", "on.push", 2, "on:\n  push: 2\n"),
    "line ends of Windows": (
        "a:\r\n  - 1\r\nb: |\r\n  x\r\n",
        "a",
        {"c": "d\ne\n"},
        "a:\r\n  c: |\r\n    d\r\n    e\r\nb: |\r\n  x\r\n",
    ),
    "a key with line ends of Windows": ("a: 1\r\n", "b", 1, "a: 1\r\nb: 1\r\n"),
    "a byte order mark": ("\ufeffa: 1\n", "a", 2, "\ufeffa: 2\n"),
    "instead of an alias": ("a: &x 1\nb: *x\n", "b", 2, "a: &x 1\nb: 2\n"),
    "an anchor that nobody uses": ("a: &x 1\nb: 1\n", "a", 2, "a: 2\nb: 1\n"),
    "over what is merged": (
        "a: &x {b: 1}\nc:\n  <<: *x\n",
        "c.b",
        2,
        "a: &x {b: 1}\nc:\n  <<: *x\n  b: 2\n",
    ),
    "beside other people's tags": (
        "a: !vault |\n  3132\nb: !Ref x\nc: 1\n",
        "c",
        2,
        "a: !vault |\n  3132\nb: !Ref x\nc: 2\n",
    ),
    "instead of a tag": ("a: !Ref x # c\n", "a", "x", "a: x # c\n"),
    "gone": (COMPOSE, "services.web.ports", MISSING, COMPOSE.replace(PORTS, "")),
    "the last gone": ("a: 1\nb:\n  c: 2 # d\n# e\n", "b", MISSING, "a: 1\n# e\n"),
    "the only one gone": ("a:\n  b: 1\nc: 2\n", "a.b", MISSING, "a: {}\nc: 2\n"),
    "the only one of all gone": ("# c\na: 1\n", "a", MISSING, "# c\n{}\n"),
    "the only item gone": ("a: # c\n- 1\n", "a.0", MISSING, "a: [] # c\n"),
    "an item gone": ("- 1\n# c\n- 2 # d\n- 3\n", "1", MISSING, "- 1\n# c\n- 3\n"),
    "the first behind a dash gone": ("- a: 1\n  b: 2\n", "0.a", MISSING, "- b: 2\n"),
    "the first behind a dash gone, not its neighbours' comment": (
        "- a: 1\n  # c\n  b: 2\n",
        "0.a",
        MISSING,
        "- \n  # c\n  b: 2\n",
    ),
    "the first item behind a dash gone": ("- - 1\n  - 2\n", "0.0", MISSING, "- - 2\n"),
    "the first in brackets gone": ("{a: 1, b: 2}\n", "a", MISSING, "{b: 2}\n"),
    "the last in brackets gone": ("[1, 2]\n", "1", MISSING, "[1]\n"),
    "the only one in brackets gone": ("a: [ 1, ] # c\n", "a.0", MISSING, "a: [  ] # c\n"),
}


@pytest.mark.parametrize("case", EDITS.values(), ids=EDITS)
def test_a_value_changes_and_nothing_else(case: tuple[str, str, Any, str]) -> None:
    old, key, value, new = case
    assert after(old, key, value) == new
    if value is not MISSING or not key[-1].isdigit():  # of a list, the next is there then
        assert after(new, key, value) == new


REFUSED: dict[str, tuple[str, str, Any, str]] = {
    "no YAML": ("a: 1\n b: [\n", "a", 1, "the file is no YAML: line 2"),
    "a tab": ("a:\n\tb: 1\n", "a", 1, "a tab is used for indentation"),
    "two documents": ("a: 1\n---\nb: 1\n", "a", 2, "several YAML documents"),
    "lines of an old Mac": ("a: 1\rb: 2\r", "a", 2, "line ends"),
    "another kind of line": ("a: 'x\u2028y'\n", "a", 2, "line ends"),
    "twice": ("a: 1\na: 2\n", "a", 3, "a stands 2 times in the file"),
    "twice, once in quotes": ("b: {a: 1, 'a': 2}\n", "b.a", 3, "a stands 2 times in b"),
    "a text above": ("a: x\n", "a.b", 1, "a is no mapping and no list"),
    "a text above all": ("x\n", "a", 1, "the whole is no mapping"),
    "no such item": ("a: [1]\n", "a.1", 1, "a is a list without a member '1'"),
    "through an alias": ("a: &x {b: 1}\nc: *x\n", "c.b", 2, "c is the alias *x"),
    "what an alias means": ("a: &x {b: 1}\nc: *x\n", "a.b", 2, "a.b is shared: the alias *x"),
    "what an alias means, more": ("a: &x {b: 1}\nc: *x\n", "a.c", 2, "a.c is shared"),
    "an anchor inside": ("a: {b: &x 1}\nc: *x\n", "a", 2, "a is shared"),
    "an anchor that goes": ("a: {b: &x 1}\nc: *x\n", "a", MISSING, "a is shared"),
    "what is merged goes": ("a: &x {b: 1}\nc: {<<: [*x]}\n", "c.b", MISSING, "c.b comes from"),
    "through what is merged": ("a: &x {b: {d: 1}}\nc: {<<: *x}\n", "c.b.d", 2, "c.b comes from"),
    "an alias without anchor": ("a: *x\n", "a", 2, "line 1: the alias *x has no anchor above it"),
    "an alias in itself": ("a: &x [*x]\n", "a", 2, "the alias *x has no anchor above it"),
    "too deep": ("[" * 200 + "]" * 200, "a", 2, "nested deeper than 100 levels"),
    "comments between brackets": ("[1, # c\n2]\n", "0", MISSING, "comments between the brackets"),
    "a question mark": ("? a\n: 1\n? b\n", "b", 1, "written in a way that is not changed"),
    "behind an open end": ("a: |\n  x", "b", 1, "b stands where it cannot be changed"),
    "half a character": ("a: 1\n", "a", "\ud800", "a stands where it cannot be changed"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_well_is_refused_in_one_line(case: tuple[str, str, Any, str]) -> None:
    old, key, value, complaint = case
    with pytest.raises(Refused) as caught:
        after(old, key, value)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(Refused, match="not UTF-8"):
        edited("yaml", b"a: \xff\n", key="a", value=1)


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("a: yes\n", "a", True),
        ("a: ~\n", "a", None),
        ("a: 0x10\n", "a", 16),
        ("a: {b: [1, x]}\n", "a", {"b": [1, "x"]}),
        ("a: &x [1]\nb: *x\n", "b", [1]),
        ("a: !!str 5\n", "a", "5"),
        ("a: >-\n  x\n  y\n", "a", "x y"),
        ("a: 1\n", "b", MISSING),
        ("a:\n", "a.b", MISSING),
        ("# c\n", "a", MISSING),
    ],
)
def test_what_is_so_already_stays(text: str, key: str, value: Any) -> None:
    assert after(text, key, value) == text


BOMB = "a0: &a0 [1]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 40)
)


def test_hostile_and_large_files_take_a_bearable_time() -> None:
    started = time.monotonic()
    assert after(BOMB, "b", 1) == f"{BOMB}b: 1\n"
    assert after(BOMB, "b", [[1]]) == f"{BOMB}b:\n  - - 1\n"
    with pytest.raises(Refused, match=r"b\.x comes from what b merges"):
        after(f"{MERGES}b: {{<<: *a39}}\n", "b.x")
    large = "".join(f"k{n}: {{a: [1, 2], b: 'x'}}  # c\n" for n in range(30_000))
    assert after(large, "k29999.a.1", 3).count("[1, 3]") == 1
    many = "-\n" * 300_000
    assert after(many, "299999", 1) == f"{many[:-1]} 1\n"
    for text in ("? " * 400_000, "{" * 900_000, "- " * 400_000, "a: " * 300_000, "&a " * 300_000):
        with pytest.raises(Refused):
            after(text, "a", 1)
    assert after("# c\n" * 250_000, "a", 1).endswith("# c\na: 1\n")
    assert after("a: |" + "\n" * 900_000, "b", 1).startswith("a: |\nb: 1\n\n")
    assert time.monotonic() - started < 60


WORDS = st.sampled_from(["a", "b", "c d", "0", "on", "ü'\"", "#x", "x: y"])
TEXTS = st.sampled_from(["x", "", "no", "1e3", "a # b", "a: b", "- a", "l1\nl2\n", "l1\n\nl2"]) | (
    st.text("aü\"'{}[],:#&*!|>%@`\\\n\t \x07\x85\u2028😀", max_size=6)
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-99, 10**20)
    | TEXTS
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)


class Writer:
    """Writes plain data as people might: any style, any indentation, comments all over."""

    def __init__(self, draw: st.DrawFn, nl: str) -> None:
        self.draw, self.nl, self.count = draw, nl, 0

    def pick(self, *choices: str) -> str:
        return self.draw(st.sampled_from(choices))

    def comment(self, indent: int = -1) -> str:
        """A comment in a line of its own, or at the end of one; or nothing, or a blank line."""
        kind = self.pick("none", "none", "comment", "blank")
        self.count += kind == "comment"
        if indent < 0:
            return f" # c{self.count}" if kind == "comment" else ""
        text = f"{' ' * indent}# line {self.count}"
        return {"none": "", "comment": text + self.nl, "blank": self.nl}[kind]

    def scalar(self, value: Any) -> str:
        if isinstance(value, str):
            if value in ("x", "a", "b", "c d"):
                return self.pick(value, f"'{value}'", f'"{value}"')
            if value.isprintable() and self.pick("1", "2") == "1":
                return "'" + value.replace("'", "''") + "'"
            escapes = {"\x85": "\\N", "\u2028": "\\L", "\x07": "\\a", "\n": "\\n", "\t": "\\t"}
            body = value.replace("\\", "\\\\").replace('"', '\\"')
            return '"' + "".join(escapes.get(c, c) for c in body) + '"'
        if value is None:
            return self.pick("null", "~")
        if isinstance(value, bool):
            return self.pick("true", "yes") if value else self.pick("false", "off")
        if isinstance(value, float):
            text = repr(value)
            return text.replace("e", ".0e") if "e" in text and "." not in text else text
        return str(value)

    def flow(self, value: Any) -> str:
        gap = self.pick("", " ")
        if isinstance(value, dict):
            body = ", ".join(f"{self.scalar(k)}: {self.flow(v)}" for k, v in value.items())
            return f"{{{gap}{body}{gap}}}"
        if isinstance(value, list):
            return f"[{gap}{', '.join(map(self.flow, value))}{gap}]"
        return self.scalar(value)

    def block(self, value: Any, indent: int) -> str:
        """What stands behind a colon or a dash, up to the line end and beyond."""
        if not isinstance(value, dict | list) or not value or self.pick("1", "2", "3") == "1":
            if isinstance(value, str) and value.endswith("l2\n") and self.pick("1", "2") == "1":
                body = "".join(" " * (indent + 3) + x + self.nl for x in value[:-1].split("\n"))
                return f" |{self.comment()}{self.nl}{body}"
            return f"{self.pick(' ', '  ')}{self.flow(value)}{self.comment()}{self.nl}"
        inner = indent + self.draw(st.integers(1, 3))
        return f"{self.comment()}{self.nl}{self.members(value, inner)}"

    def members(self, value: Any, indent: int) -> str:
        text = ""
        for member in value.items() if isinstance(value, dict) else enumerate(value):
            head = f"{self.scalar(member[0])}:" if isinstance(value, dict) else "-"
            text += f"{self.comment(indent)}{' ' * indent}{head}{self.block(member[1], indent)}"
        return text


@st.composite
def documents(draw: st.DrawFn) -> tuple[Any, str]:
    whole = draw(
        st.dictionaries(WORDS, VALUES, min_size=1, max_size=4) | st.lists(VALUES, min_size=1)
    )
    writer = Writer(draw, draw(st.sampled_from(["\n", "\r\n"])))
    text = writer.pick("", "---" + writer.nl) + writer.members(whole, 0) + writer.comment(0)
    return whole, text


def keys_of(whole: Any, draw: st.DataObject) -> tuple[str, ...]:
    """A key that is there, or has a few words more than is there."""
    key: list[str] = []
    while isinstance(whole, dict | list) and whole and len(key) < 4:
        words = list(whole) if isinstance(whole, dict) else [str(n) for n in range(len(whole))]
        word = draw.draw(st.sampled_from(words))
        key.append(word)
        whole = whole[int(word)] if isinstance(whole, list) else whole[word]
        if draw.draw(st.booleans()):
            break
    if isinstance(whole, dict):
        more = draw.draw(st.lists(WORDS, max_size=2))
        key += more if more and more[0] not in whole else []
    return tuple(key or ["a"])


def line_comments(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip().startswith("# line ")]


@given(case=documents(), value=VALUES, data=st.data())
def test_any_file_gets_that_one_value_and_keeps_all_else(
    case: tuple[Any, str], value: Any, data: st.DataObject
) -> None:
    whole, text = case
    assert parse(text, "f").value == whole
    key = keys_of(whole, data)
    place = wished = copy.deepcopy(whole)
    for word in key[:-1]:
        place = place[int(word)] if isinstance(place, list) else place.setdefault(word, {})
    last: Any = int(key[-1]) if isinstance(place, list) else key[-1]
    old = YamlText.read(text.encode())
    try:
        was = place[last]
        new_key = False
    except KeyError:
        was, new_key = None, True
    place[last] = value
    made = old.set(key, value)
    assert parse(made.text, "f").value == wished
    assert repr(parse(made.text, "f").value) == repr(wished)
    assert made.set(key, value) is made
    again = YamlText.read(made.content())
    assert again.set(key, value) is again
    kept = line_comments(made.text)
    if new_key or not isinstance(was, dict | list):
        assert kept == line_comments(text)
    del place[last]
    gone = made.remove(key)
    assert repr(parse(gone.text, "f").value) == repr(wished)
    if not isinstance(value, dict | list):
        assert line_comments(gone.text) == kept
    if text.count("\r\n"):
        assert gone.text.count("\n") == gone.text.count("\r\n")


@given(case=documents(), value=VALUES, data=st.data())
def test_pythons_own_parser_finds_the_same_places(
    case: tuple[Any, str], value: Any, data: st.DataObject
) -> None:
    whole, text = case
    key = keys_of(whole, data)
    quick = YamlText.read(text.encode()).set(key, value).text
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_nodes, "_LOADER", yaml_nodes.yaml.SafeLoader)
        assert YamlText.read(text.encode()).set(key, value).text == quick


LINES = st.lists(
    st.sampled_from(
        [
            "a: 1",
            "a:",
            "b: &x",
            "  b: *x",
            "  - c",
            "- a: 1",
            "  a: {b: 1,",
            "  c: 2}",
            "# line 1",
            "  # line 2",
            "",
            "  b: |+",
            "    d",
            "    e: >-",
            "  <<: *x",
            "  ? f",
            "  : g",
            "  'a': !t",
            "...",
            "---",
            "  c: [",
            "  1, # x",
            "  ]",
            "\ta: 1",
            "  b: 'x",
            "    y'",
            "  - - a",
            "    - b",
        ]
    ),
    max_size=8,
)


@given(
    lines=LINES,
    key=st.lists(st.sampled_from(["a", "b", "c", "0", "1"]), min_size=1, max_size=3),
    value=st.sampled_from([MISSING, 1, "x", "l\nl\n", [], {"a": [1]}, {}]),
)
def test_odd_files_are_changed_rightly_or_refused(
    lines: list[str], key: list[str], value: Any
) -> None:
    text = "\n".join(lines)
    try:
        old = YamlText.read(text.encode())
        new = old.remove(tuple(key)) if value is MISSING else old.set(tuple(key), value)
    except Refused:
        return
    if value is not MISSING:
        assert new.set(tuple(key), value) is new
    outside = [line for line in line_comments(text) if line not in line_comments(new.text)]
    assert not outside or len(new.text) < len(text)

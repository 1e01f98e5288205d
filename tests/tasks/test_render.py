"""Results as tables, JSON and JSON lines: every kind of value, and none that must not show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

import pytest
from invoke.exceptions import Exit

from tasks.cli import task
from tasks.cli.exits import guarded
from tasks.cli.render import Form, as_data, cell, show
from tasks.cli.terminal import count, plain, plain_bytes, seconds, size
from tests.tasks.commandline import Typed
from wirework.errors import BadInput, Failed
from wirework.inventory import Host
from wirework.secrets import secret

PASSWORD = "correct horse battery staple"


class Colour(Enum):
    RED = "red"


class State(StrEnum):
    UP = "up"


@dataclass(frozen=True)
class Inner:
    name: str
    ok: bool = True


@dataclass(frozen=True)
class Judged:
    size: int

    @property
    def ok(self) -> bool:
        return self.size < 10


@dataclass(frozen=True)
class Record:
    host: str
    values: tuple[int, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


HOST = Host(name="web1", address="192.0.2.1")


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENDER_PASSWORD", PASSWORD)


@pytest.mark.parametrize(
    ("value", "data", "shown"),
    [
        (None, None, "-"),
        ("", "", "-"),
        ((), [], "-"),
        ("text", "text", "text"),
        (0, 0, "0"),
        (True, True, "yes"),
        (False, False, "no"),
        (1.5, 1.5, "1.5"),
        (2.0, 2.0, "2"),
        (100.0, 100.0, "100"),
        (0.12345, 0.12345, "0.123"),
        (b"caf\xc3\xa9", "café", "café"),
        (b"\xff\x00", {"base64": "/wA="}, "\\xff\\x00"),
        (Path("/etc/hosts"), "/etc/hosts", "/etc/hosts"),
        (State.UP, "up", "up"),
        (Colour.RED, "red", "red"),
        (HOST, "web1", "web1"),
        (("a", 1), ["a", 1], "a, 1"),
        (["a", ("b", None)], ["a", ["b", None]], "a, b, -"),
        ({"port": 80}, {"port": 80}, '{"port": 80}'),
        ({1: b"\xff"}, {"1": {"base64": "/w=="}}, '{"1": {"base64": "/w=="}}'),
        (frozenset({"only"}), ["only"], "only"),
        (date(2024, 2, 29), "2024-02-29", "2024-02-29"),
        (
            datetime(2024, 2, 29, 12, 0, tzinfo=UTC),
            "2024-02-29T12:00:00+00:00",
            "2024-02-29 12:00:00+00:00",
        ),
        (Failed("lost", where="web1"), "web1: lost", "web1: lost"),
        (secret("env:RENDER_PASSWORD"), "<secret env:RENDER_PASSWORD>",
         "<secret env:RENDER_PASSWORD>"),
    ],
)  # fmt: skip
def test_each_kind_of_value_has_its_form(value: Any, data: Any, shown: str) -> None:
    assert as_data(value) == data
    assert type(as_data(value)) is type(data)
    assert cell(value) == shown
    json.dumps(as_data(value))


def test_a_record_is_its_fields_and_its_verdict() -> None:
    assert as_data(Inner("a")) == {"name": "a", "ok": True}
    assert as_data(Judged(12)) == {"size": 12, "ok": False}
    assert as_data(Record("a", (1, 2), {"inner": Inner("b")})) == {
        "host": "a",
        "values": [1, 2],
        "options": {"inner": {"name": "b", "ok": True}},
    }


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(TypeError, match="holds a object, which has no JSON form"):
        as_data({"a": object()})


def test_a_secret_shows_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    hidden = secret("env:RENDER_PASSWORD")
    assert hidden.reveal() == PASSWORD
    record = Record("web1", options={"password": hidden, "deep": {"each": [hidden]}})
    for form in Form:
        assert show(record, form)
        assert show([record], form)
    said = capsys.readouterr()
    assert said.out.count("<secret env:RENDER_PASSWORD>") == 12
    assert PASSWORD not in said.out + said.err


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\rb", "a\\rb"),
        ("\x9b31m", "\\x9b31m"),
        ("abc\u202ecba", "abc\\u202ecba"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("naïve 日本", "naïve 日本"),
    ],
)
def test_control_characters_are_written_out(text: str, written: str) -> None:
    assert plain(text) == written
    assert plain_bytes(text.encode()) == written


def test_no_form_lets_a_host_s_control_characters_out(capsys: pytest.CaptureFixture[str]) -> None:
    nasty = Record("\x1b[2Jhost", options={"\x1b[1m": "\x1b]0;x\x07", "csi": "\x9b31m\u202e"})
    for form in Form:
        show(nasty, form)
        show([nasty], form)
    said = capsys.readouterr().out
    assert not set("\x1b\x07\x9b\u202e") & set(said)


def test_json_with_control_characters_means_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    show(Inner("\x9b31m\u202e\x7f\x00\n"), Form.JSON)
    assert json.loads(capsys.readouterr().out)["name"] == "\x9b31m\u202e\x7f\x00\n"


def test_one_record_is_a_table_of_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    show(Record("web1", (1, 2), {"port": 80}), Form.TABLE)
    assert capsys.readouterr().out == (
        "host           web1\nvalues         1, 2\noptions.port   80\n"
    )


def test_many_records_are_a_table_of_rows(capsys: pytest.CaptureFixture[str]) -> None:
    show([Inner("a"), Inner("b", ok=False)], Form.TABLE)
    assert capsys.readouterr().out == "name   ok\na      yes\nb      no\n"


def test_a_table_in_a_pipe_is_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    wide = "x" * 3_000
    show([Record(wide, tuple(range(500)))], Form.TABLE)
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["host", "values", "options"]
    assert row.startswith(wide)
    assert "498, 499" in row


def test_markup_in_a_value_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    show([Inner("[red]:smile:[/red] [/]")], Form.TABLE)
    assert "[red]:smile:[/red] [/]" in capsys.readouterr().out


def test_no_records_are_no_table_and_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert show([], Form.TABLE)
    assert capsys.readouterr().out == ""
    assert show([], Form.JSON)
    assert capsys.readouterr().out == "[]\n"


def test_json_lines_are_written_as_the_records_come(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[str] = []

    def records() -> Iterator[Inner]:
        yield Inner("a")
        seen.append(capsys.readouterr().out)
        yield Inner("b", ok=False)

    assert not show(records(), Form.JSONL)
    assert seen == ['{"name": "a", "ok": true}\n']
    assert capsys.readouterr().out == '{"name": "b", "ok": false}\n'


@pytest.mark.parametrize("form", Form)
def test_an_interrupted_stream_shows_what_came_before(
    form: Form, capsys: pytest.CaptureFixture[str]
) -> None:
    def records() -> Iterator[Inner]:
        yield Inner("before")
        raise KeyboardInterrupt

    with pytest.raises(Exit) as ended, guarded(debug=False):
        show(records(), form)
    assert ended.value.code == 130
    said = capsys.readouterr()
    assert "before" in said.out
    assert said.err == "error: interrupted\n"


@pytest.mark.parametrize("form", ["table", "json", "jsonl"])
def test_the_form_is_an_option_or_a_variable(
    typed: Typed, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    words = ("lab.down", "--name", "lab-none")
    by_option = typed(*words, "--output", form)
    monkeypatch.setenv("WIREWORK_OUTPUT", form)
    by_variable = typed(*words)
    monkeypatch.setenv("WIREWORK_OUTPUT", "table" if form == "json" else "json")
    option_wins = typed(*words, "-o", form)
    assert by_option.out == by_variable.out == option_wins.out
    assert by_option.status == 0
    if form == "table":
        assert by_option.out.startswith("name")
    else:
        assert json.loads(by_option.out)["name"] == "lab-none"
        assert (form == "jsonl") == (by_option.out.count("\n") == 1)


def test_a_wrong_form_is_bad_input(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    said = typed("lab.down", "-o", "xml")
    assert (said.status, said.out) == (2, "")
    assert said.err == "error: --output is table, json or jsonl, not 'xml'\n"
    monkeypatch.setenv("WIREWORK_OUTPUT", "xml")
    with pytest.raises(BadInput, match="WIREWORK_OUTPUT is table, json or jsonl, not 'xml'"):
        Form.of("")


def test_a_result_that_is_not_ok_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    @task()
    def judge(c: object) -> Judged:
        """Judge."""
        return Judged(12)

    with pytest.raises(Exit) as ended:
        judge.body(None, output="json", debug=False)
    assert ended.value.code == 1
    assert json.loads(capsys.readouterr().out) == {"size": 12, "ok": False}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (count(1, "host"), "1 host"),
        (count(0, "host"), "0 hosts"),
        (seconds(0.004), "4 ms"),
        (seconds(1.23), "1.2 s"),
        (seconds(125), "2 min 5 s"),
        (size(512), "512 B"),
        (size(1536), "1.5 KiB"),
        (size(49 * 1_048_576), "49.0 MiB"),
        (size(3 << 30), "3.0 GiB"),
    ],
)
def test_amounts_are_said_as_people_say_them(said: str, expected: str) -> None:
    assert said == expected

from __future__ import annotations

import copy
import getpass
import io
import json
import logging
import os
import pickle
import pty
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from wirework import secrets
from wirework.errors import SecretError
from wirework.secrets import Secret, secret

VALUE = "hunter2-and-more"


@pytest.fixture
def known() -> Secret:
    """A secret that has already been fetched, which is when it could leak."""
    made = Secret("env:DB_PASSWORD", lambda: VALUE)
    assert made.reveal() == VALUE
    return made


@dataclass(frozen=True)
class Account:
    name: str
    password: Secret


@pytest.mark.parametrize(
    "show",
    [
        str,
        repr,
        ascii,
        "{}".format,
        "{:>40}".format,
        lambda value: "%s %r" % (value, value),  # noqa: UP031 - the form that logging uses
        lambda value: f"{value} {value!r} {value!s}",
        lambda value: str([value]),
        lambda value: repr(Account("db", value)),
        lambda value: json.dumps({"password": value}, default=str),
    ],
)
def test_no_printed_form_shows_the_value(show: Callable[[object], str], known: Secret) -> None:
    shown = show(known)
    assert "env:DB_PASSWORD" in shown
    assert VALUE not in shown


@pytest.mark.parametrize("write", [json.dumps, pickle.dumps, copy.copy, copy.deepcopy])
def test_what_would_write_the_value_down_is_refused(
    write: Callable[[object], object], known: Secret
) -> None:
    with pytest.raises(TypeError) as caught:
        write(known)
    assert VALUE not in str(caught.value)


def test_a_secret_has_no_dict_to_walk(known: Secret) -> None:
    with pytest.raises(TypeError):
        vars(known)
    assert not [name for name in dir(known) if "value" in name.lower()]


def test_a_log_shows_the_source_only(known: Secret, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("tests").warning("logging in with %s (%r)", known, known)
    assert caplog.messages == [
        "logging in with <secret env:DB_PASSWORD> (<secret env:DB_PASSWORD>)"
    ]


def test_a_traceback_with_its_locals_does_not_show_the_value(known: Secret) -> None:
    def work(password: Secret) -> None:
        raise RuntimeError(f"cannot log in with {password}")

    try:
        work(known)
    except RuntimeError as error:
        text = "".join(
            traceback.TracebackException.from_exception(error, capture_locals=True).format()
        )
    assert "password = <secret env:DB_PASSWORD>" in text
    assert VALUE not in text


def test_secrets_of_one_source_are_equal_and_hash_alike() -> None:
    assert secret("env:A") == secret("env:A")
    assert secret("env:A") != secret("env:B")
    assert secret("env:A") != "<secret env:A>"
    assert len({secret("env:A"), secret("env:A"), secret("env:B")}) == 2


@pytest.mark.parametrize(
    "source", ["hunter2", "vault:x", "env:", "env: ", "", "ENV:X", ":x", "env"]
)
def test_a_source_of_no_known_kind_is_refused_without_repeating_it(source: str) -> None:
    with pytest.raises(SecretError) as caught:
        secret(source)
    assert str(caught.value) == (
        "a secret names its source, not its value (one of env:…, file:…, prompt:…, command:…)"
    )


def test_nothing_is_fetched_before_it_is_used(tmp_path: Path) -> None:
    made = secret(f"file:{tmp_path}/later")
    (tmp_path / "later").write_text("now\n")
    assert made.reveal() == "now"


def test_a_value_is_fetched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIREWORK_TEST_SECRET", "first")
    made = secret("env:WIREWORK_TEST_SECRET")
    assert made.reveal() == "first"
    monkeypatch.setenv("WIREWORK_TEST_SECRET", "second")
    assert made.reveal() == "first"


def _reveal_from_threads(made: Secret, count: int) -> list[str]:
    answers: list[str] = []
    start = threading.Barrier(count)

    def ask() -> None:
        start.wait(timeout=10)
        try:
            answers.append(made.reveal())
        except SecretError as error:
            answers.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    return answers


def test_threads_that_ask_at_once_share_one_fetch() -> None:
    fetches = []

    def fetch() -> str:
        fetches.append(1)
        time.sleep(0.02)
        return VALUE

    assert _reveal_from_threads(Secret("env:X", fetch), 8) == [VALUE] * 8
    assert len(fetches) == 1


def test_threads_share_one_failure_instead_of_waiting_for_it_in_turn() -> None:
    fetches = []

    def fetch() -> str:
        fetches.append(1)
        raise SecretError("no answer within 30 s", hint="try again")

    assert (
        _reveal_from_threads(Secret("env:X", fetch), 8) == ["no answer within 30 s (try again)"] * 8
    )
    assert len(fetches) == 1


def test_an_interrupted_prompt_can_be_asked_again() -> None:
    answers = iter([KeyboardInterrupt(), VALUE])

    def fetch() -> str:
        answer = next(answers)
        if isinstance(answer, KeyboardInterrupt):
            raise answer
        return str(answer)

    made = Secret("prompt:X", fetch)
    with pytest.raises(KeyboardInterrupt):
        made.reveal()
    assert made.reveal() == VALUE


def test_env_reads_the_variable_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIREWORK_TEST_SECRET", " kept \n")
    assert secret("env:WIREWORK_TEST_SECRET").reveal() == " kept \n"


def test_env_that_is_not_set_says_how_to_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WIREWORK_TEST_SECRET", raising=False)
    with pytest.raises(SecretError) as caught:
        secret("env:WIREWORK_TEST_SECRET").reveal()
    assert str(caught.value) == (
        "the environment variable WIREWORK_TEST_SECRET is not set (export WIREWORK_TEST_SECRET=…)"
    )


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"pass", "pass"),
        (b"pass\n", "pass"),
        (b"pass\r\n", "pass"),
        (b"pass\n\n", "pass\n"),
        (b" two\nlines \n", " two\nlines "),
        ("pässwörd\n".encode(), "pässwörd"),
        (b"", ""),
    ],
)
def test_file_loses_its_last_line_end_only(tmp_path: Path, content: bytes, value: object) -> None:
    (tmp_path / "secret").write_bytes(content)
    assert secret(f"file:{tmp_path}/secret").reveal() == value


def test_file_may_be_below_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "secret").write_text("x")
    assert secret("file:~/secret").reveal() == "x"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("{tmp}/none", "cannot read the secret file {tmp}/none: No such file or directory"),
        ("{tmp}", "cannot read the secret file {tmp}: Is a directory"),
        ("{tmp}/binary", "the secret file {tmp}/binary is not UTF-8 text"),
        ("{tmp}/a\0b", "cannot read the secret file '{tmp}/a\\x00b': embedded null byte"),
        (
            "~nobody-here/x",
            "cannot read the secret file '~nobody-here/x': Could not determine home directory.",
        ),
    ],
)
def test_file_that_cannot_be_read_is_named(tmp_path: Path, path: str, text: str) -> None:
    (tmp_path / "binary").write_bytes(b"\xff" + VALUE.encode())
    with pytest.raises(SecretError) as caught:
        secret("file:" + path.format(tmp=tmp_path)).reveal()
    assert str(caught.value) == text.format(tmp=tmp_path)
    _assert_carries_nothing(caught.value)


def test_command_gives_what_it_prints(tmp_path: Path) -> None:
    assert secret(f"command:printf '%s\\n' '{VALUE} x'").reveal() == f"{VALUE} x"


def test_command_is_words_and_not_a_shell_line(tmp_path: Path) -> None:
    assert secret("command:echo $HOME; echo x").reveal() == "$HOME; echo x"


def test_command_does_not_eat_what_is_piped_into_us(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"meant for someone else\n")
    os.close(writing)
    saved = os.dup(0)
    os.dup2(reading, 0)
    try:
        with os.fdopen(0, closefd=False) as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            assert secret("command:cat").reveal() == ""
        assert os.read(reading, 100) == b"meant for someone else\n"
    finally:
        os.dup2(saved, 0)
        os.close(saved)
        os.close(reading)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("raise SystemExit(3)", "ended with status 3"),
        ("import os; os.kill(os.getpid(), 9)", "ended with status -9"),
        ("sys.stdout.buffer.write(bytes([255]))", "did not print UTF-8 text"),
    ],
)
def test_command_that_fails_is_named_without_its_output(code: str, text: str) -> None:
    half, rest = VALUE[:9], VALUE[9:]  # put together by the program, so only its output has it
    program = f"import sys; print('{half}' + '{rest}', flush=True); {code}"
    with pytest.raises(SecretError) as caught:
        secret(f'command:{sys.executable} -c "{program}"').reveal()
    assert str(caught.value) == f"the secret command {sys.executable} {text}"
    _assert_carries_nothing(caught.value)


def test_command_that_hangs_is_ended_and_its_output_forgotten(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(secrets, "COMMAND_TIMEOUT", 0.5)
    pid = tmp_path / "pid"
    (tmp_path / "slow").write_text(f"#!/bin/sh\necho $$ > {pid}\necho {VALUE}\nexec sleep 60\n")
    (tmp_path / "slow").chmod(0o700)
    began = time.monotonic()
    with pytest.raises(SecretError) as caught:
        secret(f"command:{tmp_path}/slow").reveal()
    assert time.monotonic() - began < 10
    assert str(caught.value) == f"the secret command {tmp_path}/slow gave no answer within 0.5 s"
    _assert_carries_nothing(caught.value)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            "/no/such/program --token",
            "cannot run the secret command /no/such/program: No such file or directory",
        ),
        ("{tmp}", "cannot run the secret command {tmp}: Permission denied"),
        ("a\0b", "cannot run the secret command 'a\\x00b': embedded null byte"),
        ("echo 'open", "cannot split the secret command into words: No closing quotation"),
    ],
)
def test_command_that_cannot_be_run_is_named(tmp_path: Path, words: str, text: str) -> None:
    with pytest.raises(SecretError) as caught:
        secret("command:" + words.format(tmp=tmp_path)).reveal()
    assert str(caught.value) == text.format(tmp=tmp_path)


@pytest.mark.parametrize("stdin", ["pipe", "closed", "none"])
def test_prompt_without_a_terminal_says_what_to_use_instead(
    monkeypatch: pytest.MonkeyPatch, stdin: str
) -> None:
    file = io.StringIO("typed ahead\n")
    if stdin == "closed":
        file.close()
    monkeypatch.setattr(sys, "stdin", None if stdin == "none" else file)
    with pytest.raises(SecretError) as caught:
        secret("prompt:Sudo password").reveal()
    assert str(caught.value) == (
        "cannot ask for 'Sudo password': there is no terminal (use env:, file: or command:)"
    )


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Our side of a real terminal, whose other side is standard input."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield ours
    os.close(ours)


def test_prompt_asks_at_a_terminal(monkeypatch: pytest.MonkeyPatch, terminal: int) -> None:
    asked = []
    monkeypatch.setattr(getpass, "getpass", lambda prompt: asked.append(prompt) or VALUE)
    assert secret("prompt:Sudo password").reveal() == VALUE
    assert asked == ["Sudo password: "]


def test_prompt_that_is_left_with_ctrl_d_is_an_error(
    monkeypatch: pytest.MonkeyPatch, terminal: int
) -> None:
    def leave(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr(getpass, "getpass", leave)
    with pytest.raises(SecretError, match=re.escape("nothing was entered for 'Sudo password'")):
        secret("prompt:Sudo password").reveal()


def _assert_carries_nothing(error: BaseException) -> None:
    """Neither what the error was raised from nor any local of our frames has the value."""
    assert error.__cause__ is None
    assert error.__context__ is None
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in told.stack if frame.filename == secrets.__file__]
    assert frames
    assert not [frame for frame in frames if VALUE in str(frame.locals)]

from __future__ import annotations

import getpass
import io
import os
import pty
import re
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from wirework import secrets
from wirework.errors import SecretError
from wirework.secrets import Sources, fetch, secret

VALUE = "hunter2-and-more"


@pytest.mark.parametrize(
    "source", ["hunter2", "vaults:x", "env:", "env: ", "", "ENV:X", ":x", "env", "vault:", "vault"]
)
def test_a_source_of_no_known_kind_is_refused_without_repeating_it(source: str) -> None:
    with pytest.raises(SecretError) as caught:
        secret(source)
    assert str(caught.value) == (
        "a secret names its source, not its value (one of env:NAME, file:PATH, "
        "prompt:TEXT, command:WORDS, keyring:SERVICE/NAME, vault:FILE#KEY)"
    )


@pytest.mark.parametrize(
    ("source", "form"),
    [
        ("vault:x", "vault:FILE#KEY"),
        ("vault:#x", "vault:FILE#KEY"),
        ("vault:x#", "vault:FILE#KEY"),
        ("keyring:x", "keyring:SERVICE/NAME"),
        ("keyring:x/", "keyring:SERVICE/NAME"),
        ("keyring:/x", "keyring:SERVICE/NAME"),
    ],
)
def test_a_source_of_two_parts_needs_both(source: str, form: str) -> None:
    with pytest.raises(SecretError) as caught:
        secret(source)
    assert str(caught.value) == f"a secret of this kind is written {form}"


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


def test_a_file_is_looked_for_below_the_base(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "token").write_text("x")
    assert secret("file:keys/token", tmp_path).reveal() == "x"
    assert secret(f"file:{tmp_path}/keys/token", Path("/nowhere")).reveal() == "x"


def test_a_file_without_end_is_not_read_to_it() -> None:
    with pytest.raises(SecretError, match="the secret file /dev/zero is larger than 1 MB"):
        secret("file:/dev/zero").reveal()


def test_a_pipe_can_be_the_file() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"piped\n")
    os.close(writing)
    try:
        assert secret(f"file:/dev/fd/{reading}").reveal() == "piped"
    finally:
        os.close(reading)


def test_a_command_runs_in_the_base(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("#!/bin/sh\npwd\n")
    (tmp_path / "token").chmod(0o700)
    assert secret("command:./token", tmp_path).reveal() == str(tmp_path.resolve())


def test_secrets_that_belong_together_are_one_for_each_source() -> None:
    sources = Sources()
    assert sources.secret("prompt:PIN") is sources.secret("prompt:PIN")
    assert sources.secret("prompt:PIN") is not sources.secret("prompt:TAN")


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
    monkeypatch.setattr(fetch, "COMMAND_TIMEOUT", 0.5)
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
    folder = Path(secrets.__file__).parent
    frames = [frame for frame in told.stack if Path(frame.filename).parent == folder]
    assert frames
    assert not [frame for frame in frames if VALUE in str(frame.locals)]

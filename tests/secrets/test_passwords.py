"""Where the passwords of Ansible Vault come from, and in which order they are tried."""

from __future__ import annotations

import getpass
import os
import pty
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from wirework.errors import SecretError
from wirework.secrets import fetch
from wirework.secrets.passwords import Passwords

HOMELESS = "Could not determine home directory."
NO_SCRIPT = "(if it is no script, take that right away: chmod -x words)"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with nothing in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("WIREWORK_VAULT", "ANSIBLE_VAULT_PASSWORD_FILE", "ANSIBLE_VAULT_IDENTITY_LIST"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def _script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return path


def _values(passwords: Passwords, label: str = "") -> list[bytes]:
    return [password.value.get() for password in passwords.ordered(label)]


def _error(*written: str) -> str:
    with pytest.raises(SecretError) as caught:
        _values(Passwords(*written))
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "password"),
    [
        (b"pass\n", b"pass"),
        (b" two words \r\n", b"two words"),
        ("pässwörd".encode(), "pässwörd".encode()),
        (b"\xff\xfe not text\n", b"\xff\xfe not text"),
    ],
)
def test_a_file_gives_its_text_without_space_around_it(
    folder: Path, content: bytes, password: bytes
) -> None:
    (folder / "pass").write_bytes(content)
    assert _values(Passwords("pass")) == [password]


def test_an_executable_file_is_run(folder: Path) -> None:
    _script(folder / "pass", "echo ' from a script '; echo args: $#")
    assert _values(Passwords("prod@pass")) == [b" from a script \nargs: 0"]


@pytest.mark.parametrize("name", ["keys-client", "keys-client.py"])
def test_a_client_script_is_told_the_label(folder: Path, name: str) -> None:
    _script(folder / name, 'echo "$@"')
    assert _values(Passwords(f"prod@{name}")) == [b"--vault-id prod"]
    with pytest.raises(SecretError, match="is empty"):
        _values(Passwords(name))


def test_the_home_folder_and_an_at_sign_in_a_folder_are_understood(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    (folder / "me@corp").mkdir()
    (folder / "me@corp" / "pass").write_text("x")
    for written in ("prod@~/me@corp/pass", "~/me@corp/pass", f"{folder}/me@corp/pass"):
        assert _values(Passwords(written)) == [b"x"]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, []),
        ({"WIREWORK_VAULT": "a"}, [b"A"]),
        ({"WIREWORK_VAULT": " prod@a , b,"}, [b"A", b"B"]),
        ({"WIREWORK_VAULT": "a", "ANSIBLE_VAULT_PASSWORD_FILE": "b"}, [b"A"]),
        ({"WIREWORK_VAULT": "", "ANSIBLE_VAULT_PASSWORD_FILE": "b"}, [b"B"]),
        ({"ANSIBLE_VAULT_PASSWORD_FILE": "with,comma@home"}, [b"C"]),
        ({"ANSIBLE_VAULT_IDENTITY_LIST": "x@a,y@b"}, [b"A", b"B"]),
        # Ansible tries those of the list first as well.
        ({"ANSIBLE_VAULT_PASSWORD_FILE": "b", "ANSIBLE_VAULT_IDENTITY_LIST": "x@a"}, [b"A", b"B"]),
    ],
)
def test_the_environment_names_the_passwords(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    expected: list[bytes],
) -> None:
    for name, content in (("a", "A"), ("b", "B"), ("with,comma@home", "C")):
        (folder / name).write_text(content)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert _values(Passwords.from_environment()) == expected


@pytest.mark.parametrize(
    ("label", "first"), [("prod", "prod@b"), ("default", "a"), ("nobody", "a"), ("", "a")]
)
def test_the_password_of_a_label_comes_first(label: str, first: str) -> None:
    passwords = Passwords("a", "prod@b", "dev@c")
    names = [password.name for password in passwords.ordered(label)]
    assert names[0] == first
    assert sorted(names) == ["a", "dev@c", "prod@b"]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("none", "cannot read the vault password file none: No such file or directory"),
        (".", "cannot read the vault password file .: Is a directory"),
        ("a\0b", "cannot read the vault password file 'a\\x00b': embedded null byte"),
        ("empty", "the vault password of empty is empty"),
        (
            "~nobody-here/x",
            "cannot read the vault password file '~nobody-here/x': " + HOMELESS,
        ),
        ("prod@failing", "the vault password script {folder}/failing ended with status 3"),
        (
            "words",
            "cannot run the vault password script {folder}/words: Exec format error " + NO_SCRIPT,
        ),
    ],
)
def test_a_password_that_cannot_be_had_says_why(folder: Path, written: str, told: str) -> None:
    (folder / "empty").write_text(" \n")
    (folder / "words").write_text("just words\n")
    (folder / "words").chmod(0o700)
    _script(folder / "failing", "echo hunter2; exit 3")
    assert _error(written) == told.format(folder=folder)


def test_a_script_that_hangs_is_ended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "COMMAND_TIMEOUT", 0.2)
    _script(folder / "slow", "exec sleep 60")
    assert _error("slow") == f"the vault password script {folder}/slow gave no answer within 0.2 s"


def test_a_password_is_fetched_once_by_all_threads(folder: Path) -> None:
    _script(folder / "pass", "echo x >> calls; echo pass")
    passwords = Passwords("pass")
    assert not (folder / "calls").exists()
    threads = [threading.Thread(target=_values, args=(passwords,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert _values(passwords) == [b"pass"]
    assert (folder / "calls").read_text() == "x\n"


def test_a_file_that_others_may_read_is_used_as_ansible_does(folder: Path) -> None:
    (folder / "pass").write_text("x")
    (folder / "pass").chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
    assert _values(Passwords("pass")) == [b"x"]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield
    os.close(ours)


@pytest.mark.parametrize(
    ("written", "asked"),
    [("prompt", "Vault password (default): "), ("prod@prompt", "Vault password (prod): ")],
)
def test_a_prompt_asks_once(
    monkeypatch: pytest.MonkeyPatch, terminal: None, written: str, asked: str
) -> None:
    prompts = []
    monkeypatch.setattr(getpass, "getpass", lambda prompt: prompts.append(prompt) or " typed ")
    passwords = Passwords(written)
    assert _values(passwords) == _values(passwords) == [b"typed"]
    assert prompts == [asked]


def test_a_prompt_without_a_terminal_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert _error("prompt") == (
        "cannot ask for 'Vault password (default)': there is no terminal "
        "(set WIREWORK_VAULT to the path of a password file)"
    )


def test_no_form_of_a_password_shows_it(folder: Path) -> None:
    (folder / "pass").write_text("hunter2")
    passwords = Passwords("pass")
    assert _values(passwords) == [b"hunter2"]
    assert "hunter2" not in f"{passwords} {passwords!r} {passwords.ordered('')!r}"

"""Secrets of a real keyring: one in a file, one that is locked, one that never answers."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail
from keyring.errors import InitError, KeyringLocked
from keyrings.alt.file import PlaintextKeyring

from wirework.errors import SecretError
from wirework.secrets import keyrings, secret

VALUE = "hunter2-and-more"


class ReadOnly(KeyringBackend):
    """A keyring of the lowest priority, so that nobody picks it."""

    priority = -1  # type: ignore[assignment] # as the library's own backends write it

    def set_password(self, *_entry: str) -> None:
        raise NotImplementedError


class Broken(ReadOnly):
    """A keyring that raises what it is given."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def get_password(self, *_entry: str) -> str | None:
        raise self.error


class Silent(ReadOnly):
    """A keyring that waits for somebody to unlock it."""

    def __init__(self) -> None:
        super().__init__()
        self.given_up = threading.Event()

    def get_password(self, *_entry: str) -> str | None:
        self.given_up.wait(30)
        return VALUE


@pytest.fixture(autouse=True)
def in_a_file(tmp_path: Path) -> Iterator[KeyringBackend]:
    """A keyring of this test alone in place of the user's."""
    before = keyring.get_keyring()
    mine = PlaintextKeyring()
    mine.file_path = str(tmp_path / "keyring.cfg")
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(before)


@pytest.mark.parametrize(
    ("service", "name"), [("db", "web"), ("https://git.example.com", "me@example.com"), ("ü", "ö")]
)
def test_a_keyring_gives_what_was_put_there(
    in_a_file: KeyringBackend, service: str, name: str
) -> None:
    in_a_file.set_password(service, name, VALUE)
    made = secret(f"keyring:{service}/{name}")
    assert made.reveal() == VALUE
    assert str(made) == f"<secret keyring:{service}/{name}>"


def test_an_entry_that_is_missing_is_named_with_what_makes_it() -> None:
    with pytest.raises(SecretError) as caught:
        secret("keyring:my db/web").reveal()
    assert str(caught.value) == (
        "the keyring has nothing for 'web' at 'my db' (keyring set 'my db' web)"
    )


@pytest.mark.parametrize(
    ("backend", "told"),
    [
        (Broken(KeyringLocked(VALUE)), "the keyring is locked (unlock it and try again)"),
        (Broken(InitError(VALUE)), "the keyring is locked (unlock it and try again)"),
        (Broken(OSError(VALUE)), "the keyring failed with OSError"),
        (
            fail.Keyring(),
            "there is no keyring on this machine (keyring --list-backends shows what it has)",
        ),
    ],
)
def test_a_keyring_that_cannot_answer_says_why(backend: KeyringBackend, told: str) -> None:
    keyring.set_keyring(backend)
    with pytest.raises(SecretError) as caught:
        secret("keyring:db/web").reveal()
    assert str(caught.value) == told
    assert caught.value.__context__ is None


def test_a_keyring_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = Silent()
    keyring.set_keyring(silent)
    monkeypatch.setattr(keyrings, "KEYRING_TIMEOUT", 0.2)
    with pytest.raises(SecretError, match=r"the keyring gave no answer within 0\.2 s"):
        secret("keyring:db/web").reveal()
    silent.given_up.set()


def test_without_the_library_the_error_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    made = secret("keyring:db/web")
    with pytest.raises(SecretError) as caught:
        made.reveal()
    assert str(caught.value) == (
        "secrets of a keyring need the keyring library "
        f"({sys.executable} -m pip install 'keyring>=25,<27')"
    )

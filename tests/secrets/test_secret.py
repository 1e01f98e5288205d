from __future__ import annotations

import copy
import json
import logging
import pickle
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import pytest

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

"""Servers that answer a login with what no honest server would say."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ssh.peers import trouble
from tests.ssh.sshd import Server, make_key
from wirework.errors import AuthenticationFailed, Unreachable
from wirework.secrets import Secret
from wirework.ssh import Pool
from wirework.ssh.auth.userauth import PROMPT_LENGTH, AsksMore, OnePassword

QUESTION = 60
"""SSH_MSG_USERAUTH_INFO_REQUEST, and what an expired password is answered with."""
METHODS = "keyboard-interactive"


class Impostor(paramiko.ServerInterface):
    """Says that it takes ``methods``, and sends ``raw`` when it is asked for its questions."""

    def __init__(self, methods: str = METHODS, raw: bytes = b"") -> None:
        self.methods = methods
        self.raw = raw
        self.say: Callable[[bytes], None] = print

    def get_allowed_auths(self, username: str) -> str:
        del username
        return self.methods

    def check_auth_interactive(self, username: str, submethods: str) -> paramiko.InteractiveQuery:
        del username, submethods
        self.say(self.raw)
        return paramiko.InteractiveQuery("", "")


@contextlib.contextmanager
def pretending(folder: Path, impostor: Impostor) -> Iterator[Server]:
    key = make_key(folder / "host_ed25519")
    transports: list[paramiko.Transport] = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                transport = paramiko.Transport(sock)
                transport.add_server_key(paramiko.Ed25519Key(filename=str(key)))
                transports.append(transport)

                def say(data: bytes, it: paramiko.Transport = transport) -> None:
                    it._send_message(paramiko.Message(data))  # type: ignore[attr-defined]

                impostor.say = say
                transport.start_server(threading.Event(), impostor)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        public = (folder / "host_ed25519.pub").read_text()
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}")
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield Server(port=port, folder=folder)
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for transport in transports:
                transport.close()


@pytest.mark.parametrize(
    ("methods", "shown"),
    [
        ("", "it takes nothing"),
        ("\x1b[2Jpublickey,hostbased", "it takes hostbased"),
        (",".join(f"m{number}" for number in range(1000)), "it takes m0 or m1 or m2 or m3 or "),
        ("x" * 5000, "it takes nothing"),
    ],
)
def test_what_a_server_says_it_takes_is_shown_with_care(
    pool: Pool, tmp_path: Path, methods: str, shown: str
) -> None:
    with pretending(tmp_path, Impostor(methods)) as server:
        error = trouble(pool, server.host(key=None))
    assert type(error) is AuthenticationFailed
    assert shown in str(error)
    assert str(error).isprintable()
    assert len(str(error)) < 300


def question(count: int, *, kind: int = QUESTION) -> bytes:
    return struct.pack(">BIIII", kind, 0, 0, 0, count)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (question(2**32 - 1), AuthenticationFailed),
        (question(3), AuthenticationFailed),
        (bytes([QUESTION]), Unreachable),  # nothing asked, an answer to it, and never a word more
        (b"\x3c\xff\xff\xff\xff" + b"x" * 9, Unreachable),
    ],
)
def test_questions_that_are_none_are_not_answered(
    tmp_path: Path, raw: bytes, kind: type[Unreachable]
) -> None:
    password = Secret("env:PW", lambda: "right")
    with (
        pretending(tmp_path, Impostor(raw=raw)) as server,
        Pool(known_hosts=(), login_timeout=10) as pool,
    ):
        error = trouble(pool, server.host(key=None, password=password))
    assert isinstance(error, kind)
    assert ("(it asks for '' and " in str(error)) == (kind is AuthenticationFailed)
    assert str(error).isprintable()


def test_a_server_that_says_yes_unasked_gets_no_password(pool: Pool, tmp_path: Path) -> None:
    never = Secret("env:PW", lambda: pytest.fail("the password was fetched"))
    impostor = Impostor()
    impostor.check_auth_none = lambda *_: paramiko.AUTH_SUCCESSFUL  # type: ignore[method-assign]
    with pretending(tmp_path, impostor) as server:
        pool.remote(server.host(key=None, password=never)).connect()


ROUNDS = st.lists(st.lists(st.tuples(st.text(max_size=60), st.booleans()), max_size=3), max_size=20)


@given(ROUNDS)
def test_a_password_is_the_answer_to_one_hidden_question_at_most(
    rounds: list[list[tuple[str, bool]]],
) -> None:
    answer = OnePassword("right")
    given_away: list[str] = []
    with contextlib.suppress(paramiko.AuthenticationException):
        for prompts in rounds:
            given_away += (answers := answer("", "", prompts))
            assert len(answers) == len(prompts)
            assert not any(seen for _, seen in prompts)
    assert given_away in ([], ["right"])


@given(st.lists(st.tuples(st.text(), st.booleans()), min_size=2))
def test_a_question_is_shown_as_one_short_line(prompts: list[tuple[str, bool]]) -> None:
    with pytest.raises(AsksMore) as caught:
        OnePassword("right")("", "", prompts)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 2 * PROMPT_LENGTH + 30

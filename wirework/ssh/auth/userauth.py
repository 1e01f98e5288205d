"""The conversation of a login (RFC 4252): one request after another, and what the server takes."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING

import paramiko
from paramiko import Message
from paramiko.auth_handler import AuthOnlyHandler
from paramiko.common import MSG_SERVICE_ACCEPT, cMSG_USERAUTH_INFO_RESPONSE, cMSG_USERAUTH_REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable

    MessageHandler = Callable[[Message], None]

PUBLICKEY, PASSWORD, INTERACTIVE = "publickey", "password", "keyboard-interactive"
NONE = "none"

LOOK = 0.1
"""Seconds after which a waiter looks whether the connection is still there."""
READS_ON = "SSH-2.0-OpenSSH"
"""A server that takes the first request of a login before it has said that it may be made."""
MAX_PROMPTS = 16
"""Questions in one round of keyboard-interactive that are read at all."""
MAX_ROUNDS = 8
MAX_METHODS = 8
PROMPT_LENGTH = 40
"""Characters of a server's question that are shown."""
_METHOD = re.compile(r"[a-z0-9@.-]{1,64}")


class AsksMore(paramiko.AuthenticationException):
    """The server asks a question that a password does not answer; ``str()`` is the question."""


class OnePassword:
    """Answers keyboard-interactive (RFC 4256): one hidden question, once, with the password.

    Raises AsksMore for whatever else is asked.
    """

    def __init__(self, password: str) -> None:
        self._password = password
        self._answered: str | None = None
        self._rounds = 0

    def __call__(self, title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        """Return the answers to one round of questions."""
        del title, instructions
        self._rounds += 1
        if not prompts and self._rounds <= MAX_ROUNDS:
            return []  # only something to read, or PAM's last word
        if len(prompts) == 1 and not prompts[0][1]:
            question = prompts[0][0]
            if self._answered is None:
                self._answered = question
                return [self._password]
            if question == self._answered:
                raise paramiko.AuthenticationException("the same question again: a wrong password")
        raise AsksMore(_shown([question for question, _ in prompts]))


class UserAuth(AuthOnlyHandler):
    """One connection's requests to be logged in, each answered before the next is made.

    ``takes`` are the methods that the server said it can go on with, None before its first no.
    The ``auth_…`` methods return [] when the login is complete and the methods that can continue
    it when one more is wanted; they raise AuthenticationException when refused. Each waits for
    the transport's ``auth_timeout``.

    paramiko's own handlers tell nobody what the server takes, ask for the service of logging in
    before each request where RFC 4253, 10, has it once, sign in the thread that reads, where an
    agent's refusal ends the connection, or miss an answer that comes at once.
    """

    def __init__(self, transport: paramiko.Transport) -> None:
        super().__init__(transport)
        self.takes: tuple[str, ...] | None = None
        self._accepted = threading.Event()
        transport.auth_handler = self

    def begin(self) -> None:
        """Ask for the service of logging in; raises SSHException or EOFError without it."""
        deadline = time.monotonic() + self.transport.auth_timeout
        self._request_auth()  # type: ignore[attr-defined]  # the stubs leave out what is private
        if self.transport.remote_version.startswith(READS_ON):
            return  # its answer comes with that to the first request: one round trip less
        while not self._accepted.wait(LOOK):
            if not self.transport.is_active():
                raise self.transport.get_exception() or EOFError()
            if time.monotonic() >= deadline:
                raise paramiko.AuthenticationException("no answer")

    def send_auth_request(
        self,
        username: str,
        method: str,
        finish_message: Callable[[Message], None] | None = None,
    ) -> list[str]:
        """Send one request and wait for the answer; the base class makes all of them with this."""
        self.auth_method = method
        self.username = username
        message = Message()
        message.add_byte(cMSG_USERAUTH_REQUEST)
        message.add_string(username)
        message.add_string("ssh-connection")
        message.add_string(method)
        if finish_message is not None:
            finish_message(message)
        self.transport.saved_exception = None
        event = self.auth_event = threading.Event()  # before sending: the answer may be quick
        self._send(message)
        return self.wait_for_response(event)

    @property
    def _client_handler_table(self) -> dict[int, MessageHandler]:
        table: dict[int, MessageHandler] = super()._client_handler_table  # type: ignore[misc]
        return {**table, MSG_SERVICE_ACCEPT: self._parse_service_accept}

    def _parse_service_accept(self, message: Message) -> None:
        del message  # only one service was asked for
        self._accepted.set()

    def _parse_userauth_failure(self, message: Message) -> None:
        names = message.get_binary().decode(errors="replace").split(",")
        self.takes = tuple(filter(_METHOD.fullmatch, names[:MAX_METHODS]))
        message.rewind()
        super()._parse_userauth_failure(message)  # type: ignore[misc]

    def _parse_userauth_info_request(self, message: Message) -> None:
        """Answer the questions of keyboard-interactive.

        The message's number is also that of a password that has expired (RFC 4252, 8).
        """
        try:
            if self.auth_method != INTERACTIVE or self.interactive_handler is None:
                raise AsksMore("a new one, since this has expired")
            title, instructions, _ = (_text(message) for _ in range(3))
            count = message.get_int()
            prompts = [
                (_text(message), message.get_boolean()) for _ in range(min(count, MAX_PROMPTS))
            ]
            answers = self.interactive_handler(title, instructions, prompts)
        except paramiko.AuthenticationException as error:
            self.transport.saved_exception = error
            if self.auth_event is not None:
                self.auth_event.set()
            return
        reply = Message()
        reply.add_byte(cMSG_USERAUTH_INFO_RESPONSE)
        reply.add_int(len(answers))
        for answer in answers:
            reply.add_string(answer)
        self._send(reply)

    def _send(self, message: Message) -> None:
        self.transport._send_message(message)  # type: ignore[attr-defined]  # noqa: SLF001 - no other way


def _text(message: Message) -> str:
    return message.get_binary().decode(errors="replace")


def _shown(questions: list[str]) -> str:
    """Return a server's questions as one short line without control characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in " ".join(questions)).split())
    return f"{line[:PROMPT_LENGTH]!r}" + (
        f" and {len(questions) - 1} more" if questions[1:] else ""
    )

"""The SSH agent (draft-miller-ssh-agent): which keys it holds, and its signatures.

paramiko's own Agent waits without end, and believes whatever length it is told.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko
from paramiko import Message
from paramiko.agent import ALGORITHM_FLAG_MAP

from wirework.ssh.auth import blobs
from wirework.ssh.hostkeys import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator

LIST_TIMEOUT = 2.0
"""Seconds that an agent may take to say which keys it holds."""
SIGN_TIMEOUT = 15.0
"""Seconds for a signature: a person may have to allow it, or touch a token."""
MAX_ANSWER = 256 * 1024
"""Bytes of one answer; OpenSSH's agent and client have the same limit."""
MAX_HELD = 64
OUTDATED = ("ssh-dss", "ssh-dss-cert-v01@openssh.com")
"""Types of keys that servers no longer take, and a try would be lost on."""

_LIST, _LISTED, _SIGN, _SIGNED = 11, 12, 13, 14


class NoAgent(Exception):
    """An agent that cannot be used; ``str()`` says why in a few words."""


class NotSigned(paramiko.SSHException):
    """The agent did not sign with a key that it holds."""


@dataclass(frozen=True, slots=True)
class HeldKey:
    """The public half of a key, or a certificate for it, that an agent holds."""

    blob: bytes

    @property
    def label(self) -> str:
        """What ssh-add(1) lists it as: its type and fingerprint."""
        return f"{blobs.short_type(self.blob)} {fingerprint(self.blob)}"


class Agents:
    """The agents that one pool's hosts use; each is asked once which keys it holds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asking: dict[str, threading.Lock] = {}
        self._answers: dict[str, tuple[HeldKey, ...] | NoAgent] = {}

    def held(self, path: str) -> tuple[HeldKey, ...]:
        """Return the keys of the agent that listens at ``path``, in its order.

        Raises NoAgent, also for every later host.
        """
        with self._lock:
            asking = self._asking.setdefault(path, threading.Lock())
        with asking:
            if path not in self._answers:
                self._answers[path] = _ask_for_keys(path)
            answer = self._answers[path]
        if isinstance(answer, NoAgent):
            raise NoAgent(str(answer))
        return answer


class Conversation:
    """One login's connection to an agent, made for its first signature; ends with its first fault.

    An agent that was silent once is not waited for again, and an answer that comes late is not
    taken for that to the next question.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._fault: NoAgent | None = None
        self._sock: socket.socket | None = None

    def sign(self, key: HeldKey, data: bytes, algorithm: str) -> bytes:
        """Return the signature of ``data``; raises NotSigned."""
        request = Message()
        request.add_byte(bytes([_SIGN]))
        request.add_string(key.blob)
        request.add_string(data)
        request.add_int(ALGORITHM_FLAG_MAP.get(algorithm, 0))
        try:
            if self._fault is not None:
                raise self._fault
            if self._sock is None:
                self._sock = _connect(self._path)
            kind, rest = _exchange(self._sock, request.asbytes(), SIGN_TIMEOUT)
            if kind != _SIGNED:
                raise NotSigned("the agent refused to sign")
            return blobs.Fields(rest).take()
        except NoAgent as error:
            self._fault = error
            self.close()
            raise NotSigned(str(error)) from error
        except blobs.Malformed as error:
            raise NotSigned("the agent's answer makes no sense") from error

    def close(self) -> None:
        """Hang up, if there is a connection."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None


class AgentKey(paramiko.PKey):
    """A key that an agent holds, as paramiko signs with one; ``certificate`` may stand for it."""

    def __init__(
        self, held: HeldKey, conversation: Conversation, certificate: bytes | None = None
    ) -> None:
        super().__init__()
        self._held = held
        self._conversation = conversation
        self._offered = held.blob if certificate is None else certificate

    def asbytes(self) -> bytes:
        """Return what is offered to the server."""
        return self._offered

    def get_name(self) -> str:
        """Return the type of what is offered."""
        return blobs.key_type(self._offered)

    def can_sign(self) -> bool:
        """Say yes."""
        return True

    def sign_ssh_data(self, data: bytes, algorithm: str | None = None) -> Message:
        """Let the agent sign ``data``; raises NotSigned."""
        return Message(self._conversation.sign(self._held, data, algorithm or self.get_name()))


def socket_path(setting: str | None) -> str | None:
    """Return where the agent listens: ``setting``, ``SSH_AUTH_SOCK`` if None; None for ``none``."""
    if setting is None:
        return os.environ.get("SSH_AUTH_SOCK") or None
    return None if setting == "none" else setting


def _ask_for_keys(path: str) -> tuple[HeldKey, ...] | NoAgent:
    try:
        with contextlib.closing(_connect(path)) as sock:
            kind, rest = _exchange(sock, bytes([_LIST]), LIST_TIMEOUT)
        if kind != _LISTED:
            return NoAgent("it lists no keys")
        return tuple(listed(rest))
    except NoAgent as error:
        return error
    except blobs.Malformed:
        return NoAgent("its answer makes no sense")


def listed(answer: bytes) -> Iterator[HeldKey]:
    """Read what follows the kind of an agent's list of keys; raises Malformed."""
    fields = blobs.Fields(answer)
    for _ in range(min(fields.number(), MAX_HELD)):
        key = HeldKey(fields.take())
        fields.take()  # its comment, which is whatever somebody once wrote
        if blobs.key_type(key.blob) not in OUTDATED:
            yield key


def _connect(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(LIST_TIMEOUT)
        sock.connect(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        sock.close()
        late = isinstance(error, TimeoutError)
        where = Path(path).name
        raise NoAgent("no answer" if late else f"nobody listens at its socket {where}") from error
    return sock


def _exchange(sock: socket.socket, request: bytes, timeout: float) -> tuple[int, bytes]:
    """Send one request; return the kind of the answer and the rest of it. Raises NoAgent."""
    deadline = time.monotonic() + timeout
    try:
        sock.settimeout(timeout)
        sock.sendall(struct.pack(">I", len(request)) + request)
        (length,) = struct.unpack(">I", _receive(sock, 4, deadline))
        if not 0 < length <= MAX_ANSWER:
            raise NoAgent("its answer makes no sense")
        answer = _receive(sock, length, deadline)
    except TimeoutError:
        raise NoAgent("no answer") from None
    except OSError as error:
        raise NoAgent(error.strerror or "no answer") from error
    return answer[0], answer[1:]


def _receive(sock: socket.socket, length: int, deadline: float) -> bytes:
    data = bytearray()
    while len(data) < length:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        sock.settimeout(left)
        more = sock.recv(length - len(data))
        if not more:
            raise NoAgent("it hung up")
        data += more
    return bytes(data)

"""What goes wrong on the way to a server, told apart by cause, in words people use."""

from __future__ import annotations

import errno
import os
import socket
from enum import StrEnum

MOST_TOLD = 72
"""Characters of a server's words that are repeated in a line of ours."""


class Cause(StrEnum):
    """Why something did not work; programs tell failures apart by these words."""

    NO_SUCH_HOST = "no such host"
    NO_ADDRESS = "no address"
    RESOLVER = "resolver failed"
    REFUSED = "refused"
    RESET = "reset"
    TIMED_OUT = "timed out"
    HOST_UNREACHABLE = "host unreachable"
    NETWORK_UNREACHABLE = "network unreachable"
    PROHIBITED = "prohibited"
    NOT_SUPPORTED = "not supported"
    ENDED = "ended"
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"
    WRONG_NAME = "wrong name"
    SELF_SIGNED = "self-signed"
    UNKNOWN_ISSUER = "unknown issuer"
    CERTIFICATE = "certificate"
    PROTOCOL = "protocol"
    NOT_TLS = "not TLS"
    UNEXPECTED = "unexpected"
    ABSENT = "absent"
    OTHER = "other"


class Trouble(Exception):
    """A cause, one line about it for people, and the errno's name ("" where there is none)."""

    def __init__(self, cause: Cause, words: str, *, errno_name: str = "") -> None:
        super().__init__(words)
        self.cause = cause
        self.words = words
        self.errno_name = errno_name

    def __str__(self) -> str:
        return f"{self.words} ({self.errno_name})" if self.errno_name else self.words


_BY_ERRNO = {
    errno.ECONNREFUSED: (Cause.REFUSED, "refused: nothing listens there"),
    errno.ECONNRESET: (Cause.RESET, "reset by the other end"),
    errno.EPIPE: (Cause.RESET, "the other end takes nothing more"),
    errno.ECONNABORTED: (Cause.RESET, "given up by the other end"),
    errno.ETIMEDOUT: (Cause.TIMED_OUT, "no answer: the kernel gave up"),
    errno.EHOSTUNREACH: (Cause.HOST_UNREACHABLE, "the host cannot be reached"),
    errno.EHOSTDOWN: (Cause.HOST_UNREACHABLE, "the host is down"),
    errno.ENETUNREACH: (Cause.NETWORK_UNREACHABLE, "there is no route to its network"),
    errno.ENETDOWN: (Cause.NETWORK_UNREACHABLE, "the network is down"),
    errno.EACCES: (Cause.PROHIBITED, "prohibited by a firewall or route"),
    errno.EPERM: (Cause.PROHIBITED, "prohibited by a firewall here"),
    errno.EAFNOSUPPORT: (Cause.NOT_SUPPORTED, "this machine has no such address family"),
    errno.EADDRNOTAVAIL: (Cause.NOT_SUPPORTED, "this machine has no address to connect from"),
    # connect(2) says this for a blackhole route, and for a link-local address without its zone.
    errno.EINVAL: (Cause.NETWORK_UNREACHABLE, "a blackhole route, or an address without its zone"),
    errno.ENOENT: (Cause.ABSENT, "is not there"),
    errno.ENOTDIR: (Cause.ABSENT, "is not there"),
    errno.EPROTOTYPE: (Cause.PROTOCOL, "is a socket, but no stream socket"),
    errno.EAGAIN: (Cause.REFUSED, "its queue of new connections is full"),
}
_BY_EAI = {
    socket.EAI_NONAME: (Cause.NO_SUCH_HOST, "there is no such host"),
    socket.EAI_NODATA: (Cause.NO_ADDRESS, "the name has no {}address"),
    socket.EAI_ADDRFAMILY: (Cause.NO_ADDRESS, "the host has no {}address"),
    socket.EAI_FAMILY: (Cause.NOT_SUPPORTED, "this machine has no such address family"),
    socket.EAI_AGAIN: (Cause.RESOLVER, "the name servers fail or are silent"),
    socket.EAI_FAIL: (Cause.RESOLVER, "the name servers fail for this name"),
}
_EAI_NAMES: dict[int, str] = {
    getattr(socket, name): name for name in dir(socket) if name.startswith("EAI_")
}


def of_socket(error: OSError) -> Trouble:
    """Return the trouble that an error of a socket stands for."""
    number = error.errno or 0
    name = errno.errorcode.get(number, "")
    cause, words = _BY_ERRNO.get(number, (Cause.OTHER, os.strerror(number) if number else ""))
    return Trouble(cause, words or str(error) or type(error).__name__, errno_name=name)


def of_resolver(error: socket.gaierror, family: str = "") -> Trouble:
    """Return the trouble that getaddrinfo(3) tells; ``family`` is IPv4, IPv6 or "" for any."""
    number = error.errno or 0
    cause, words = _BY_EAI.get(number, (Cause.RESOLVER, error.strerror or "the resolver fails"))
    kind = f"{family} " if family else ""
    return Trouble(cause, words.format(kind), errno_name=_EAI_NAMES.get(number, ""))


def said(data: bytes, most: int = MOST_TOLD) -> str:
    r"""Return what was said as a quoted word of a line: UTF-8, all else escaped, cut to a length.

    >>> said(b"220 ready\r\n")
    "'220 ready\\r\\n'"
    """
    text = repr(data[: 4 * most].decode("utf-8", "backslashreplace"))
    # What was escaped already is not escaped again.
    text = text.replace("\\\\x", "\\x")
    return text if len(text) <= most else f"{text[: most - 2]}…{text[0]}"

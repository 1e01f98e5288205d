"""One look at a target: is it there, and if not, why not."""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import socket
import stat
from typing import TYPE_CHECKING, cast

from wirework.net.causes import Cause, Trouble, of_socket, said
from wirework.net.connecting import Line, Stop, Wire, resolve, spelled
from wirework.net.expecting import MOST_HEARD, hear, matches
from wirework.net.probe.tls import TlsLine
from wirework.net.unix.address import Address

from wirework.net.wait.targets import Kind, Target

if TYPE_CHECKING:
    from wirework.net.connecting import SocketAddress
    from wirework.net.endpoints import Endpoint

    from wirework.net.wait.wish import Terms

MOST_ADDRESSES = 8


def look(target: Target, terms: Terms, *, deadline: float, stop: Stop) -> str:
    """Return what a target that is there does, in a few words; raises Trouble when it is not.

    Raises TimeoutError when the deadline passes, or a stop comes, while something is awaited.
    """
    if target.kind is Kind.FILE:
        return _file(target.path, terms)
    with contextlib.ExitStack() as stack:
        if target.kind is Kind.UNIX:
            wire = stack.enter_context(Wire(socket.AF_UNIX, deadline=deadline, stop=stop))
            _connect(wire, Address.of(target.path).bound)
        else:
            wire = _dial(_server(target), stack, deadline, stop)
        line: Line = wire
        if target.kind in (Kind.TLS, Kind.HTTPS) and terms.tls:
            line = TlsLine(wire, terms.tls, _server(target).host.rstrip("."))
            line.handshake()
        if target.kind in (Kind.HTTP, Kind.HTTPS):
            return _page(line, target, terms)
        if terms.expect is None:
            return "speaks TLS" if line is not wire else "takes connections"
        heard = bytearray()
        with _as_trouble("connected, but it "):
            hear(line, terms.expect, heard)
        return f"says {said(bytes(heard))}"


def _server(target: Target) -> Endpoint:
    assert target.server is not None  # noqa: S101  (all kinds but two have one)
    return target.server


def _dial(server: Endpoint, stack: contextlib.ExitStack, deadline: float, stop: Stop) -> Wire:
    """Connect to the first of a host's addresses that answers."""
    addresses = resolve(server, deadline=deadline)[:MOST_ADDRESSES]
    troubles: dict[str, Trouble] = {}
    for family, address in addresses:
        wire = stack.enter_context(Wire(family, deadline=deadline, stop=stop))
        try:
            _connect(wire, address)
        except Trouble as trouble:
            troubles[spelled(address)] = trouble
        else:
            return wire
    first = next(iter(troubles.values()))
    if len({str(each) for each in troubles.values()}) == 1:
        raise first
    told = "; ".join(f"{address}: {each.words}" for address, each in troubles.items())
    raise Trouble(first.cause, told)


def _connect(wire: Wire, address: SocketAddress) -> None:
    with _as_trouble():
        wire.connect(address)


class _as_trouble(contextlib.AbstractContextManager[None]):  # noqa: N801  (it reads as a verb)
    """Turn a socket's errors into Trouble, and put ``before`` it in front of its words."""

    def __init__(self, before: str = "") -> None:
        self._before = before

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Trouble):
            raise Trouble(error.cause, f"{self._before}{error.words}") from None
        if isinstance(error, OSError) and (error.errno or not isinstance(error, TimeoutError)):
            raise of_socket(error) from None


def _page(line: Line, target: Target, terms: Terms) -> str:
    """Ask for a page (RFC 9112) and compare its status, and its text if that matters."""
    server = _server(target)
    default = {Kind.HTTP: 80, Kind.HTTPS: 443}[target.kind]
    host = str(server).removesuffix(f":{default}") if server.port == default else str(server)
    request = f"GET {target.path} HTTP/1.1\r\nHost: {host}\r\n"
    request += "User-Agent: wirework\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n"
    line.send(request.encode("idna" if not request.isascii() else "ascii"))
    reading = _Reading(line)
    # It takes a socket for nothing but its makefile.
    answer = http.client.HTTPResponse(cast("socket.socket", reading), method="GET")
    try:
        answer.begin()
        status = answer.status
        wanted = terms.statuses or range(200, 400)
        if status not in wanted:
            only = f", not {' or '.join(map(str, sorted(terms.statuses)))}" * bool(terms.statuses)
            raise Trouble(Cause.UNEXPECTED, f"answers with status {status}{only}")
        if terms.expect and not matches(terms.expect, answer.read(MOST_HEARD)):
            raise Trouble(Cause.UNEXPECTED, f"status {status}, but not the text that is expected")
    except http.client.RemoteDisconnected:
        raise Trouble(Cause.ENDED, "ended the connection without a word") from None
    except (http.client.HTTPException, ValueError) as error:
        heard = said(reading.first) if reading.first else type(error).__name__
        raise Trouble(Cause.PROTOCOL, f"speaks no HTTP, but says {heard}") from None
    finally:
        answer.close()
    return f"answers with status {status}"


class _Reading(io.RawIOBase):
    """What a line says, as a file that http.client reads."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._rest = b""
        self.first = b""

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return it buffered."""
        del mode  # it is rb
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Tell that it is there to be read."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Put what comes next into a buffer."""
        data = self._rest or self._line.receive()
        self.first = self.first or data
        size = min(len(buffer), len(data))
        buffer[:size] = data[:size]
        self._rest = data[size:]
        return size


def _file(path: str, terms: Terms) -> str:
    """Look for a file, and for what is expected in its beginning."""
    with _as_trouble():
        kind = os.stat(path).st_mode  # noqa: PTH116  (of a path that may be anything)
        if terms.expect is None:
            return "is there"
        if not stat.S_ISREG(kind):
            raise Trouble(Cause.UNEXPECTED, "is there, but no plain file")
        with open(path, "rb") as file:  # noqa: PTH123  (the same)
            if not matches(terms.expect, file.read(MOST_HEARD)):
                raise Trouble(Cause.UNEXPECTED, "is there, but does not hold what is expected")
    return "holds what is expected"

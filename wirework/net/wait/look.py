"""One look at a target: is it there, and if not, why not."""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import socket
import stat
import time
from typing import TYPE_CHECKING, cast

from wirework.net.causes import Cause, Trouble, of_socket, said
from wirework.net.connecting import Line, Stop, Wire, resolve, spelled
from wirework.net.endpoints import Endpoint
from wirework.net.expecting import MOST_HEARD, hear, matches
from wirework.net.probe.tls import TlsLine
from wirework.net.wait.targets import Kind, Target
from wirework.serving.unix.address import Address

if TYPE_CHECKING:
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
            with _as_trouble():
                wire.connect(Address.of(target.path).bound)
        else:
            wire = _dial(_server(target), stack, deadline, stop)
        line: Line = wire
        if target.kind in (Kind.TLS, Kind.HTTPS) and terms.tls:
            line = TlsLine(wire, terms.tls, _server(target).host.rstrip("."))
            with _as_trouble(silence="takes connections, but does not answer a TLS handshake"):
                line.handshake()
        if target.kind in (Kind.HTTP, Kind.HTTPS):
            with _as_trouble(silence="takes connections, but does not answer a request"):
                return _page(line, target, terms)
        if terms.expect is None:
            return "speaks TLS" if line is not wire else "takes connections"
        heard = bytearray()
        with _as_trouble("connected, but it ", silence="takes connections, but says nothing"):
            hear(line, terms.expect, heard)
        return f"says {said(bytes(heard))}"


def _server(target: Target) -> Endpoint:
    assert target.server is not None  # noqa: S101  (all kinds but two have one)
    return target.server


def _dial(server: Endpoint, stack: contextlib.ExitStack, deadline: float, stop: Stop) -> Wire:
    """Connect to the first of a host's addresses that answers within its share of the time."""
    addresses = resolve(server, deadline=deadline)[:MOST_ADDRESSES]
    troubles: dict[str, Trouble] = {}
    for number, (family, address) in enumerate(addresses):
        now = time.monotonic()
        share = now + (deadline - now) / (len(addresses) - number)
        try:
            with _as_trouble():
                wire = stack.enter_context(Wire(family, deadline=share, stop=stop))
                wire.connect(address)
        except TimeoutError:
            if stop.wait(0):
                raise
            troubles[spelled(address)] = Trouble(Cause.TIMED_OUT, "no answer")
        except Trouble as trouble:
            troubles[spelled(address)] = trouble
        else:
            wire.deadline = deadline
            return wire
    first = next(iter(troubles.values()))
    if len({str(each) for each in troubles.values()}) > 1:
        told = "; ".join(f"{address}: {each.words}" for address, each in troubles.items())
        raise Trouble(first.cause, told)
    if first.cause is Cause.TIMED_OUT and not first.errno_name:
        raise TimeoutError
    raise first


class _as_trouble(contextlib.AbstractContextManager[None]):  # noqa: N801  (it reads as a verb)
    """Turn a socket's errors into Trouble, with ``before`` in front of what a Trouble says.

    A passed deadline stays a TimeoutError, which says ``silence``.
    """

    def __init__(self, before: str = "", *, silence: str = "") -> None:
        self._before = before
        self._silence = silence

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Trouble):
            if self._before:
                words = f"{self._before}{error.words}"
                raise Trouble(error.cause, words, errno_name=error.errno_name) from None
            return
        if isinstance(error, TimeoutError) and not error.errno:
            raise TimeoutError(self._silence) from None
        if isinstance(error, OSError):
            raise of_socket(error) from None


def _page(line: Line, target: Target, terms: Terms) -> str:
    """Ask for a page (RFC 9112) and compare its status, and its text if that matters."""
    server = _server(target)
    default = {Kind.HTTP: 80, Kind.HTTPS: 443}[target.kind]
    # A zone is nobody's business but this machine's.
    host = str(Endpoint(server.host.partition("%")[0].encode("idna").decode(), server.port))
    if server.port == default:
        host = host.removesuffix(f":{default}")
    request = f"GET {target.path} HTTP/1.1\r\nHost: {host}\r\n"
    request += "User-Agent: wirework\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n"
    line.send(request.encode())
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

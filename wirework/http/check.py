"""Asking for a page, to see whether it is as it should be."""

from __future__ import annotations

import codecs
import ipaddress
import math
import queue
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from wirework import __version__
from wirework.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 1024 * 1024
"""Bytes of a page that are read; text further down is not looked for."""

MOST_REDIRECTS = 5

_PIECE = 65536
_NO_PROXY = {"http": "", "https": ""}


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What asking for a page gave.

    ``status`` is the last answer's, None without one; ``seconds`` is the time until the page was
    read; ``size`` is in bytes, ``MOST_BYTES`` at most; ``problem`` is one line, empty when the
    page is as it should be.
    """

    url: str
    status: int | None
    seconds: float
    size: int
    problem: str

    @property
    def ok(self) -> bool:
        """Whether the page is as it should be."""
        return not self.problem

    @property
    def summary(self) -> str:
        """The answer in a few words."""
        if self.problem:
            return self.problem
        return f"{self.status}, {self.size} bytes in {self.seconds * 1000:.0f} ms"


@dataclass(frozen=True)
class _Page:
    """What came of a request: an answer, or in ``problem`` why there is none."""

    status: int | None = None
    body: bytes = b""
    encoding: str = "utf-8"
    problem: str = ""


def check(
    url: str,
    *,
    status: int | tuple[int, ...] = 200,
    contains: str = "",
    timeout: float = 5.0,
) -> Checked:
    """GET a page and tell whether its status is (one of) ``status`` and its text ``contains``.

    ``timeout`` is in seconds and covers everything, redirects included; at most five of those
    are followed, none from https to http. Proxies of the environment are not used for this
    machine itself. Trouble of the network is told in ``problem``; raises BadInput, before
    anything is sent, for what is no request. Source: RFC 9110.
    """
    wanted = (status,) if isinstance(status, int) else status
    _refuse_nonsense(url, wanted, timeout)
    start = time.monotonic()
    page = _fetch_in_time(url, wanted, timeout)
    return Checked(
        url=url,
        status=page.status,
        seconds=time.monotonic() - start,
        size=len(page.body),
        problem=page.problem or _shortcoming(page, wanted, contains),
    )


def _refuse_nonsense(url: str, wanted: tuple[int, ...], timeout: float) -> None:
    try:
        parts = urlsplit(url)
        # It rejects ports out of range, where urlsplit waits until it is asked for one.
        host, port = parts.hostname, parts.port
        requests.Request("GET", url).prepare()
    except ValueError as error:
        raise BadInput(f"{url!r} is no URL: {error}") from error
    if parts.password is not None:
        # The URL is shown and kept, so it is not repeated here either.
        raise BadInput("a URL to check holds no password", hint="leave out what stands before @")
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise BadInput(f"{url!r} is no http or https URL", hint="as in http://127.0.0.1:8001/")
    if not wanted or not all(100 <= code <= 599 for code in wanted):  # noqa: PLR2004  (RFC 9110, 15)
        raise BadInput(f"an HTTP status is between 100 and 599, not {wanted}")
    if not 0 < timeout < math.inf:
        raise BadInput(f"a timeout is a number of seconds above 0, not {timeout}")


def _shortcoming(page: _Page, wanted: tuple[int, ...], contains: str) -> str:
    """Return what a page lacks, or nothing."""
    if page.status not in wanted:
        return f"status {page.status}, not {' or '.join(map(str, wanted))}"
    # Many pages do not say how they are encoded, or say it wrongly.
    if contains.encode() in page.body or contains in page.body.decode(page.encoding, "replace"):
        return ""
    within = " in its first MiB" if len(page.body) == MOST_BYTES else ""
    return f"the text {contains!r} is not there{within}"


def _fetch_in_time(url: str, wanted: tuple[int, ...], timeout: float) -> _Page:
    """Fetch a page, but wait no longer than the timeout, whatever name servers and hosts do.

    Timeouts of sockets begin again with every byte. So the work is done by a thread of its own,
    which a server that feeds it crumbs can keep busy; nobody waits for it.
    """
    answers: queue.SimpleQueue[_Page | Exception] = queue.SimpleQueue()

    def work() -> None:
        try:
            answers.put(_fetch(url, wanted, timeout))
        except Exception as error:  # noqa: BLE001  (whoever waits for the answer raises it)
            answers.put(error)

    threading.Thread(target=work, name=f"check {url}", daemon=True).start()
    try:
        answer = answers.get(timeout=timeout)
    except queue.Empty:
        return _Page(problem=_too_late(timeout))
    if isinstance(answer, Exception):
        raise answer
    return answer


def _too_late(timeout: float) -> str:
    return f"no whole answer within {timeout:g} s"


def _fetch(url: str, wanted: tuple[int, ...], timeout: float) -> _Page:
    """Fetch a page; every trouble on the way is a problem of the page."""
    deadline = time.monotonic() + timeout
    try:
        with requests.Session() as session:
            session.headers["User-Agent"] = f"wirework/{__version__}"
            session.headers["Accept-Encoding"] = "identity"  # nothing small grows large here
            return _follow(session, url, wanted, deadline)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        return _Page(problem=_plainly(error, timeout))


def _follow(session: requests.Session, url: str, wanted: tuple[int, ...], deadline: float) -> _Page:
    """GET a page and the pages it redirects to, until the one with the wanted status."""
    for _ in range(MOST_REDIRECTS + 1):
        with session.get(
            url,
            allow_redirects=False,
            proxies=_NO_PROXY if _is_loopback(url) else None,
            stream=True,
            timeout=max(deadline - time.monotonic(), 0.001),
        ) as answer:
            code = answer.status_code
            target = answer.headers.get("Location", "") if answer.is_redirect else ""
            if code in wanted or not target:
                body = b"".join(_pieces(answer, deadline))
                return _Page(code, body[:MOST_BYTES], _encoding(answer))
        following = urljoin(url, target)
        came, goes = urlsplit(url).scheme, urlsplit(following).scheme
        if goes not in ("http", "https") or (came, goes) == ("https", "http"):
            return _Page(code, problem=f"redirects from {came} to {goes}, which is not followed")
        url = following
    return _Page(code, problem=f"redirects more than {MOST_REDIRECTS} times")


def _pieces(answer: requests.Response, deadline: float) -> Iterator[bytes]:
    """Read a body as it comes, up to the most bytes and until the deadline."""
    size = 0
    while size < MOST_BYTES:
        if time.monotonic() > deadline:
            raise requests.Timeout
        piece = answer.raw.read1(_PIECE, decode_content=True)
        if not piece:
            return
        size += len(piece)
        yield piece


def _encoding(answer: requests.Response) -> str:
    """Return the encoding a page says it has, if it says one that this Python knows."""
    try:
        return codecs.lookup(answer.encoding or "utf-8").name
    except LookupError:
        return "utf-8"


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _plainly(error: BaseException, timeout: float) -> str:
    """Say in one short line what was wrong; the libraries wrap it several times over."""
    last = error
    for cause in _causes(error):
        last = cause
        match cause:
            case requests.Timeout() | TimeoutError():
                return _too_late(timeout)
            case ConnectionRefusedError():
                return "connection refused: nothing listens there"
            case socket.gaierror():
                return f"the host's name is not known: {cause.strerror}"
            case ssl.SSLCertVerificationError():
                return f"its certificate is not trusted: {cause.verify_message}"
            case ssl.SSLError():
                return f"no TLS connection: {cause.reason or cause}"
            case ConnectionError() | urllib3.exceptions.IncompleteRead():
                return "the connection ended before the answer did"
            case _:
                continue
    return " ".join(str(last).split()) or type(last).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Go from an error down to what it came from."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__

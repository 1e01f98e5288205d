"""Connecting to a server once, to see what works."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from wirework.net.connecting import check_host
from wirework.net.endpoints import one_server
from wirework.net.probe.asking import Asking, Plan
from wirework.net.probe.course import Course, Over

if TYPE_CHECKING:
    from wirework.net.probe.results import Probe


def probe(host: str, port: str = "", asking: Asking | None = None) -> Probe:
    """Connect to a server once and tell how each stage went.

    ``host`` may hold the port, as ``host:port``. Only where a certificate is refused a second
    connection is made, to read it. Raises BadInput before anything is sent; all other trouble is
    told in the result.
    """
    asking = asking or Asking()
    server = one_server(host, port)
    check_host(server.host, where="HOST")
    course = Course(server, Plan.of(asking))
    with contextlib.suppress(Over):
        course.run()
    return course.result()

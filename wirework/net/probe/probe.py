"""Connecting to a server once, to see what works."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from wirework.errors import BadInput
from wirework.net.connecting import check_host
from wirework.net.endpoints import endpoint, port_of
from wirework.net.probe.asking import Asking, Plan
from wirework.net.probe.course import Course, Over

if TYPE_CHECKING:
    from wirework.net.endpoints import Endpoint
    from wirework.net.probe.results import Probe


def probe(host: str, port: str = "", asking: Asking | None = None) -> Probe:
    """Connect to a server once and tell how each stage went.

    ``host`` may hold the port, as ``host:port``. Only where a certificate is refused a second
    connection is made, to read it. Raises BadInput before anything is sent; all other trouble is
    told in the result.
    """
    asking = asking or Asking()
    course = Course(_endpoint(host, port), Plan.of(asking))
    with contextlib.suppress(Over):
        course.run()
    return course.result()


def _endpoint(host: str, port: str) -> Endpoint:
    if "://" in host:
        raise BadInput(f"{host!r} is a URL", where="HOST", hint="a name or address, and a port")
    if port:
        server = endpoint(host, port=port_of(port, where="PORT"), where="HOST")
        if server.port != int(port):
            raise BadInput(f"{host} has a port of its own, and {port} is another", where="PORT")
    else:
        server = endpoint(host, port=0, where="HOST")
        if not server.port:
            raise BadInput("no port is given", where=host, hint=f"like {host} 443")
    check_host(server.host, where="HOST")
    return server

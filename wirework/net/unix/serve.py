"""A stream server on a Unix socket: the suite's services and models behind a private path."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from wirework.errors import ArgumentError
from wirework.net import services
from wirework.serving.listen import Listener, Place
from wirework.serving.serve import serve
from wirework.serving.unix.listen import bound

if TYPE_CHECKING:
    from wirework.serving.unix.address import Address
    from wirework.serving.watch import Served, Watch


def serve_streams(
    address: Address,
    service: str = "echo",
    *,
    mode: int = 0o600,
    model: str = "epoll",
    timeout: float | None = None,
    watch: Watch | None = None,
) -> Served:
    """Serve streams until SIGINT, SIGTERM or the end of ``timeout`` seconds.

    Raises BadInput for a service, a model or an address that cannot be had.
    """
    served = services.service(service)
    with bound(address, socket.SOCK_STREAM, mode=mode) as sock:
        listener = Listener(sock, Place(host="", path=str(address)))
        return serve(served, [listener], model=model, timeout=timeout, watch=watch)


def mode_of(text: str) -> int:
    """Return an octal mode as it was typed; raises ArgumentError."""
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:  # noqa: PLR2004  (the permission bits)
        raise ArgumentError(
            f"a mode has up to three octal digits, not {text!r}",
            parameter="mode",
            where="--mode",
            hint="0600 is yours alone, 0660 your group's too",
        )
    return mode

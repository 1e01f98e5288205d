"""TLS apart from sockets: bytes in, bytes out, whichever loop moves them."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from wirework.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

_RECORD = 64 * 1024


def server_context(certificate: Path, key: Path | None = None) -> ssl.SSLContext:
    """Return what TLS 1.2 and newer is served with, from PEM files.

    Without ``key`` the certificate's file holds the key too. Raises BadInput for files that
    cannot be read or do not belong together; an encrypted key is one.
    """
    for path in (certificate, key or certificate):
        try:
            path.read_bytes()
        except OSError as error:
            raise BadInput(f"cannot be read: {error.strerror}", where=str(path)) from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Renegotiation would let a client keep us at work for nothing (TLS 1.2 only).
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        # An empty password makes an encrypted key an error; OpenSSL would ask the terminal.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (ssl.SSLError, ValueError) as error:
        mismatch = getattr(error, "reason", "") == "KEY_VALUES_MISMATCH"
        words = "not the certificate's key" if mismatch else "no usable certificate and key"
        raise BadInput(
            words,
            where=str(key or certificate),
            hint="PEM; the key without a password",
        ) from error
    return context


def client_context(authorities: Path | None = None) -> ssl.SSLContext:
    """Return what servers are checked with: this machine's authorities, or those of a PEM file.

    Raises BadInput for a file that cannot be read or holds none.
    """
    try:
        return ssl.create_default_context(cafile=authorities)
    except ssl.SSLError:
        raise BadInput("holds no PEM certificate", where=str(authorities)) from None
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", where=str(authorities)) from None


class Tls:
    """One connection's TLS. ``take`` after each call has what is to be sent to the other end.

    It is the server's side, or with ``server`` the side of a client of the server of that name;
    a client begins with ``feed(b"")``.
    """

    __slots__ = ("_incoming", "_object", "_outgoing", "ended", "ready")

    def __init__(self, context: ssl.SSLContext, *, server: str = "") -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=not server,
            server_hostname=server or None,
        )
        self.ready = False
        self.ended = False
        """Whether the other end said that it sends nothing more (close_notify)."""

    def feed(self, data: bytes) -> bytes:
        """Take what came off the wire and return what it says; raises ssl.SSLError."""
        self._incoming.write(data)
        if not self.ready:
            try:
                self._object.do_handshake()
            except ssl.SSLWantReadError:
                return b""
            self.ready = True
        pieces = []
        try:
            while piece := self._object.read(_RECORD):
                pieces.append(piece)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        return b"".join(pieces)

    def write(self, data: bytes) -> None:
        """Encrypt what the other end shall get."""
        self._object.write(data)

    def close(self) -> None:
        """Say that we send nothing more (close_notify); it raises nothing."""
        try:
            self._object.unwrap()
        except (ssl.SSLError, ValueError):
            return  # it is said; that the other end's has not come yet is no trouble

    @property
    def version(self) -> str:
        """``TLSv1.3`` or the like, "" before there is one."""
        return self._object.version() or ""

    def take(self) -> bytes:
        """Return what is to be sent, and forget it."""
        return self._outgoing.read()

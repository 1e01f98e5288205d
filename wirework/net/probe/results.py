"""What a probe finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wirework.net.causes import said

if TYPE_CHECKING:
    from wirework.net.probe.tls import Tls


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One stage: when it began and how long it took, in seconds, and what came of it.

    ``address`` is whom it was about, "" before any is known. ``told`` is what it found or what
    went wrong, in a line; ``cause`` and ``errno`` are "" when it went well.
    """

    name: str
    address: str
    began: float
    seconds: float
    told: str
    cause: str
    errno: str

    @property
    def ok(self) -> bool:
        """Whether it went well."""
        return not self.cause


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """What came of one connection.

    ``address`` is the one that answered, ``local`` where we came from; both "" without a
    connection. ``failed`` is the stage that failed, with its ``cause`` (the words of
    ``causes.Cause``), ``errno`` ("ECONNREFUSED") and ``problem``, all "" when none did.
    ``sent`` is in bytes, ``received`` what was said, up to 64 KiB. ``tls`` is None without; where
    the certificate was refused, it holds that certificate only.
    """

    target: str
    mode: str
    address: str
    local: str
    seconds: float
    stages: tuple[Stage, ...]
    tls: Tls | None
    sent: int
    received: bytes
    failed: str
    cause: str
    errno: str
    problem: str

    @property
    def ok(self) -> bool:
        """Whether every stage went well."""
        return not self.failed

    @property
    def summary(self) -> str:
        """It in a line."""
        if self.failed:
            return f"{self.failed}: {self.problem}"
        told = [f"{self.address} answers in {self.seconds * 1000:.1f} ms"]
        if self.tls:
            told.append(self.tls.version)
        if self.received:
            told.append(f"says {said(self.received)}")
        return ", ".join(told)

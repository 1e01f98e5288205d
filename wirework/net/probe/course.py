"""A connection's stages: resolve, connect, starttls, tls, send, receive."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from wirework.net.causes import Cause, Trouble, of_socket, said
from wirework.net.connecting import Line, Wire, resolve, spelled
from wirework.net.expecting import hear
from wirework.net.probe import starttls
from wirework.net.probe.certificate import complaint
from wirework.net.probe.results import Probe, Stage
from wirework.net.probe.tls import Tls, TlsLine, blind

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from wirework.net.connecting import SocketAddress
    from wirework.net.endpoints import Endpoint
    from wirework.net.probe.asking import Plan

T = TypeVar("T")

MOST_ADDRESSES = 16
"""Addresses of a host that are tried."""

SILENCE = {
    "connect": "silent, or a firewall drops it",
    "starttls": "it says nothing",
    "tls": "it does not answer the handshake",
    "send": "it takes nothing more",
    "receive": "it says nothing",
}
BY_CERTIFICATE = (
    *(Cause.EXPIRED, Cause.NOT_YET_VALID, Cause.WRONG_NAME),
    *(Cause.SELF_SIGNED, Cause.UNKNOWN_ISSUER, Cause.CERTIFICATE),
)
"""Causes about which the certificate itself says more."""


class Over(Exception):
    """A stage has failed, and the course with it."""


@dataclass
class Course:
    """The stages as they come, and what came of them."""

    server: Endpoint
    plan: Plan
    began: float = field(default_factory=time.monotonic)
    stages: list[Stage] = field(default_factory=list)
    address: str = ""
    local: str = ""
    tls: Tls | None = None
    sent: int = 0
    heard: bytearray = field(default_factory=bytearray)
    over: bool = False

    def __post_init__(self) -> None:
        self.deadline = self.began + self.plan.timeout

    def run(self) -> None:
        """Go through the stages; raises Over at the first that fails."""
        addresses = self._stage(
            "resolve",
            lambda: resolve(self.server, family=self.plan.family, deadline=self.deadline),
            lambda found: ", ".join(str(address[0]) for _, address in found[:MOST_ADDRESSES]),
        )
        with contextlib.ExitStack() as stack:
            wire, address = self._connected(addresses[:MOST_ADDRESSES], stack)
            line: Line = wire
            if self.plan.starttls:
                self._stage("starttls", lambda: starttls.ask(wire, self.plan.starttls))
            if self.plan.tls:
                line = self._secured(wire, self.plan.tls, address)
            if self.plan.send:
                self._stage(
                    "send",
                    lambda: line.send(self.plan.send),
                    lambda _: f"{len(self.plan.send)} bytes",
                )
                self.sent = len(self.plan.send)
            if self.plan.send or self.plan.expect:
                self._stage(
                    "receive",
                    lambda: hear(line, self.plan.expect, self.heard),
                    lambda _: said(bytes(self.heard)),
                )

    def result(self) -> Probe:
        """Return what came of it."""
        failed = self.stages[-1] if self.over else None
        return Probe(
            target=str(self.server),
            mode=self.plan.mode,
            address=self.address,
            local=self.local,
            seconds=time.monotonic() - self.began,
            stages=tuple(self.stages),
            tls=self.tls,
            sent=self.sent,
            received=bytes(self.heard),
            failed=failed.name if failed else "",
            cause=failed.cause if failed else "",
            errno=failed.errno if failed else "",
            problem=self._problem(failed) if failed else "",
        )

    def _problem(self, failed: Stage) -> str:
        """Return the line of what failed; that of several addresses names each."""
        tries = [stage for stage in self.stages if stage.name == failed.name == "connect"]
        lines = {stage.address: _with_errno(stage) for stage in tries}
        if len(set(lines.values())) > 1:
            return "; ".join(f"{address}: {line}" for address, line in lines.items())
        addresses = f"{', '.join(lines)}: " if lines else ""
        return f"{addresses}{_with_errno(failed)}"

    def _connected(
        self, addresses: list[tuple[int, SocketAddress]], stack: contextlib.ExitStack
    ) -> tuple[Wire, tuple[int, SocketAddress]]:
        """Try each address in turn, within its share of the time that is left."""
        for number, (family, address) in enumerate(addresses):
            left = self.deadline - time.monotonic()
            share = time.monotonic() + left / (len(addresses) - number)
            self.address = spelled(address)
            try:
                wire = self._stage(
                    "connect",
                    lambda f=family, a=address, s=share: self._connect(f, a, s, stack),  # type: ignore[misc]
                    lambda wire: f"from {spelled(wire.local)}",
                )
            except Over:
                self.address = ""
                if number == len(addresses) - 1:
                    raise
                continue
            self.over = False
            wire.deadline = self.deadline
            self.local = spelled(wire.local)
            return wire, (family, address)
        raise AssertionError("a resolver that finds nothing says so")

    def _connect(
        self, family: int, address: SocketAddress, deadline: float, stack: contextlib.ExitStack
    ) -> Wire:
        wire = stack.enter_context(Wire(family, deadline=deadline, mode=self.plan.mode))
        wire.connect(address)
        return wire

    def _secured(
        self, wire: Wire, context: ssl.SSLContext, address: tuple[int, SocketAddress]
    ) -> TlsLine:
        name = self.plan.server_name or self.server.host.rstrip(".")

        def handshake() -> TlsLine:
            line = TlsLine(wire, context, name)
            try:
                line.handshake()
            except Trouble as trouble:
                raise self._in_detail(trouble, name, address) from None
            self.tls = line.agreed
            return line

        return self._stage("tls", handshake, lambda _: self._agreed())

    def _agreed(self) -> str:
        tls = self.tls
        if not tls or not tls.certificate:
            return ""
        alpn = f", {tls.alpn}" if tls.alpn else ""
        return f"{tls.version}, {tls.cipher}{alpn}"

    def _in_detail(
        self, trouble: Trouble, name: str, address: tuple[int, SocketAddress]
    ) -> Trouble:
        """Return a refusal of a certificate with what is wrong with it.

        Python's ssl keeps a refused certificate to itself, so it is read once more.
        """
        if trouble.cause not in BY_CERTIFICATE:
            return trouble
        with (
            contextlib.suppress(OSError, Trouble),
            Wire(address[0], deadline=self.deadline, mode=self.plan.mode) as wire,
        ):
            wire.connect(address[1])
            starttls.ask(wire, self.plan.starttls)
            line = TlsLine(wire, blind(self.plan.alpn), name)
            line.handshake()
            seen = line.agreed
            self.tls = Tls("", "", "", seen.server_name, seen.certificate)
            if seen.certificate:
                words = complaint(trouble.cause, seen.certificate, host=name)
                return Trouble(trouble.cause, words or trouble.words)
        return trouble

    def _stage(self, name: str, work: Callable[[], T], tell: Callable[[T], str] | None = None) -> T:
        """Do a stage's work and note it; raises Over when it fails."""
        began = time.monotonic()
        try:
            done = work()
        except TimeoutError as error:
            limit = f"{time.monotonic() - began:.3g} s"
            silence = f"nothing within {limit}: {SILENCE[name]}"
            trouble = of_socket(error) if error.errno else Trouble(Cause.TIMED_OUT, silence)
        except OSError as error:
            trouble = of_socket(error)
        except Trouble as error:
            trouble = error
        else:
            self._note(name, began, tell(done) if tell else "")
            return done
        self._note(name, began, trouble.words, trouble)
        self.over = True
        raise Over

    def _note(self, name: str, began: float, told: str, trouble: Trouble | None = None) -> None:
        self.stages.append(
            Stage(
                name=name,
                address=self.address,
                began=began - self.began,
                seconds=time.monotonic() - began,
                told=told,
                cause=trouble.cause if trouble else "",
                errno=trouble.errno_name if trouble else "",
            )
        )


def _with_errno(stage: Stage) -> str:
    return f"{stage.told} ({stage.errno})" if stage.errno else stage.told

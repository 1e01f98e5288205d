"""A conversation with a server, drawn for people: what comes, as it comes."""

from __future__ import annotations

import sys

from wirework.net.converse import Conversation

from .render import Form
from .terminal import plain, plain_bytes, seconds, size


class Answer:
    """What comes goes to standard output: as it is to a file or pipe, made harmless to a screen."""

    @classmethod
    def of(cls, form: Form) -> Answer | None:
        """Return what shows an answer as it comes; None where the result shall hold it."""
        return cls() if form is Form.TABLE else None

    def take(self, data: bytes) -> None:
        """Show what came."""
        if sys.stdout.isatty():
            sys.stdout.write(plain_bytes(data))
        else:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
        sys.stdout.flush()


def conversation(result: Conversation) -> None:
    """Say on standard error how it went; the answer itself is shown already."""
    if result.problem:
        sys.stderr.write(plain(f"error: {result.host} port {result.port}: {result.problem}\n"))
        return
    with_tls = f", {result.tls}" if result.tls else ""
    echoed = ", every byte came back" if result.echoed else ""
    sys.stderr.write(
        f"{size(result.sent)} sent, {size(result.received)} received"
        f" in {seconds(result.seconds)} ({result.address}{with_tls}){echoed}\n"
    )

"""Unix sockets for people: who is at the other end, and what comes, as it comes."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from wirework.net.unix.datagrams import Datagram
from wirework.net.unix.pair import Line
from wirework.net.unix.send import Sent
from wirework.serving.service import Peer
from wirework.serving.unix.credentials import Credentials

from .render import Form
from .server_log import ServerLog
from .server_log import say as say
from .terminal import plain_bytes, seconds, size


class UnixLog(ServerLog):
    """A watch that says which process each client is, or each message is from."""

    def opened(self, peer: Peer, by: str) -> None:
        """Say who came, and who serves it."""
        say(f"{Credentials(peer.pid, peer.uid, peer.gid)}: connected, served by {by}")

    def message(self, message: Datagram) -> None:
        """Say who sent a message, and what came of it."""
        say(f"{message.peer}: {size(message.bytes)}, {message.fate}")


class Lines:
    """A child's lines on standard output."""

    @classmethod
    def of(cls, form: Form) -> Lines | None:
        """Return what shows lines as they come; None where they are a result."""
        return cls() if form is Form.TABLE else None

    def show(self, lines: Iterator[Line]) -> None:
        """Show the lines, made harmless if this is a screen."""
        for line in lines:
            if sys.stdout.isatty():
                sys.stdout.write(plain_bytes(line.text) + "\n")
            else:
                sys.stdout.flush()
                sys.stdout.buffer.write(line.text + b"\n")
            sys.stdout.flush()


def sent(result: Sent) -> None:
    """Print the answer as it came, and say on standard error how it went."""
    if sys.stdout.isatty():
        sys.stdout.write(plain_bytes(result.answer))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(result.answer)
    sys.stdout.flush()
    if result.answer and not result.answer.endswith(b"\n"):
        sys.stderr.write("\n")
    peer = f", {result.peer}" if result.peer.uid >= 0 else ""
    echoed = {True: ", every byte came back", False: "", None: ""}[result.echo]
    if result.echo is False:
        sys.stderr.write("error: what came back is not what was sent\n")
    say(
        f"{size(result.sent)} sent, {size(result.received)} received"
        f" in {seconds(result.seconds)}{peer}{echoed}"
    )

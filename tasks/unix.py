"""Unix sockets: serve, send, and talk to a child process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .cli import task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wirework.net.unix.datagrams import ServedDatagrams
    from wirework.net.unix.pair import Line
    from wirework.net.unix.send import Sent
    from wirework.serving.watch import Served

    from .cli.unix_screen import Lines

PATH = "The socket's path, at most 107 bytes, or @name for one that is no file."


@task(
    help={
        "path": PATH,
        "type": "stream or datagram.",
        "service": "echo, discard or daytime; streams also line.",
        "mode": "Who may connect, in octal: 0600 is only you.",
        "model": "How stream clients are waited for: epoll, asyncio, select, thread or fork.",
        "timeout": "Seconds until the server stops by itself; 0 serves until Ctrl-C.",
    },
    view="servers.served",
)
def serve(
    c: object,
    path: str,
    type: str = "stream",
    service: str = "echo",
    mode: str = "0600",
    model: str = "epoll",
    timeout: float = 0.0,
) -> Served | ServedDatagrams:
    """Serve a Unix socket, and tell which process and user each client is.

    Of what is at the path only a socket that nobody listens on is replaced; our own is removed
    at the end.
    """
    from wirework.net.unix import datagrams, send
    from wirework.net.unix import serve as streams
    from wirework.serving import options
    from wirework.serving.listen import Place
    from wirework.serving.unix.address import Address

    from .cli.unix_screen import UnixLog

    send.kind_of(type)
    address, bits = Address.of(path), streams.mode_of(mode)
    seconds = options.seconds(timeout, "timeout")
    log = UnixLog(f"{service} ({type})", verbose=True)
    if type == "stream":
        return streams.serve_streams(
            address, service, mode=bits, model=model, timeout=seconds, watch=log
        )
    return datagrams.serve_datagrams(
        address,
        service,
        mode=bits,
        timeout=seconds,
        ready=lambda: log.listening((Place(host="", path=path),)),
        watch=log.message,
    )


@task(
    help={
        "path": PATH,
        "text": "What to send; without it standard input, to its end.",
        "type": "stream or datagram.",
        "expect_echo": "The answer has to be what was sent, byte for byte.",
        "wait": "Wait for the answer to a datagram.",
        "timeout": "Seconds for everything.",
    },
    view="unix_screen.sent",
)
def send(
    c: object,
    path: str,
    text: str = "",
    type: str = "stream",
    expect_echo: bool = False,
    wait: bool = False,
    timeout: float = 10.0,
) -> Sent:
    """Send text or standard input to a Unix socket, and show what comes back.

    A datagram is one message, whose answer is waited for with --wait or --expect-echo.
    """
    import sys

    from wirework.net.unix import send
    from wirework.serving.unix.address import Address

    return send.send(
        Address.of(path),
        text.encode() if text else sys.stdin.fileno(),
        kind=type,
        expect_echo=expect_echo,
        wait=wait,
        timeout=timeout,
    )


@task(
    help={
        "command": "The child's command, split into words as a shell does: 'cat -n'.",
        "text": "What to say to it; without it the lines of standard input.",
        "pass_fd": "Open this file here and pass its descriptor with the first byte.",
        "timeout": "Seconds until the child and all it started is ended; 0 waits.",
    },
    watch="unix_screen.Lines",
)
def pair(
    c: object,
    command: str,
    text: str = "",
    pass_fd: str = "",
    timeout: float = 0.0,
    *,
    watch: Lines | None = None,
) -> Iterator[Line] | None:
    """Run a child with its standard streams on a socket pair, and converse with it.

    The end of what is said is the end of its input. Its status, or the signal that ended it, is
    told when it is not 0.
    """
    import sys
    from pathlib import Path

    from wirework.net.unix import pair
    from wirework.serving import options

    lines = pair.converse(
        pair.words(command),
        f"{text}\n".encode() if text else sys.stdin.fileno(),
        pass_file=Path(pass_fd) if pass_fd else None,
        timeout=options.seconds(timeout, "timeout"),
    )
    if watch is None:
        return lines
    watch.show(lines)
    return None

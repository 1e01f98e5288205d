"""A chat room for people with this suite, or with nc."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .cli import task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wirework.net.chat.messages import Event
    from wirework.serving.watch import Served

    from .cli.chat_screen import Screen


@task(
    help={
        "port": "The port; 0 takes a free one, and says which.",
        "host": "An address or name of this machine; * is every address, v4 and v6.",
        "model": "How clients are waited for: epoll, asyncio, select or thread.",
        "max_clients": "Clients at once; who comes then is told that the room is full.",
        "tls_cert": "Serve TLS with this certificate (PEM); it may hold its key, too.",
        "tls_key": "The certificate's key (PEM).",
        "tls_self_signed": "Serve TLS with a new certificate; its fingerprint is told.",
        "timeout": "Seconds until the server stops by itself; 0 serves until Ctrl-C.",
        "verbose": "A line for each connection, too: served by whom, how it ended.",
    },
    view="servers.served",
)
def serve(
    c: object,
    port: int = 0,
    host: str = "127.0.0.1",
    model: str = "epoll",
    max_clients: int = 800,
    tls_cert: str = "",
    tls_key: str = "",
    tls_self_signed: bool = False,
    timeout: float = 0.0,
    verbose: bool = False,
) -> Served:
    """Serve a chat room for chat.join, nc, and programs that speak JSON lines.

    Who comes and goes is told on standard error; what is said is not. docs/chat.md tells the
    protocol.
    """
    from wirework.net.chat import serving
    from wirework.serving import options
    from wirework.serving.listen import Place
    from wirework.serving.serve import serve

    from .cli.chat_log import ChatLog

    limits = serving.room(max_clients)
    tls, fingerprint = serving.tls(tls_cert, tls_key, host if tls_self_signed else "")
    log = ChatLog(fingerprint=fingerprint, tls=tls is not None, verbose=verbose)
    return serve(
        serving.Chat(limits, watch=log.seen),
        [Place(host, port)],
        model=model,
        limits=serving.connections(limits, model),
        tls=tls,
        timeout=options.seconds(timeout, "timeout"),
        watch=log,
    )


@task(
    help={
        "host": "The server's name or address; it may have the port: HOST:PORT.",
        "port": "Its port.",
        "nick": "Your nickname; without it your login's name.",
        "tls": "Speak TLS; the certificate has to be trusted and have the host's name.",
        "tls_ca": "The authorities to trust (PEM) instead of this machine's; means --tls.",
        "tls_fingerprint": "Trust the certificate with this SHA-256 only; means --tls.",
        "timeout": "Seconds until you leave; 0 stays until Ctrl-D or /quit.",
    },
    watch="chat_screen.Screen",
    last="port",
)
def join(
    c: object,
    host: str,
    port: str = "",
    nick: str = "",
    tls: bool = False,
    tls_ca: str = "",
    tls_fingerprint: str = "",
    timeout: float = 0.0,
    *,
    watch: Screen | None = None,
) -> Iterator[Event] | None:
    """Take part in a chat; a pipe's lines are said, and its end is a goodbye.

    On a terminal there is a prompt, with /msg, /who, /nick, /ping and /quit. In a pipe what is
    heard is written line by line, or as JSON.
    """
    import sys

    from wirework.net.chat import joining, pipe

    server = joining.server(host, port, tls=tls, ca=tls_ca, fingerprint=tls_fingerprint)
    name = joining.name(nick)
    seconds = joining.seconds(timeout)
    if watch and watch.is_terminal:
        watch.converse(server, name, timeout=seconds)
        return None
    heard = pipe.converse(server, name, sys.stdin.fileno(), timeout=seconds)
    if watch is None:
        return heard
    watch.lines(heard)
    return None

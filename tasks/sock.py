"""Sockets: probe, wait for, serve, connect, forward, and look at their options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .cli import task

if TYPE_CHECKING:
    from wirework.net.converse import Conversation
    from wirework.serving.watch import Served

    from .cli.conversation import Answer


@task(
    help={
        "service": "What is served: echo, line, discard or daytime.",
        "port": "The port; 0 takes a free one, and says which.",
        "host": "An address or name of this machine; * is every address, v4 and v6.",
        "listen": "Listen here instead (repeatable): 127.0.0.1:7, [::1]:7, :7, unix:/run/x.",
        "model": "How clients are waited for: fork, thread, select, epoll or asyncio.",
        "max_clients": "Clients at once, the next ones wait; 0 is as many as can be.",
        "idle_timeout": "Seconds in which nothing moves until a client is let go; 0 is never.",
        "drain": "Seconds that busy clients have to come to their end after a stop.",
        "timeout": "Seconds until the server stops by itself; 0 serves until Ctrl-C.",
        "tls_cert": "Serve TLS with this certificate (PEM); it may hold its key, too.",
        "tls_key": "The certificate's key (PEM).",
        "verbose": "A line for each client: who, served by which process or thread, how it ended.",
    },
)
def serve(
    c: object,
    service: str,
    port: int = 0,
    host: str = "127.0.0.1",
    listen: tuple[str, ...] = (),
    model: str = "epoll",
    max_clients: int = 0,
    idle_timeout: float = 0.0,
    drain: float = 5.0,
    timeout: float = 0.0,
    tls_cert: str = "",
    tls_key: str = "",
    verbose: bool = False,
) -> Served:
    """Serve TCP or Unix clients: echo, whole lines, nothing, or the time of day."""
    from wirework.net import services
    from wirework.serving import options
    from wirework.serving.listen import Place
    from wirework.serving.serve import serve

    from .cli.server_log import ServerLog

    return serve(
        services.service(service),
        [Place.parse(text) for text in listen] or [Place(host, port)],
        model=model,
        limits=options.limits(max_clients=max_clients, idle_timeout=idle_timeout, drain=drain),
        tls=options.tls(tls_cert, tls_key),
        timeout=options.seconds(timeout, "timeout"),
        watch=ServerLog(f"{service} ({model})", verbose=verbose),
    )


@task(
    help={
        "host": "A name or address; all its addresses are tried, v6 and v4 in turn.",
        "port": "The port.",
        "text": "What to send; without it standard input is sent as it comes.",
        "expect_echo": "Every byte has to come back; the first that does not is told.",
        "tls": "Speak TLS; the certificate has to be trusted and have the host's name.",
        "tls_ca": "The authorities to trust (PEM) instead of this machine's.",
        "timeout": "Seconds for everything; 0 waits as long as it takes.",
    },
    view="conversation.conversation",
    watch="conversation.Answer",
)
def connect(
    c: object,
    host: str,
    port: int,
    text: str = "",
    expect_echo: bool = False,
    tls: bool = False,
    tls_ca: str = "",
    timeout: float = 30.0,
    *,
    watch: Answer | None = None,
) -> Conversation:
    """Send text or standard input to a TCP server, half-close, and show what comes."""
    import sys
    from pathlib import Path

    from wirework.net.converse import client_context, converse

    trust = Path(tls_ca) if tls_ca else None
    return converse(
        host,
        port,
        text.encode() if text else sys.stdin.fileno(),
        expect_echo=expect_echo,
        tls=client_context(trust) if tls or trust else None,
        timeout=timeout or None,
        take=watch.take if watch else None,
    )

"""Sockets: probe, wait for, serve, connect, forward, and look at their options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .cli import task

if TYPE_CHECKING:
    from wirework.net.converse import Conversation
    from wirework.net.forward import Forwarded
    from wirework.net.options import SocketOptions
    from wirework.net.probe import Probe
    from wirework.net.wait import Waited
    from wirework.serving.watch import Served

    from .cli.conversation import Answer
    from .cli.waits import Progress


@task(
    help={
        "host": "A name or address; it may have the port: HOST:PORT.",
        "port": "The TCP port.",
        "tls": "Speak TLS; the certificate has to be trusted and have the host's name.",
        "starttls": "Begin in plain text and change to TLS: smtp, imap, pop3 or ftp.",
        "server_name": "Ask for this name (SNI), and expect it in the certificate.",
        "ca": "The authorities to trust (PEM) instead of this machine's.",
        "alpn": "Protocols to offer in TLS, separated by commas: h2,http/1.1.",
        "send": r"Text to send, with escapes such as \r\n and \x00; then an answer is awaited.",
        "expect": "A regular expression that has to be in what the server says.",
        "family": "Only IPv4 or IPv6 addresses: 4 or 6.",
        "mode": "How the socket waits: timeout, blocking or nonblocking; they find the same.",
        "timeout": "Seconds for all stages together (5).",
    },
    view="probes.probe",
    last="port",
)
def probe(
    c: object,
    host: str,
    port: str = "",
    tls: bool = False,
    starttls: str = "",
    server_name: str = "",
    ca: str = "",
    alpn: str = "",
    send: str = "",
    expect: str = "",
    family: str = "",
    mode: str = "timeout",
    timeout: float = 5.0,
) -> Probe:
    """Connect to a server once, and name the stage that fails and its cause.

    The stages are resolve, connect, starttls, tls, send and receive, each with its time.
    """
    from wirework.net.probe import Asking, probe

    asking = Asking(
        tls=tls,
        starttls=starttls,
        server_name=server_name,
        ca=ca,
        alpn=alpn,
        send=send,
        expect=expect,
        family=family,
        mode=mode,
        timeout=timeout,
    )
    return probe(host, port, asking)


@task(
    name="wait-for",
    help={
        "targets": "By commas: HOST:PORT, tcp://, tls://, http(s)://, unix:///PATH, file:///PATH.",
        "down": "Wait until they are gone.",
        "any": "One of them is enough.",
        "expect": "A regular expression for what servers say first, and pages and files hold.",
        "status": "The status that pages have to have, several by commas (200 to 399).",
        "ca": "The authorities to trust (PEM) instead of this machine's.",
        "timeout": "Seconds for all of it (60).",
        "interval": "The longest pause between two tries, in seconds (1).",
        "stable": "Seconds that a target has to stay so without a break.",
    },
    view="waits.waited",
    watch="waits.Progress",
)
def wait_for(
    c: object,
    targets: str,
    down: bool = False,
    any: bool = False,
    expect: str = "",
    status: str = "",
    ca: str = "",
    timeout: float = 60.0,
    interval: float = 1.0,
    stable: float = 0.0,
    *,
    watch: Progress | None = None,
) -> Waited:
    """Wait until services, sockets or files are there, or gone, under one deadline."""
    from wirework.net.wait import Wish, wait_for

    wish = Wish(
        down=down,
        any=any,
        expect=expect,
        status=status,
        ca=ca,
        timeout=timeout,
        interval=interval,
        stable=stable,
    )
    return wait_for(targets, wish, watch=watch)


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
    view="servers.served",
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
        "host": "A name or address, or HOST:PORT; all its addresses are tried, v6 and v4 in turn.",
        "port": "The port.",
        "text": "What to send; without it standard input is sent as it comes.",
        "expect_echo": "Every byte has to come back; the first that does not is told.",
        "tls": "Speak TLS; the certificate has to be trusted and have the host's name.",
        "tls_ca": "The authorities to trust (PEM) instead of this machine's.",
        "timeout": "Seconds for everything; 0 waits as long as it takes.",
    },
    view="conversation.conversation",
    watch="conversation.Answer",
    last="port",
)
def connect(
    c: object,
    host: str,
    port: str = "",
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

    from wirework.net.converse import converse
    from wirework.net.endpoints import one_server
    from wirework.serving.tls import client_context

    server = one_server(host, port)
    trust = Path(tls_ca) if tls_ca else None
    return converse(
        server.host,
        server.port,
        text.encode() if text else sys.stdin.fileno(),
        expect_echo=expect_echo,
        tls=client_context(trust) if tls or trust else None,
        timeout=timeout or None,
        take=watch.take if watch else None,
    )


@task(
    help={
        "listen": "Where to listen: 8080 (of 127.0.0.1), 10.0.0.1:80, [::1]:80, :80, unix:/run/x.",
        "target": "Where to: HOST:PORT, [V6]:PORT or unix:PATH; a name is looked up once.",
        "delay": "How much longer a round trip takes, half of it each way: 50ms.",
        "jitter": "By how much the delay varies, up or down: 10ms.",
        "rate": "Bytes a second that each connection may have, each way: 1MB, 64k.",
        "cut_after": "Reset each connection after so many bytes, or after a time: 10MB, 5s.",
        "idle_timeout": "Seconds in which no byte moves until a connection is reset; 0 is never.",
        "allow": "Only clients of these networks, by commas; others are reset.",
        "max_clients": "Connections at once, the next ones wait; 0 is as many as can be.",
        "drain": "Seconds that busy connections have to come to their end after a stop.",
        "timeout": "Seconds until it stops by itself; 0 forwards until Ctrl-C.",
        "verbose": "A line for each connection: from, to, bytes each way, seconds, its end.",
    },
    view="forwards.forwarded",
)
def forward(
    c: object,
    listen: str,
    target: str,
    delay: str = "",
    jitter: str = "",
    rate: str = "",
    cut_after: str = "",
    idle_timeout: float = 0.0,
    allow: str = "",
    max_clients: int = 0,
    drain: float = 5.0,
    timeout: float = 0.0,
    verbose: bool = False,
) -> Forwarded:
    """Hand TCP and Unix connections on to a target, also as a bad network would."""
    from wirework.net import forward as forwarding
    from wirework.serving import options

    from .cli import forwards

    to = forwarding.target(target)
    network = forwarding.shape(delay=delay, jitter=jitter, rate=rate, cut_after=cut_after)
    return forwarding.forward(
        [forwarding.place(listen)],
        to,
        shape=network,
        limits=options.limits(max_clients=max_clients, idle_timeout=idle_timeout, drain=drain),
        allow=forwarding.networks(allow),
        timeout=options.seconds(timeout, "timeout"),
        watch=forwards.log(str(to), network.summary, verbose=verbose),
    )


@task(
    help={
        "type": "The socket's type: tcp or udp.",
        "family": "Its address family: 4 or 6.",
        "set": "Set an option, and see what the kernel makes of it (repeatable): SO_RCVBUF=1MiB.",
    },
    view="socket_options.options",
)
def options(
    c: object, type: str = "tcp", family: int = 4, set: tuple[str, ...] = ()
) -> SocketOptions:
    """Tell a fresh socket's options; set some, and see before and after."""
    from wirework.net.options import socket_options

    return socket_options(protocol=type, family=family, sets=set)

"""The socket options that are told of: socket(7), tcp(7), udp(7), ip(7), ipv6(7)."""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass
from typing import Literal

Kind = Literal["switch", "number", "linger", "time", "text"]

# Those of Linux that Python's socket module has no name for: include/uapi of the kernel.
_UNNAMED = {
    "IPV6_FREEBIND": 78,
    "IPV6_TRANSPARENT": 75,
    "IP_FREEBIND": 15,
    "SO_BUSY_POLL": 46,
    "SO_MAX_PACING_RATE": 47,
    "SO_RCVBUFFORCE": 33,
    "SO_SNDBUFFORCE": 32,
    "TCP_FASTOPEN_CONNECT": 30,
}
_LEVELS = {
    "SO": ("SOL_SOCKET", socket.SOL_SOCKET),
    "TCP": ("IPPROTO_TCP", socket.IPPROTO_TCP),
    "IP": ("IPPROTO_IP", socket.IPPROTO_IP),
    "IPV6": ("IPPROTO_IPV6", getattr(socket, "IPPROTO_IPV6", 41)),
}
_ADMIN = "CAP_NET_ADMIN"


@dataclass(frozen=True)
class Known:
    """One option: what it is for, and how it is read and set.

    ``protocol`` is "" when sockets of every type have it. ``sysctl`` is where its default comes
    from, ``cap`` what bounds it, ``right`` the capability(7) that setting it takes. ``shows``
    names the option in which one that can only be set has its effect.
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    protocol: str = ""
    sysctl: str = ""
    cap: str = ""
    right: str = ""
    shows: str = ""

    @property
    def level(self) -> tuple[str, int]:
        """Its level's name in C, and the number."""
        return _LEVELS[self.name.partition("_")[0]]

    @property
    def number(self) -> int | None:
        """Its number; None where this system has no such option."""
        unnamed = _UNNAMED if sys.platform == "linux" else {}
        number: int | None = getattr(socket, self.name, unnamed.get(self.name))
        return number

    def fits(self, protocol: str, family: int) -> bool:
        """Tell whether a socket of this type and family has it."""
        prefix = self.name.partition("_")[0]
        of_family = {"IP": 4, "IPV6": 6}.get(prefix, family) == family
        of_type = prefix != "TCP" or protocol == "tcp"
        return of_family and of_type and self.protocol in ("", protocol)


CATALOG: tuple[Known, ...] = (
    Known(
        name="SO_RCVBUF",
        kind="number",
        meaning="room for what came and is not read; TCP tunes it until it is set",
        unit="bytes",
        sysctl="net.core.rmem_default",
        cap="net.core.rmem_max",
    ),
    Known(
        name="SO_SNDBUF",
        kind="number",
        meaning="room for what was written and is not delivered; TCP tunes it until it is set",
        unit="bytes",
        sysctl="net.core.wmem_default",
        cap="net.core.wmem_max",
    ),
    Known(
        name="SO_RCVBUFFORCE",
        kind="number",
        meaning="SO_RCVBUF beyond its cap",
        unit="bytes",
        right=_ADMIN,
        shows="SO_RCVBUF",
    ),
    Known(
        name="SO_SNDBUFFORCE",
        kind="number",
        meaning="SO_SNDBUF beyond its cap",
        unit="bytes",
        right=_ADMIN,
        shows="SO_SNDBUF",
    ),
    Known("SO_RCVTIMEO", "time", "until a receive that waits gives up", "s"),
    Known("SO_SNDTIMEO", "time", "until a send that waits gives up", "s"),
    Known("SO_RCVLOWAT", "number", "so much has to be there until a receive returns", "bytes"),
    Known("SO_REUSEADDR", "switch", "bind where old connections linger (TIME_WAIT)"),
    Known("SO_REUSEPORT", "switch", "several sockets of one user share an address and port"),
    Known("SO_KEEPALIVE", "switch", "look whether a silent peer is still there"),
    Known("SO_LINGER", "linger", "close waits so long for delivery; 0 resets the connection", "s"),
    Known("SO_BROADCAST", "switch", "sending to broadcast addresses is allowed", protocol="udp"),
    Known("SO_OOBINLINE", "switch", "urgent data comes in line with the rest", protocol="tcp"),
    Known("SO_DONTROUTE", "switch", "send to directly connected hosts only"),
    Known(
        "SO_PRIORITY",
        "number",
        "queueing priority of what is sent, above 6 with rights",
        right=_ADMIN,
    ),
    Known("SO_MARK", "number", "mark for routing and filters", right=_ADMIN),
    Known("SO_BINDTODEVICE", "text", "the one interface it receives from and sends by"),
    Known("SO_BUSY_POLL", "number", "poll the device before sleeping", "µs", right=_ADMIN),
    Known("SO_MAX_PACING_RATE", "number", "send no faster than this", "bytes/s"),
    Known("TCP_NODELAY", "switch", "send small pieces at once (no Nagle)"),
    Known("TCP_CORK", "switch", "send full segments only, until it is pulled"),
    Known("TCP_QUICKACK", "switch", "acknowledge at once; the kernel changes it by itself"),
    Known(
        name="TCP_KEEPIDLE",
        kind="number",
        meaning="silence before the first keep-alive probe",
        unit="s",
        sysctl="net.ipv4.tcp_keepalive_time",
    ),
    Known(
        name="TCP_KEEPINTVL",
        kind="number",
        meaning="between keep-alive probes",
        unit="s",
        sysctl="net.ipv4.tcp_keepalive_intvl",
    ),
    Known(
        name="TCP_KEEPCNT",
        kind="number",
        meaning="unanswered probes until the connection is given up",
        sysctl="net.ipv4.tcp_keepalive_probes",
    ),
    Known("TCP_USER_TIMEOUT", "number", "unacknowledged data ends it after this; 0: default", "ms"),
    Known(
        name="TCP_CONGESTION",
        kind="text",
        meaning="congestion control",
        sysctl="net.ipv4.tcp_congestion_control",
        cap="net.ipv4.tcp_available_congestion_control",
    ),
    Known("TCP_MAXSEG", "number", "largest segment; before a connection a mere default", "bytes"),
    Known("TCP_FASTOPEN", "number", "listener: pending connections with data in their SYN"),
    Known("TCP_FASTOPEN_CONNECT", "switch", "client: the first data goes with the SYN"),
    Known("TCP_DEFER_ACCEPT", "number", "listener: wake up when data is there, wait so long", "s"),
    Known(
        name="TCP_SYNCNT",
        kind="number",
        meaning="SYNs sent until connecting is given up",
        sysctl="net.ipv4.tcp_syn_retries",
    ),
    Known(
        name="TCP_LINGER2",
        kind="number",
        meaning="longest time in FIN_WAIT2",
        unit="s",
        sysctl="net.ipv4.tcp_fin_timeout",
    ),
    Known(
        name="TCP_NOTSENT_LOWAT",
        kind="number",
        meaning="writable when less than this is unsent; 0: the sysctl",
        unit="bytes",
        sysctl="net.ipv4.tcp_notsent_lowat",
    ),
    Known(
        name="IP_TTL",
        kind="number",
        meaning="routers that a packet may pass",
        sysctl="net.ipv4.ip_default_ttl",
    ),
    Known("IP_TOS", "number", "type of service: DSCP times 4, and ECN"),
    Known("IP_MULTICAST_TTL", "number", "routers that a multicast may pass", protocol="udp"),
    Known("IP_MULTICAST_LOOP", "switch", "its own multicasts come back", protocol="udp"),
    Known("IP_TRANSPARENT", "switch", "bind to addresses of others (proxies)", right=_ADMIN),
    Known("IP_FREEBIND", "switch", "bind to addresses that are not there yet"),
    Known(
        name="IPV6_V6ONLY",
        kind="switch",
        meaning="no IPv4 clients by mapped addresses",
        sysctl="net.ipv6.bindv6only",
    ),
    Known(
        name="IPV6_UNICAST_HOPS",
        kind="number",
        meaning="routers that a packet may pass; -1: the sysctl",
        sysctl="net.ipv6.conf.default.hop_limit",
    ),
    Known("IPV6_TCLASS", "number", "traffic class: DSCP times 4, and ECN"),
    Known("IPV6_MULTICAST_HOPS", "number", "routers that a multicast may pass", protocol="udp"),
    Known("IPV6_MULTICAST_LOOP", "switch", "its own multicasts come back", protocol="udp"),
    Known("IPV6_TRANSPARENT", "switch", "bind to addresses of others (proxies)", right=_ADMIN),
    Known("IPV6_FREEBIND", "switch", "bind to addresses that are not there yet"),
)
"""In the order in which they are told."""

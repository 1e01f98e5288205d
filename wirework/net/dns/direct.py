"""Questions to a DNS server of one's choice, over UDP and TCP."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset

from wirework.net.dns.answers import TOLD, Answer, Record, Status
from wirework.net.dns.questions import bare

if TYPE_CHECKING:
    from wirework.net.endpoints import Endpoint

PORT = 53
TRIES = 3
"""How often a question is sent over UDP within the time there is."""

PAYLOAD = 1232
"""Bytes of an answer over UDP that no network on the way has to break up."""

_MOST_BYTES = 65535
_WITHOUT_EDNS = (dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS)
"""What servers older than EDNS answer to it (RFC 6891, section 7)."""

_WORDS = {
    dns.rcode.SERVFAIL: (Status.SERVFAIL, "the server could not find out (SERVFAIL)"),
    dns.rcode.REFUSED: (Status.REFUSED, "the server refuses to answer us (REFUSED)"),
    dns.rcode.NXDOMAIN: (Status.NXDOMAIN, "there is no such name (NXDOMAIN)"),
}


def ask(
    name: dns.name.Name, type_: str, server: Endpoint, *, until: float, tcp: bool = False
) -> Answer:
    """Ask one server one question until that time of ``time.monotonic``.

    It goes over UDP, and again over TCP when the answer is cut off (RFC 7766); ``tcp`` goes
    there at once. All trouble is told in the answer.
    """
    started = time.monotonic()
    exchange = _Exchange(name, type_, server, until)
    try:
        response = exchange.run(tcp=tcp)
        status, problem, aliases, records = understand(response, type_)
    except (dns.exception.Timeout, TimeoutError):
        status, problem, aliases, records = Status.TIMEOUT, "no answer in time", (), ()
    except OSError as error:
        status, problem, aliases, records = Status.UNREACHABLE, _plainly(error), (), ()
    except (EOFError, dns.exception.DNSException, ValueError) as error:
        told = "what comes back is no answer of the DNS"
        if isinstance(error, dns.message.ChainTooLong):
            told = "its CNAME records lead on and on"
        elif isinstance(error, EOFError):
            told = "the server hung up before it had answered"
        status, problem, aliases, records = Status.MALFORMED, told, (), ()
    return Answer(
        type=type_,
        server=str(server),
        protocol=exchange.protocol,
        truncated=exchange.truncated,
        seconds=time.monotonic() - started,
        status=status,
        problem=problem,
        aliases=aliases,
        records=records,
    )


def ask_in_turn(
    name: dns.name.Name, type_: str, servers: tuple[Endpoint, ...], *, until: float, tcp: bool
) -> Answer:
    """Ask servers one after another until one tells, as resolv.conf(5) means its list."""
    for number, server in enumerate(servers, 1):
        now = time.monotonic()
        turn = now + (until - now) / (len(servers) - number + 1)
        answer = ask(name, type_, server, until=turn, tcp=tcp)
        if answer.status in TOLD:
            break
    return answer


def understand(
    response: dns.message.Message, type_: str
) -> tuple[Status, str, tuple[str, ...], tuple[Record, ...]]:
    """Return a response's status, problem, aliases and records.

    Raises DNSException or ValueError for one that makes no sense.

    Only the CNAME records that lead from the name asked for, and the records at their end, are
    taken: the rest of the answer section is nobody's business.
    """
    if not isinstance(response, dns.message.QueryMessage):
        raise dns.message.NotQueryResponse
    code = response.rcode()
    if code in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        chain = response.resolve_chaining()
        aliases = tuple(bare(record.target) for cname in chain.cnames for record in list(cname)[:1])
        sets = [*chain.cnames, *([chain.answer] if chain.answer else [])]
        records = tuple(record for each in sets for record in _records(each))
        if code == dns.rcode.NXDOMAIN:
            status, words = _WORDS[code]
            if aliases:
                words = f"it is an alias of {aliases[-1]}, which does not exist (NXDOMAIN)"
            elif type_ == "PTR":
                words = "no name is known for it (NXDOMAIN)"
            return status, words, aliases, records
        if chain.answer:
            return Status.ANSWER, "", aliases, records
        if to := _referral(response):
            words = f"the server does not look further than to {to}"
            return Status.REFERRAL, words, aliases, records
        return Status.NODATA, f"the name has no {type_} record", aliases, records
    text = dns.rcode.to_text(code)
    status, words = _WORDS.get(code, (Status.ERROR, f"the server answers {text}"))
    return status, words, (), ()


def _referral(response: dns.message.Message) -> str:
    """Return the server that a response without an answer points to (RFC 1034, 4.3.1)."""
    kinds = {each.rdtype: each for each in response.authority}
    servers = kinds.get(dns.rdatatype.NS)
    if response.flags & dns.flags.AA or dns.rdatatype.SOA in kinds or not servers:
        return ""
    return str(servers[0]).rstrip(".")


def _records(found: dns.rrset.RRset) -> list[Record]:
    name, kind = bare(found.name), dns.rdatatype.to_text(found.rdtype)
    return [Record(name=name, type=kind, ttl=found.ttl, value=each.to_text()) for each in found]


class _Exchange:
    """One question to one server, and how the answer came."""

    def __init__(self, name: dns.name.Name, type_: str, server: Endpoint, until: float) -> None:
        self._name = name
        self._type = type_
        self._server = server
        self._until = until
        self.protocol = "udp"
        self.truncated = False

    def run(self, *, tcp: bool) -> dns.message.Message:
        response = self._send(PAYLOAD, tcp=tcp)
        if response.rcode() in _WITHOUT_EDNS:
            response = self._send(0, tcp=self.protocol == "tcp")
        return response

    def _send(self, payload: int, *, tcp: bool) -> dns.message.Message:
        edns = 0 if payload else -1
        query = dns.message.make_query(
            self._name, self._type, use_edns=edns, payload=payload or None
        )
        if not tcp:
            self.protocol = "udp"
            response = self._over_udp(query)
            if response:
                return response
            self.truncated = True
        self.protocol = "tcp"
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return dns.query.tcp(query, self._server.host, timeout=left, port=self._server.port)

    def _over_udp(self, query: dns.message.Message) -> dns.message.Message | None:
        """Return the response, or None when it was cut off.

        The socket is connected: the kernel drops what comes from elsewhere, and tells when
        nothing listens. What is no answer to this question is passed over.
        """
        host, port = self._server.host, self._server.port
        kind, flags = socket.SOCK_DGRAM, socket.AI_NUMERICHOST
        family, _, _, _, address = socket.getaddrinfo(host, port, type=kind, flags=flags)[0]
        wire, strays = query.to_wire(), 0
        with socket.socket(family, kind) as sock:
            sock.connect(address)
            for left in range(TRIES, 0, -1):
                now = time.monotonic()
                turn = now + (self._until - now) / left
                sock.send(wire)
                while (wait := turn - time.monotonic()) > 0:
                    sock.settimeout(wait)
                    try:
                        response = dns.message.from_wire(
                            sock.recv(_MOST_BYTES), raise_on_truncation=True
                        )
                    except TimeoutError:
                        break
                    except dns.message.Truncated as cut:
                        if query.is_response(cut.message()):  # type: ignore[no-untyped-call]  # dnspython's
                            return None
                        strays += 1
                    except (dns.exception.DNSException, ValueError):
                        strays += 1
                    else:
                        if query.is_response(response):
                            return response
                        strays += 1
        if strays:
            raise ValueError("nothing that came was an answer")
        raise TimeoutError


def _plainly(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there (connection refused)"
    if isinstance(error, ConnectionResetError):
        return "the server reset the connection"
    return os.strerror(error.errno).lower() if error.errno else str(error)

"""Looking a name or an address up, of the system or of servers of one's choice."""

from __future__ import annotations

import dataclasses
import time
from functools import partial
from typing import TYPE_CHECKING

from wirework.errors import BadInput
from wirework.net.at_once import at_once
from wirework.net.dns.answers import Answer, Lookup, Status, differences
from wirework.net.dns.direct import PORT, ask, ask_in_turn
from wirework.net.dns.questions import Question, question
from wirework.net.dns.system import FAMILIES, SYSTEM, addresses, names, servers
from wirework.net.endpoints import Endpoint, check_timeout, endpoints, is_address

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_QUESTIONS = 256
"""Questions that one call may ask, each of them in a thread of its own."""


def lookup(
    host: str, *, types: str = "", server: str = "", timeout: float = 5.0, tcp: bool = False
) -> Lookup:
    """Look up records of a name, or the names of an address.

    ``types`` are separated by commas; ``all`` is each of ten. Without ``server`` the system's
    resolver is asked as programs ask it, and for what it cannot tell, or with ``tcp``, the
    servers of resolv.conf. ``server`` is one address, perhaps with a port, or several, separated
    by commas, whose answers are compared. ``timeout`` is in seconds and covers everything.
    Raises BadInput before anything is sent, and Failed when no server is known.
    """
    check_timeout(timeout)
    asked = question(host, types)
    chosen = _servers_of(server) if server else ()
    number = len(chosen) * len(asked.types)
    if number > MOST_QUESTIONS:
        message = f"{number} questions at once are more than {MOST_QUESTIONS}"
        raise BadInput(message, where="--server", hint="fewer servers, or fewer types")
    started = time.monotonic()
    deadline = started + timeout
    works = [
        (type_, str(each) if each else SYSTEM, work)
        for type_ in asked.types
        for each, work in _works(asked, type_, chosen, deadline, tcp=tcp)
    ]
    found = at_once([work for _, _, work in works], deadline=deadline)
    answers = _of_one_name(
        tuple(
            _timed(answer, timeout) if answer else _late(type_, named, timeout)
            for answer, (type_, named, _) in zip(found, works, strict=True)
        )
    )
    return Lookup(
        host=host,
        name=asked.ascii,
        unicode=asked.unicode,
        status=min((each.status for each in answers), key=list(Status).index),
        seconds=time.monotonic() - started,
        answers=answers,
        differences=differences(answers) if len(chosen) > 1 else (),
    )


def _servers_of(text: str) -> tuple[Endpoint, ...]:
    found = endpoints(text, port=PORT, where="--server")
    for each in found:
        if not is_address(each.host):
            hint = "as in 192.0.2.53 or [2001:db8::53]:5353"
            raise BadInput(f"{each.host!r} is no address", where="--server", hint=hint)
    return found


def _works(
    asked: Question, type_: str, chosen: tuple[Endpoint, ...], deadline: float, *, tcp: bool
) -> list[tuple[Endpoint | None, Callable[[], Answer]]]:
    """Return the asking that one type takes: of each server, or of the system."""
    if chosen:
        return [
            (server, partial(ask, asked.name, type_, server, until=deadline, tcp=tcp))
            for server in chosen
        ]
    if asked.address and not tcp:
        return [(None, partial(names, asked.address, asked.ascii))]
    if type_ in FAMILIES and not tcp:
        return [(None, partial(addresses, asked.ascii, type_))]
    known = servers(port=PORT)
    return [(known[0], partial(ask_in_turn, asked.name, type_, known, until=deadline, tcp=tcp))]


def _timed(answer: Answer, timeout: float) -> Answer:
    """Return the answer; where there is none, with how long it was waited for in all."""
    if answer.status is not Status.TIMEOUT:
        return answer
    return dataclasses.replace(answer, problem=_too_late(timeout))


def _too_late(timeout: float) -> str:
    return f"no answer within {timeout:g} s"


def _late(type_: str, server: str, timeout: float) -> Answer:
    return Answer(
        type=type_,
        server=server,
        protocol=SYSTEM if server == SYSTEM else "udp",
        seconds=timeout,
        status=Status.TIMEOUT,
        problem=_too_late(timeout),
    )


def _of_one_name(answers: tuple[Answer, ...]) -> tuple[Answer, ...]:
    """Say of a name that the system finds that it lacks addresses of the other family.

    Asked for both at once, as programs do, getaddrinfo(3) does not tell why it found only one.
    """
    if all(each.status is not Status.ANSWER for each in answers):
        return answers
    return tuple(
        dataclasses.replace(
            each, status=Status.NODATA, problem=f"the system finds no {each.type} record"
        )
        if each.server == SYSTEM and each.status in (Status.NXDOMAIN, Status.TEMPORARY)
        else each
        for each in answers
    )

"""What name servers answer, as data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """What came of a question; of several, the first in this list tells most."""

    ANSWER = "answer"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    SERVFAIL = "servfail"
    REFUSED = "refused"
    TEMPORARY = "temporary"
    MALFORMED = "malformed"
    ERROR = "error"
    REFERRAL = "referral"
    NODATA = "nodata"
    NXDOMAIN = "nxdomain"


TOLD = (Status.ANSWER, Status.NODATA, Status.NXDOMAIN)
"""What a server that works says of a name; all else is trouble with the server or the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record: ``ttl`` in seconds, None where the system's resolver does not tell it.

    ``name`` is without the last dot; ``value`` is in presentation form (RFC 1035, section 5.1),
    as dig and zone files write it, in which names are absolute and end with a dot.
    """

    name: str
    type: str
    ttl: int | None
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one server said to one question.

    ``server`` is ``system`` for the system's resolver, and so is ``protocol``, else ``udp`` or
    ``tcp``; ``truncated`` is whether the answer over UDP was cut off and TCP had to be used.
    ``aliases`` are the names that CNAME records led to, in their order. ``records`` begin with
    those CNAME records. ``problem`` is one line, empty when there is an answer.
    """

    type: str
    server: str
    protocol: str
    truncated: bool = False
    seconds: float
    status: Status
    problem: str = ""
    aliases: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """The values of the records asked for, without the way there."""
        return tuple(record.value for record in self.records if record.type == self.type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A server that answers otherwise than the most, or than the first when there are no most.

    ``than`` is one of those others; ``missing`` and ``extra`` are values, as seen from there.
    """

    type: str
    server: str
    than: str
    status: Status
    missing: tuple[str, ...]
    extra: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """All answers about a name, by type and then by server, and the servers that differ.

    ``host`` is what was given, ``name`` what was asked for, in ASCII, and ``unicode`` the same as
    people read it.
    """

    host: str
    name: str
    unicode: str
    status: Status
    seconds: float
    answers: tuple[Answer, ...]
    differences: tuple[Difference, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is an answer, every server told what it knows, and they agree."""
        told = all(answer.status in TOLD for answer in self.answers)
        return self.status is Status.ANSWER and told and not self.differences

    @property
    def summary(self) -> str:
        """The values found, or what is wrong, in a few words."""
        if self.differences:
            servers = dict.fromkeys(each.server for each in self.differences)
            return f"{self.host}: {', '.join(servers)} differs from the others"
        if self.ok:
            values = dict.fromkeys(value for each in self.answers for value in each.values)
            return f"{self.host}: {', '.join(values)}"
        problems = dict.fromkeys(
            each.problem for each in self.answers if each.status not in TOLD
        ) or dict.fromkeys(each.problem for each in self.answers)
        return f"{self.host}: {'; '.join(problems)}"


def differences(answers: tuple[Answer, ...]) -> tuple[Difference, ...]:
    """Compare what servers say to the same question; TTLs and the order of records do not count."""
    found: list[Difference] = []
    for type_ in dict.fromkeys(answer.type for answer in answers):
        alike: dict[tuple[Status, frozenset[str]], list[Answer]] = {}
        for answer in answers:
            if answer.type == type_:
                alike.setdefault((answer.status, frozenset(answer.values)), []).append(answer)
        most = max(alike.values(), key=len)
        (_, expected), other = (most[0].status, frozenset(most[0].values)), most[0].server
        for (status, values), group in alike.items():
            if group is not most:
                found += [
                    Difference(
                        type=type_,
                        server=answer.server,
                        than=other,
                        status=status,
                        missing=tuple(sorted(expected - values)),
                        extra=tuple(sorted(values - expected)),
                    )
                    for answer in group
                ]
    return tuple(found)

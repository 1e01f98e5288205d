"""DNS answers, drawn for people."""

from __future__ import annotations

from rich.text import Text

from wirework.net.dns import Answer, Difference, Lookup, Status

from .render import cell, console, table_of, write_table
from .terminal import plain, seconds

QUIET = (Status.ANSWER, Status.NODATA)


def lookup(found: Lookup) -> None:
    """Draw the records found, then what was not found, and who said so."""
    servers = dict.fromkeys(answer.server for answer in found.answers)
    _records(found, by_server=len(servers) > 1)
    for line in _lines(found):
        console().print(line)
    for each in found.differences:
        console().print(Text(_difference(each), "red"))
    if found.status is Status.ANSWER:
        told = "; ".join(_how(found, server) for server in servers)
        console().print(Text(told, "dim"))


def _records(found: Lookup, *, by_server: bool) -> None:
    """Draw the records; one that several types led to, such as a CNAME, is there once."""
    rows = dict.fromkeys(
        (answer.server if by_server else "", record)
        for answer in found.answers
        for record in answer.records
    )
    if not rows:
        return
    timed = any(record.ttl is not None for _, record in rows)
    table = table_of(
        *(["server"] if by_server else []), "name", "type", *(["ttl"] if timed else []), "value"
    )
    for server, record in rows:
        cells = [server] if by_server else []
        cells += [record.name, record.type, *([cell(record.ttl)] if timed else []), record.value]
        table.add_row(*(Text(plain(each)) for each in cells))
    write_table(table)


def _lines(found: Lookup) -> list[Text]:
    """Return a line for each thing that was not found; the same of several types is said once."""
    is_idn = found.name.lower() != found.unicode.lower()
    shown = f"{found.unicode} ({found.name})" if is_idn else found.host
    several = len({answer.server for answer in found.answers}) > 1
    said: dict[tuple[str, Status, str], list[str]] = {}
    aliases: list[str] = []
    for answer in found.answers:
        if answer.server == "system":
            aliases += [f"{shown} stands for {alias}" for alias in answer.aliases]
        if answer.problem:
            same = "" if answer.status is Status.NODATA else answer.problem
            said.setdefault((answer.server, answer.status, same), []).append(answer.type)
    lines = [Text(plain(each), "dim") for each in dict.fromkeys(aliases)]
    for (server, status, problem), types in said.items():
        finds = "the system finds" if server == "system" else "the name has"
        told = problem or f"{finds} no {_or(types)} record"
        by = f"{server}: " if several or status not in (Status.NODATA, Status.NXDOMAIN) else ""
        calm = found.status is Status.ANSWER and status in QUIET
        lines.append(Text(plain(f"{shown}: {by}{told}"), "dim" if calm else "red"))
    return lines


def _or(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def _how(found: Lookup, server: str) -> str:
    answers = [answer for answer in found.answers if answer.server == server]
    took = seconds(max(answer.seconds for answer in answers))
    return f"{server}: {_protocols(answers)}{took}"


def _protocols(answers: list[Answer]) -> str:
    named = dict.fromkeys(
        f"{answer.protocol}{' after a truncated answer' if answer.truncated else ''}"
        for answer in answers
        if answer.protocol != "system"
    )
    return "".join(f"{each}, " for each in named)


def _difference(each: Difference) -> str:
    told = []
    if each.extra:
        told.append(f"has {', '.join(each.extra)}")
    if each.missing:
        told.append(f"lacks {', '.join(each.missing)}")
    what = " and ".join(told) or each.status.value
    return plain(f"{each.server} differs from {each.than} in {each.type}: {what}")

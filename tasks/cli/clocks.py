"""Time servers' answers, drawn for people."""

from __future__ import annotations

from rich.text import Text

from wirework.net.ntp import Answers, Comparison, Reading, Verdict

from .render import cell, console, table_of, write_table
from .terminal import plain

STYLES = {
    Verdict.AGREES: "green",
    Verdict.DISAGREES: "red",
    Verdict.UNDECIDED: "yellow",
    Verdict.UNUSABLE: "red",
}

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 31_557_600


def readings(answers: Answers) -> None:
    """Draw one server's answer line by line, or several servers' as rows."""
    if len(answers.servers) == 1:
        _one(answers.servers[0])
        return
    table = table_of("server", "offset", "delay", "within", "stratum", "reference", "")
    for reading in answers.servers:
        told = Text(reading.problem or "ok", "red" if reading.problem else "green")
        table.add_row(*_columns(reading), told)
    write_table(table)


def comparison(compared: Comparison) -> None:
    """Draw servers side by side with what the others make of each, then the conclusion."""
    table = table_of("server", "offset", "delay", "within", "stratum", "reference", "")
    for each in compared.servers:
        told = Text.assemble((each.verdict.value, STYLES[each.verdict]))
        if each.verdict is Verdict.UNUSABLE:
            told.append(f": {each.reading.problem}", "red")
        table.add_row(*_columns(each.reading), told)
    write_table(table)
    if compared.offset is not None:
        agreeing = sum(each.verdict is Verdict.AGREES for each in compared.servers)
        number = f"{agreeing} of {len(compared.servers)} servers agree"
        print(f"{number}: {how_far(compared.offset)}")
    if compared.problem:
        console().print(Text(plain(compared.problem), "red"))


def how_far(offset: float) -> str:
    """Say what an offset means for the clock of this machine."""
    side = "behind" if offset > 0 else "ahead"
    return f"this machine's clock is {duration(abs(offset))} {side}"


def duration(value: float) -> str:
    """Return a time in the unit that reads best: ``85 µs``, ``1.204 ms``, ``30.000 s``."""
    if value < 1e-3:  # noqa: PLR2004
        return f"{value * 1e6:.0f} µs"
    if value < 1:
        return f"{value * 1e3:.3f} ms"
    for unit, name in ((YEAR, "years"), (DAY, "days"), (HOUR, "h"), (MINUTE, "min")):
        if value >= 2 * unit:
            return f"{value / unit:.1f} {name}"
    return f"{value:.3f} s"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{'-' if value < 0 else '+'}{duration(abs(value))}"


def _columns(reading: Reading) -> tuple[str | Text, ...]:
    within = "-" if reading.root_distance is None else f"±{duration(reading.root_distance)}"
    return (
        Text(plain(reading.server)),
        _signed(reading.offset),
        "-" if reading.delay is None else duration(reading.delay),
        within,
        cell(reading.stratum),
        Text(_reference(reading)),
    )


def _reference(reading: Reading) -> str:
    kind = reading.reference_kind
    told = f" ({kind})" if kind in ("hash", "own clock") else ""
    return f"{cell(reading.reference_id)}{told}"


def _one(reading: Reading) -> None:
    table = table_of("", "")
    table.show_header = False
    table.columns[0].style = "dim"
    address = "" if reading.address in reading.server else f" ({reading.address})"
    rows = [("server", f"{plain(reading.server)}{address}")]
    if reading.problem:
        rows.append(("problem", plain(reading.problem)))
    if reading.offset is not None and reading.delay is not None:
        rows += [
            ("offset", f"{_signed(reading.offset)}: {how_far(reading.offset)}"),
            ("delay", duration(reading.delay)),
        ]
    if reading.root_distance is not None:
        rows.append(("within", f"±{duration(reading.root_distance)} (root distance)"))
    if len(reading.samples) > 1:
        spread = duration(reading.jitter or 0.0)
        rows.append(("samples", f"{len(reading.samples)} of {reading.sent}, jitter {spread}"))
    if reading.stratum is not None:
        rows += _server_facts(reading)
    for why, number in reading.dropped.items():
        rows.append(("dropped", f"{number} {why}"))
    for name, value in rows:
        table.add_row(name, Text(value, "red" if name == "problem" else ""))
    write_table(table)


def _server_facts(reading: Reading) -> list[tuple[str, str]]:
    """Return what the server says of itself."""
    rows = [("stratum", f"{reading.stratum}, follows {_reference(reading)}")]
    if reading.root_delay is not None and reading.root_dispersion is not None:
        delay, dispersion = duration(reading.root_delay), duration(reading.root_dispersion)
        rows.append(("root", f"delay {delay}, dispersion {dispersion}"))
    rows.append(("leap", reading.leap))
    if reading.server_time:
        rows.append(("its time", reading.server_time.isoformat(sep=" ", timespec="milliseconds")))
    if reading.reference_time:
        told = reading.reference_time.isoformat(sep=" ", timespec="milliseconds")
        rows.append(("last set", told))
    return rows

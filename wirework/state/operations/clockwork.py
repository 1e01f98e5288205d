"""What the host's clock starts."""

from __future__ import annotations

import re

from wirework.errors import BadInput, Refused
from wirework.state.arguments import HostPath
from wirework.state.facts import PathState
from wirework.state.facts.accounts import IsFolder
from wirework.state.operation import Steps, operation
from wirework.state.operations.config import asking, lines_of, write
from wirework.state.operations.paths import absent

NAME = re.compile(r"[A-Za-z0-9_-]+")
USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
FIELD = re.compile(r"[0-9A-Za-z*,/~-]+")
SPECIAL = ("reboot", "yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly")
FILES, TABLES = "/etc/cron.d", "/etc/crontabs"
"""Folders of jobs with their users (Debian's cron, cronie, dcron), and of users' own tables."""


@operation
def cron(
    name: str,
    *,
    job: str = "",
    minute: str = "*",
    hour: str = "*",
    day: str = "*",
    month: str = "*",
    weekday: str = "*",
    special: str = "",
    user: str = "root",
    present: bool = True,
) -> Steps:
    r"""Have cron run a job by a file of its own, /etc/cron.d/NAME.

    Where only busybox's cron is, which reads no such files, two lines of /etc/crontabs/USER do it:
    a comment with the job's name, and the job. ``special`` (reboot, daily, …) stands for all five
    times. In a job, cron reads ``%`` as a line end unless it is written ``\\%`` (crontab(5)).
    """
    if not NAME.fullmatch(name):
        raise BadInput(f"cron: {name[:60]!r} is no name", hint="letters, digits, _ and -")
    if not USER.fullmatch(user):
        raise BadInput(f"cron: {user[:60]!r} is no user name")
    times = (minute, hour, day, month, weekday)
    if special and (special not in SPECIAL or times != ("*",) * 5):
        raise BadInput(f"cron: special is one of {', '.join(SPECIAL)}, without other times")
    for field in times:
        if not FIELD.fullmatch(field):
            raise BadInput(f"cron: {field[:60]!r} is no time", hint="such as 5, */10, 1-5 or mon")
    if present == (not job.strip()) or not all(char.isprintable() or char == "\t" for char in job):
        raise BadInput("cron needs a job in one line, or present: false")
    when = f"@{special}" if special else " ".join(times)
    return _cron(name, when, user, job.strip())


def _cron(name: str, when: str, user: str, job: str) -> Steps:
    """Have the job, or not when it is empty, wherever the host's cron looks for jobs."""
    file, table = f"{FILES}/{name}", f"{TABLES}/{user}"
    asked = (IsFolder(FILES), IsFolder(TABLES), *asking(file), *asking(table))
    known = dict(zip(asked, (yield asked), strict=True))
    files, tables = known[IsFolder(FILES)], known[IsFolder(TABLES)]
    if job and not files and not tables:
        raise Refused("no cron is there", hint="add a package step for cron before this one")
    if job and files:
        yield from write(file, [f"{when} {user} {job}"], mode=0o644, owner="root", group="root")
    if not job:
        yield from absent.function(HostPath(file))
    if tables:
        old = lines_of(table, known)
        new = _with_job(old, name, [f"{when} {job}"] if job and not files else [])
        if new != old:
            is_new = known[PathState(table)].kind == "absent"
            yield from write(table, new, mode=0o600 if is_new else None)


def _with_job(lines: list[str], name: str, job: list[str]) -> list[str]:
    """Return a table's lines with this job under its mark, and no other there."""
    mark = f"# wirework: {name}"
    if mark not in lines:
        return [*lines, mark, *job] if job else lines
    at = lines.index(mark)
    # A mark whose job somebody took away is followed by what is not ours.
    ours = bool(lines[at + 1 : at + 2]) and not re.match(r"\s*(#|$)", lines[at + 1])
    rest = lines[at + 1 + ours :]
    return [*lines[:at], *([mark, *job] if job else []), *rest]

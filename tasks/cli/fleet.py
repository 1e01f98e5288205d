"""A fleet task from its options to its exit code."""

from __future__ import annotations

import contextlib
import dataclasses
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from wirework import inventory
from wirework.errors import BadInput, WireworkError
from wirework.fleet import Crew, Outcome, Report, Status, fan_out
from wirework.inventory import Host, fold
from wirework.ssh import Pool

from .exits import BAD_INPUT, DONE, FAILED, INTERRUPTED, UNREACHABLE, complain
from .logins import Login
from .progress import STYLES, Progress
from .render import Form, cell, outcome_data, table_of, write_json, write_json_line, write_table
from .terminal import count, plain, seconds


@dataclass(frozen=True)
class Options:
    """What every fleet task is told; see FLEET in ``decorators``."""

    task: str
    hosts: str
    limit: str
    inventory: str
    forks: int
    batch: str
    max_fail: str
    timeout: float
    live: bool
    procs: int
    connect_retries: int
    user: str
    become: bool
    become_user: str
    become_method: str
    become_password: str

    def login(self) -> Login:
        """Return what is said here of logging in."""
        return Login(
            connect_retries=self.connect_retries,
            user=self.user,
            become=self.become,
            become_user=self.become_user,
            become_method=self.become_method,
            become_password=self.become_password,
        )


def run_on_fleet(
    body: Callable[..., Any],
    arguments: Mapping[str, Any],
    options: Options,
    form: Form,
    view: Callable[[Report[Any]], None] | None,
) -> int:
    """Run a body on every host that is asked for, show what came of it, return the exit code."""
    hosts, fleet = choose(options.inventory, options.hosts, options.limit)
    hosts = options.login().of(hosts)
    if options.timeout < 0:
        raise BadInput(f"--timeout is {options.timeout:g}: time does not run backwards")
    progress = Progress(options.task, len(hosts), live_lines=options.live and form is Form.TABLE)
    stream = _Stream(progress) if form is Form.JSONL else None
    allow_descriptors()
    with contextlib.ExitStack() as open_until_done:
        work, give_up = _workers(body, arguments, hosts, fleet, options, progress, open_until_done)
        open_until_done.enter_context(progress)
        report = fan_out(
            hosts,
            work,
            forks=options.forks,
            batches=tuple(filter(None, options.batch.split(","))) or ("100%",),
            max_fail=options.max_fail or None,
            timeout=options.timeout or None,
            give_up=give_up,
            watch=stream or progress,
        )
    if stream:
        stream.write_rest(report)
    elif form is Form.JSON:
        write_json([outcome_data(outcome) for outcome in report.outcomes])
    elif view and not options.live:
        view(report)
    elif not view:
        show_answers(report)
    show_trouble(report)
    show_summary(report)
    return exit_code(report)


def _workers(
    body: Callable[..., Any],
    arguments: Mapping[str, Any],
    hosts: tuple[Host, ...],
    fleet: inventory.Inventory,
    options: Options,
    progress: Progress,
    open_until_done: contextlib.ExitStack,
) -> tuple[Callable[[Host], Any], Callable[[Host], WireworkError]]:
    """Return what works on a host and what ends that, in this process or in several."""
    crew: Crew[Any] | None = None
    listen = progress.heard
    if options.procs != 1:
        crew = open_until_done.enter_context(Crew(options.procs))
        listen = crew.relay(progress.heard)
        ask_now(hosts)
    pool = open_until_done.enter_context(Pool(gateways=fleet.hosts.__getitem__, listen=listen))

    def work(host: Host) -> Any:
        return body(pool.remote(host), **arguments)

    if crew is None:
        return work, pool.give_up
    crew.start(hosts, work, forks=options.forks, give_up=pool.give_up)
    return crew.work, crew.give_up


def ask_now(hosts: tuple[Host, ...]) -> None:
    """Ask for what hosts need of a person before processes are made, which would each ask."""
    for host in hosts:
        for found in (host.password, host.become_password, host.key_passphrase):
            if found is not None and found.source.startswith("prompt:"):
                found.reveal()


def allow_descriptors() -> None:
    """Take as many open files as the system gives: a host needs one, its gateway more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        # macOS refuses more than its own maximum; then the limit stays as it is.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def choose(
    source: str, pattern: str, limit: str = ""
) -> tuple[tuple[Host, ...], inventory.Inventory]:
    """Return the hosts that are asked for, and the inventory they are from."""
    if not pattern:
        raise BadInput("say on which hosts", hint="--hosts web, or --hosts all")
    fleet = inventory.load(inventory.find(source))
    return fleet.select(pattern, limit=limit), fleet


def exit_code(report: Report[Any]) -> int:
    """Return what a report means: a failure weighs more than a host that is away."""
    if report.interrupted:
        return INTERRUPTED
    if failed := report.of(Status.FAILED):
        only_bad_input = all(isinstance(outcome.error, BadInput) for outcome in failed)
        return BAD_INPUT if only_bad_input else FAILED
    return UNREACHABLE if report.of(Status.UNREACHABLE) else DONE


def show_answers(report: Report[Any]) -> None:
    """Show what hosts answered, one row for all that answered alike."""
    answers = [outcome for outcome in report.outcomes if outcome.value is not None]
    if not answers:
        return
    first: Any = answers[0].value
    # Whether something was changed is what the status says already.
    names = [field.name for field in dataclasses.fields(first) if field.name != "changed"]
    table = table_of("host", "status", *(name.replace("_", " ") for name in names))
    rows: dict[tuple[str, ...], list[Outcome[Any]]] = {}
    for outcome in answers:
        row = (outcome.status.value, *(cell(getattr(outcome.value, name)) for name in names))
        rows.setdefault(row, []).append(outcome)
    for (status, *cells), alike in rows.items():
        hosts = fold([outcome.host.name for outcome in alike])
        table.add_row(hosts, Text(status, STYLES[alike[0].status]), *map(Text, cells))
    write_table(table)


def show_trouble(report: Report[Any]) -> None:
    """Say on standard error what went wrong, once for all hosts that it befell."""
    by_text: dict[str, list[Outcome[Any]]] = {}
    for outcome in report.outcomes:
        if outcome.error is not None and outcome.status is not Status.SKIPPED:
            by_text.setdefault(outcome.error.message, []).append(outcome)
    for text, alike in by_text.items():
        # The hint names the first host's address or file; one example says what to do.
        hint = f" ({alike[0].error.hint})" if alike[0].error and alike[0].error.hint else ""
        hosts = fold([outcome.host.name for outcome in alike])
        complain(plain(" ".join(f"{hosts}: {text}{hint}".split())))


def show_summary(report: Report[Any]) -> None:
    """Say on standard error how many hosts came out how."""
    counts = ", ".join(f"{n} {status.value}" for status, n in report.counts.items() if n)
    ended = ", interrupted" if report.interrupted else ""
    print(
        f"{count(len(report.outcomes), 'host')}: {counts} in {seconds(report.seconds)}{ended}",
        file=sys.stderr,
    )


class _Stream:
    """A watcher that also writes each outcome as a line of JSON when it comes."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._written: set[Host] = set()
        self.batch = progress.batch
        self.started = progress.started

    def finished(self, outcome: Outcome[Any]) -> None:
        """Write the outcome and pass it on."""
        self._write(outcome)
        self._progress.finished(outcome)

    def write_rest(self, report: Report[Any]) -> None:
        """Write the outcomes that nobody told us about, as those of an interrupted run."""
        for outcome in report.outcomes:
            if outcome.host not in self._written:
                self._write(outcome)

    def _write(self, outcome: Outcome[Any]) -> None:
        self._written.add(outcome.host)
        write_json_line(outcome_data(outcome))

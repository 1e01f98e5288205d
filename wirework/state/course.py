"""One host's course through its steps: which changes to send next, and what to ask.

The steps are decided in order. The first step whose question has no answer yet blocks the
changes of all that follow, but the questions of those are found out too, by supposing: so
that one exec answers everybody. What was supposed is forgotten again. Pure: no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wirework.errors import BadInput, Failed, Refused, WireworkError
from wirework.state.changes import Change
from wirework.state.facts import Content, Entry, Fact, Glimpse, PathState
from wirework.state.promise import drift, promise
from wirework.state.results import Done, StepResult, StepStatus
from wirework.state.script import Reader, Round
from wirework.state.view import View

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wirework.state.operation import Steps, Wish


OURS = "ww_receive: "
"""How our own shell function begins what it complains of."""


@dataclass(frozen=True)
class Item:
    """A wish in its place: ``where`` is its file and line.

    With ``after``, it is only looked at when one of the items of those numbers has changed
    something: this is what a handler is.
    """

    wish: Wish
    where: str = ""
    after: tuple[int, ...] | None = None


@dataclass
class _Progress:
    """What is known of one item so far."""

    status: StepStatus = StepStatus.NOT_RUN
    changes: list[Change] = field(default_factory=list)
    uncertain: bool = False
    problem: str = ""
    output: str = ""
    seen: dict[Fact[Any], Any] = field(default_factory=dict)


class _Blocked(Exception):
    """A question has no answer yet."""


@dataclass
class _Runner:
    """One run of an operation's generator, against one view."""

    steps: Steps
    question: tuple[Fact[Any], ...] = ()
    single: bool = True
    started: bool = False

    def next_change(self, course: Course, view: View, progress: _Progress) -> Change | None:
        """Return the next change, or None at the end; _Blocked when facts are missing."""
        reply: Any = None
        while True:
            if self.question:
                answers = course.answers(self.question, view, progress)
                reply = answers[0] if self.single else answers
            try:
                # The question is kept until its answer is used, for a later try.
                request = self.steps.send(reply) if self.started else next(self.steps)
            except StopIteration:
                return None
            self.started, self.question = True, ()
            if isinstance(request, Change):
                return request
            self.single = isinstance(request, Fact)
            self.question = (request,) if isinstance(request, Fact) else request


class Course:
    """One host's course through ``items``.

    ``planning`` decides without sending any change; ``diff`` asks for the old contents that
    diffs need. With the ``plan`` of an earlier look, one result an item, a step that has come to
    differ from it stops the course before any change of that round is sent.
    Call ``next_round`` and ``take`` in turn until there is no next round.
    """

    def __init__(
        self,
        items: Sequence[Item],
        *,
        planning: bool = False,
        diff: bool = False,
        plan: Sequence[StepResult] = (),
    ) -> None:
        self.items = items
        self.plan = plan
        self.planning = planning
        self.diff = diff
        self._view = View()
        self._progress = [_Progress() for _ in items]
        self._position = 0
        self._runner: _Runner | None = None
        self._wanted: dict[Fact[Any], None] = {}
        self._sent: list[tuple[int, Change]] = []
        self._stopped = False

    def next_round(self) -> Round | None:
        """Decide as far as is known; return what the host has to do and answer, or None."""
        self._wanted = {}
        self._sent = []
        while not self._stopped and self._position < len(self.items):
            if not self._advance():
                break
        if not self._wanted and (self.planning or not self._sent):
            return None
        # Whatever was predicted is asked for as well: it costs no round, and shows the truth.
        confirmed = [fact for fact in self._view.predicted if fact.confirms]
        changes = [] if self.planning else [change for _, change in self._sent]
        facts = list(self._wanted) if self.planning else [*self._wanted, *confirmed]
        return Round(changes, list(dict.fromkeys(facts)))

    def take(self, sent: Round, reader: Reader) -> None:
        """Take the host's answer to the round."""
        for number, (index, change) in enumerate(self._sent):
            if self.planning:
                break
            if number not in reader.ended:
                self._drop_unsent(number)
                self._stop(index, "the host ended before this was done")
                return
            status, output = reader.ended[number]
            if status not in change.ok_codes:
                self._drop_unsent(number)
                self._stop(index, _reason(status, output), output)
                return
            if change.counts and not change.counts(status, output):
                self._uncount(index, change)
        answers: dict[Fact[Any], Any] = {}
        for number, group in enumerate(sent.groups()):
            try:
                values = type(group[0]).parse(group, reader.facts(number))
                answers.update(zip(group, values, strict=True))
            except (ValueError, IndexError) as error:
                name = type(group[0]).__name__
                raise Failed(f"the host gave no readable answer to {name}") from error
        if not self.planning:
            self._confirm(answers)
        self._view.learn(answers)
        if self.planning:
            self._doubt(answers)

    def results(self) -> tuple[StepResult, ...]:
        """Return what came of each item."""
        return tuple(map(self._result, range(len(self.items))))

    def fate(self, reader: Reader) -> str:
        """Tell what was under way, and what was done, when the answer to a round broke off.

        "" when nothing was to be changed: then there is nothing to tell.
        """
        if self.planning or not self._sent:
            return ""
        sent = [change for _, change in self._sent]
        open_ = [change for number, change in enumerate(sent) if number not in reader.ended]
        made = (change for progress in self._progress for change in progress.changes)
        done = [change.says for change in made if not any(change is each for each in open_)]
        # Nobody can know how far it came; the next run looks at the truth again.
        under_way = ", ".join(change.says for change in open_) or "the look at what had changed"
        return f"while this was under way: {under_way}" + (
            f"; done: {', '.join(done)}" if done else ""
        )

    def answers(
        self, question: Sequence[Fact[Any]], view: View, progress: _Progress
    ) -> tuple[Any, ...]:
        """Return the facts' values; notes those that are not known, and raises _Blocked."""
        blocked = False
        values: list[Any] = []
        for fact in question:
            if isinstance(fact, Glimpse) and not self.diff:
                values.append(None)
            elif isinstance(fact, Glimpse) and Content(fact.path) in view.known:
                values.append(view.known[Content(fact.path)])
            elif fact in view.known:
                values.append(view.known[fact])
            elif self.planning and fact in view.doubtful:
                progress.uncertain = True
                values.append(view.doubtful[fact])
            else:
                self._wanted[fact] = None
                blocked = True
        if blocked:
            raise _Blocked
        progress.seen.update(zip(question, values, strict=True))
        return tuple(values)

    def _result(self, number: int) -> StepResult:
        item, progress = self.items[number], self._progress[number]
        promised = self.planning or self.plan
        not_run = progress.status is StepStatus.NOT_RUN
        due = not_run and item.after is not None and self._changed(item.after)
        return StepResult(
            title=item.wish.title,
            where=item.where,
            status=StepStatus.DUE if due else progress.status,
            changes=tuple(Done(c.verb, c.says, c.diff) for c in progress.changes),
            uncertain=progress.uncertain,
            problem=progress.problem,
            output=progress.output,
            promise=promise(progress.changes, progress.seen) if promised else None,
        )

    def _advance(self) -> bool:
        """Decide the item at hand; False when it is blocked."""
        item, progress = self.items[self._position], self._progress[self._position]
        if self._runner is None:
            if item.after is not None and self._to_be_judged(item.after):
                self._suppose()
                return False
            if item.after is not None and not self._changed(item.after):
                unsure = any(self._progress[n].status is StepStatus.UNKNOWN for n in item.after)
                progress.status = StepStatus.UNKNOWN if unsure else StepStatus.SKIPPED
                self._position += 1
                return True
            self._runner = _Runner(item.wish.start())
        try:
            while change := self._runner.next_change(self, self._view, progress):
                progress.changes.append(change)
                self._sent.append((self._position, change))
                if self._has_drifted():
                    return False
                self._view.expect(change)
                progress.uncertain |= self.planning and change.counts is not None
        except _Blocked:
            self._suppose()
            return False
        except (Refused, BadInput) as error:
            if not progress.uncertain:
                self._stop(self._position, str(error))
                return False
            progress.status = StepStatus.UNKNOWN
        else:
            unchanged = StepStatus.UNKNOWN if progress.uncertain else StepStatus.OK
            progress.status = StepStatus.CHANGED if progress.changes else unchanged
        self._runner = None
        self._position += 1
        return True

    def _has_drifted(self) -> bool:
        """Stop, with nothing more sent, when the item at hand is not what was planned."""
        at = self._position
        if not self.plan or not (drifted := drift(self.plan[at], self._result(at))):
            return False
        self._drop_unsent(0)
        self._sent = []
        self._stop(at, drifted)
        return True

    def _suppose(self) -> None:
        """Find out what the items after the blocked one will ask."""
        view = self._view.copy()
        for item in self.items[self._position + 1 :]:
            if item.after is not None and not self._changed(item.after):
                continue
            runner = _Runner(item.wish.start())
            try:
                while change := runner.next_change(self, view, _Progress()):
                    view.expect(change)
            except (_Blocked, WireworkError):
                continue

    def _changed(self, numbers: Sequence[int]) -> bool:
        return any(self._progress[number].changes for number in numbers)

    def _to_be_judged(self, numbers: Sequence[int]) -> bool:
        """Tell whether it depends on a command not run yet if one of the items changes anything."""
        sent = [] if self.planning else self._sent
        return any(index in numbers and change.counts for index, change in sent)

    def _uncount(self, index: int, change: Change) -> None:
        """Take back a change that was none, as its own command tells."""
        progress = self._progress[index]
        progress.changes = [each for each in progress.changes if each is not change]
        if progress.status is StepStatus.CHANGED and not progress.changes:
            progress.status = StepStatus.OK

    def _stop(self, index: int, problem: str, output: bytes = b"") -> None:
        progress = self._progress[index]
        progress.status = StepStatus.FAILED
        progress.problem = problem
        text = output.decode("utf-8", "backslashreplace").strip("\n")
        # What the problem says already is not said twice.
        progress.output = "" if text.removeprefix(OURS) == problem else text
        self._stopped = True

    def _drop_unsent(self, failed: int) -> None:
        """Forget the decisions behind a change that failed: they were not carried out."""
        for index, change in self._sent[failed:]:
            progress = self._progress[index]
            progress.changes.remove(change)
            if index != self._sent[failed][0]:
                progress.status = StepStatus.NOT_RUN
        last = self._sent[failed][0]
        for progress in self._progress[last + 1 :]:
            progress.status = StepStatus.NOT_RUN

    def _confirm(self, answers: Mapping[Fact[Any], Any]) -> None:
        """Compare what the host says with what its changes promised."""
        for fact, promised in list(self._view.predicted.items()):
            if fact.confirms and answers.get(fact, promised) != promised:
                index = next(i for i, change in reversed(self._sent) if fact in change.predicts)
                self._stop(index, _difference(fact, promised, answers[fact]))
                return

    def _doubt(self, answers: Mapping[Fact[Any], Any]) -> None:
        """Doubt the answers that planned changes, not made yet, may make untrue."""
        planned = [change for progress in self._progress for change in progress.changes]
        for fact in answers:
            if any(fact.spoiled_by(change) for change in planned):
                self._view.doubtful[fact] = self._view.known.pop(fact)


def _reason(status: int, output: bytes) -> str:
    lines = output.decode("utf-8", "backslashreplace").strip().splitlines()
    if not lines:
        return f"ended with status {status}"
    if lines[-1].startswith(OURS):
        return lines[-1].removeprefix(OURS)
    return f"{lines[-1]} (status {status})"


def _difference(fact: Fact[Any], promised: Any, found: Any) -> str:
    if isinstance(fact, PathState) and isinstance(promised, Entry) and isinstance(found, Entry):
        if promised.kind == found.kind:
            pairs = (
                ("mode", f"{promised.mode:04o}", f"{found.mode:04o}"),
                ("owner", promised.owner, found.owner),
                ("group", promised.group, found.group),
                ("size", promised.size, found.size),
                ("target", promised.target, found.target),
            )
            wrong = ", ".join(f"{n} is {f}, not {p}" for n, p, f in pairs if p != f)
            return f"{fact.path} did not come out as it should: {wrong}"
        return f"{fact.path} did not come out as it should: {found.kind}, not {promised.kind}"
    return f"{fact} did not come out as it should: {found!r}, not {promised!r}"

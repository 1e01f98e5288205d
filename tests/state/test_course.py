"""The engine's decisions, with a host that is a mapping of names to values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import pytest

from wirework.errors import Failed, HostKeyChanged, Refused, Unreachable
from wirework.state import Item, StepStatus, Wish, converge
from wirework.state.changes import Change
from wirework.state.course import Course
from wirework.state.facts import Entry, Fact, Glimpse, PathState
from wirework.state.operation import Steps
from wirework.state.script import Reader, Round


@dataclass(frozen=True)
class Value(Fact[str]):
    name: str

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        return "".join(f"ask {fact.name}\n" for fact in asked)

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[str]:
        del asked
        return parts[0].decode().split()


@dataclass
class FakeHost:
    """Does what rounds say: a change is ``set NAME VALUE`` or ``end STATUS``."""

    values: dict[str, str]
    rounds: list[tuple[list[str], list[str]]] = field(default_factory=list)

    def answer(self, sent: Round) -> Reader:
        reader = Reader("token", finished=True)
        names = [fact.name for fact in sent.facts if isinstance(fact, Value)]
        self.rounds.append(([change.says for change in sent.changes], names))
        for number, change in enumerate(sent.changes):
            status = int(change.argv[1]) if change.argv[0] == "end" else 0
            reader.ended[number] = (status, b"out\nlast line\n" if status else b"")
            if status:
                return reader
            if change.argv[0] == "set":
                self.values[change.argv[1]] = change.argv[2]
        if names:
            reader._facts[0] = [" ".join(self.values[name] for name in names).encode()]
        return reader

    def follow(self, course: Course) -> Course:
        while (sent := course.next_round()) is not None:
            assert len(self.rounds) < 10
            course.take(sent, self.answer(sent))
        return course


def put(name: str, value: str, **options: Any) -> Change:
    fact = Value(name)
    predicts = {} if options.get("opaque") else {fact: value}
    return Change(("set", name, value), says=f"{name}={value}", **{"predicts": predicts, **options})


def want(name: str, value: str, **options: Any) -> Callable[[], Steps]:
    def steps() -> Steps:
        if (yield Value(name)) != value:
            yield put(name, value, **options)

    return steps


def always(change: Change) -> Callable[[], Steps]:
    def steps() -> Steps:
        yield change

    return steps


def item(start: Callable[[], Steps], after: tuple[int, ...] | None = None) -> Item:
    return Item(Wish("op", "title", start), "play.yaml:1", after)


def shown(course: Course) -> list[str]:
    return [result.status.value for result in course.results()]


def test_everybodys_questions_are_one_round_and_nothing_to_do_ends_it() -> None:
    host = FakeHost({"a": "1", "b": "1", "c": "1"})
    course = host.follow(Course([item(want(name, "1")) for name in "abc"]))
    assert host.rounds == [([], ["a", "b", "c"])]
    assert shown(course) == ["ok"] * 3


def test_all_changes_are_one_more_round_that_asks_whether_they_came_true() -> None:
    host = FakeHost({"a": "0", "b": "1", "c": "0"})
    course = host.follow(Course([item(want(name, "1")) for name in "abc"]))
    assert host.rounds[1:] == [(["a=1", "c=1"], ["a", "c"])]
    assert shown(course) == ["changed", "ok", "changed"]


def test_an_unanswered_question_holds_back_later_changes_but_not_later_questions() -> None:
    def two_questions() -> Steps:
        if (yield Value("a")) == "1":
            yield Value("b")

    host = FakeHost({"a": "1", "b": "1", "c": "0"})
    items = [item(two_questions), item(always(put("d", "1"))), item(want("c", "1"))]
    host.values["d"] = "0"
    course = host.follow(Course(items))
    assert host.rounds == [([], ["a", "c"]), ([], ["b"]), (["d=1", "c=1"], ["d", "c"])]
    assert shown(course) == ["ok", "changed", "changed"]


def test_changes_before_an_unanswered_question_travel_with_it() -> None:
    host = FakeHost({"a": "0", "b": "0"})
    course = host.follow(Course([item(always(put("a", "1"))), item(want("b", "1"))]))
    assert host.rounds == [(["a=1"], ["b", "a"]), (["b=1"], ["b"])]
    assert shown(course) == ["changed", "changed"]


def test_what_was_supposed_of_later_items_is_forgotten() -> None:
    tries: list[str] = []

    def counted() -> Steps:
        tries.append((yield Value("c")))
        yield put("c", "1")

    host = FakeHost({"a": "0", "b": "0", "c": "0"})

    def slow() -> Steps:
        yield Value("a")
        yield Value("b")

    course = host.follow(Course([item(slow), item(counted)]))
    assert [says for says, _ in host.rounds] == [[], [], ["c=1"]]
    assert [len(result.changes) for result in course.results()] == [0, 1]
    assert set(tries) == {"0"}


def test_after_an_opaque_change_everything_is_asked_again() -> None:
    host = FakeHost({"a": "0", "b": "0"})
    opaque = Change(("set", "b", "1"), says="install", opaque=True)
    items = [item(want("a", "1")), item(always(opaque)), item(want("b", "1")), item(want("a", "1"))]
    course = host.follow(Course(items))
    assert host.rounds == [([], ["a", "b"]), (["a=1", "install"], ["b", "a"])]
    assert shown(course) == ["changed", "changed", "ok", "ok"]


def test_an_opaque_change_is_held_to_what_it_predicts() -> None:
    host = FakeHost({"a": "0", "b": "0"})
    opaque = Change(("set", "a", "2"), says="install", opaque=True, predicts={Value("a"): "1"})
    course = host.follow(Course([item(always(opaque)), item(want("a", "1")), item(want("b", "1"))]))
    assert shown(course) == ["failed", "ok", "not run"]


def test_a_change_that_does_not_come_true_fails_its_own_step() -> None:
    host = FakeHost({"a": "0", "b": "0", "c": "0", "d": "0"})
    liar = Change(("set", "b", "2"), says="b=1", predicts={Value("b"): "1"})
    items = [item(want("a", "1")), item(always(liar)), item(want("c", "1"))]

    def late() -> Steps:
        yield Value("a")
        yield Value("d")

    course = host.follow(Course([*items, item(late)]))
    assert shown(course) == ["changed", "failed", "changed", "not run"]
    assert course.results()[1].problem == (
        "Value(name='b') did not come out as it should: '2', not '1'"
    )


@pytest.mark.parametrize(
    ("letter", "stat", "target", "problem"),
    [
        ("e", "81a4 3 0 0 root:root\n", None, "mode is 0644, not 0600, size is 3, not 5"),
        ("e", "8180 5 0 0 me:us\n", None, "owner is me, not root, group is us, not root"),
        ("e", "4180 5 0 0 root:root\n", None, "directory, not file"),
        ("a", "", None, "absent, not file"),
        ("l", "a1ff 3 0 0 root:root\n", "/x\0", "link, not file"),
    ],
)
def test_the_difference_of_a_path_is_told_in_its_own_words(
    letter: str, stat: str, target: str | None, problem: str
) -> None:
    wished = Entry("file", 0o600, "root", "root", 5)
    course = Course([item(always(Change(("x",), says="x", predicts={PathState("/p"): wished})))])
    sent = course.next_round()
    assert sent
    reader = Reader("token", ended={0: (0, b"")}, finished=True)
    parts = [letter, stat, *([target] if target else []), ""]
    reader._facts[0] = [part.encode() for part in parts]
    course.take(sent, reader)
    assert course.results()[0].problem == f"/p did not come out as it should: {problem}"
    assert course.next_round() is None


def test_a_change_that_fails_ends_the_course_and_undoes_later_decisions() -> None:
    def twice() -> Steps:
        yield put("a", "1")
        yield Change(("end", "3"), says="fails")
        yield put("b", "1")

    host = FakeHost({"a": "0", "b": "0", "c": "0"})
    course = host.follow(Course([item(twice), item(always(put("c", "1"))), item(want("b", "0"))]))
    failed, *rest = course.results()
    assert (failed.status, failed.problem) == (StepStatus.FAILED, "last line (status 3)")
    assert failed.output == "out\nlast line"
    assert [done.says for done in failed.changes] == ["a=1"]
    assert [(each.status, each.changes) for each in rest] == [(StepStatus.NOT_RUN, ())] * 2
    assert len(host.rounds) == 1


def test_a_host_that_ends_in_the_middle_is_told_from_one_that_refuses() -> None:
    course = Course([item(always(put("a", "1"))), item(always(put("b", "1")))])
    sent = course.next_round()
    assert sent
    course.take(sent, Reader("token", ended={0: (0, b"")}, finished=True))
    assert shown(course) == ["changed", "failed"]
    assert course.results()[1].problem == "the host ended before this was done"


@pytest.mark.parametrize("parts", [[], [b"only-one"], [b"one two three"]])
def test_an_answer_that_cannot_be_read_is_a_failure_in_one_line(parts: list[bytes]) -> None:
    course = Course([item(want("a", "1")), item(want("b", "1"))])
    sent = course.next_round()
    assert sent
    reader = Reader("token", finished=True)
    reader._facts[0] = parts
    with pytest.raises(Failed, match=r"^the host gave no readable answer to Value$"):
        course.take(sent, reader)


def refuse() -> Steps:
    yield Value("a")
    raise Refused("a is in the way", hint="move it")


def test_a_refusal_keeps_what_came_before_and_stops_what_comes_after() -> None:
    host = FakeHost({"a": "0", "b": "0", "c": "0"})
    course = host.follow(Course([item(want("b", "1")), item(refuse), item(want("c", "1"))]))
    assert shown(course) == ["changed", "failed", "not run"]
    assert course.results()[1].problem == "a is in the way (move it)"
    assert host.values == {"a": "0", "b": "1", "c": "0"}


def test_a_plan_sends_no_change_and_says_what_it_would_do() -> None:
    host = FakeHost({"a": "0", "b": "1"})
    course = host.follow(Course([item(want("a", "1")), item(want("b", "1"))], planning=True))
    assert host.rounds == [([], ["a", "b"])]
    assert [done.says for done in course.results()[0].changes] == ["a=1"]
    assert shown(course) == ["changed", "ok"]


def test_a_plan_trusts_predictions_and_doubts_what_an_opaque_change_may_alter() -> None:
    host = FakeHost({"a": "0", "b": "1", "c": "0"})
    opaque = Change(("end", "0"), says="install", opaque=True)
    items = [
        item(want("a", "1")),
        item(want("a", "1")),
        item(always(opaque)),
        item(want("b", "1")),
        item(want("c", "1")),
        item(refuse),
    ]
    course = host.follow(Course(items, planning=True))
    found = [(result.status.value, result.uncertain) for result in course.results()]
    assert found == [
        ("changed", False),
        ("ok", False),
        ("changed", False),
        ("unknown", True),
        ("changed", True),
        ("unknown", True),
    ]
    assert all(says == [] for says, _ in host.rounds)


def test_a_plan_that_is_refused_for_certain_fails() -> None:
    host = FakeHost({"a": "0"})
    assert shown(host.follow(Course([item(refuse), item(want("a", "1"))], planning=True))) == [
        "failed",
        "not run",
    ]


@pytest.mark.parametrize(("before", "handler"), [("0", "changed"), ("1", "skipped")])
def test_a_handler_follows_a_change_and_only_then_asks(before: str, handler: str) -> None:
    host = FakeHost({"a": before, "b": "0", "h": "0"})
    items = [item(want("a", "1")), item(want("b", "0")), item(want("h", "1"), after=(0, 1))]
    course = host.follow(Course(items))
    assert shown(course)[2] == handler
    asked = [name for _, names in host.rounds for name in names]
    assert ("h" in asked) == (handler == "changed")


def test_a_handler_of_a_step_that_failed_is_not_run() -> None:
    host = FakeHost({"h": "0"})
    failing = always(Change(("end", "1"), says="fails"))
    course = host.follow(Course([item(failing), item(want("h", "1"), after=(0,))]))
    assert shown(course) == ["failed", "not run"]


def test_in_a_plan_a_handler_of_an_unknown_step_is_unknown() -> None:
    host = FakeHost({"a": "1", "h": "0"})
    opaque = Change(("end", "0"), says="install", opaque=True)
    items = [item(always(opaque)), item(want("a", "1")), item(want("h", "1"), after=(1,))]
    assert shown(host.follow(Course(items, planning=True)))[2] == "unknown"


@pytest.mark.parametrize(("diff", "asked"), [(True, [Glimpse("/f")]), (False, [])])
def test_old_contents_are_asked_for_only_by_a_run_that_shows_diffs(
    diff: bool, asked: list[Glimpse]
) -> None:
    def steps() -> Steps:
        yield Glimpse("/f")
        yield Change(("true",), says="x")

    sent = Course([item(steps)], diff=diff).next_round()
    assert sent
    assert list(sent.facts) == asked
    assert len(sent.changes) == (0 if diff else 1)


def test_a_handler_that_a_later_failure_keeps_from_running_is_told_to_be_due() -> None:
    host = FakeHost({"a": "0", "b": "0"})
    items = [item(want("a", "1")), item(always(Change(("end", "3"), says="breaks")))]
    items += [item(always(put("b", "1")), after=(0,)), item(always(put("b", "2")), after=(1,))]
    course = host.follow(Course(items))
    assert shown(course) == ["changed", "failed", "due", "not run"]


class LostHost:
    """Answers no round: it is lost once it has been sent one."""

    def execute(self, command: object, **_: object) -> int:
        del command
        raise HostKeyChanged("lost", where="web1", hint="look")


def test_a_host_lost_in_flight_is_told_with_what_was_under_way() -> None:
    items = [item(always(put("a", "1"))), item(always(put("b", "1")))]
    with pytest.raises(HostKeyChanged) as caught:
        converge(LostHost(), items)
    assert str(caught.value) == ("web1: lost while this was under way: a=1, b=1 (run it again)")


@pytest.mark.parametrize("loss", [Unreachable, Failed])
def test_what_had_been_done_before_a_loss_is_told_as_well(loss: type[Failed]) -> None:
    class BreaksOff:
        rounds = 0

        def execute(self, command: object, *, stdout: Any, stdin: Any, **_: object) -> int:
            del command
            self.rounds += 1
            script = b"".join([stdin] if isinstance(stdin, bytes) else stdin).decode()
            token = script.partition("ww_t=")[2].split()[0]
            stdout(f"\n{token} change 0\n\n{token} ended 0 0\n".encode())
            if self.rounds == 2:
                raise loss("lost", where="web1")
            stdout(f"\n{token} fact 0\n0\n{token} done\n".encode())
            return 0

    items = [item(always(put("a", "1", opaque=True))), item(want("b", "1"))]
    items += [item(always(put("c", "1")))]
    with pytest.raises(loss) as caught:
        converge(BreaksOff(), items)
    assert caught.value.message == "lost while this was under way: c=1; done: a=1, b=1"


@pytest.mark.parametrize("check", [True, False])
def test_a_host_lost_while_it_is_only_asked_has_nothing_under_way(check: bool) -> None:
    items = [item(want("a", "1")), item(want("b", "1"))]
    if check:
        items.insert(0, item(always(put("c", "1"))))
    with pytest.raises(Unreachable, match=r"^web1: lost \(look\)$"):
        converge(LostHost(), items, check=check)

"""What a plan promises of a step, and whether it still holds: the drift between two looks.

A promise is kept in digests: a saved plan can be compared with a host without telling what
is in its files. Of a change that is sensitive not even a digest is kept.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from wirework.state.results import Promise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wirework.state.changes import Change
    from wirework.state.facts import Fact
    from wirework.state.results import StepResult


def promise(changes: Sequence[Change], seen: Mapping[Fact[Any], Any]) -> Promise | None:
    """Return what a step that makes ``changes`` after having ``seen`` these facts promises.

    None when it changes nothing: then it rests on nothing but that.
    """
    if not changes:
        return None
    # What is worth no confirmation (the age of an index, an old text for a diff) may change.
    rests_on = {fact.about: _digest(answer) for fact, answer in seen.items() if fact.confirms}
    hidden = any(change.sensitive for change in changes)
    return Promise(tuple(map(_does, changes)), {} if hidden else rests_on)


def drift(planned: StepResult, now: StepResult) -> str:
    """Tell how a step, as far as it is decided, differs from its plan; "" when it does not.

    A step that has become true in the meantime keeps its promise, and one whose outcome was
    to be known after apply has made none.
    """
    if planned.uncertain or not now.changes:
        return ""
    if planned.title != now.title:
        return f"the plan has another step in its place: {planned.title}"
    there = ", ".join(change.says for change in now.changes)
    if planned.promise is None or now.promise is None:
        return f"it was as it should be when the plan was made, now it is not: {there}"
    before, after = planned.promise, now.promise
    known = after.rests_on.keys() & before.rests_on.keys()
    if changed := sorted(each for each in known if before.rests_on[each] != after.rests_on[each]):
        subjects = dict.fromkeys(re.sub(r" \([a-z0-9 ]+\)$", "", each) for each in changed)
        return f"{', '.join(subjects)} changed since the plan was made"
    count = len(after.does)
    if before.does[:count] == after.does:
        return ""
    if [c.says for c in planned.changes[:count]] != [c.says for c in now.changes]:
        return f"the plan was: {', '.join(c.says for c in planned.changes)}; now it is: {there}"
    return "the playbook, its files or its variables changed since the plan was made"


def _does(change: Change) -> str:
    if change.sensitive:
        return _digest(change.verb, change.says)
    predicts = sorted(map(repr, change.predicts.items()))
    return _digest(change.verb, change.says, change.argv, change.ok_codes, predicts)


def _digest(*data: object) -> str:
    return hashlib.sha256(repr(data).encode("utf-8", "backslashreplace")).hexdigest()

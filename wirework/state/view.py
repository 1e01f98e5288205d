"""What is known of a host while its operations decide: answers, predictions and doubts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wirework.state.changes import Change
    from wirework.state.facts import Fact


@dataclass
class View:
    """The facts known of one host.

    ``known`` holds what the host answered or a change predicts. ``doubtful`` holds answers
    from before a change that may have made them untrue: only a plan, which changes nothing
    and so cannot ask again, makes use of them.
    """

    known: dict[Fact[Any], Any] = field(default_factory=dict)
    doubtful: dict[Fact[Any], Any] = field(default_factory=dict)
    predicted: dict[Fact[Any], Any] = field(default_factory=dict)
    """The part of ``known`` that is predicted and not yet confirmed by the host."""

    def learn(self, answers: Mapping[Fact[Any], Any]) -> None:
        """Take what the host answered."""
        self.known.update(answers)
        for fact in answers:
            self.doubtful.pop(fact, None)
            self.predicted.pop(fact, None)

    def expect(self, change: Change) -> None:
        """Take what will be true, and what is no longer known, once ``change`` is done."""
        for fact in [fact for fact in self.known if fact.spoiled_by(change)]:
            self.doubtful[fact] = self.known.pop(fact)
            self.predicted.pop(fact, None)
        self.known.update(change.predicts)
        self.predicted.update(change.predicts)
        for fact in change.predicts:
            self.doubtful.pop(fact, None)

    def copy(self) -> View:
        """Return a view to suppose things in."""
        return View(dict(self.known), dict(self.doubtful), dict(self.predicted))

"""What waiting came to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Awaited:
    """One target and what came of it.

    ``reached`` tells whether it is as wished; ``seconds`` is how long that took, or how long it
    was waited for. ``seen`` is what was seen last, in words, and ``seen_for`` for how many
    seconds; ``tries`` counts the looks, ``lost`` how often it was as wished and then not.
    """

    target: str
    kind: str
    reached: bool
    seconds: float
    seen: str
    seen_for: float
    tries: int
    lost: int

    @property
    def ok(self) -> bool:
        """Whether it is as wished."""
        return self.reached

    @property
    def last_seen(self) -> str:
        """What was seen last, and since when if that is long."""
        flaps = f", was so {self.lost} times before" if self.lost > 1 else ""
        flaps = ", was so once before" if self.lost == 1 else flaps
        span = f", for {self.seen_for:.0f} s" if self.seen_for >= 1 else ""
        return f"{self.seen}{span}{flaps}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Waited:
    """Several targets; ``wanted`` is up or down, ``any`` whether one of them is enough."""

    wanted: str
    any: bool
    seconds: float
    timeout: float
    stable: float
    targets: tuple[Awaited, ...]

    @property
    def ok(self) -> bool:
        """Whether all, or any if that is enough, are as wished."""
        return (any if self.any else all)(each.reached for each in self.targets)

    @property
    def summary(self) -> str:
        """It in a line: what was last seen of those that are not as wished."""
        reached = sum(each.reached for each in self.targets)
        told = f"{reached} of {len(self.targets)} {self.wanted} after {self.seconds:.1f} s"
        if self.ok:
            return told
        late = [f"{each.target} {each.last_seen}" for each in self.targets if not each.reached]
        return f"{told}: {'; '.join(late)}"

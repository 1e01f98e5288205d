"""A round as bytes: the POSIX-sh script that a host reads from standard input, and its answer.

The script and every payload travel on one standard input (``ssh.bootstrap`` reads the script,
exactly, and leaves the rest), and the answer is cut into frames by a random token, so that
neither a banner nor what a command prints can be taken for an answer. Nothing but POSIX sh
and coreutils or busybox is needed on the host. Pure: nothing here talks to a host.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wirework.errors import Failed
from wirework.state.facts import Fact, quote
from wirework.state.prelude import needed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wirework.state.changes import Change

SETTINGS = "set +Cefuvx\nunset CDPATH POSIXLY_CORRECT\n"
"""Undoes what a login exports to its shells: bash takes SHELLOPTS, and CDPATH sends cd astray."""
OUTPUT_KEPT = 64 * 1024
"""Bytes kept of what one change prints: the last ones."""


@dataclass(frozen=True)
class Round:
    """One exec: the changes to apply, in order, and the facts to gather after them."""

    changes: Sequence[Change]
    facts: Sequence[Fact[Any]]

    def groups(self) -> list[list[Fact[Any]]]:
        """Return the facts by class: each class is asked once, for all of its facts."""
        by_class: dict[type[Fact[Any]], list[Fact[Any]]] = {}
        for fact in self.facts:
            by_class.setdefault(type(fact), []).append(fact)
        return list(by_class.values())

    def script(self, token: str) -> bytes:
        """Return the script, which answers in frames that begin with ``token``."""
        lines: list[str] = []
        for number, change in enumerate(self.changes):
            words = " ".join(quote(word) for word in change.argv)
            stdin = "" if change.payload else " </dev/null"
            codes = quote(" ".join(map(str, change.ok_codes)))
            lines.append(f"ww_change {number} {codes} {words}{stdin}\n")
        if self.facts:
            # Tools speak plainly and sort by bytes for facts; people's commands keep their locale.
            lines.append("LC_ALL=C; export LC_ALL\n")
        questions: dict[tuple[bool, str], str] = {}
        for number, group in enumerate(self.groups()):
            # Facts of two classes may be read from one answer: a group's number, and that it is.
            question = type(group[0]).buffered, type(group[0]).ask(group)
            questions[question] = f"{questions.get(question, '')} {number}"
        asked = {True: "", False: ""}
        for (buffered, ask), numbers in questions.items():
            asked[buffered] += f"ww_mark fact{numbers}\n{{\n{ask}}} </dev/null 2>/dev/null\n"
        if asked[True]:
            # Else each line of an answer is a packet of its own.
            lines.append(f"{{\n{asked[True]}}} | dd ibs=65536 obs=65536 2>/dev/null\n")
        lines.append(asked[False])
        lines.append("ww_mark done\n")
        # In braces: of a script that a lost connection cuts off, nothing is run.
        whole = ("{\n", SETTINGS, f"ww_t={quote(token)}\n", needed(lines), *lines, "}\n")
        return "".join(whole).encode("utf-8", "surrogateescape")

    def stdin(self, script: bytes) -> bytes | Iterable[bytes]:
        """Return all that the host reads: the script, then every payload in order."""
        payloads = [change.payload for change in self.changes if change.payload]
        if not payloads:
            return script

        def pieces() -> Iterator[bytes]:
            yield script
            for payload in payloads:
                yield from payload.chunks()

        return pieces()


@dataclass
class Reader:
    """Reads a round's answer as it comes; ``feed`` is a sink for standard output."""

    token: str
    ended: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    """Each change that was run: its exit status and the end of what it printed."""
    finished: bool = False
    _facts: dict[int, list[bytes]] = field(default_factory=dict)
    _frame: tuple[str, ...] = ()
    _body: bytearray = field(default_factory=bytearray)
    _seen: int = 0

    def feed(self, data: bytes) -> bool:
        """Take what came; True when the answer is complete and nothing more matters."""
        mark = f"\n{self.token} ".encode()
        self._body += data
        while not self.finished:
            at = self._body.find(mark, max(0, self._seen - len(mark)))
            end = self._body.find(b"\n", at + 1) if at >= 0 else -1
            if at < 0 or end < 0:
                self._seen = len(self._body) if at < 0 else at
                if at < 0 and self._keeps_the_end_only():
                    del self._body[: -2 * OUTPUT_KEPT]
                    self._seen = len(self._body)
                break
            words = tuple(bytes(self._body[at + len(mark) : end]).decode("ascii").split())
            self._close(bytes(self._body[:at]), words)
            del self._body[: end + 1]
            self._seen = 0
        return self.finished

    def facts(self, group: int) -> list[bytes]:
        """Return the parts that the host answered to one group of facts."""
        if group not in self._facts:
            raise Failed("the host's answer ended early")
        return self._facts[group]

    def _keeps_the_end_only(self) -> bool:
        return self._frame[:1] in ((), ("change",)) and len(self._body) > 4 * OUTPUT_KEPT

    def _close(self, body: bytes, words: tuple[str, ...]) -> None:
        """End the frame that was open, and open the one that ``words`` announce."""
        kind = self._frame[:1]
        if kind == ("fact",):
            for number in self._frame[1:]:
                self._facts.setdefault(int(number), []).append(body)
        elif kind == ("change",) and words[0] == "ended":
            self.ended[int(words[1])] = (int(words[2]), body[-OUTPUT_KEPT:])
        if words[0] != "next":
            self._frame = words
        self.finished = words[0] == "done"

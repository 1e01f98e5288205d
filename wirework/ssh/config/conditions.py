"""When the lines below a Host or Match apply, and which of them decide."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wirework.errors import BadInput
from wirework.ssh.config import tokens, words
from wirework.ssh.config.patterns import matcher

if TYPE_CHECKING:
    from wirework.ssh.config.patterns import Matcher
    from wirework.ssh.config.settings import Setting

ADDING = ("identityfile", "certificatefile")
"""The keywords of which every line counts, not only the first."""


class Sofar:
    """What a lookup has found on its way down the files; Host and Match ask about it.

    ``host`` is what Host lines match. ``about`` has what a criterion of Match is held against;
    for those without patterns, a text that is empty while they are not met.
    """

    def __init__(self, destination: str, local_user: str) -> None:
        self.destination = destination
        self.host = destination
        self.decided: dict[str, Setting] = {}
        self.added: dict[str, dict[str, Setting]] = {}
        self.about = {
            "all": "yes",
            "canonical": "",
            "final": "",
            "host": destination.lower(),
            "originalhost": destination.lower(),
            "user": local_user,
            "localuser": local_user,
        }

    def take(self, setting: Setting) -> None:
        """Let a line decide, unless one before it has; raises BadInput."""
        keyword = setting.keyword
        if keyword in ADDING:
            self.added.setdefault(keyword, {}).setdefault(setting.value, setting)
            return
        if keyword in self.decided:
            return
        if keyword == "proxyjump" and "proxycommand" in self.decided:
            return
        jump = self.decided.get("proxyjump")
        if keyword == "proxycommand" and jump is not None and not jump.is_none:
            return
        if keyword == "hostname":
            if self.about["final"]:
                return  # the host is settled
            self.about["host"] = self._target(setting).lower()
        elif keyword == "user":
            self.about["user"] = setting.value
        self.decided[keyword] = setting

    def settle(self) -> None:
        """Make the target the host: in lower case, an address in its usual form."""
        hostname = self.decided.get("hostname")
        target = self.destination if hostname is None else self._target(hostname)
        try:
            found = socket.getaddrinfo(target, None, flags=socket.AI_NUMERICHOST)
        except (OSError, ValueError):
            self.host = target.lower()
        else:
            self.host = str(found[0][4][0])

    def begin_final(self) -> None:
        """Go on to OpenSSH's second pass, in which Host lines match the settled host."""
        self.about |= {"canonical": "yes", "final": "yes", "host": self.host.lower()}

    def _target(self, hostname: Setting) -> str:
        try:
            return tokens.fill(hostname.value, {"%": "%", "h": self.destination})
        except ValueError as error:
            raise BadInput(f"hostname: {error}", where=hostname.where) from None


def host_line(text: str) -> Matcher:
    """Return what says whether a Host line means a host; raises ValueError."""
    found = words.words(text)
    if not all(found):
        raise ValueError("a pattern is empty")
    return matcher(found)


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion of a Match line."""

    name: str
    match: Matcher
    negated: bool


class MatchLine:
    """The criteria of a Match line; raises ValueError.

    ``undecided`` names one that is not decided here (``exec``, or one that is not known):
    the lines below it never apply. ``wants_final`` asks for the second pass.
    """

    __slots__ = ("_criteria", "undecided", "wants_final")

    def __init__(self, text: str) -> None:
        words.words(text)  # refuses quotes that are not closed
        self._criteria: list[Criterion] = []
        self.undecided = ""
        while not self.undecided and text:
            text = self._read(text)
        if not self._criteria and not self.undecided:
            raise ValueError("wants a criterion, as in Match host web*")
        self.wants_final = any(each.name == "final" for each in self._criteria)

    def holds(self, sofar: Sofar) -> bool:
        """Whether every criterion is met."""
        if self.undecided:
            return False
        for each in self._criteria:
            if bool(each.match(sofar.about[each.name])) == each.negated:
                return False
        return True

    def _read(self, text: str) -> str:
        """Read the next criterion, and return what follows it."""
        word, text = words.first(text)
        if not word:
            raise ValueError("a criterion is empty")
        if word.startswith("#"):
            return ""
        name = word.removeprefix("!").lower()
        negated = word.startswith("!")
        if name == "all" and (len(self._criteria) > 1 or (text and not text.startswith("#"))):
            raise ValueError("all stands alone, or right behind canonical or final")
        if name in ("all", "canonical", "final"):
            self._criteria.append(Criterion(name, bool, negated))
            return text
        if name not in ("host", "originalhost", "user", "localuser"):
            self.undecided = name
            return ""
        argument, text = words.first(text)
        if not argument or argument.startswith("#"):
            raise ValueError(f"{name} wants a pattern")
        if name.endswith("host"):
            argument = argument.lower()
        self._criteria.append(Criterion(name, matcher(argument.split(",")), negated))
        return text

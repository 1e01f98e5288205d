"""What is checked out where, and what a repository elsewhere has (git(1))."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from wirework.errors import Failed
from wirework.state.facts.base import Fact, PathFact, quote

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECKOUT_LINES = 3
LS_REMOTE_LINE = re.compile(r"(?P<commit>[0-9a-f]{40}|[0-9a-f]{64})\t(?P<ref>.+)")
PATIENCE = 120
"""Seconds that a repository elsewhere may take to tell its branches and tags."""


@dataclass(frozen=True)
class Checkout:
    """What stands in a folder: ``refused`` is a repository that git will not read for this user.

    ``head`` is a full commit id, or empty before the first; ``origin`` the URL it came from.
    ``dirty`` tells of changes in files that git knows, ``cut`` of a checkout that was cut short.
    """

    kind: Literal["empty", "repository", "refused", "other"]
    head: str = ""
    origin: str = ""
    dirty: bool = False
    cut: bool = False


@dataclass(frozen=True)
class GitCheckout(PathFact[Checkout]):
    """What is checked out in a folder, as ``user`` sees it."""

    path: str
    user: str = ""

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """Print a letter for each folder, and a repository's head, dirt and origin."""
        return "".join(
            f"(\np={quote(f.path)}\n"
            f"{f.git()}"
            'if [ ! -e "$p/.git" ]; then\n'
            'for e in "$p"/* "$p"/.[!.]* "$p"/..?*; do\n'
            'if [ -e "$e" ] || [ -h "$e" ]; then echo o; exit; fi\ndone\necho e; exit\nfi\n'
            'cd -- "$p" || { echo x; exit; }\n'
            # A repository that is broken is not the one that it stands in.
            "unset GIT_DIR GIT_WORK_TREE\n"
            "GIT_CEILING_DIRECTORIES=$(cd .. && pwd -P); export GIT_CEILING_DIRECTORIES\n"
            "g rev-parse --git-dir >/dev/null || { echo x; exit; }\n"
            "echo g\ng rev-parse -q --verify 'HEAD^{commit}' || echo\n"
            "if g config --get wirework.unfinished >/dev/null; then echo cut\n"
            'elif [ -n "$(g status --porcelain --untracked-files=no | head -c 1)" ]; '
            "then echo dirty; else echo clean; fi\n"
            "g config --get remote.origin.url\n)\nww_next\n"
            for f in asked
        )

    def git(self) -> str:
        """Return the function that asks git, in the folder that it is called in."""
        return f"g() {{ ww_git {quote(self.user)} . '' \"$@\"; }}\n"

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[Checkout]:
        """Read one part a folder."""
        found: list[Checkout] = []
        for fact, part in zip(asked, parts, strict=False):
            lines = part.decode("utf-8", "surrogateescape").split("\n")
            if lines[0] == "g" and len(lines) > CHECKOUT_LINES:
                origin = "\n".join(lines[3:-1])
                state = {"dirty": lines[2] == "dirty", "cut": lines[2] == "cut"}
                found.append(Checkout("repository", lines[1], origin, **state))
            elif lines[0] == "o":
                found.append(Checkout("other"))
            elif lines[0] == "e":
                found.append(Checkout("empty"))
            elif lines[0] == "x":
                found.append(Checkout("refused"))
            else:
                raise Failed(f"the host gave no readable answer about {fact.path}")
        if len(found) != len(asked):
            raise Failed("the host gave no readable answer about its checkouts")
        return found


@dataclass(frozen=True)
class RemoteRef:
    """A branch or tag of a repository elsewhere; without ``problem`` and ``ref`` there is none."""

    ref: str = ""
    commit: str = ""
    problem: str = ""


@dataclass(frozen=True)
class GitRemote(Fact[RemoteRef]):
    """Which commit a branch, a tag or HEAD of a repository elsewhere is, asked over the network."""

    repo: str
    version: str
    user: str = ""

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """One ``ls-remote`` for each; nobody is asked for a password."""
        return "GIT_TERMINAL_PROMPT=0; export GIT_TERMINAL_PROMPT\n" + "".join(
            f"ww_git {quote(f.user)} '' {PATIENCE} ls-remote -- {quote(f.repo)} "
            f"{' '.join(quote(ref) for ref in f.refs())} 2>&1 || echo failed\nww_next\n"
            for f in asked
        )

    def refs(self) -> tuple[str, ...]:
        """Return the full names that the version may mean, the likelier first."""
        if self.version == "HEAD" or self.version.startswith("refs/"):
            return (self.version, f"{self.version}^{{}}")
        tag = f"refs/tags/{self.version}"
        return (f"refs/heads/{self.version}", tag, f"{tag}^{{}}")

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[RemoteRef]:
        """Read lines of commit and ref; a tag's ``^{}`` is the commit that it stands for."""
        found: list[RemoteRef] = []
        for fact, part in zip(asked, parts, strict=False):
            lines = part.decode("utf-8", "backslashreplace").split("\n")[:-1]
            if lines[-1:] == ["failed"]:
                said = [line for line in lines[:-1] if line.startswith("fatal: ")] or lines[:-1]
                found.append(RemoteRef(problem=(said or ["git failed"])[0].strip()))
                continue
            # What a server says beside its answer stands between the lines.
            heads = (LS_REMOTE_LINE.fullmatch(line) for line in lines)
            commits = {head["ref"]: head["commit"] for head in heads if head}
            ref = next((ref for ref in fact.refs() if ref in commits), "")
            commit = commits.get(f"{ref}^{{}}", commits.get(ref, ""))
            found.append(RemoteRef(ref, commit))
        if len(found) != len(asked):
            raise Failed("the host gave no readable answer about a repository")
        return found

"""Checkouts of git repositories."""

from __future__ import annotations

import re
from typing import Any

from wirework.errors import BadInput, Refused
from wirework.state.arguments import HostPath
from wirework.state.changes import Change
from wirework.state.facts import Entry, Fact, PathState, Whoami
from wirework.state.facts.accounts import User
from wirework.state.facts.git import Checkout, GitCheckout, GitRemote
from wirework.state.operation import Steps, operation
from wirework.state.operations.attributes import folder_fact, usable_folder
from wirework.state.operations.commands import check_timeout, check_user, refuse_user

COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
SHORT = 10
PATIENCE = 1800


@operation
def git(
    repo: str,
    dest: HostPath,
    *,
    version: str = "HEAD",
    depth: int | None = None,
    force: bool = False,
    user: str = "",
    timeout: int = PATIENCE,
) -> Steps:
    """Have a git repository checked out at ``dest``, at the commit that ``version`` means.

    ``version`` is a branch, a tag, a full commit id, or HEAD for what the server holds as such.
    A checked-out full commit id costs no network. HEAD is detached: it names the commit. Changed
    files that git knows are refused, or with ``force`` thrown away; all others stay. Git works as
    ``user``, with that user's keys, where the round itself is root's; fetching and writing the
    files may take ``timeout`` seconds each.
    """
    _check(repo, version, depth)
    check_user(user)
    check_timeout(timeout)
    if user and not dest.startswith("/"):
        raise BadInput("git: with user, dest is an absolute path")
    return _git(repo, dest, version, depth, force=force, user=user, timeout=timeout)


def _check(repo: str, version: str, depth: int | None) -> None:
    if not repo or repo.startswith("-") or re.search("[\0-\x1f\x7f]", repo):
        raise BadInput("git: repo is no URL or path")
    if re.match("[a-z+]+://[^/@]*:[^/@]*@", repo):
        # It would stand in the checkout's configuration and in the list of processes.
        raise BadInput("git: repo holds a password", hint="give the host a credential helper")
    # What git-check-ref-format(1) refuses, and what git would take for an option.
    if not re.fullmatch(r"(?!-)[^\0-\x20\x7f~^:?*\[\\]+", version) or re.search(
        r"\.\.|@\{|//|^/|[/.]$", version
    ):
        raise BadInput("git: version is no branch, tag or full commit id")
    if depth is not None and depth < 1:
        raise BadInput("git: depth counts commits: 1 or more")


def _refuse_place(dest: str, place: Entry, now: Checkout) -> None:
    if place.kind not in ("absent", "directory", "link"):
        raise Refused(f"{dest} is a {place.kind}, not a folder", hint="remove it first")
    if now.kind == "other":
        raise Refused(f"{dest} holds files, but is no checkout", hint="remove it first")
    if now.kind == "refused":
        raise Refused(f"git does not read {dest} for this user", hint="user: its owner")


def _git(
    repo: str,
    dest: str,
    version: str,
    depth: int | None,
    *,
    force: bool,
    user: str,
    timeout: int,
) -> Steps:
    named = not COMMIT.fullmatch(version)
    asked: list[Fact[Any]] = [GitCheckout(dest, user), PathState(dest), folder_fact(dest)]
    if named:
        asked.append(GitRemote(repo, version, user))
    if user:
        asked += [Whoami(), User(user)]
    now, place, folder, *more = yield tuple(asked)
    if user:
        refuse_user(user, *more[-2:])
    remote = more[:1] if named else []
    yield from usable_folder(dest, folder)
    _refuse_place(dest, place, now)
    commit, ref = (remote[0].commit, remote[0].ref) if named else (version, "")
    if named and remote[0].problem:
        raise Refused(f"{repo} cannot be asked: {remote[0].problem}")
    if not commit:
        raise Refused(
            f"there is no branch or tag {version} in {repo}", hint="a commit needs its full id"
        )
    if now.dirty and not force:
        raise Refused(f"{dest} has local changes", hint="force: true throws them away")
    wished = Checkout("repository", commit, repo)
    if now == wished:
        return
    was = f"{now.head[:SHORT]} -> " if now.head and now.head != commit else ""
    yield Change(
        (
            "ww_checkout",
            repo,
            dest,
            commit,
            ref,
            "" if depth is None else str(depth),
            "force" if force else "",
            user,
            str(timeout),
        ),
        says=f"{dest} {was}{commit[:SHORT]}"
        + (f" ({version})" if named else "")
        + (", which was cut short" if now.cut else ""),
        verb="change" if now.head else "create",
        predicts={GitCheckout(dest, user): wished},
        spoils=(dest,),
    )

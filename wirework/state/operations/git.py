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
from wirework.state.operations.command import check_timeout, check_user, refuse_user

COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
SHORT = 10
PATIENCE = 1800

CHECKOUT = r"""
ww_git() (
    ww_u=$1 ww_d=$2 ww_l=$3
    shift 3
    # Not every busybox has timeout(1), nor the same one.
    timeout 9 true 2>/dev/null || ww_l=''
    ww_exec "$ww_u" "$ww_d" "$ww_l" git "$@"
)
ww_checkout() (
    repo=$1 dest=$2 commit=$3 ref=$4 depth=$5 force=$6 user=$7 patience=$8
    export GIT_TERMINAL_PROMPT=0
    # Not the repository that this folder may stand in.
    unset GIT_DIR GIT_WORK_TREE
    [ -e "$dest/.git" ] || ww_git "$user" '' "$patience" init -q -- "$dest" 2>&1 || exit
    cd -- "$dest" || exit
    g() { ww_git "$user" . "$patience" "$@"; }
    g config remote.origin.url "$repo" || exit
    g config --get-all remote.origin.fetch >/dev/null ||
        g config remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*' || exit
    has() { g cat-file -e "$commit^{commit}" 2>/dev/null; }
    fetch() { g fetch -q ${depth:+"--depth=$depth"} "$@"; }
    if ! has; then
        case $ref in
        '') fetch origin "$commit" 2>/dev/null ;;
        refs/heads/*) fetch origin "+$ref:refs/remotes/origin/${ref#refs/heads/}" ;;
        refs/tags/*) fetch --no-tags origin "+$ref:$ref" ;;
        *) fetch origin "$ref" ;;
        esac || [ -z "$ref" ] || exit
    fi
    # Not every server gives a commit by its id: then it is in what the branches and tags hold.
    has || [ -n "$ref" ] || depth='' fetch --tags origin || exit
    has || {
        echo "there is no commit $commit in $repo${ref:+ at $ref any more: run it again}" >&2
        exit 1
    }
    g checkout -q ${force:+--force} --detach "$commit"
)
"""
"""Defines ``ww_checkout REPO DEST COMMIT REF DEPTH FORCE USER SECONDS``, and ``ww_git USER FOLDER
SECONDS WORD…``, which runs without the limit where nothing can hold git to it."""


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
        says=f"{dest} {was}{commit[:SHORT]}" + (f" ({version})" if named else ""),
        verb="change" if now.head else "create",
        predicts={GitCheckout(dest, user): wished},
        spoils=(dest,),
    )

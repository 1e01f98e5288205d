"""Checkouts of git repositories."""

from __future__ import annotations

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
    ww_cut "$user" && force=1 || [ $? -eq 1 ] || exit
    g config wirework.unfinished "$commit" || exit
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
    g checkout -q ${force:+--force} --detach "$commit" && g config --unset wirework.unfinished
)
ww_cut() {
    ww_git "$1" . '' config --get wirework.unfinished >/dev/null || return 1
    for p in /proc/[0-9]*; do
        n=
        { read -r n <"$p/comm"; } 2>/dev/null
        if [ "$n" = git ] && [ "$p/cwd" -ef . ]; then
            echo 'git is still at work there, for an earlier run: run it again' >&2
            return 2
        fi
    done
    ww_exec "$1" . '' find .git -name '*.lock' -type f -exec rm -f -- {} +
}
"""
"""Defines ``ww_checkout REPO DEST COMMIT REF DEPTH FORCE USER SECONDS``, and ``ww_git USER FOLDER
SECONDS WORD…``, which runs without the limit where nothing can hold git to it.

A checkout that is under way is marked in git's own configuration. ``ww_cut USER`` tells by that
whether one was cut short here, and takes its locks away unless a git is still at work: its half
written files are nobody's changes.
"""

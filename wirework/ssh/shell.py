"""POSIX shell text that runs on hosts: it needs sh and coreutils or busybox, nothing else.

Paths are made to begin with ``/`` or ``./`` first, so no tool takes one for an option.
"""

from __future__ import annotations

EXEC = r"""
ww_exec() (
    ww_u=$1 ww_d=$2 ww_l=$3
    shift 3
    if [ -n "$ww_l" ]; then
        if ! timeout 9 true 2>/dev/null; then
            echo "not run: this host has no timeout(1) to end it after $ww_l s" >&2
            exit 125
        fi
        case $(timeout --help 2>&1) in
        *BusyBox*)
            # It ends one process only: that one ends the whole group of the command.
            set -- timeout "$ww_l" sh -c '
                trap "trap : TERM; kill -TERM -\$p; sleep 2; kill -KILL -\$p 2>&-; exit 143" TERM
                setsid "$@" &
                p=$!
                wait "$p"' sh "$@"
            ;;
        *) set -- timeout -k 2 "$ww_l" "$@" ;;
        esac
    fi
    if [ -n "$ww_u" ] && [ "$(id -un)" != "$ww_u" ]; then
        if [ "$(id -u)" -ne 0 ] || ! id -u "$ww_u" >/dev/null 2>&1; then
            echo "only root can work as $ww_u, and only if there is such a user" >&2
            exit 126
        fi
        eval "HOME=~$ww_u"
        USER=$ww_u LOGNAME=$ww_u
        export HOME USER LOGNAME
        if [ -n "$ww_d" ]; then
            set -- sh -c 'cd -- "$1" && shift && exec "$@"' sh "$ww_d" "$@"
        else
            set -- sh -c 'cd -- "$1" 2>/dev/null || cd /; shift; exec "$@"' sh "$HOME" "$@"
        fi
        if command -v runuser >/dev/null; then
            set -- runuser -u "$ww_u" -- "$@"
        elif command -v su >/dev/null; then
            set -- su -m -s /bin/sh -c 'exec "$@"' -- "$ww_u" sh "$@"
        else
            echo "this host has neither runuser nor su, so nothing can be run as $ww_u" >&2
            exit 126
        fi
    elif [ -n "$ww_d" ]; then
        cd -- "$ww_d" || exit
    fi
    [ -n "$ww_l" ] || exec "$@"
    ww_b=$(date +%s) ww_s=0
    "$@" || ww_s=$?
    case $ww_s in
    124 | 137 | 143)
        if [ "$(($(date +%s) - ww_b))" -ge "$ww_l" ]; then
            echo "it took longer than $ww_l s and was ended" >&2
            exit 124
        fi
        ;;
    esac
    exit "$ww_s"
)
"""
"""Defines ``ww_exec USER FOLDER SECONDS CMD...``, each of the first three may be empty.

CMD is a program, never a function or the shell's own word. As USER it runs in that user's home,
or in ``/`` without one, unless FOLDER is given, with HOME, USER and LOGNAME of that user; all
else of the environment stays. After SECONDS its whole group of processes is ended, and the status
is 124. Without a way to hold to SECONDS it is not run, and the status is 125; as USER, 126.
"""

_RECEIVE = r"""
ww_sweep() {
    for old in "$1"/.ww.??????; do
        [ -f "$old" ] || [ -L "$old" ] || continue
        [ -z "$(find "$old" -prune -mtime +0 2>/dev/null)" ] || rm -f "$old"
    done
}
ww_receive() (
    LC_ALL=C
    export LC_ALL
    umask 077
    case $1 in /*) target=$1 ;; *) target=./$1 ;; esac
    size=$2 mode=$3 owner=$4 group=$5 sum=${6-} temp='' kept=''
    fail() {
        printf 'ww_receive: %s\n' "$1" >&2
        exit 1
    }
    trap 'test -z "$temp" || rm -f "$temp"' EXIT
    trap 'exit 1' HUP INT PIPE TERM
    if [ -L "$target" ]; then
        :
    elif [ -d "$target" ]; then
        fail "there is a folder of that name"
    elif [ -f "$target" ]; then
        kept=$(stat -c '%u:%g' "$target") || kept=''
        test -n "$mode" || mode=$(stat -c %a "$target") || mode=''
    elif [ -e "$target" ]; then
        fail "there is something of that name that is no file"
    fi
    test -n "$mode" || mode=0644
    ww_sweep "${target%/*}"
    temp=$(mktemp "${target%/*}/.ww.XXXXXX" 2>&1) || {
        said=$temp temp=''
        fail "cannot write in its folder: ${said##*: }"
    }
    blocks=$((size / 65536)) rest=$((size % 65536))
    {
        said=$(
            if [ "$blocks" -gt 0 ]; then
                dd bs=65536 count="$blocks" iflag=fullblock conv=fsync 2>&1 >>"$temp" || exit 1
            fi
            if [ "$rest" -gt 0 ]; then
                dd bs="$rest" count=1 iflag=fullblock conv=fsync 2>&1 >>"$temp" || exit 1
            fi
        )
    } || case $said in
        *'No space left'*) fail "no space left on the disk" ;;
        *'quota exceeded'*) fail "the disk quota is exceeded" ;;
        *) fail "cannot write it: ${said%%
*}" ;;
    esac
    had=$(stat -c %s "$temp") || fail "its temporary file is gone"
    [ "$had" -eq "$size" ] || fail "only $had of $size bytes arrived"
    if [ -n "$sum" ]; then
        had=$(sha256sum <"$temp") || fail "cannot be read back"
        [ "${had%% *}" = "$sum" ] || fail "what arrived has another SHA-256 than what was sent"
    fi
    if [ "$#" -gt 6 ]; then
        shift 6
        for word do
            shift
            had=
            while [ "${word#*%s}" != "$word" ]; do
                had=$had${word%%\%s*}$temp word=${word#*%s}
            done
            set -- "$@" "$had$word"
        done
        had=30
        timeout 9 true 2>/dev/null || had=''
        said=$(ww_exec '' '' "$had" "$@" </dev/null 2>&1) || {
            had=$?
            printf '%s\n' "$said" >&2
            said=${said##*
}
            fail "not put in place, its check failed${said:+: $said} (status $had)"
        }
    fi
    if [ -n "$owner$group" ]; then
        said=$(chown "$owner${group:+:$group}" "$temp" 2>&1) ||
            fail "cannot give it to $owner${group:+:$group}: ${said##*: }"
    elif [ -n "$kept" ] && [ "$kept" != "$(stat -c '%u:%g' "$temp")" ]; then
        chown "$kept" "$temp" 2>/dev/null || :
    fi
    said=$(chmod "$mode" "$temp" 2>&1) || fail "cannot set its mode to $mode: ${said##*: }"
    said=$(mv -fT "$temp" "$target" 2>&1) || {
        # Debian 12's busybox has no -T. Without it a file is moved into a folder, also through
        # a link to one; so such a link, and only that, goes a moment before the file comes.
        if [ -L "$target" ] && [ -d "$target" ]; then
            rm -f "$target" || fail "cannot replace the link"
        elif [ -d "$target" ]; then
            fail "cannot put it in place: ${said##*: }"
        fi
        said=$(mv -f "$temp" "$target" 2>&1) || fail "cannot put it in place: ${said##*: }"
    }
    temp=''
)
"""

RECEIVE = EXEC + _RECEIVE
"""Defines ``ww_receive TARGET SIZE MODE OWNER GROUP [SHA256 [CHECK...]]``.

It reads exactly SIZE bytes of stdin into a private (0600) file beside TARGET, checks their
number and, if given, their SHA-256, syncs them to disk, runs the command CHECK (``%s`` in it is
the private file) if given, which has to end with status 0 within 30 seconds (if the host has
timeout(1)), gives the file its owner and mode and only then renames it to TARGET. MODE ``""``
keeps an existing file's, or is 0644; OWNER and GROUP ``""`` keep an existing file's where that is
allowed. A link at TARGET is replaced, never followed; a folder or device there is an error. On
failure it says ``ww_receive: why`` on stderr, returns non-zero, leaves TARGET as it was and
nothing beside it; how much of stdin it has read is then undefined. Works under ``set -eu``; sets
no variables and no traps of the caller's.

A run that is killed outright leaves that private file: ``.ww.`` and six letters. It goes when
something is written beside it a day later (``ww_sweep FOLDER``): no upload rests that long.
"""

PROBE = r"""
LC_ALL=C
export LC_ALL
token=$1 target=$2 name=$3 size=$4 into=- kind=absent mode=- length=- sum=- space=
case $target in /*) ;; *) target=./$target ;; esac
if [ -d "$target" ]; then
    target=${target%/}/$name into=folder
fi
folder=${target%/*}/
if [ ! -d "$folder" ]; then
    kind=homeless
elif [ -L "$target" ]; then
    kind=link
elif [ -f "$target" ]; then
    kind=file
    mode=$(stat -c %a "$target")
    length=$(stat -c %s "$target")
    if [ "$length" = "$size" ]; then
        sum=$(sha256sum <"$target" 2>/dev/null) || sum=-
        sum=${sum%% *}
    fi
elif [ -d "$target" ]; then
    kind=folder
elif [ -e "$target" ]; then
    kind=other
fi
space=$(df -Pk "$folder" 2>/dev/null | tail -n 1) || space=
printf '\n%s %s %s %s %s %s %s\n' "$token" "$kind" "$into" "$mode" "$length" "$sum" "$space"
"""
"""Says what is at a path that is to be written: arguments TOKEN TARGET NAME SIZE.

Prints one line: TOKEN, kind (absent, file, link, folder, other, or homeless without a folder to
be in), ``folder`` if TARGET is one and NAME inside it is meant, mode, size, SHA-256 if the size
is SIZE, and the line of ``df -Pk`` about the folder's disk.
"""

SEND = (
    _RECEIVE
    + r"""
ww_receive "$2" "$3" "$4" '' '' "$5" && printf '\n%s done\n' "$1"
"""
)
"""Receives a file: arguments TOKEN TARGET SIZE MODE SHA256, the content on stdin."""

FETCH = r"""
LC_ALL=C
export LC_ALL
token=$1 path=$2
case $path in /*) ;; *) path=./$path ;; esac
answer() {
    printf '\n%s %s\n' "$token" "$*"
}
if [ -d "$path" ]; then
    answer folder
elif [ ! -e "$path" ]; then
    answer absent
elif [ ! -f "$path" ]; then
    answer other
elif [ ! -r "$path" ]; then
    answer unreadable
else
    size=$(stat -L -c %s "$path")
    # Files of /proc have a content, but no size before they are read.
    if [ "$size" = 0 ]; then
        size=$(wc -c <"$path")
    fi
    sum=$(head -c "$size" <"$path" | sha256sum)
    answer file "$((size))" "${sum%% *}"
    head -c "$size" <"$path"
fi
"""
"""Sends a file: arguments TOKEN PATH.

Prints one line, TOKEN and folder, absent, other, unreadable, or file with size and SHA-256, and
after that line the file's bytes.
"""

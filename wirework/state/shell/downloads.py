"""Downloads, by curl or wget."""

from __future__ import annotations

DOWNLOAD = r"""
ww_fetch() {
    if command -v curl >/dev/null; then
        set -- "$3" curl -fsSLg --connect-timeout 30 --speed-limit 1 --speed-time 60 \
            -o "$2" --url "$1"
    elif wget --version 2>/dev/null | grep -q GNU; then
        set -- "$3" wget -nv -T 60 -O "$2" "$1"
    elif command -v wget >/dev/null; then
        # The -T of busybox 1.35 ends in a crash.
        set -- "$3" wget -O "$2" "$1"
    else
        echo "there is neither curl nor wget"
        return 127
    fi
    if timeout 9 true 2>/dev/null; then ww_exec '' '' "$@"; else shift; "$@"; fi
}
ww_download() (
    url=$1 sum=$3 mode=$4 hands=$5 limit=$6 temp='' kept=''
    case $2 in /*) target=$2 ;; *) target=./$2 ;; esac
    LC_ALL=C
    export LC_ALL
    umask 077
    fail() {
        printf 'ww_receive: %s\n' "$1" >&2
        exit 1
    }
    trap '[ -z "$temp" ] || rm -f "$temp"' EXIT
    trap 'exit 1' HUP INT PIPE TERM
    [ ! -f "$target" ] || kept=$(stat -c '%u:%g' "$target")
    temp=$(mktemp "${target%/*}/.ww.XXXXXX" 2>&1) || {
        said=$temp temp=''
        fail "cannot write in its folder: ${said##*: }"
    }
    said=$(ww_fetch "$url" "$temp" "$limit" 2>&1) || {
        fail "$url cannot be fetched: ${said##*
}"
    }
    had=$(sha256sum <"$temp") || fail "it cannot be read back"
    [ "${had%% *}" = "$sum" ] || fail "what was fetched has another SHA-256: ${had%% *}"
    if [ -n "$hands" ]; then
        said=$(chown "$hands" "$temp" 2>&1) || fail "cannot give it to $hands: ${said##*: }"
    elif [ -n "$kept" ] && [ "$kept" != "$(stat -c '%u:%g' "$temp")" ]; then
        chown "$kept" "$temp" 2>/dev/null || :
    fi
    said=$(chmod "$mode" "$temp" 2>&1) || fail "cannot set its mode: ${said##*: }"
    said=$(dd if=/dev/null of="$temp" conv=notrunc,fsync 2>&1) || fail "cannot write it: $said"
    # Debian 12's busybox has no -T; without it, a file would be moved into a folder.
    mv -fT "$temp" "$target" 2>/dev/null || {
        [ ! -d "$target" ] || fail "there is a folder of that name"
        said=$(mv -f "$temp" "$target" 2>&1) || fail "cannot put it in place: ${said##*: }"
    }
    temp=''
)
"""
"""Defines ``ww_download URL TARGET SHA256 MODE HANDS SECONDS``, which leaves TARGET whole."""

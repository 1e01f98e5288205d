"""Commands and scripts of people's own."""

from __future__ import annotations

RUN = r"""
ww_with() (
    while [ -n "$1" ]; do
        export "$1=$2" || exit
        shift 2
    done
    shift
    "$@"
)
ww_script() (
    ww_d=$(mktemp -d) || exit 125
    trap 'rm -rf -- "$ww_d"' EXIT
    trap 'exit 1' HUP INT PIPE TERM
    ww_receive "$ww_d/script" "$1" 0700 "$3" '' "$2" || exit 125
    [ -z "$3" ] || chmod 0711 "$ww_d" || exit 125
    ww_n=$4 ww_k=$(($# - 4))
    shift 4
    while [ "$ww_k" -gt 0 ]; do
        set -- "$@" "$1"
        shift
        ww_k=$((ww_k - 1)) ww_n=$((ww_n - 1))
        [ "$ww_n" -ne 0 ] || set -- "$@" "$ww_d/script"
    done
    "$@" </dev/null
)
"""
"""Defines ``ww_with NAME VALUE… '' CMD…``, which exports variables first (in no list of
processes), and ``ww_script SIZE SHA256 OWNER N CMD…``, which puts the path of a private file with
SIZE bytes of stdin behind the first N words of CMD, and ends with NOT_SENT when there is none."""

"""Archives, unpacked beside their place."""

from __future__ import annotations

MARKER = ".wirework-archive"
"""The file in a folder that tells which archive was unpacked there last, and how."""

UNPACK = r"""
ww_members() {
    case $how in
    zip)
        unzip -l archive >list 2>said || return
        while read -r length day clock name; do
            case $length in '' | *[!0-9]*) continue ;; esac
            [ -z "$name" ] || printf '%s\n' "$name"
        done <list
        ;;
    *)
        tar -t $how -f archive 2>said || return
        tar -tv $how -f archive 2>/dev/null | while IFS= read -r line; do
            case $line in
            l*) ;;
            *' link to '*) printf '%s\n' "${line##* link to }" ;;
            *' -> '*) printf '%s\n' "${line##* -> }" ;;
            esac
        done
        ;;
    esac
}
ww_extract() {
    case $how in
    zip) LC_ALL=C.UTF-8 unzip -qo archive -d tree </dev/null >said 2>&1 ;;
    *) tar -xo $how -f archive -C tree >said 2>&1 ;;
    esac
}
ww_stays() (
    to=$(readlink -- "$1") from=${2%/*}
    while :; do
        case $to in
        .. | ../*)
            [ -n "$from" ] || exit 1
            from=${from%/*} to=${to#..}
            ;;
        . | ./*) to=${to#.} ;;
        *) break ;;
        esac
        to=${to#"${to%%[!/]*}"}
    done
    case /$to/ in //?* | */../*) exit 1 ;; esac
)
ww_vet() (
    for each in "$1"/* "$1"/.[!.]* "$1"/..?*; do
        [ -e "$each" ] || [ -L "$each" ] || continue
        name=$3/${each##*/} there=$2/${each##*/}
        if [ -L "$each" ]; then
            ww_stays "$each" "$name" || fail "its link ${name#/} leads out of the folder"
        elif [ -d "$each" ]; then
            if [ -L "$there" ] || { [ -e "$there" ] && [ ! -d "$there" ]; }; then
                fail "${name#/} is a folder in it, but not here"
            fi
            ww_vet "$each" "$there" "$name" || exit
            continue
        elif [ ! -f "$each" ]; then
            fail "${name#/} in it is neither file, folder nor link"
        fi
        if [ -d "$there" ] && [ ! -L "$there" ]; then
            fail "${name#/} is a folder here, but not in it"
        fi
    done
)
ww_merge() (
    from=$1 to=$2
    set --
    for each in "$from"/* "$from"/.[!.]* "$from"/..?*; do
        if [ -d "$each" ] && [ ! -L "$each" ] && [ -d "$to/${each##*/}" ]; then
            ww_merge "$each" "$to/${each##*/}" || exit
        elif [ -e "$each" ] || [ -L "$each" ]; then
            set -- "$@" "$each"
        fi
        if [ $# -eq 100 ]; then
            mv -f -- "$@" "$to/" || exit
            set --
        fi
    done
    [ $# -eq 0 ] || mv -f -- "$@" "$to/"
)
ww_unpack() (
    size=$2 sum=$3 strip=$5 hands=$6 creates=$7 mark=$8 stage=''
    umask 022
    LC_ALL=C
    export LC_ALL
    case $1 in /*) archive=$1 ;; *) archive=$PWD/$1 ;; esac
    case $4 in /*) dest=$4 ;; *) dest=$PWD/$4 ;; esac
    fail() {
        printf 'ww_receive: %s\n' "$1" >&2
        exit 1
    }
    trap '[ -z "$stage" ] || rm -rf "$stage" 2>/dev/null ||
        { chmod -R u+rwx "$stage"; rm -rf "$stage"; }' EXIT
    trap 'exit 1' HUP INT PIPE TERM
    stage=$(mktemp -d "$dest/.ww.XXXXXX") || exit
    cd -- "$stage" && mkdir tree || exit
    if [ -n "$size" ]; then
        ww_receive archive "$size" 0600 '' '' "$sum" || exit
    else
        ln -s -- "$archive" archive || exit
    fi
    # By its first bytes: not every tar looks itself (busybox), and names may say anything.
    case $(head -c 4 <archive | tr -d '\0') in
    "PK$(printf '\003\004')") how=zip ;;
    "$(printf '\037\213')"*) how=-z ;;
    BZh*) how=-j ;;
    "$(printf '\3757zX')") how=-J ;;
    "$(printf '\050\265\057\375')") how=--zstd ;;
    *) how='' ;;
    esac
    ww_members >members || fail "it cannot be read: $(tail -n 1 said)"
    while IFS= read -r name; do
        case /$name/ in //* | */../*) fail "its member $name would leave the folder" ;; esac
    done <members || exit
    # busybox takes such a beginning away itself, and tells.
    case $(cat said) in *'emoving leading'*) fail "a member of it would leave the folder" ;; esac
    ww_extract || fail "it cannot be unpacked: $(tail -n 1 said)"
    while [ "$strip" -gt 0 ]; do
        mkdir next || exit
        for each in tree/* tree/.[!.]* tree/..?*; do
            [ ! -d "$each" ] || [ -L "$each" ] || ww_merge "$each" next || exit
        done
        rm -rf tree && mv next tree || exit
        strip=$((strip - 1))
    done
    ww_vet tree "$dest" '' || exit
    if [ -n "$creates" ] && [ ! -e "tree/$creates" ] && [ ! -L "tree/$creates" ]; then
        fail "there is no $creates in it"
    fi
    [ -z "$hands" ] || chown -hR "$hands" tree || exit
    # From here on the folder holds a part of it, which no old marker may call whole.
    [ -z "$mark" ] || rm -f "$dest/__MARKER__" || exit
    # What tells that it is done comes last, once all else is on the disk.
    [ -z "$creates" ] || mv -- "tree/$creates" last || exit
    ww_merge tree "$dest" || exit
    sync -f "$dest" 2>/dev/null || sync
    if [ -n "$creates" ]; then
        mv -f -- last "$dest/$creates"
    else
        printf '%s\n' "$mark" >mark && mv -f mark "$dest/__MARKER__"
    fi
)
""".replace("__MARKER__", MARKER)
"""Defines ``ww_unpack ARCHIVE SIZE SHA256 DEST STRIP HANDS CREATES MARK``.

SIZE bytes of stdin are the archive, or ARCHIVE is when SIZE is ``""``. Everything is unpacked and
looked at in a private folder inside DEST first; only then it is moved into place.
"""

"""The shell functions that changes and facts call, and of them those that one round calls.

All names begin with ``ww_``, and each function begins a line and is written nowhere else. So what
a round needs is found in its text: every function that it names, and those that these name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wirework.ssh.shell import RECEIVE
from wirework.state.shell.accounts import ACCOUNTS
from wirework.state.shell.archives import UNPACK
from wirework.state.shell.checkouts import CHECKOUT
from wirework.state.shell.commands import RUN
from wirework.state.shell.downloads import DOWNLOAD
from wirework.state.shell.machine import MACHINE
from wirework.state.shell.packages import PACKAGES
from wirework.state.shell.paths import BENEATH
from wirework.state.shell.readiness import READINESS
from wirework.state.shell.services import SERVICES

if TYPE_CHECKING:
    from collections.abc import Iterable

FRAMES = r"""
ww_mark() { printf '\n%s %s\n' "$ww_t" "$*"; }
ww_next() { ww_mark next; }
ww_change() {
  ww_n=$1 ww_ok=" $2 "; shift 2
  ww_mark change "$ww_n"
  "$@" 2>&1
  ww_s=$?
  ww_mark ended "$ww_n" "$ww_s"
  case $ww_ok in *" $ww_s "*) ;; *) ww_mark done; exit 0 ;; esac
}
"""
"""The frames of an answer; ``ww_t`` holds the token of the round."""

LINKS_AND_FOLDERS = r"""
ww_link() {
  case $2 in */*) ww_l=${2%/*} ;; *) ww_l=. ;; esac
  # Hidden, for a run that is killed here: services read whatever they see in their folders.
  ww_l=$(mktemp -u -- "$ww_l/.ww.XXXXXX") && ln -s -- "$1" "$ww_l" &&
  { mv -fT -- "$ww_l" "$2" || { rm -f -- "$ww_l"; return 1; }; }
}
ww_folders() {
  ww_m=$1 ww_o=$2 ww_g=$3; shift 3
  # Each begins with its mode, whatever the umask; chmod takes an inherited setgid bit away.
  while [ $# -gt 1 ]; do mkdir -m 00755 -- "$1" && chmod 00755 -- "$1" || return; shift; done
  mkdir -m "$ww_m" -- "$1" || return
  [ -z "$ww_o$ww_g" ] || chown -- "$ww_o${ww_g:+:$ww_g}" "$1" || return
  chmod "$ww_m" -- "$1"
}
"""

TEXTS = (
    *(FRAMES, LINKS_AND_FOLDERS, RECEIVE, RUN, UNPACK, DOWNLOAD, CHECKOUT, ACCOUNTS),
    *(MACHINE, PACKAGES, BENEATH, READINESS, SERVICES),
)

_BEGIN = re.compile(r"^(?=ww_\w+\(\))", re.MULTILINE)
_NAME = re.compile(r"\bww_\w+")


def pieces(text: str) -> tuple[str, ...]:
    """Cut a text before each of its functions; the pieces together are the text."""
    return tuple(piece for piece in _BEGIN.split(text) if piece)


FUNCTIONS = {
    piece.partition("(")[0]: piece for text in TEXTS for piece in pieces(text.lstrip("\n"))
}
"""Every function by its name, in the order of ``TEXTS``."""
_CALLS = {
    name: frozenset(_NAME.findall(piece)) & FUNCTIONS.keys() for name, piece in FUNCTIONS.items()
}


def needed(lines: Iterable[str]) -> str:
    """Return the functions that ``lines`` of shell text call, with those that these call.

    A name that stands in a string counts as well: it costs some bytes, and misses nothing.
    """
    wanted: set[str] = set()
    found = {name for line in lines if "ww_" in line for name in _NAME.findall(line)}
    while found := (found & FUNCTIONS.keys()) - wanted:
        wanted |= found
        found = {name for each in found for name in _CALLS[each]}
    return "".join(piece for name, piece in FUNCTIONS.items() if name in wanted)

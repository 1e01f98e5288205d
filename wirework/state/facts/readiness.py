"""Whether what a host shall offer is there by now: a port, a path, a text, an answer over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from wirework.errors import Failed
from wirework.state.facts.base import Fact, quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wirework.state.changes import Change

TRY_SECONDS = 5
"""How long one look at a URL may take."""

READINESS_SHELL = rf"""
ww_ready() (
  PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH
  case $1 in
    path) [ -e "$2" ] || [ -h "$2" ] || exit 1 ;;
    contains) [ -f "$2" ] && grep -qF -e "$3" -- "$2" || exit 1 ;;
    port)
      # Of each socket: number, own address, the other's, and its state; 0A listens (proc(5)).
      for table in /proc/net/tcp /proc/net/tcp6; do
        [ ! -r "$table" ] || while read -r _ own _ state _; do
          case $own,$state in *:"$2",0A) exit 0 ;; esac
        done <"$table"
      done
      exit 1 ;;
    url)
      if command -v curl >/dev/null; then
        curl -fsS -m {TRY_SECONDS} -o /dev/null -- "$2" </dev/null >/dev/null 2>&1 || exit 1
      elif command -v wget >/dev/null; then
        timeout {TRY_SECONDS} wget -q -O /dev/null -- "$2" </dev/null >/dev/null 2>&1 || exit 1
      else
        exit 2
      fi ;;
  esac
)
ww_wait() {{
  ww_u=$(($(date +%s) + $1)) ww_e=$2 ww_w=$3; shift 3
  while :; do
    ww_ready "$@"
    case $?,$ww_e in
      2,*) echo "the host has neither curl nor wget"; return 1 ;;
      0,yes | 1,no) return 0 ;;
    esac
    [ "$(date +%s)" -lt "$ww_u" ] || {{ printf '%s\n' "$ww_w"; return 1; }}
    sleep 1
  done
}}
"""
"""Defines ``ww_ready KIND SUBJECT [TEXT]``, whose status is 0 when it is there, and ``ww_wait
SECONDS yes|no COMPLAINT KIND SUBJECT [TEXT]``, which looks until it is there, or gone."""

Kind = Literal["port", "path", "contains", "url"]


@dataclass(frozen=True)
class Ready(Fact[bool]):
    """Whether something is there now; ``subject`` is a port's number, a path or a URL."""

    kind: Kind
    subject: str
    text: str = ""

    def words(self) -> tuple[str, ...]:
        """Return the words that tell the host what to look at."""
        subject = f"{int(self.subject):04X}" if self.kind == "port" else self.subject
        return (self.kind, subject, *((self.text,) if self.text else ()))

    def spoiled_by(self, change: Change) -> bool:
        """Any change may bring it, or take it away."""
        del change
        return True

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """Look at each once."""
        return "".join(
            f"ww_ready {' '.join(map(quote, fact.words()))}; printf '%s\\n' \"$?\"\n"
            for fact in asked
        )

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[bool]:
        """Read one status a line."""
        lines = parts[0].decode("ascii", "replace").split() if parts else []
        if len(lines) != len(asked) or not all(line.isdigit() for line in lines):
            raise Failed("the host gave no readable answer about what is to be waited for")
        return [line == "0" for line in lines]

"""Whether what a host shall offer is there."""

from __future__ import annotations

TRY_SECONDS = 5
"""How long one look at a URL may take."""

READINESS = rf"""
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

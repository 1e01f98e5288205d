"""Accounts, by shadow's tools or busybox's."""

from __future__ import annotations

ACCOUNTS = r"""
ww_shadow() (
  PATH=$PATH:/usr/sbin:/sbin
  command -v "$1" >/dev/null || { echo "there is no $1 on this host" >&2; exit 1; }
  exec "$@"
)
ww_has() {
  ww_e=$1; shift
  ( PATH=$PATH:/usr/sbin:/sbin; command -v "$ww_e" >/dev/null )
}
ww_groupadd() {
  if ww_has groupadd; then ww_shadow groupadd ${2:+-g "$2"} ${3:+-r} "$1"
  else ww_shadow addgroup ${2:+-g "$2"} ${3:+-S} "$1"; fi
}
ww_groupdel() {
  if ww_has groupdel; then ww_shadow groupdel "$1"; else ww_shadow delgroup "$1"; fi
}
ww_useradd() {
  if ww_has useradd; then
    if [ -n "$8" ]; then ww_m=-m; else ww_m=-M; fi
    ww_shadow useradd -N -g "$3" -d "$4" -s "$5" -c "$6" ${2:+-u "$2"} ${7:+-r} "$ww_m" "$1"
  else
    if [ -n "$8" ]; then ww_m=; else ww_m=-H; fi
    ww_shadow adduser -D -G "$3" -h "$4" -s "$5" -g "$6" ${2:+-u "$2"} ${7:+-S} $ww_m "$1"
  fi
}
ww_userdel() {
  if ww_has userdel; then ww_shadow userdel ${2:+-r} "$1"
  else ww_shadow deluser ${2:+--remove-home} "$1"; fi
}
ww_groups() {
  ww_u=$1 ww_a=$2; shift 2
  if ww_has usermod; then ww_shadow usermod -G "$ww_a" "$ww_u"; return; fi
  for ww_g do
    case $ww_g in
      +*) ww_shadow addgroup "$ww_u" "${ww_g#?}" ;;
      *) ww_shadow delgroup "$ww_u" "${ww_g#?}" ;;
    esac || return
  done
}
ww_chpasswd() { dd bs="$1" count=1 iflag=fullblock 2>/dev/null | ww_shadow chpasswd -e; }
"""
"""Functions for changes: shadow's tool where there is one, else busybox's of the same work."""

"""Owners and modes beneath a folder."""

from __future__ import annotations

BENEATH = r"""
ww_beneath() (
  p=$1 o=$2 g=$3 d=$4 f=$5 h=$2${3:+:$3}
  ww_hands() { find "$p" -mindepth 1 "$@" -exec chown -h -- "$h" {} +; }
  ww_set_id() {
    find "$p" -mindepth 1 -type f \( -perm -4000 -o -perm -2000 \) "$@" -exec sh -c '
      h=$1; shift
      for f do m=$(stat -c %a "$f") && chown -- "$h" "$f" && chmod "$m" "$f" || exit; done
    ' sh "$h" {} +
  }
  if [ -n "$o" ]; then ww_set_id ! -user "$o" && ww_hands ! -user "$o" || exit; fi
  if [ -n "$g" ]; then ww_set_id ! -group "$g" && ww_hands ! -group "$g" || exit; fi
  [ -z "$d" ] || find "$p" -mindepth 1 -type d ! -perm "$d" -exec chmod "$d" {} + || exit
  [ -z "$f" ] || find "$p" -mindepth 1 -type f ! -perm "$f" -exec chmod "$f" {} +
)
"""
"""``ww_beneath PATH OWNER GROUP FOLDER_MODE FILE_MODE``: changes only what differs.

New hands cost a program its set-id bits (chown(2)), so such files get their mode anew.
"""

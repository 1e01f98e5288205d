"""Packages, by apt, apk and dnf."""

from __future__ import annotations

PACKAGES = r"""
ww_environment() {
  PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin LC_ALL=C.UTF-8
  DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_MODE=l
  export PATH LC_ALL DEBIAN_FRONTEND APT_LISTCHANGES_FRONTEND NEEDRESTART_MODE
}
ww_index() (
  ww_environment
  until=$(($(date +%s) + $2))
  case $1 in
    apk) mkdir -p /var/cache/apk && apk --wait "$2" update && touch /var/cache/apk; exit ;;
    dnf)
      # Without --refresh dnf takes what it has for good, for two days.
      mkdir -p /var/cache/dnf && ww_dnf "$until" --refresh makecache || exit
      touch /var/cache/dnf
      for index in /var/cache/dnf/*.solv; do [ ! -e "$index" ] || touch "$index"; done
      exit 0 ;;
  esac
  # apt waits for the lock of dpkg, but not for that of its lists.
  while :; do
    said=$(apt-get -q -o APT::Update::Error-Mode=any update 2>&1) && break
    case $said in
      *'Could not get lock'*)
        [ "$(date +%s)" -ge "$until" ] || { sleep 1; continue; } ;;
    esac
    printf '%s\n' "$said"
    exit 1
  done
  touch /var/lib/apt/lists
)
ww_dnf() {
  until=$1; shift
  while :; do
    dnf -y -q --setopt=exit_on_lock=1 "$@"
    status=$?
    # 200 tells that somebody else holds the lock (dnf(8)).
    [ "$status" -eq 200 ] && [ "$(date +%s)" -lt "$until" ] || return "$status"
    sleep 1
  done
}
ww_package() (
  manager=$1 verb=$2 seconds=$3; shift 3
  ww_environment
  case $manager,$verb in
    apt,upgrade) set -- install --only-upgrade "$@" ;;
    apt,pin) set -- install --allow-downgrades "$@" ;;
    apk,install | apk,pin) set -- add "$@" ;;
    apk,upgrade) set -- add -u "$@" ;;
    apk,remove) set -- del "$@" ;;
    apk,purge) set -- del --purge "$@" ;;
    dnf,pin) set -- install "$@" ;;
    dnf,purge) set -- remove "$@" ;;
    *) set -- "$verb" "$@" ;;
  esac
  case $manager in
    # A name that apt does not know must not be taken for a pattern that others match.
    apt) exec apt-get -y -q -o APT::Cmd::Pattern-Only=true -o Dpkg::Use-Pty=0 \
      -o "DPkg::Lock::Timeout=$seconds" -o Dpkg::Options::=--force-confdef \
      -o Dpkg::Options::=--force-confold "$@" ;;
    apk)
      said=$(apk --wait "$seconds" --no-progress "$@" 2>&1)
      status=$?
      printf '%s\n' "$said"
      case $said in
        # apk is content with that.
        *'not removed due to:'*)
          printf '%s\n' "$said" | sed -n 's/^  *\(..*\): \(..*\)/\1 is needed by \2/p'
          exit 1 ;;
      esac
      [ "$status" -eq 0 ] || printf '%s\n' "$said" | sed -n 's/^ *\(.* (no such package)\):$/\1/p'
      exit "$status" ;;
    dnf) ww_dnf "$(($(date +%s) + seconds))" "$@" ;;
  esac
)
"""
"""Defines ``ww_index MANAGER SECONDS``, which fetches the index, and ``ww_package MANAGER VERB
SECONDS NAME...`` with the verbs install, upgrade, pin, remove and purge. SECONDS bound the wait
for a lock. An old configuration file that somebody changed is kept."""

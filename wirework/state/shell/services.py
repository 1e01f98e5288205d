"""Services under systemd, OpenRC and sysv."""

from __future__ import annotations

SERVICES = r"""
ww_service() (
  PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH
  init=$1 verb=$2 name=$3
  case $init,$verb in
    systemd,daemon-reload) exec systemctl daemon-reload ;;
    systemd,start | systemd,restart | systemd,reload) ww_unit "$verb" "$name"; exit ;;
    systemd,*) exec systemctl "$verb" -- "$name" ;;
    openrc,enable) exec rc-update add "$name" default ;;
    openrc,disable)
      # rc-update -a would fail for every runlevel that the service is not in.
      for link in /etc/runlevels/*/"$name"; do
        [ -h "$link" ] || [ -e "$link" ] || continue
        link=${link%/*}
        rc-update del "$name" "${link##*/}" || exit
      done
      exit 0 ;;
    openrc,stop | openrc,reload) exec rc-service "$name" "$verb" ;;
    openrc,*)
      tool=rc-service
      rc-service "$name" status >/dev/null 2>&1
      # One that crashed counts as started, until it is zapped.
      [ $? -ne 32 ] || rc-service "$name" zap || exit ;;
    sysv,enable) update-rc.d "$name" defaults && exec update-rc.d "$name" enable ;;
    sysv,disable) exec update-rc.d "$name" disable ;;
    sysv,stop) exec service "$name" stop ;;
    *) tool=service ;;
  esac
  said=$("$tool" "$name" "$verb" 2>&1)
  status=$?
  if [ "$status" -ne 0 ]; then
    # OpenRC's own summary goes before what the script says.
    printf '%s\n' "$said" | grep ' \* ERROR: '
    printf '%s\n' "$said" | grep -v -e ' \* ERROR: ' -e 'Caching service dep' -e '^ *\[ !! \]'
    exit "$status"
  fi
  # Some scripts return before their daemon has written its PID file.
  for _ in 1 2 3 4 5; do
    said=$("$tool" "$name" status 2>&1) && exit 0
    [ $? -ne 32 ] || break
    sleep 1
  done
  printf '%s\n' "$said"
  exit 1
)
ww_unit() (
  verb=$1 unit=$2
  property() { value=$(systemctl show -p "$1" -- "$unit") && printf '%s' "${value#*=}"; }
  read_log() { journalctl -q --no-pager -o cat "$@" 2>/dev/null; }
  began=$(date +%s)
  said=$(systemctl "$verb" -- "$unit" 2>&1)
  status=$?
  if [ "$status" -eq 0 ]; then
    [ "$verb" != reload ] || exit 0
    kind=$(property Type)
    # Of these systemd knows no more than that a process was begun: one that ends at once is told.
    case $kind in simple | exec | idle) sleep 0.5 ;; esac
    case $kind,$(property ActiveState),$(property SubState) in
      oneshot,inactive,*) exit 0 ;;
      *,failed,* | *,inactive,* | *,auto-restart*) status=1 said="$unit ended at once" ;;
      *) exit 0 ;;
    esac
  fi
  printf '%s\n' "$said" | grep -v '^See '
  journalctl --sync 2>/dev/null
  case $said in
    # It was read, and found to be so, before.
    *'bad unit file setting'*) read_log -n 2 "UNIT=$unit" ;;
    'Job for '* | *'ended at once')
      set -- -n 20 "--since=@$began"
      read_log "$@" "UNIT=$unit" | grep ' Failed with result '
      read_log "$@" "UNIT=$unit" | grep -e ' exited, ' -e ' too quickly'
      read_log "$@" "_SYSTEMD_UNIT=$unit" ;;
  esac
  exit "$status"
)
"""
"""Defines ``ww_service INIT VERB NAME`` with the verbs of systemctl(1).

A unit of systemd's that does not start, or ends at once, says the last lines of its own log.
"""

"""Services: running or not, starting with the host or not, and handlers for them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from wirework.errors import BadInput, Refused
from wirework.state.changes import Change
from wirework.state.facts.services import (
    UNIT_FOLDERS,
    Init,
    InitSystem,
    Service,
    ServiceState,
    unit,
)
from wirework.state.operation import Steps, operation

SERVICES_SHELL = r"""
ww_service() (
  PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH
  init=$1 verb=$2 name=$3
  case $init,$verb in
    systemd,daemon-reload) exec systemctl daemon-reload ;;
    systemd,*) exec systemctl "$verb" -- "$name" ;;
    openrc,enable) exec rc-update add "$name" default ;;
    openrc,disable) exec rc-update -a del "$name" ;;
    openrc,*) exec rc-service "$name" "$verb" ;;
    sysv,enable) update-rc.d "$name" defaults && exec update-rc.d "$name" enable ;;
    sysv,disable) exec update-rc.d "$name" disable ;;
    sysv,stop) exec service "$name" stop ;;
  esac
  service "$name" "$verb" || exit
  # Some scripts return before their daemon has written its PID file.
  for _ in 1 2 3 4 5; do
    ! service "$name" status >/dev/null || exit 0
    sleep 1
  done
)
"""
"""Defines ``ww_service INIT VERB NAME`` with the verbs of systemctl(1)."""

WRITTEN = ("/run", "/var", "/tmp")  # noqa: S108  (named, never written to)
"""Where a service writes when it starts or stops."""


@dataclass(frozen=True)
class _Wish:
    """A service as it shall be; None where nothing is asked for."""

    name: str
    running: bool | None
    enabled: bool | None
    again: Literal["restart", "reload"] | None
    daemon_reload: bool


@operation
def service(
    name: str = "",
    *,
    running: bool | None = None,
    enabled: bool | None = None,
    restarted: bool = False,
    reloaded: bool = False,
    daemon_reload: bool = False,
) -> Steps:
    """Have a service ``running`` or not, and ``enabled`` to start with the host or not.

    For handlers, ``restarted`` and ``reloaded`` do so each time, and start it when it does not
    run. ``daemon_reload`` has systemd read its unit files; with a name, a unit file that was
    changed is read anyway before its service starts.
    """
    if not re.fullmatch(r"(?:[A-Za-z0-9_][A-Za-z0-9_.:@\\-]*)?", name):
        raise BadInput(f"{name!r} is no name of a service")
    if restarted and reloaded:
        raise BadInput("a service is restarted or reloaded, not both")
    if running is False and (restarted or reloaded):
        raise BadInput("a service that shall not run is neither restarted nor reloaded")
    acts = running is not None or enabled is not None or restarted or reloaded
    if acts and not name:
        raise BadInput("service needs name")
    if not acts and not daemon_reload:
        raise BadInput("service needs running, enabled, restarted, reloaded or daemon_reload")
    again: Literal["restart", "reload"] | None = "restart" if restarted else None
    wish = _Wish(name, running, enabled, "reload" if reloaded else again, daemon_reload)
    return _service(wish) if name else _daemon_reload()


def _daemon_reload() -> Steps:
    init = yield InitSystem()
    if init == "systemd":
        yield _reload_units()


def _service(wish: _Wish) -> Steps:
    init, now = yield InitSystem(), ServiceState(wish.name)
    _possible(wish, init, now)
    starts = bool(wish.running and not now.running) or wish.again is not None
    if init == "systemd" and (wish.daemon_reload or (now.stale and starts)):
        yield _reload_units()
        now = replace(now, stale=False)
    if wish.enabled is not None and wish.enabled != now.enabled:
        now = replace(now, enabled=wish.enabled)
        yield _act(init, "enable" if wish.enabled else "disable", wish.name, now)
    if starts:
        now, was_running = replace(now, running=True), now.running
        yield _act(init, (was_running and wish.again) or "start", wish.name, now)
    elif wish.running is False and now.running:
        yield _act(init, "stop", wish.name, replace(now, running=False))


def _possible(wish: _Wish, init: Init, now: Service) -> None:
    """Refuse what cannot be made true; a service that is not there is stopped already."""
    wanted = wish.running or wish.enabled or wish.again is not None
    if not wanted:
        return
    if init == "none":
        raise Refused("the host has no init system that is known", hint="systemd, OpenRC or sysv")
    if now.presence == "absent":
        raise Refused(f"there is no service {wish.name}", hint="install its package before")
    if now.presence == "masked":
        raise Refused(f"{wish.name} is masked", hint=f"systemctl unmask {unit(wish.name)}")
    if wish.enabled and now.fixed and not now.enabled:
        raise Refused(
            f"{wish.name} cannot be enabled", hint="its unit file has no [Install] section"
        )


def _reload_units() -> Change:
    return Change(
        ("ww_service", "systemd", "daemon-reload", ""),
        says="systemd reads its unit files",
        verb="run",
        spoils=UNIT_FOLDERS,
    )


def _act(init: Init, verb: str, name: str, then: Service) -> Change:
    lasting = verb in ("enable", "disable")
    return Change(
        ("ww_service", init, verb, unit(name) if init == "systemd" else name),
        says=f"{verb} {name}",
        verb="change" if lasting else "run",
        predicts={ServiceState(name): then},
        spoils=("/etc/systemd/system", "/etc/runlevels") if lasting else WRITTEN,
    )

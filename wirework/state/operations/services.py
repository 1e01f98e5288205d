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
    if (stem := name.removesuffix(".service")).endswith("@"):
        raise BadInput(f"{name} is a template", hint=f"one of its services is {stem}NAME")
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
    trouble = _trouble(wish, init, now)
    if trouble and not now.stale:
        raise trouble
    if init == "systemd" and (wish.daemon_reload or (now.stale and _begins(wish, now))):
        yield _reload_units()
        # What the old unit file does not allow, the new one may.
        now = (yield ServiceState(wish.name)) if trouble else replace(now, stale=False)
        trouble = _trouble(wish, init, now)
    if trouble:
        raise trouble
    if wish.enabled is not None and wish.enabled != now.enabled:
        now = replace(now, enabled=wish.enabled)
        yield _act(init, "enable" if wish.enabled else "disable", wish.name, now)
    if _starts(wish, now):
        verb = (now.running and wish.again) or "start"
        yield _act(init, verb, wish.name, replace(now, running=not now.once))
    elif wish.running is False and now.running:
        yield _act(init, "stop", wish.name, replace(now, running=False))


def _starts(wish: _Wish, now: Service) -> bool:
    return wish.again is not None or bool(wish.running and not now.running)


def _begins(wish: _Wish, now: Service) -> bool:
    """Tell whether anything is to be done for which systemd should know the unit file."""
    return _starts(wish, now) or bool(wish.enabled and not now.enabled)


def _trouble(wish: _Wish, init: Init, now: Service) -> Refused | None:
    """Return why it cannot be made true; a service that is not there is stopped already."""
    if not (wish.running or wish.enabled or wish.again is not None):
        return None
    if init == "none":
        return Refused("the host has no init system that is known", hint="systemd, OpenRC or sysv")
    if now.presence == "absent":
        return Refused(f"there is no service {wish.name}", hint="install its package before")
    if now.presence == "masked" and _begins(wish, now):
        return Refused(f"{wish.name} is masked", hint=f"systemctl unmask {unit(wish.name)}")
    if wish.enabled and now.fixed and not now.enabled:
        return Refused(
            f"{wish.name} cannot be enabled", hint="its unit file has no [Install] section"
        )
    if wish.running and now.once:
        return Refused(
            f"{wish.name} ends by itself, so it is never found running",
            hint="restarted: true runs it; or RemainAfterExit=yes in its unit file",
        )
    return None


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

"""What a host's services do, by the init system it has: systemd, OpenRC or sysv scripts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Self, cast

from wirework.errors import Failed
from wirework.state.facts.base import Fact, NameFact, PathFact, is_within, quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wirework.state.changes import Change

Init = Literal["systemd", "openrc", "sysv", "none"]
Presence = Literal["present", "absent", "masked"]

STATUS_SECONDS = 20
"""How long one service's own status command may take."""
UNIT_FOLDERS = (
    "/etc/init.d",
    "/etc/rc.d",
    "/etc/runlevels",
    "/etc/systemd",
    "/lib/systemd",
    "/run/systemd",
    "/usr/lib/systemd",
    "/usr/local/lib/systemd",
)
"""Where units and scripts stand: a change there may change what is true of any service."""

FIND_INIT = """\
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH
if [ -d /run/systemd/system ]; then i=systemd
elif command -v rc-service >/dev/null; then i=openrc
elif command -v service >/dev/null && [ -d /etc/init.d ]; then i=sysv
else i=none
fi
printf '%s\\n' "$i"
ww_next
"""


class InitSystem(Fact[Init]):
    """Which init system looks after the host's services."""

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """Look for a running systemd, then for the tools of the others."""
        del asked
        return f"( {FIND_INIT})\n"

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[Init]:
        """Read one word."""
        return [_init(parts) for _ in asked]


@dataclass(frozen=True)
class Service:
    """One service: ``fixed`` when it can be neither enabled nor disabled, as a static unit.

    ``stale`` when systemd has not read its unit file since that was changed, ``once`` when it is
    a oneshot service that counts as running only until its command has ended.
    """

    presence: Presence
    running: bool = False
    enabled: bool = False
    fixed: bool = False
    stale: bool = field(default=False, compare=False)
    once: bool = field(default=False, compare=False)


class ServiceState(NameFact[Service]):
    """Whether a service is there, runs now, and starts with the host."""

    def spoiled_by(self, change: Change) -> bool:
        """Tell whether the change leaves something new where units and scripts stand."""
        if any(isinstance(fact, ServiceState) for fact in change.predicts):
            # To enable one service tells of that one, though it leaves links among the units.
            return False
        paths = [fact.path for fact in change.predicts if isinstance(fact, PathFact)]
        return change.opaque or any(
            is_within(path, folder) for path in (*paths, *change.spoils) for folder in UNIT_FOLDERS
        )

    @classmethod
    def ask(cls, asked: Sequence[Self]) -> str:
        """One ``systemctl show`` for all; elsewhere each script is asked for its status."""
        units = " ".join(quote(unit(fact.name)) for fact in asked)
        names = " ".join(quote(fact.name) for fact in asked)
        return (
            f"( {FIND_INIT}units() {{ systemctl {_SHOW} -- {units}; }}\nset -- {names}{_STATUS})\n"
        )

    @classmethod
    def parse(cls, asked: Sequence[Self], parts: Sequence[bytes]) -> list[Service]:
        """Read a line of words for each name, and systemd's own words before them."""
        init = _init(parts)
        text = [part.decode("utf-8", "surrogateescape") for part in parts[1:]]
        if init == "none":
            return [Service("absent") for _ in asked]
        lines = [line.split() for line in text[-1].splitlines()] if text else []
        if len(lines) != len(asked) or any(len(line) != SCRIPT_WORDS for line in lines):
            raise Failed("the host gave no readable answer about its services")
        if init == "systemd":
            blocks = [block for block in text[0].split("\n\n") if block.strip()]
            if len(blocks) != len(asked):
                raise Failed("the host gave no readable answer about its services")
            return [
                _systemd(block, linked=line[2] == "yes")
                for block, line in zip(blocks, lines, strict=True)
            ]
        return [
            Service("present", running=status == "0", enabled=enabled == "yes")
            if there == "yes"
            else Service("absent")
            for there, status, enabled in lines
        ]


SCRIPT_WORDS = 3
"""Words that ``ServiceState`` says of a script: is it there, its status, is it enabled."""

_SHOW = (
    "show -p LoadState -p ActiveState -p UnitFileState -p NeedDaemonReload"
    " -p Type -p RemainAfterExit"
)
_STATUS = rf"""
[ "$i" != systemd ] || {{ units; ww_next; }}
if [ "$i" = openrc ]; then command=rc-service; else command=service; fi
for s do
  there=no status=- enabled=no
  if [ "$i" != systemd ] && [ -x "/etc/init.d/$s" ]; then
    there=yes
    timeout {STATUS_SECONDS} "$command" "$s" status >/dev/null
    status=$?
  fi
  for l in "/etc/runlevels/"*"/$s" /etc/rc[2345].d/S??"$s" /etc/rc.d/rc[2345].d/S??"$s"; do
    if [ -h "$l" ] || [ -e "$l" ]; then enabled=yes; fi
  done
  printf '%s %s %s\n' "$there" "$status" "$enabled"
done
"""


def unit(name: str) -> str:
    """Return a service's name as systemd writes it; one with its own suffix stays."""
    return name if name.endswith(_SUFFIXES) else f"{name}.service"


_SUFFIXES = (".service", ".socket", ".timer", ".target", ".path", ".mount", ".automount", ".swap")
_ENABLED = ("enabled", "alias")
_UNFIXED = ("enabled", "enabled-runtime", "disabled", "linked", "linked-runtime", "generated")


def _init(parts: Sequence[bytes]) -> Init:
    word = parts[0].decode("ascii", "replace").strip() if parts else ""
    if word not in ("systemd", "openrc", "sysv", "none"):
        raise Failed("the host gave no readable answer about its services")
    return cast("Init", word)


def _systemd(block: str, *, linked: bool) -> Service:
    """Read what ``systemctl show`` tells of one unit; sysv's links count for a generated one."""
    said = dict(line.partition("=")[::2] for line in block.strip().splitlines())
    if not {"LoadState", "ActiveState"} <= said.keys():
        raise Failed("the host gave no readable answer about its services")
    running = said["ActiveState"] in ("active", "reloading", "refreshing")
    file_state = said.get("UnitFileState", "")
    # One that was masked while it ran stays loaded, and cannot be started again all the same.
    if said["LoadState"] == "masked" or file_state in ("masked", "masked-runtime"):
        return Service("masked", running=running)
    if said["LoadState"] == "not-found":
        return Service("absent", running=running)
    return Service(
        "present",
        running=running,
        enabled=linked if file_state == "generated" else file_state in _ENABLED,
        fixed=file_state not in _UNFIXED,
        stale=said.get("NeedDaemonReload") == "yes",
        # Of a unit file that it cannot read systemd says that, too.
        once=said["LoadState"] == "loaded"
        and (said.get("Type"), said.get("RemainAfterExit")) == ("oneshot", "no"),
    )

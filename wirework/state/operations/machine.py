"""What a host is set to as a whole: its name, names it knows, its time zone and its kernel."""

from __future__ import annotations

import ipaddress
import re

from wirework.errors import BadInput, Refused
from wirework.state.arguments import HostPath, Names
from wirework.state.changes import Change
from wirework.state.facts import Entry, PathState, Whoami
from wirework.state.facts.kernel import Hostname, Setting, Sysctl
from wirework.state.operation import Steps, operation
from wirework.state.operations.attributes import created_by, folder_fact
from wirework.state.operations.config import asking, lines_of, write

HOST_NAME_MAX = 64
LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
HOST = re.compile(rf"{LABEL}(\.{LABEL})*")
"""A host's name (RFC 1123, section 2.1)."""
ALIAS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
ZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")
SYSCTL_WORD = re.compile(r"[A-Za-z0-9_:@.-]+")
HOSTS = "/etc/hosts"
HOSTNAME = "/etc/hostname"
LOCALTIME = "/etc/localtime"
TIMEZONE = "/etc/timezone"
SYSCTL_FILE = HostPath("/etc/sysctl.d/99-wirework.conf")
ZONES = "/usr/share/zoneinfo"


@operation
def hostname(name: str) -> Steps:
    """Have the host bear a name: now, and after a restart by /etc/hostname."""
    if not HOST.fullmatch(name) or len(name) > HOST_NAME_MAX:
        hint = "letters, digits and -, with dots between"
        raise BadInput(f"{name[:HOST_NAME_MAX]!r} is no host name", hint=hint)
    return _hostname(name)


def _hostname(name: str) -> Steps:
    asked = (Hostname(), *asking(HOSTNAME))
    known = dict(zip(asked, (yield asked), strict=True))
    lines = [line.strip() for line in lines_of(HOSTNAME, known)]
    if [line for line in lines if line and not line.startswith("#")] != [name]:
        yield from write(HOSTNAME, [name])
    if known[Hostname()] != name:
        yield Change(
            ("hostname", name),
            says=f"host name {known[Hostname()]} -> {name}",
            predicts={Hostname(): name},
        )


@operation
def hosts(ip: str, *, names: Names | None = None, present: bool = True) -> Steps:
    """Have ``names`` stand in /etc/hosts for ``ip``, and for no other of its family.

    Other names of the address stay. With ``present`` false the names go, or without names
    all that stands for the address.
    """
    try:
        address = ipaddress.ip_address(ip)
    except ValueError as error:
        raise BadInput(f"hosts: {ip[:60]!r} is no IP address") from error
    for name in names or ():
        if not ALIAS.fullmatch(name):
            raise BadInput(f"hosts: {name[:60]!r} is no name")
    if present and not names:
        raise BadInput("hosts needs names")
    return _hosts(address, tuple(names or ()), present=present)


Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _hosts(address: Address, names: tuple[str, ...], *, present: bool) -> Steps:
    asked = asking(HOSTS)
    known = dict(zip(asked, (yield asked), strict=True))
    old = lines_of(HOSTS, known)
    new = _with_names(old, address, names) if present else _without(old, address, names)
    if new != old:
        yield from write(HOSTS, new)


def _with_names(lines: list[str], address: Address, names: tuple[str, ...]) -> list[str]:
    ours = [index for index, line in enumerate(lines) if _address(line) == address]
    there = {name for index in ours for name in _names(lines[index])}
    missing = [name for name in names if name not in there]
    if missing and ours:
        body, mark, comment = lines[ours[0]].partition("#")
        gap = " " if mark else ""
        lines = lines.copy()
        lines[ours[0]] = f"{body.rstrip()} {' '.join(missing)}{gap}{mark}{comment}"
    elif missing:
        lines = [*lines, f"{address}\t{' '.join(missing)}"]
    others = {
        other
        for line in lines
        if (other := _address(line)) and other != address and other.version == address.version
    }
    for other in sorted(others):
        lines = _without(lines, other, names)
    return lines


def _without(lines: list[str], address: Address, names: tuple[str, ...]) -> list[str]:
    """Return the lines without names of an address, without any of its lines if none is named."""
    kept: list[str] = []
    for line in lines:
        here = _names(line)
        if _address(line) != address or (names and not set(here) & set(names)):
            kept.append(line)
        elif left := [name for name in here if names and name not in names]:
            body, mark, comment = line.partition("#")
            gap = " " if mark else ""
            kept.append(f"{body.split()[0]}\t{' '.join(left)}{gap}{mark}{comment}")
    return kept


def _address(line: str) -> Address | None:
    words = line.partition("#")[0].split()
    try:
        return ipaddress.ip_address(words[0]) if words else None
    except ValueError:
        return None


def _names(line: str) -> list[str]:
    return line.partition("#")[0].split()[1:]


@operation
def timezone(name: str) -> Steps:
    """Have the host's clock shown in a time zone, such as Europe/Berlin."""
    if not ZONE.fullmatch(name):
        raise BadInput(f"{name[:60]!r} is no time zone", hint="Europe/Berlin, or UTC")
    return _timezone(name)


def _timezone(name: str) -> Steps:
    zone = f"{ZONES}/{name}"
    asked = (PathState(LOCALTIME), PathState(zone), *asking(TIMEZONE))
    known = dict(zip(asked, (yield asked), strict=True))
    now, there, text = known[PathState(LOCALTIME)], known[PathState(zone)], known[asked[2]]
    if there.kind not in ("file", "link"):
        raise Refused(f"this host knows no time zone {name}", hint="its package is tzdata")
    if now.kind not in ("absent", "file", "link"):
        raise Refused(f"{LOCALTIME} is a {now.kind}", hint="remove it first")
    # systemd writes the link from the folder it stands in.
    if now.kind != "link" or now.target not in (zone, f"..{zone}"):
        entry = Entry("link", target=zone)
        yield Change(
            ("ww_link", zone, LOCALTIME),
            says=f"time zone {name}",
            verb="create" if now.kind == "absent" else "change",
            predicts={
                PathState(LOCALTIME): created_by(
                    known[Whoami()], known[folder_fact(LOCALTIME)], entry
                )
            },
            spoils=(LOCALTIME,),
        )
    # Only Debian and its kin keep the name in a file too.
    if text.kind != "absent" and lines_of(TIMEZONE, known) != [name]:
        yield from write(TIMEZONE, [name])


@operation
def sysctl(
    key: str,
    *,
    value: str = "",
    file: HostPath = SYSCTL_FILE,
    present: bool = True,
) -> Steps:
    """Have a kernel parameter at a value: now, and after a restart by ``file``.

    With ``present`` false only its line in ``file`` goes: the kernel keeps what it has.
    """
    path = _below_proc_sys(key)
    wished = " ".join(value.split())
    if present and not wished:
        raise BadInput("sysctl needs value")
    if not all(char.isprintable() for char in wished):
        raise BadInput("sysctl: value holds what is no text")
    return _sysctl(key, path, wished, file) if present else _no_sysctl(path, file)


def _below_proc_sys(key: str) -> str:
    """Return a parameter's path; the separator that comes first is the separator (sysctl.d(5))."""
    first = re.search("[./]", key)
    swapped = str.maketrans("./", "/.")
    path = key.translate(swapped) if first and first[0] == "." else key
    words = path.split("/")
    if not all(SYSCTL_WORD.fullmatch(word) and word not in (".", "..") for word in words):
        raise BadInput(f"{key[:60]!r} is no kernel parameter", hint="such as vm.swappiness")
    return path


def _sysctl(key: str, path: str, value: str, file: str) -> Steps:
    asked = (Sysctl(path), *asking(file))
    known = dict(zip(asked, (yield asked), strict=True))
    now = known[Sysctl(path)]
    if now is None:
        raise Refused(f"this kernel has no parameter {key}")
    if now.value != value and not now.writable:
        raise Refused(f"{key} is {now.value} and cannot be written here")
    old = lines_of(file, known)
    mine = [index for index, line in enumerate(old) if _parameter(line) == path]
    line = f"{key} = {value}"
    if not mine:
        new = [*old, line]
    elif _value(old[mine[-1]]) == value:
        new = old
    else:
        new = [line if index == mine[-1] else each for index, each in enumerate(old)]
    if new != old:
        yield from write(file, new)
    if now.value != value:
        yield Change(
            ("ww_sysctl", f"/proc/sys/{path}", value),
            says=f"{key} {now.value} -> {value}",
            predicts={Sysctl(path): Setting(value)},
        )


def _no_sysctl(path: str, file: str) -> Steps:
    asked = asking(file)
    known = dict(zip(asked, (yield asked), strict=True))
    old = lines_of(file, known)
    new = [line for line in old if _parameter(line) != path]
    if new != old:
        yield from write(file, new)


def _parameter(line: str) -> str:
    """Return the path of the parameter that a line of sysctl.d(5) sets, or nothing."""
    if line.lstrip()[:1] in ("#", ";") or "=" not in line:
        return ""
    try:
        return _below_proc_sys(line.partition("=")[0].strip().removeprefix("-"))
    except BadInput:
        return ""


def _value(line: str) -> str:
    return " ".join(line.partition("=")[2].split())

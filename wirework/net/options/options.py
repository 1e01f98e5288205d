"""A fresh socket's options, and what becomes of those that are set."""

from __future__ import annotations

import difflib
import errno
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from wirework.errors import BadInput, Failed
from wirework.net.options import values
from wirework.net.options.catalog import CATALOG, Known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wirework.net.options.values import Value

Protocol = Literal["tcp", "udp"]
TYPES = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
FAMILIES = {4: socket.AF_INET, 6: getattr(socket, "AF_INET6", socket.AF_INET)}

_DOUBLED = {"SO_RCVBUF", "SO_SNDBUF"}
_SYSCTL = Path("/proc/sys")

TIMEOUT = Known(
    "timeout", "time", "Python's: how long a call waits; without one it waits for ever", "s"
)
BLOCKING = Known("blocking", "switch", "a call waits (O_NONBLOCK is off), or gives up at once")
_OF_PYTHON = (TIMEOUT, BLOCKING)


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option of a socket. ``value`` is None where it is off, ``unit`` "" for mere numbers.

    ``sysctl`` is where its default comes from, ``cap`` what bounds it.
    """

    name: str
    level: str
    value: Value
    unit: str
    meaning: str
    sysctl: str
    cap: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """What setting an option did: what was ``asked``, the values ``before`` and ``after``.

    ``note`` says why ``after`` is not what was asked; ``refused`` why it was not set at all.
    """

    name: str
    asked: Value
    before: Value
    after: Value
    unit: str
    note: str
    refused: str


@dataclass(frozen=True, kw_only=True)
class SocketOptions:
    """A fresh socket: its type, family, every option it has, and what was changed."""

    type: str
    family: int
    options: tuple[Option, ...]
    changes: tuple[Change, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was refused."""
        return not any(change.refused for change in self.changes)

    @property
    def summary(self) -> str:
        """It in a few words."""
        refused = sum(bool(change.refused) for change in self.changes)
        return f"{len(self.options)} options, {len(self.changes)} set, {refused} refused"


def socket_options(
    *, protocol: str = "tcp", family: int = 4, sets: Sequence[str] = ()
) -> SocketOptions:
    """Open a socket, set what is asked for (``NAME=VALUE``), and tell all its options.

    ``protocol`` is tcp or udp, ``family`` 4 or 6. Raises BadInput, before a socket is opened, for
    names, values and combinations that cannot be; Failed when this machine has no such socket.
    """
    if protocol not in TYPES:
        raise BadInput(f"{protocol!r} is no type of socket", where="--type", hint="tcp or udp")
    if family not in FAMILIES:
        raise BadInput(f"{family} is no address family", where="--family", hint="4 or 6")
    known = [each for each in CATALOG if each.number is not None and each.fits(protocol, family)]
    wishes = [_wish(text, known, protocol, family) for text in sets]
    try:
        sock = socket.socket(FAMILIES[family], TYPES[protocol])
    except OSError as error:
        raise Failed(f"no {protocol} socket of IPv{family}: {error.strerror}") from error
    with sock:
        changes = tuple(_change(sock, option, value) for option, value in wishes)
        told = [_told(option, _read_python(sock, option)) for option in _OF_PYTHON]
        for option in known:
            try:
                told.append(_told(option, values.read(sock, option)))
            except OSError:
                continue  # a kernel without it, or one that can only be set
    return SocketOptions(type=protocol, family=family, options=tuple(told), changes=changes)


def setting(name: str) -> str:
    """Read what sysctl(8) shows under a name; "" where there is nothing."""
    try:
        return (_SYSCTL / name.replace(".", "/")).read_text().strip()
    except OSError:
        return ""


def _wish(text: str, known: Sequence[Known], protocol: str, family: int) -> tuple[Known, Value]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        hint = "TCP_NODELAY=on, SO_RCVBUF=1MiB, timeout=2.5"
        raise BadInput(f"{text!r} is not NAME=VALUE", where="--set", hint=hint)
    option = _find(name.strip(), known)
    if option is None:
        raise _unknown(name.strip(), known, protocol, family)
    return option, values.parse(option, value)


def _find(name: str, known: Sequence[Known]) -> Known | None:
    """Find an option by its name, in any case and without its prefix too."""
    wanted = name.lower()
    for option in (*_OF_PYTHON, *known):
        if option.name.lower() == wanted:
            return option
    bare = [o for o in known if wanted == o.name.partition("_")[2].lower()]
    return bare[0] if len(bare) == 1 else None


def _unknown(name: str, known: Sequence[Known], protocol: str, family: int) -> BadInput:
    elsewhere = _find(name, [each for each in CATALOG if each not in known])
    if elsewhere is not None:
        why = f"{elsewhere.name} is no option of a {protocol} socket of IPv{family}"
        if elsewhere.number is None:
            why = f"{elsewhere.name} is not known on this system"
        return BadInput(why, where="--set", hint="sock.options lists those it has")
    names = [option.name for option in (*_OF_PYTHON, *known)]
    bare = {each.partition("_")[2] or each: each for each in names}
    upper = name.upper()
    near = difflib.get_close_matches(upper, [*names, *bare], n=4, cutoff=0.6)
    meant = list(dict.fromkeys(bare.get(each, each) for each in near))[:3]
    hint = f"perhaps {', '.join(meant)}" if meant else "sock.options lists them"
    return BadInput(f"{name!r} is no option", where="--set", hint=hint)


def _told(option: Known, value: Value) -> Option:
    level = "Python" if option in _OF_PYTHON else option.level[0]
    return Option(
        name=option.name,
        level=level,
        value=value,
        unit=option.unit,
        meaning=option.meaning,
        sysctl=option.sysctl,
        cap=option.cap,
    )


def _change(sock: socket.socket, option: Known, asked: Value) -> Change:
    shown = next((each for each in CATALOG if each.name == option.shows), option)
    before = after = None
    refused = note = ""
    try:
        before = _read(sock, shown)
        _write(sock, option, asked)
        after = _read(sock, shown)
        note = _note(option, asked, after)
    except (OSError, OverflowError) as error:
        refused, after = _why(option, error), before
    return Change(
        name=option.name,
        asked=asked,
        before=before,
        after=after,
        unit=option.unit,
        note=note,
        refused=refused,
    )


def _read(sock: socket.socket, option: Known) -> Value:
    return _read_python(sock, option) if option in _OF_PYTHON else values.read(sock, option)


def _read_python(sock: socket.socket, option: Known) -> Value:
    return sock.gettimeout() if option is TIMEOUT else os.get_blocking(sock.fileno())


def _write(sock: socket.socket, option: Known, value: Value) -> None:
    if option is TIMEOUT:
        sock.settimeout(None if value is None else float(value))
    elif option is BLOCKING:
        sock.settimeout(None if value else 0.0)
    else:
        values.write(sock, option, value)


def _note(option: Known, asked: Value, after: Value) -> str:
    """Say why a value is another one than was asked for, or what else there is to know."""
    if option is TIMEOUT and asked is not None:
        return "Python keeps it by not blocking, and waiting with poll(2)"
    if {option.name, option.shows} & _DOUBLED and isinstance(asked, int) and isinstance(after, int):
        return _note_of_buffer(option, asked, after)
    if after == asked:
        return ""
    if option.kind == "time":
        return "the kernel counts it in ticks of its clock"
    return "the kernel made something else of it"


def _note_of_buffer(option: Known, asked: int, after: int) -> str:
    twice = "the kernel doubles it, for its own bookkeeping (socket(7))"
    cap = setting(option.cap) if option.cap else ""
    # What is twice the cap may be just what was asked for; it is capped nevertheless.
    if cap.isdigit() and asked > int(cap) and after == 2 * int(cap):
        return f"capped by {option.cap} = {cap}; {twice}"
    if after == 2 * asked:
        return twice
    return "the least that the kernel gives" if after > 2 * asked else ""


def _why(option: Known, error: Exception) -> str:
    number = getattr(error, "errno", None)
    told = (getattr(error, "strerror", None) or str(error)).lower()
    if number in (errno.EPERM, errno.EACCES):
        return f"{told}: it takes root, or {option.right or 'a capability'}"
    if option.name == "TCP_CONGESTION" and number == errno.ENOENT:
        return f"there is none of that name; there are {setting(option.cap)}"
    if option.name == "SO_BINDTODEVICE" and number == errno.ENODEV:
        return "there is no such interface; host.interfaces lists them"
    return told

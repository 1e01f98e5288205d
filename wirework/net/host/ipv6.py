"""How far IPv6 works on this machine: from Python's own build to a route outside."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wirework.errors import BadInput
from wirework.net.host import links, outside
from wirework.net.host.interfaces import Interface, interfaces

if TYPE_CHECKING:
    from wirework.net.host.links import Address

STAGES = ("python", "kernel", "loopback", "address", "route")
"""What IPv6 takes, each of which takes those before it."""
MISSING = {
    "python": "this Python was built without IPv6",
    "kernel": "the kernel has no IPv6 (its module is absent, or ipv6.disable=1)",
    "loopback": "::1 cannot be bound",
    "address": "no interface has a global address",
    "route": "there is no default route",
}
_UNIQUE_LOCAL = ipaddress.IPv6Network("fc00::/7")
_SETTINGS = Path("/proc/sys/net/ipv6/conf")


@dataclass(frozen=True, slots=True)
class OnInterface:
    """IPv6 on one interface.

    ``disabled`` is what its ``disable_ipv6`` says, None where the kernel has no IPv6 for it.
    """

    name: str
    up: bool
    disabled: bool | None
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class DefaultRoute:
    """A default route: by which interface, through which gateway ("" for none)."""

    interface: str
    gateway: str
    metric: int


@dataclass(frozen=True, slots=True)
class IPv6:
    """How far IPv6 works; ``verdict`` says it in one line.

    ``missing`` names the stages that are not there, out of python, kernel, loopback, address and
    route; ``outside`` is the address from which others are reached, "" for none. ``required`` is
    the stage that was asked for, "" for none.
    """

    verdict: str
    python: bool
    kernel: bool
    loopback: bool
    address: bool
    route: bool
    missing: tuple[str, ...]
    outside: str
    routes: tuple[DefaultRoute, ...]
    interfaces: tuple[OnInterface, ...]
    required: str

    @property
    def ok(self) -> bool:
        """Whether it works as far as was required."""
        needed = STAGES[: STAGES.index(self.required) + 1] if self.required else ()
        return not set(needed) & set(self.missing)

    @property
    def summary(self) -> str:
        """The verdict."""
        return self.verdict


def ipv6(*, require: str = "") -> IPv6:
    """Return how far IPv6 works here; ``require`` is the stage without which that is not ok."""
    if require and require not in STAGES:
        raise BadInput(
            f"{require!r} is no stage of IPv6", where="--require", hint=f"one of {_listed(STAGES)}"
        )
    there = interfaces().interfaces
    names = {each.index: each.name for each in there}
    routes = tuple(
        DefaultRoute(names.get(route.link, f"if{route.link}"), route.gateway, route.metric)
        for route in links.default_routes(6)
    )
    on_each = tuple(map(_on_interface, there))
    found = {
        "python": socket.has_ipv6,
        "kernel": _can_bind(""),
        "loopback": _can_bind("::1"),
        "address": any(_is_usable(each) for one in on_each for each in one.addresses if one.up),
        "route": bool(routes),
    }
    missing = tuple(stage for stage in STAGES if not found[stage])
    own_address = outside.source_address(6)
    return IPv6(
        verdict=verdict(
            missing, outside=own_address, all_disabled=all(each.disabled for each in on_each)
        ),
        python=found["python"],
        kernel=found["kernel"],
        loopback=found["loopback"],
        address=found["address"],
        route=found["route"],
        missing=missing,
        outside=own_address,
        routes=routes,
        interfaces=on_each,
        required=require,
    )


def verdict(missing: tuple[str, ...], *, outside: str = "", all_disabled: bool = False) -> str:
    """Say in one line how far IPv6 works; ``missing`` names stages, in their order."""
    if not missing and outside and ipaddress.IPv6Address(outside) in _UNIQUE_LOCAL:
        return f"IPv6 works, but with a private address only ({outside}, RFC 4193)"
    if not missing:
        return "IPv6 works, as far as can be seen from here"
    first = missing[0]
    if first in ("python", "kernel"):
        return f"no IPv6: {MISSING[first]}"
    if first == "loopback" and all_disabled:
        return "no IPv6: it is disabled on every interface (disable_ipv6)"
    if missing == ("loopback",):
        reach = "to the outside only"
    elif "address" not in missing:
        reach = "on the networks of this machine only"
    else:
        reach = "not even on this machine" if first == "loopback" else "on this machine only"
    return f"IPv6 works {reach}: {', and '.join(MISSING[stage] for stage in missing)}"


def _on_interface(each: Interface) -> OnInterface:
    try:
        told = (_SETTINGS / each.name / "disable_ipv6").read_text()
    except OSError:
        told = ""
    return OnInterface(
        name=each.name,
        up=each.up,
        disabled=told.strip() != "0" if told else None,
        addresses=tuple(address for address in each.addresses if address.version == 6),  # noqa: PLR2004
    )


def _is_usable(address: Address) -> bool:
    """Tell whether others can be talked to from an address: RFC 4862's tentative ones are not."""
    return address.scope == "global" and not {"tentative", "dadfailed"} & set(address.flags)


def _can_bind(address: str) -> bool:
    """Tell whether a socket of IPv6 can be had, and bound where an address is given."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            if address:
                probe.bind((address, 0))
    except OSError:
        return False
    return True


def _listed(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"

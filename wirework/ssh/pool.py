"""One connection per host, shared by everything that a run does there."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Self

from wirework.errors import BadInput
from wirework.inventory import Host
from wirework.ssh.connect import Connector
from wirework.ssh.hostkeys import default_known_hosts
from wirework.ssh.remote import Remote
from wirework.ssh.target import RETRIES, Targets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from wirework.errors import WireworkError
    from wirework.ssh.target import Target

# ssh(1), -J: "[user@]host[:port]" or a URI; an IPv6 address with a port stands in brackets.
_HOP = re.compile(
    r"(?:ssh://)?(?:(?P<user>[^@]+)@)?(?:\[(?P<literal>[^]]+)\]|(?P<name>[^][:]+))"
    r"(?::(?P<port>[0-9]{1,5}))?"
)


class Pool:
    """The connections of one run, made when first needed and all closed at its end.

    ``known_hosts`` are the files that host keys are checked against, None for
    ``default_known_hosts()``. ``connect_timeout`` bounds, in seconds, connecting, and then
    greeting and key exchange together; ``login_timeout`` all attempts to log in.
    ``connect_retries`` is how often a refused or reset connection is tried again. What the
    inventory or ssh_config says of a host comes before both.
    ``gateways`` finds the host that another one names as its gateway, or raises KeyError.
    ``listen`` hears the live output of ``run``: the host, "out" or "err", and the bytes, in the
    thread that works on that host.

    >>> with Pool(gateways=inventory.hosts.__getitem__) as pool:
    ...     run(pool.remote(host), "uptime")
    """

    def __init__(
        self,
        *,
        known_hosts: Sequence[Path] | None = None,
        connect_timeout: float = 10.0,
        connect_retries: int = RETRIES,
        login_timeout: float = 30.0,
        gateways: Callable[[str], Host] | None = None,
        listen: Callable[[Host, str, bytes], None] | None = None,
    ) -> None:
        targets = Targets(
            known_hosts=default_known_hosts() if known_hosts is None else known_hosts,
            connect_timeout=connect_timeout,
            connect_retries=connect_retries,
        )
        self._connector = Connector(targets, login_timeout=login_timeout)
        self._gateways = gateways
        self._listen = listen
        self._remotes: dict[Host, Remote] = {}
        self._closed = False
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def remote(self, host: Host) -> Remote:
        """Return the host's one Remote; nothing is connected yet.

        Raises BadInput once the pool is closed.
        """
        with self._lock:
            if self._closed:
                raise BadInput("the connections of this run are closed", where=host.name)
            found = self._remotes.get(host)
            if found is None:
                found = Remote(host, self._connector, via=self._gateway, listen=self._listen)
                self._remotes[host] = found
            return found

    def give_up(self, host: Host) -> WireworkError:
        """End all work on ``host`` at once, for good, and return the error that says so.

        Never waits. Unreachable if the host was never logged in on, TimedOut otherwise.
        """
        return self.remote(host).give_up()

    def close(self) -> None:
        """Close every connection; whoever still works on one finds it lost."""
        with self._lock:
            self._closed = True
            remotes = list(self._remotes.values())
        # All are told to end before the first is waited for: 2,000 ends cost one wait.
        for remote in remotes:
            remote.give_up()
        for remote in remotes:
            remote.close()

    def _gateway(self, target: Target) -> Remote | None:
        """Return the Remote that ``target`` is reached through; raises BadInput for a circle."""
        gateway = self._next(target)
        if gateway is None:
            return None
        way = [target.host.name]
        ahead: Host | None = gateway
        while ahead is not None:  # a circle would wait for itself
            way.append(ahead.name)
            if ahead.name in way[:-1]:
                raise BadInput(
                    f"gateways lead in a circle: {' > '.join(way)}",
                    where=target.host.name,
                    hint="ssh_config can say ProxyJump none, an inventory gateway: null",
                )
            ahead = self._next(self._connector.target(ahead))
        return self.remote(gateway)

    def _next(self, target: Target) -> Host | None:
        """Return the host that stands before ``target``: the inventory's, or ssh_config's."""
        host = target.host
        if target.hops:
            return _hop(target)
        if not host.gateway:
            return None
        if self._gateways is None:
            raise BadInput(f"nothing is known of its gateway {host.gateway}", where=host.name)
        try:
            return self._gateways(host.gateway)
        except KeyError:
            raise BadInput(
                f"its gateway {host.gateway} is not in the inventory", where=host.name
            ) from None


def _hop(target: Target) -> Host:
    """Return the last hop of a target as a host, which goes through those before it."""
    *before, last = target.hops
    found = _HOP.fullmatch(last)
    if found is None:
        raise BadInput(f"ProxyJump {last!r} is not [user@]host[:port]", where=target.host.name)
    return Host(
        name=",".join(target.hops),
        address=found["literal"] or found["name"],
        user=found["user"],
        port=int(found["port"]) if found["port"] else None,
        ssh_config=target.host.ssh_config,
        ssh_options={"ProxyJump": ",".join(before)} if before else {},
    )
